"""Which carrier a conversation has, and its counts (streams.md, Carriers)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dissect.carriers.http_head import looks_like_http
from dissect.carriers.mqtt_wire import looks_like_mqtt_connect
from dissect.carriers.probe import CarrierProbe
from dissect.streams.api import Conversation
from grammars.coap import Type, build

CONNECT = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06client"
OLD_CONNECT = b"\x10\x11\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x03abc"
GET, OK = b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ASK, ANSWER = build(Type.CON, 1, 1, b"", [(11, b"x")]), build(Type.ACK, 0x45, 1, b"", (), b"y")

TCP: list[Any] = [  # id, port, what the sides say in order, carrier, messages
    pytest.param(9000, [(0, CONNECT), (1, b"\x20\x02\x00\x00")], "mqtt", {"CONNECT": 1, "CONNACK": 1}, id="MQTT on any port"),
    pytest.param(9000, [(0, OLD_CONNECT)], "mqtt", {"CONNECT": 1}, id="MQTT 3.1"),
    pytest.param(1883, [(0, b"\xc0\x00"), (1, b"\xd0\x00")], "mqtt", {"PINGREQ": 1, "PINGRESP": 1}, id="midstream on 1883"),
    pytest.param(9000, [(0, b"\xc0\x00"), (1, b"\xd0\x00")], None, {}, id="midstream on another port"),
    pytest.param(1883, [(0, b"\xc0\x00")], None, {}, id="one side on 1883 is not enough"),
    pytest.param(1883, [(0, b"\xc0\x00"), (1, b"\x00\x00")], None, {}, id="1883, one side does not frame"),
    pytest.param(9000, [(0, b"\x10\x04\x00\x04ABCD")], None, {}, id="a CONNECT of something else"),
    pytest.param(9000, [(0, GET), (1, OK)], "http", {"GET": 1, "200": 1}, id="HTTP on any port"),
    pytest.param(1883, [(0, GET), (1, OK)], "http", {"GET": 1, "200": 1}, id="HTTP on MQTT's port"),
    pytest.param(80, [(1, OK + OK)], "http", {"200": 2}, id="only the answering side captured"),
    pytest.param(80, [(1, OK), (0, b"junk\n")], None, {}, id="a status line, and the other side is something else"),
    pytest.param(80, [(1, OK), (0, GET)], "http", {"GET": 1, "200": 1}, id="the answer captured before the request"),
    pytest.param(25, [(1, b"220 hello\r\n"), (0, GET)], "http", {"GET": 1}, id="a banner before a request"),
    pytest.param(80, [(0, b"GET /\r\n"), (1, b"<html>")], None, {}, id="HTTP/0.9"),
    pytest.param(554, [(0, b"DESCRIBE rtsp://h RTSP/1.0\r\n\r\n"), (1, b"RTSP/1.0 200 OK\r\n\r\n")], None, {}, id="RTSP"),
    pytest.param(80, [(0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")], None, {}, id="HTTP/2"),
    pytest.param(80, [(0, b"\x16\x03\x01"), (1, b"\x16\x03\x03")], None, {}, id="TLS"),
    pytest.param(80, [], None, {}, id="nothing"),
]
UDP: list[Any] = [
    pytest.param(5683, [ASK, ANSWER], "coap", {"GET": 1, "2.05": 1}, id="on its port"),
    pytest.param(5683, [ASK, b"junk", b"\x40\x00\x00\x01x"], "coap", {"GET": 1, "Empty": 1}, id="the first datagram decides on its port"),
    pytest.param(5683, [b"junk", ASK], None, {}, id="the first datagram is none"),
    pytest.param(9999, [ASK, ANSWER], "coap", {"GET": 1, "2.05": 1}, id="on another port"),
    pytest.param(9999, [ASK, b"junk"], None, {}, id="on another port, one datagram is none"),
    pytest.param(9999, [build(Type.CON, 0, 1), build(Type.NON, 0xE1, 1)], None, {}, id="on another port, no code of the registry"),
    pytest.param(5683, [build(Type.CON, 0, 1), build(Type.NON, 0xE1, 1)], "coap", {"Empty": 1, "7.01": 1}, id="unassigned codes count"),
    pytest.param(1900, [b"M-SEARCH * HTTP/1.1\r\n\r\n"], None, {}, id="SSDP"),
]


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize(("port", "said", "carrier", "messages"), TCP)
def test_a_connection(port: int, said: list[tuple[int, bytes]], carrier: str | None, messages: dict[str, int], size: int) -> None:
    probe = CarrierProbe(Conversation(1, "tcp", ("10.0.0.1", "10.0.0.2"), (40000, port), 0))
    for side, data in said:
        for place in range(0, len(data), size):
            probe.data(side, data[place:place + size], 1, 1)
    probe.closed(2)
    assert (probe.carrier, probe.messages) == (carrier, messages)


def test_answers_captured_before_their_requests_are_matched_all_the_same() -> None:
    probe = CarrierProbe(Conversation(1, "tcp", ("10.0.0.1", "10.0.0.2"), (40000, 80), 0))
    probe.data(1, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + OK, 1, 1)
    probe.data(0, b"HEAD / HTTP/1.1\r\n\r\n" + GET, 2, 2)
    assert probe.messages == {"HEAD": 1, "GET": 1, "200": 2}


@pytest.mark.parametrize(("port", "datagrams", "carrier", "messages"), UDP)
def test_datagrams(port: int, datagrams: list[bytes], carrier: str | None, messages: dict[str, int]) -> None:
    probe = CarrierProbe(Conversation(1, "udp", ("10.0.0.1", "10.0.0.2"), (40000, port), 0))
    for number, data in enumerate(datagrams):
        probe.datagram(number & 1, data, 0, (number,), number)
    assert (probe.carrier, probe.messages) == (carrier, messages)


def test_a_side_that_begins_with_a_hole_tells_nothing() -> None:
    probe = CarrierProbe(Conversation(1, "tcp", ("10.0.0.1", "10.0.0.2"), (40000, 80), 0))
    probe.gap(0, 10, 1, 1)
    probe.data(0, GET, 1, 1)
    assert probe.carrier is None


def test_what_has_no_carrier_is_let_go() -> None:
    probe = CarrierProbe(Conversation(1, "tcp", ("10.0.0.1", "10.0.0.2"), (40000, 443), 0))
    probe.data(0, b"\x16\x03\x01", 1, 1)
    assert not probe.done
    probe.data(1, b"\x16\x03\x03", 1, 1)
    assert probe.done


@pytest.mark.parametrize(("data", "verdict"), [(b"", None), (b"GE", None), (b"GET / HT", None), (GET, True), (OK, True), (b"{}", False), (b"GET /\r\n", False)])
def test_first_bytes_of_http(data: bytes, verdict: bool | None) -> None:
    assert looks_like_http(data) is verdict


@pytest.mark.parametrize(("data", "verdict"), [(b"", None), (b"\x10", None), (CONNECT[:6], None), (CONNECT, True), (OLD_CONNECT, True), (b"\x20\x02", False)])
def test_first_bytes_of_mqtt(data: bytes, verdict: bool | None) -> None:
    assert looks_like_mqtt_connect(data) is verdict


BLANKS: list[Any] = [
    pytest.param(b"GET" + b" " * 60_000 + b"\n", id="nothing but blanks"),
    pytest.param(b"GET" + b" \t" * 30_000 + b"HTTP\n", id="blanks of both kinds"),
    pytest.param(b"GET" + b" HTTP/1.1x" * 6_000 + b"\n", id="versions that are none"),
    pytest.param(b"GET /" + b" HTTP/1." * 7_000 + b" x\n", id="versions in the target"),
    pytest.param(b"HTTP/1.1" + b" " * 60_000 + b"\n", id="a status line of blanks"),
]


@pytest.mark.parametrize("line", BLANKS)
def test_a_line_of_blanks_costs_no_more_than_another(line: bytes) -> None:
    started = time.process_time()
    assert looks_like_http(line) is False
    assert time.process_time() - started < 1
