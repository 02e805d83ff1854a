"""A small made-up analysis, for tests of what reads one: two devices, an exchange, a re-send, anomalies, a duplicate."""

from __future__ import annotations

from typing import Any

from dissect.model import Anomaly, Device, Encryption, Endpoint, Exchange, Message, Session, Source, SourceFile, Totals
from dissect.sinks import Sink
from dissect.timefmt import format_ns

START_NS = 1_795_161_600_000_000_000
"""2026-11-20T08:00:00Z"""

MILLISECOND_NS = 1_000_000


def at(milliseconds: float) -> int:
    return START_NS + int(milliseconds * MILLISECOND_NS)


def source(packets: int = 0) -> Source:
    file = SourceFile(name="made.pcap", format="pcap", compression=None, link_types=["ETHERNET"], packets=packets, bytes=1000, truncated_packets=0,
                      damaged=False)
    return Source(kind="file", files=[file], first_packet=format_ns(START_NS), last_packet=format_ns(at(5000)), packets=packets, packets_used=packets)


def session(ident: int, protocol: str = "fogslink", address: str = "10.0.0.5", **changes: Any) -> Session:
    members: dict[str, Any] = {
        "id": ident, "protocol": protocol, "carrier": "tcp", "device": Endpoint(address, 40000), "peer": Endpoint("203.0.113.1", 63321),
        "device_id": None, "client_id": None, "streams": [ident], "first_time": format_ns(START_NS), "last_time": format_ns(at(5000)),
        "complete": True}
    return Session(**{**members, **changes})


def message(ident: int, milliseconds: float = 0, **changes: Any) -> Message:
    members: dict[str, Any] = {
        "id": ident, "time": format_ns(at(milliseconds)), "frames": [ident], "file": 0, "direction": "up", "type": "req200", "name": "report packed",
        "key": {"eqSN": "12345678", "packID": "7"}, "fields": {"eqSN": "12345678", "packID": "7", "totalSize": 0, "eqData": []}, "encryption": None,
        "size": 60, "device_id": None, "carrier": None, "duplicate_of": None, "raw_b64": None}
    return Message(**{**members, **changes})


def exchange(ident: int, request: int, response: int | None, **changes: Any) -> Exchange:
    members: dict[str, Any] = {
        "id": ident, "operation": "report packed", "key": {"eqSN": "12345678"}, "request": request, "response": response, "acknowledgement": None,
        "attempts": [request], "intermediate": [], "status": "ok" if response else "timeout", "latency_ms": 12.5 if response else None}
    return Exchange(**{**members, **changes})


def anomaly(ident: int, code: str, severity: str, milliseconds: float, messages: list[int], **changes: Any) -> Anomaly:
    members: dict[str, Any] = {
        "id": ident, "code": code, "severity": severity, "time": format_ns(at(milliseconds)), "message": f"{code} happened", "messages": messages,
        "file": 0, "frames": messages or [1], "reference": None}
    return Anomaly(**{**members, **changes})


RAW_REQUEST = b'{"req200":{"eqSN":"12345678","packID":"7","packID":"8","totalSize":1.50,"eqData":[]}}'
RAW_DATA = b'{"params":["1"],"big":123456789012345678901234567890}'


def feed(sink: Sink) -> None:
    """In order of arrival: session 2 opens first in time but its messages come late; message 1 is later in time than message 2."""
    sink.source(source())
    sink.session(session(1), False)
    sink.session(session(2, "clife-lan", "192.168.6.6", carrier="udp/coap"), False)
    sink.device(Device(id="fogslink:12345678", protocol="fogslink", identity={"eqSN": "12345678"}, addresses=["10.0.0.5"], sessions=[1]))
    sink.message(message(1, 30, fields={"eqSN": "12345678", "packID": "8"}), 1, at(30), RAW_REQUEST, None)
    opened = Encryption(status="decrypted", key="lamp", iv="zero-bytes", key_form="hex", data={"params": ["1"]})
    sink.message(message(2, 10, type="2001", name="data", key=None, encryption=opened,
                         device_id="clife-lan:192.168.6.6", carrier={"type": "CON", "code": "0.02"}, fields={"cmd": 2001, "data": "xxx"}),
                 2, at(10), b'{"cmd":2001,"data":"xxx"}', RAW_DATA)
    sink.message(message(3, 35), 1, at(35), b"{}", None)
    sink.message(message(4, 42.5, direction="down", type="res200"), 1, at(42.5), b"{}", None)
    sink.message(message(5, 42.5, direction="down", type="res200", duplicate_of=4), 1, at(42.5), b"{}", None)
    sink.message(message(6, 50, type=None, name=None, key=None, fields=None, raw_b64="AAEC"), 1, at(50), b"\x00\x01\x02", None)
    sink.attribute(1, "fogslink:12345678")
    sink.exchange(exchange(1, 2, None), 2)
    sink.exchange(exchange(2, 1, 4, attempts=[1, 3]), 1)
    sink.anomaly(anomaly(1, "pair.timeout", "warning", 10_010, [2]), 2, at(10_010))
    sink.anomaly(anomaly(2, "framing.malformed", "error", 50, [6]), 1, at(50))
    sink.anomaly(anomaly(3, "pair.retransmission", "note", 35, [1, 3]), 1, at(35))
    sink.anomaly(anomaly(4, "capture.damaged-file", "error", 0, []), None, at(0))
    sink.session(session(1, device_id="fogslink:12345678"), True)
    sink.session(session(2, "clife-lan", "192.168.6.6", carrier="udp/coap"), True)
    sink.finish(source(6), Totals(sessions=2, messages=6, exchanges=2, anomalies={"error": 2, "warning": 1, "note": 1}))
