"""Real peers on loopback: mosquitto with paho, aiocoap, libcoap, curl with Python's server. What they sent is recorded on the way and read."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dissect.carriers.api import Unit
from dissect.carriers.coap import CoapLayer
from dissect.carriers.http import HttpCarrier
from dissect.carriers.mqtt import MqttCarrier
from dissect.streams.api import Conversation

pytestmark = pytest.mark.slow
PATIENCE_S = 10


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    assert found, f"{name} is needed by this test"
    return found


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


@contextlib.contextmanager
def running(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


class StreamRecorder:
    """Passes each connection on to a server and keeps what both sides sent, segment by segment."""

    def __init__(self, server_port: int) -> None:
        self.connections: list[list[tuple[int, bytes]]] = []
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port), PATIENCE_S)
            said: list[tuple[int, bytes]] = []
            self.connections.append(said)
            for side, (source, sink) in enumerate(((client, server), (server, client))):
                threading.Thread(target=self._pass, args=(side, source, sink, said), daemon=True).start()

    @staticmethod
    def _pass(side: int, source: socket.socket, sink: socket.socket, said: list[tuple[int, bytes]]) -> None:
        source.settimeout(None)
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                said.append((side, data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listener.close()


class DatagramRecorder:
    """Passes datagrams on between clients and a server."""

    def __init__(self, server_port: int) -> None:
        self.said: list[tuple[int, bytes]] = []
        self._inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inner.connect(("127.0.0.1", server_port))
        self._outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outer.bind(("127.0.0.1", 0))
        self.port: int = self._outer.getsockname()[1]
        self._client = ("127.0.0.1", 0)
        threading.Thread(target=self._up, daemon=True).start()
        threading.Thread(target=self._down, daemon=True).start()

    def _up(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, self._client = self._outer.recvfrom(1 << 16)
                self.said.append((0, data))
                self._inner.send(data)

    def _down(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data = self._inner.recv(1 << 16)
                self.said.append((1, data))
                self._outer.sendto(data, self._client)

    def close(self) -> None:
        self._outer.close()
        self._inner.close()

    def units(self) -> tuple[list[Unit], CoapLayer]:
        layer = CoapLayer()
        conversation = Conversation(1, "udp", ("127.0.0.1", "127.0.0.2"), (40000, 5683), 0)
        units = [unit for number, (side, data) in enumerate(self.said) for unit in layer.datagram(conversation, side, data, (number,), number)]
        layer.finish(len(self.said))
        return units, layer


@pytest.mark.parametrize(("version", "level"), [(paho.MQTTv31, 3), (paho.MQTTv311, 4), (paho.MQTTv5, 5)])
def test_paho_through_mosquitto_with_every_quality_of_service(version: int, level: int, tmp_path: Path) -> None:
    port = free_port()
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with running(tool("mosquitto"), "-c", str(settings)):
        wait_for(port)
        recorder = StreamRecorder(port)
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"reader-{level}", protocol=version)
        heard: list[bytes] = []
        subscribed = threading.Event()
        client.on_message = lambda _client, _data, message: heard.append(message.payload)
        client.on_subscribe = lambda *_: subscribed.set()
        client.will_set("will", b"gone", 1)
        client.connect("127.0.0.1", recorder.port)
        client.loop_start()
        client.subscribe("t/#", 2)
        assert subscribed.wait(PATIENCE_S)
        sent = []
        for number in range(9):
            properties = None
            if level == 5:
                properties = Properties(PacketTypes.PUBLISH)
                properties.UserProperty = [("k", "v"), ("k", "w")]
            payload = b'{"n":%d,"pad":"' % number + b"x" * 50 * number + b'"}'
            sent.append(payload)
            client.publish(f"t/{number}", payload, number % 3, properties=properties).wait_for_publish(PATIENCE_S)
        until = time.monotonic() + PATIENCE_S
        while len(heard) < len(sent) and time.monotonic() < until:
            time.sleep(0.05)
        client.disconnect()
        client.loop_stop()
        time.sleep(0.2)
        recorder.close()
    said = recorder.connections[0]
    carrier = MqttCarrier()
    units = [unit for number, (side, data) in enumerate(said) for unit in carrier.data(side, data, number, number)]
    assert [unit.payload for unit in units if unit.side == 0] == sent
    assert sorted(unit.payload for unit in units if unit.side == 1) == sorted(heard) == sorted(sent)
    assert [unit.carrier and unit.carrier["qos"] for unit in units if unit.side == 0] == [0, 1, 2] * 3
    assert (carrier.level, carrier.client_id, carrier.client, carrier.notes) == (level, f"reader-{level}", 0, [])
    expected = {"CONNECT": 1, "CONNACK": 1, "SUBSCRIBE": 1, "SUBACK": 1, "PUBLISH": 18, "PUBACK": 6, "PUBREC": 6, "PUBREL": 6, "PUBCOMP": 6, "DISCONNECT": 1}
    assert carrier.kinds == expected


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.mark.parametrize("headers", [[], ["Transfer-Encoding: chunked"], ["Expect: 100-continue"]], ids=["length", "chunked", "expect"])
def test_curl_with_pythons_server(headers: list[str], tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    recorder = StreamRecorder(server.server_address[1])
    body = tmp_path / "body"
    body.write_bytes(b"0123456789" * 20_000)
    options = [part for header in headers for part in ("-H", header)]
    url = f"http://127.0.0.1:{recorder.port}/device/register?devId=1"
    subprocess.run([tool("curl"), "-s", *options, "--data-binary", f"@{body}", url, "-o", "/dev/null", "--next", "-s", "--data-binary", "short", url,
                    "-o", "/dev/null"], check=True, timeout=30)
    server.shutdown()
    server.server_close()
    recorder.close()
    carrier = HttpCarrier()
    said = recorder.connections[0]
    units = [unit for number, (side, data) in enumerate(said) for unit in carrier.data(side, data, number, number)]
    assert [(unit.side, unit.payload) for unit in units] == [(0, body.read_bytes()), (1, body.read_bytes()), (0, b"short"), (1, b"short")]
    assert {unit.carrier and unit.carrier["target"] for unit in units} == {"/device/register?devId=1"}
    assert (carrier.kinds["POST"], carrier.kinds["200"], carrier.notes) == (2, 2, [])


LARGE = b'{"data":"' + bytes(range(32, 90)).replace(b'"', b"'") * 60 + b'"}'


async def test_aiocoap_block_wise_both_ways() -> None:
    import aiocoap
    from aiocoap import resource

    class Store(resource.Resource):
        async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
            return aiocoap.Message(code=aiocoap.CHANGED, payload=request.payload[::-1])

    site = resource.Site()
    site.add_resource(["device", "uplink"], Store())
    port = free_port(socket.SOCK_DGRAM)
    server = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    recorder = DatagramRecorder(port)
    client = await aiocoap.Context.create_client_context()
    try:
        request = aiocoap.Message(code=aiocoap.POST, uri=f"coap://127.0.0.1:{recorder.port}/device/uplink", payload=LARGE)
        response = await asyncio.wait_for(client.request(request).response, PATIENCE_S)
        assert response.payload == LARGE[::-1]
    finally:
        await client.shutdown()
        await server.shutdown()
        recorder.close()
    units, layer = recorder.units()
    assert [(unit.side, unit.payload) for unit in units] == [(0, LARGE), (1, LARGE[::-1])]
    assert [unit.carrier and (unit.carrier["code"], unit.carrier["uri"]) for unit in units] == [("POST", "/device/uplink"), ("2.04", "/device/uplink")]
    assert layer.notes == []


def test_libcoap_block_wise_both_ways(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    body = tmp_path / "body"
    body.write_bytes(LARGE)
    with running(tool("coap-server-notls"), "-A", "127.0.0.1", "-p", str(port), "-d", "10"):
        time.sleep(0.5)
        recorder = DatagramRecorder(port)
        url = f"coap://127.0.0.1:{recorder.port}/store"
        subprocess.run([tool("coap-client-notls"), "-B", "5", "-m", "put", "-b", "256", "-f", str(body), url], check=True, timeout=30)
        subprocess.run([tool("coap-client-notls"), "-B", "5", "-m", "get", "-b", "256", url], check=True, timeout=30, stdout=subprocess.DEVNULL)
        recorder.close()
    units, layer = recorder.units()
    assert [(unit.side, unit.payload) for unit in units if len(unit.payload) > 100] == [(0, LARGE), (1, LARGE)]
    assert {unit.carrier and unit.carrier["uri"] for unit in units} == {"/store"}
    assert layer.notes == []
