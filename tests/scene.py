"""Whole captures made in memory, for tests of protocols on their carriers: hosts that talk by CoAP, MQTT, HTTP or bare TCP, played through
layers, streams and pipeline.

    scene = Scene()
    scene.coap(0.0, DEVICE, APP, POST, 1, envelope(2006, "02", 1, data=...))
    told = scene.told(keys)

Every scene is played twice, packet by packet and as one batch; both must tell the same, and the counts must balance.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, NamedTuple

from captures.coap import Block, message
from dissect.capture import Batch
from dissect.keys import Keyring
from dissect.options import Options
from dissect.pipeline import Pipeline
from dissect.streams.table import ConversationTable
from grammars.coap import Type
from tests.ladder import START_NS, Told, check_balance

RAW_IP = 101
SEGMENT = 60_000
START_MS = START_NS // 10**6
End = tuple[str, int]
SYN, FIN, RST, PSH_ACK, ACK = 2, 17, 4, 24, 16


def envelope(cmd: object, way: str, msg_id: object, data: object = None, at: float = 0.0, **more: object) -> bytes:
    """A C-Life message sent *at* seconds."""
    members: dict[str, object] = {"cmd": cmd, "ver": "1.0", "dir": way, "timestamp": START_MS + int(at * 1000), "msgId": msg_id, **more}
    if data is not None:
        members["data"] = data
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


def operate(name: str, request_id: str, serial: str, at: float | None = None, **more: object) -> bytes:
    """A camera's message; *at* seconds: with a timestamp."""
    members: dict[str, object] = {"operate": name, "request_id": request_id, "sn": serial}
    if at is not None:
        members["timestamp"] = START_NS // 10**9 + int(at)
    return json.dumps({**members, **more}).encode()


def publish(topic: str, payload: bytes, qos: int = 0, retain: bool = False, dup: bool = False, packet_id: int = 1, level: int = 4) -> bytes:
    body = struct.pack(">H", len(topic.encode())) + topic.encode() + (struct.pack(">H", packet_id) if qos else b"") + (b"\0" if level == 5 else b"")
    return packet(0x30 | dup << 3 | qos << 1 | retain, body + payload)


