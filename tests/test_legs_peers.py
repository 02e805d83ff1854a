"""Real peers on loopback, captured by tcpdump and read through the command line: mosquitto with paho on both legs, aiocoap and libcoap."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiocoap  # type: ignore[import-untyped]
import aiocoap.resource  # type: ignore[import-untyped]
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.test_carriers_peers import PATIENCE_S, free_port, running, tool, wait_for

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def captured(path: Path, expression: str) -> Iterator[None]:
    """tcpdump on loopback while the block runs, whole packets."""
    process = subprocess.Popen(
        [tool("tcpdump"), "-i", "lo", "-U", "-s", "0", "-B", "8192", "-w", str(path), expression], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    process.stderr.readline()
    time.sleep(0.3)
    try:
        yield
        time.sleep(1.5)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)


def report_of(path: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "dissect", "report", str(path)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def envelope(cmd: int, way: str, msg_id: int, data: object = None) -> bytes:
    members: dict[str, object] = {"cmd": cmd, "ver": "1.0", "dir": way, "timestamp": int(time.time() * 1000), "msgId": msg_id}
    return json.dumps(members if data is None else {**members, "data": data}).encode()


def client(name: str, port: int, protocol: int, topics: str, hears: Callable[[paho.Client, Any], None]) -> paho.Client:
    ready = threading.Event()
    one = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=protocol)  # type: ignore[arg-type]
    one.on_message = lambda who, _, message: hears(who, message)
    one.on_subscribe = lambda *_: ready.set()
    one.connect("127.0.0.1", port)
    one.loop_start()
    one.subscribe(topics, 2)
    assert ready.wait(PATIENCE_S)
    return one


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_platform_and_two_devices_at_mosquitto(tmp_path: Path, qos: int) -> None:
    port, path = free_port(), tmp_path / "legs.pcap"
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    acknowledged = threading.Semaphore(0)

    def platform_hears(who: paho.Client, message: Any) -> None:
        told = json.loads(message.payload)
        who.publish(message.topic.replace("up", "down"), envelope(2007, "30", told["msgId"]), qos)

    def device_hears(who: paho.Client, message: Any) -> None:
        told = json.loads(message.payload)
        if told["cmd"] == 2007:
            acknowledged.release()
        else:
            who.publish(message.topic.replace("down", "up"), envelope(2006, "03", told["msgId"], {"params": [{"0": "1"}]}), qos)

    with running(tool("mosquitto"), "-c", str(configuration)), captured(path, f"tcp port {port}"):
        wait_for(port)
        listener = client("listener", port, 4, "#", lambda who, message: None)
        platform = client("platform", port, 5, "clife/+/up", platform_hears)
        devices = [client(name, port, 4, f"clife/{name}/down", device_hears) for name in ("d1", "d2")]
        for name in ("d1", "d2"):
            platform.publish(f"clife/{name}/down", envelope(2011, "30", 7, {"params": [{"0": "1"}]}), qos)
        assert all(acknowledged.acquire(timeout=PATIENCE_S) for _ in devices)
        time.sleep(0.3)
        for one in (listener, platform, *devices):
            one.disconnect()
            one.loop_stop()
    told = report_of(path)
    exchanges = [one for session in told["sessions"] for one in session["exchanges"]]
    messages = [one for session in told["sessions"] for one in session["messages"]]
    assert [(one["operation"], one["status"], one["acknowledgement"] is not None) for one in exchanges] == [("control", "ok", True)] * 2
    assert len(messages) == 18 and sum(one["duplicate_of"] is None for one in messages) == 6
    assert [one["code"] for session in told["sessions"] for one in session["anomalies"]] == []
    assert sorted(one["id"] for one in told["devices"]) == ["clife-cloud:d1", "clife-cloud:d2"]
    assert {session["client_id"]: session["device_id"] for session in told["sessions"]} == {
        "listener": None, "platform": None, "d1": "clife-cloud:d1", "d2": "clife-cloud:d2"
    }
    assert all(session["complete"] for session in told["sessions"])
    assert all(one["direction"] == ("up" if one["type"] == "2006" else "down") for one in messages)


class Downlink(aiocoap.resource.Resource):  # type: ignore[misc]
    """What a device answers: a report in the acknowledgement, large enough to need blocks."""

    async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
        asked = json.loads(request.payload)
        params = [{str(place): "x" * 50} for place in range(60)]
        return aiocoap.Message(code=aiocoap.CHANGED, payload=envelope(2006, "02", asked["msgId"], {"params": params}))


async def _asked(requests: int) -> None:
    site = aiocoap.resource.Site()
    site.add_resource(["device", "downlink"], Downlink())
    device = await aiocoap.Context.create_server_context(site, bind=("127.0.0.2", 5683))
    app = await aiocoap.Context.create_client_context()
    for number in range(requests):
        padding = [{str(place): "0" * 40} for place in range(40)]
        message = aiocoap.Message(code=aiocoap.POST, uri="coap://127.0.0.2/device/downlink", payload=envelope(2011, "20", number, {"params": padding}))
        await asyncio.wait_for(app.request(message).response, PATIENCE_S)
    await app.shutdown()
    await device.shutdown()


def test_blocks_both_ways_between_aiocoap_stacks(tmp_path: Path) -> None:
    path = tmp_path / "lan.pcap"
    with captured(path, "udp port 5683"):
        asyncio.run(_asked(3))
    told = report_of(path)
    assert [one["status"] for session in told["sessions"] for one in session["exchanges"]] == ["ok"] * 3
    assert [session["device"]["address"] for session in told["sessions"]] == ["127.0.0.2"]
    codes = {one["code"] for session in told["sessions"] for one in session["anomalies"]}
    assert codes == {"security.plaintext-payload", "pair.timeout"} or codes == {"security.plaintext-payload"}


def test_libcoap_posts_in_blocks_from_a_port_of_its_own_each(tmp_path: Path) -> None:
    path, payload = tmp_path / "lan.pcap", tmp_path / "payload"
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.3", 0))
    port = server.getsockname()[1]
    server.close()
    with running(tool("coap-server-notls"), "-A", "127.0.0.3", "-p", str(port), "-d", "10"), captured(path, f"udp port {port}"):
        time.sleep(0.5)
        for number in range(3):
            payload.write_bytes(envelope(2006, "02", number, {"params": [{str(place): "x" * 50} for place in range(40)]}))
            command = [tool("coap-client-notls"), "-m", "put", "-b", "64", "-f", str(payload), "-B", "5", f"coap://127.0.0.3:{port}/store"]
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    told = report_of(path)
    messages = [one for session in told["sessions"] for one in session["messages"]]
    assert [one["fields"]["msgId"] for one in messages] == [0, 1, 2] and all(len(one["frames"]) > 10 for one in messages)
    assert [len(session["streams"]) for session in told["sessions"]] == [3] and {one["code"] for s in told["sessions"] for one in s["anomalies"]} == {
        "security.plaintext-payload"
    }
