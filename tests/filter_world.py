"""A made-up analysis that has everything a filter can ask for, in few messages."""

from __future__ import annotations

from typing import Any

from dissect.analysis import Analysis
from dissect.model import Encryption, Endpoint, Totals
from dissect.sinks import Sink
from tests.synthetic import anomaly, at, exchange, message, session, source


def body(ident: int, milliseconds: float, fields: Any, **changes: Any) -> Any:
    return message(ident, milliseconds, **{"fields": fields, "key": None, "name": None, "type": None, **changes})


OPENED = Encryption(status="decrypted", key="lamp", iv="zero-bytes", key_form="hex", data={"params": [{"0": "1"}, {"1": 25.5}], "userId": "u1"})
CLEAR = Encryption(status="plaintext")


def tell(sink: Sink) -> None:
    """Sessions 1 fogslink, 2 imei-tcp, 3 clife-lan, 4 camera over MQTT, 5 camera over HTTP, 6 clife-cloud over MQTT. Ids are those of the report."""
    sink.source(source())
    sink.session(session(1, device_id="fogslink:1"), False)
    sink.session(session(2, "imei-tcp", "10.0.0.6", peer=Endpoint("203.0.113.2", 12306), device=Endpoint("10.0.0.6", 5000)), False)
    sink.session(session(3, "clife-lan", "fe80::1", carrier="udp/coap", device=Endpoint("fe80::1", 5683), peer=Endpoint("fe80::2", 5683)), False)
    sink.session(session(4, "camera", "10.0.0.7", carrier="tcp/mqtt", client_id="cam-7", peer=Endpoint("203.0.113.9", 1883)), False)
    sink.session(session(5, "camera", "10.0.0.7", carrier="tcp/http", peer=Endpoint("203.0.113.9", 80)), False)
    sink.session(session(6, "clife-cloud", "10.0.0.8", carrier="tcp/mqtt", client_id="", peer=Endpoint("203.0.113.9", 1883)), False)

    def say(ident: int, milliseconds: float, in_session: int, fields: Any, **changes: Any) -> None:
        sink.message(body(ident, milliseconds, fields, **changes), in_session, at(milliseconds), b"", None)

    say(1, 0, 1, {"eqSN": "12345678", "packID": "7", "totalSize": 2, "eqData": [{"eChan": "P0-C1", "eVal": "2.34"}, {"eChan": "P0-C2", "eVal": "-5"}]},
        type="req200", name="report packed", frames=[1, 2], size=138)
    say(2, 10, 1, {"eqSN": "12345678", "code": "1"}, type="res200", direction="down", name="report answered")
    say(3, 20, 1, {"eqSN": 12345678, "packID": "007", "eqData": []}, type="req200")
    say(4, 30, 2, {"heartbeat": "AT"}, type="heartbeat")
    say(5, 40, 2, {"length": 26, "status": "000", "imei": "861234050012345", "cmd": "QD", "data": "900"}, type="QD")
    say(6, 50, 2, {"length": 6, "status": "404", "imei": None, "cmd": None, "data": None}, type="404", direction="down")
    say(7, 60, 3, {"cmd": 2006, "msgId": 12, "data": "c2VjcmV0"}, type="2006", encryption=OPENED,
        carrier={"type": "CON", "code": "0.02", "message_id": 77, "token": "0a0b", "uri": "/r"})
    say(8, 70, 3, {"cmd": 2007, "msgId": 12}, type="2007", direction="down",
        carrier={"type": "ACK", "code": "2.04", "message_id": 77, "token": "0a0b", "uri": None})
    say(9, 80, 4, {"operate": "upload_snapshot", "request_id": "r1", "data": {"bytes": 2000}, "ret": 0, "sn ": "S\u0007N"}, type="upload_snapshot",
        carrier={"topic": "cam/7/up", "qos": 1, "retain": False, "dup": False, "packet_id": 3})
    say(10, 80, 4, {"operate": "upload_snapshot", "request_id": "r1"}, type="upload_snapshot", duplicate_of=9,
        carrier={"topic": "cam/7/up", "qos": 0, "retain": False, "dup": False, "packet_id": None})
    say(11, 90, 5, {"operate": "heartbeat", "timestamp": 1.5e9, "online": True}, type="heartbeat",
        carrier={"method": "POST", "target": "/api?x=1", "status": None})
    say(12, 100, 6, {"cmd": "2011", "data": {"params": [{"5": True}]}}, type="2011", encryption=CLEAR,
        carrier={"topic": "gjp/2011", "qos": 0, "retain": False, "dup": False, "packet_id": None})
    say(13, 110, 6, {"cmd": 2006, "data": [{"params": [{"5": 2 ** 70}]}]}, type="2006", encryption=CLEAR, carrier=None)
    say(14, 120, 1, None, raw_b64="AAEC")
    say(15, 130, 1, {"eqSN": "\ud800", "code": "2"}, type="res201", direction="down")
    for ident in (1, 2, 3):
        sink.attribute(ident, "fogslink:1")
    sink.exchange(exchange(1, 1, 2, latency_ms=10.0), 1)
    sink.exchange(exchange(2, 3, None, operation="report one"), 1)
    sink.exchange(exchange(3, 7, 8, operation="report", status="late", latency_ms=600.0, attempts=[7], intermediate=[]), 3)
    sink.exchange(exchange(4, 12, None, operation="control", status="pending", attempts=[12], intermediate=[13]), 6)
    sink.exchange(exchange(5, 5, 6, operation="start", status="error", latency_ms=0.5, attempts=[4, 5]), 2)
    sink.exchange(exchange(6, 6, None, operation="web-start", status="ok", latency_ms=None), 2)
    sink.anomaly(anomaly(1, "pair.timeout", "warning", 10_020, [3]), 1, at(10_020))
    sink.anomaly(anomaly(2, "framing.malformed", "error", 120, [14]), 1, at(120))
    sink.anomaly(anomaly(3, "pair.late", "note", 70, [7, 8]), 3, at(70))
    sink.anomaly(anomaly(4, "pair.refused", "warning", 50, [5, 6]), 2, at(50))
    sink.anomaly(anomaly(5, "timing.heartbeat-gap", "warning", 90_000, []), 2, at(90_000))
    sink.anomaly(anomaly(6, "capture.damaged-file", "error", 0, []), None, at(0))
    sink.anomaly(anomaly(7, "schema.bad-type", "warning", 20, [3]), 1, at(20))
    sink.finish(source(15), Totals())


def world() -> Analysis:
    analysis = Analysis(keep_bytes=True)
    tell(analysis)
    return analysis