def packet(first: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        size, low = size >> 7, size & 127
        length += bytes([low | (128 if size else 0)])
        if not size:
            return bytes([first]) + length + body


def connect(client: str, level: int = 4) -> bytes:
    return packet(0x10, b"\0\4MQTT" + bytes([level, 2, 0, 60]) + (b"\0" if level == 5 else b"") + struct.pack(">H", len(client)) + client.encode())


def post(target: str, body: bytes, host: str = "open.clife.cn") -> bytes:
    return f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answered(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class _Row(NamedTuple):
    time_ns: int
    data: bytes
    length: int


class Scene:
    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._mid = 0

    def _ip(self, at: float, source: str, target: str, protocol: int, payload: bytes, cut: int | None = None) -> None:
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(target))
        whole = head + payload
        self._rows.append(_Row(START_NS + round(at * 1e6) * 1000, whole if cut is None else whole[:cut], len(whole)))

    # -- datagrams --

    def datagram(self, at: float, source: End, target: End, payload: bytes, cut: int | None = None) -> None:
        self._ip(at, source[0], target[0], 17, struct.pack(">HHHH", source[1], target[1], 8 + len(payload), 0) + payload, cut)

    def coap(self, at: float, source: End, target: End, payload: bytes = b"", code: int = 2, kind: Type = Type.CON, mid: int | None = None,
             token: bytes = b"\1", path: str = "uplink", block: Block | None = None, cut: int | None = None) -> int:
        """One CoAP message; gives its message ID. A request goes to /device/*path*."""
        if mid is None:
            self._mid += 1
            mid = self._mid
        request = 0 < code < 32
        data = message(kind, code, mid, token if code else b"", path=("device", path) if request else (), block1=block, payload=payload)
        self.datagram(at, source, target, data, cut)
        return mid

    def ack(self, at: float, source: End, target: End, mid: int) -> None:
        self.coap(at, source, target, code=0, kind=Type.ACK, mid=mid)

    def post(self, at: float, source: End, target: End, payload: bytes, **more: Any) -> int:
        """A CON POST and its empty ACK a millisecond later."""
        mid = self.coap(at, source, target, payload, **more)
        self.ack(at + 0.001, target, source, mid)
        return mid

    # -- connections --

    def tcp(self, client: End, server: End, at: float = 0.0, midstream: bool = False) -> Tcp:
        return Tcp(self, client, server, at, midstream)

    def mqtt(self, client: End, broker: End, name: str, at: float = 0.0, level: int = 4, midstream: bool = False) -> Tcp:
        """A connection with CONNECT and CONNACK."""
        line = Tcp(self, client, broker, at, midstream)
        line.level = level
        if not midstream:
            line.up(at + 0.0001, connect(name, level))
            line.down(at + 0.0002, b"\x20\3\0\0\0" if level == 5 else b"\x20\2\0\0")
        return line

    # -- playing --

    def told(self, keys: Keyring | None = None, options: Options | None = None, until: float | None = None) -> Told:
        """*until*: the capture goes on with a packet of nothing at that time."""
        rows = sorted(self._rows, key=lambda row: row.time_ns)
        if until is not None:
            rows.append(_Row(START_NS + round(until * 1e6) * 1000, b"\x60" + bytes(60), 61))
        options = options or Options(keys=keys)
        plays = [_play(rows, options, 1), _play(rows, options, len(rows))]
        assert plays[0].outline() == plays[1].outline()
        check_balance(plays[1])
        return plays[1]


def _play(rows: list[_Row], options: Options, size: int) -> Told:
    told = Told()
    pipeline = Pipeline(told, options)
    table = ConversationTable(pipeline)
    last = 0
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        table.feed(Batch.of([(row.time_ns, row.data, row.length) for row in some], RAW_IP, first_number=start + 1))
        last = some[-1].time_ns
    table.finish(last)
    pipeline.finish(last)
    told.totals = pipeline.engine.totals
    return told.settle()


class Tcp:
    """One TCP connection, its segments told one by one."""

    def __init__(self, scene: Scene, client: End, server: End, at: float, midstream: bool) -> None:
        self._scene, self._ends = scene, (client, server)
        self._next = [1000, 9000]
        self.level = 4
        if not midstream:
            self._segment(at, 0, SYN)
            self._segment(at, 1, SYN | ACK)
            self._segment(at, 0, ACK)

    def _segment(self, at: float, side: int, flags: int, data: bytes = b"", lost: bool = False) -> None:
        source, target = self._ends[side], self._ends[1 - side]
        acknowledged = self._next[1 - side] if flags & ACK else 0
        head = struct.pack(">HHIIBBHHH", source[1], target[1], self._next[side], acknowledged, 5 << 4, flags, 65535, 0, 0)
        if not lost:
            self._scene._ip(at, source[0], target[0], 6, head + data)
        self._next[side] += len(data) + (flags & 3 != 0)

    def up(self, at: float, *data: bytes, lost: bool = False) -> None:
        """Segments from the client; *lost*: the capture does not have them."""
        self._say(0, at, data, lost)

    def down(self, at: float, *data: bytes, lost: bool = False) -> None:
        self._say(1, at, data, lost)

    def _say(self, side: int, at: float, data: tuple[bytes, ...], lost: bool) -> None:
        for one in data:
            for start in range(0, len(one), SEGMENT):
                self._segment(at, side, PSH_ACK, one[start : start + SEGMENT], lost)

    def says(self, at: float, topic: str, payload: bytes, **more: Any) -> None:
        """The client publishes."""
        self.up(at, publish(topic, payload, level=self.level, **more))

    def hears(self, at: float, topic: str, payload: bytes, **more: Any) -> None:
        """The broker publishes to the client."""
        self.down(at, publish(topic, payload, level=self.level, **more))

    def close(self, at: float) -> None:
        self._segment(at, 0, FIN)
        self._segment(at, 1, FIN)

    def reset(self, at: float) -> None:
        self._segment(at, 1, RST | ACK)
