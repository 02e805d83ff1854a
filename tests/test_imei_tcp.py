"""imei-tcp by its document (002, protocols.md "imei-tcp"): every message, every rule broken and beside it kept, however the stream is cut."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.framing.frames import FrameFramer
from grammars.registry import PROTOCOLS
from tests.effort import rungs
from tests.imei_says import (
    HT,
    HT_OK,
    IMEI,
    LOST,
    OTHER,
    QD,
    QD_DONE,
    QD_SEEN,
    ST,
    ST_DONE,
    ST_SEEN,
    TN,
    TN_OK,
    command,
    frame,
    ladder,
    registered,
    session,
)
from tests.ladder import Step, Told, closed, down, fin, gap, reset, up

VECTORS: list[tuple[str, bytes, str, dict[str, Any], dict[str, int]]] = [
    ("down", b"026000123456787654321QD900", "QD", {"length": 26, "status": "000", "imei": IMEI, "cmd": "QD", "data": "900"}, {}),
    ("down", b"027000123456787654321QD1800", "QD", {"length": 27, "status": "000", "imei": IMEI, "cmd": "QD", "data": "1800"}, {}),
    ("down", b"028000123456787654321QD36000", "QD", {"length": 28, "status": "000", "imei": IMEI, "cmd": "QD", "data": "36000"}, {}),
    ("down", b"024000123456787654321QD5", "QD", {"length": 24, "status": "000", "imei": IMEI, "cmd": "QD", "data": "5"}, {}),
    ("down", b"023000123456787654321ST", "ST", {"length": 23, "status": "000", "imei": IMEI, "cmd": "ST", "data": None}, {}),
    ("up", b"023000123456787654321HT", "HT", {"length": 23, "status": "000", "imei": IMEI, "cmd": "HT", "data": None}, {}),
    ("down", b"023200123456787654321HT", "HT", {"length": 23, "status": "200", "imei": IMEI, "cmd": "HT", "data": None}, {}),
    ("up", b"023000123456787654321TN", "TN", {"length": 23, "status": "000", "imei": IMEI, "cmd": "TN", "data": None}, {}),
    ("down", b"035200123456787654321TN400-500-5620", "TN", {"length": 35, "status": "200", "imei": IMEI, "cmd": "TN", "data": "400-500-5620"}, {}),
    ("down", b"054200123456787654321QRhttp://csgxjk.com/qrcode/dev/16", "QR",
     {"length": 54, "status": "200", "imei": IMEI, "cmd": "QR", "data": "http://csgxjk.com/qrcode/dev/16"}, {}),
    ("up", b"023201123456787654321QD", "QD", {"length": 23, "status": "201", "imei": IMEI, "cmd": "QD", "data": None}, {}),
    ("up", b"023202123456787654321QD", "QD", {"length": 23, "status": "202", "imei": IMEI, "cmd": "QD", "data": None}, {}),
    ("up", b"020202123456787654321ST", "ST", {"length": 20, "status": "202", "imei": IMEI, "cmd": "ST", "data": None}, {"framing.length-mismatch": 1}),
    ("down", b"021200123456787654321ST", "ST", {"length": 21, "status": "200", "imei": IMEI, "cmd": "ST", "data": None}, {"framing.length-mismatch": 1}),
    ("up", b"020000123456787654321HT", "HT", {"length": 20, "status": "000", "imei": IMEI, "cmd": "HT", "data": None}, {"framing.length-mismatch": 1}),
    ("down", b"006404", "404", {"length": 6, "status": "404", "imei": None, "cmd": None, "data": None}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("way", "data", "kind", "fields", "codes"), VECTORS, ids=[one[1].decode() for one in VECTORS])
def test_messages_of_the_document(way: str, data: bytes, kind: str, fields: dict[str, Any], codes: dict[str, int]) -> None:
    told = ladder((up if way == "up" else down)(0, data), midstream=True)
    (message,) = told.messages
    assert (message.direction, message.type, message.fields, message.size) == (way, kind, fields, len(data))
    assert message.key == (None if kind == "404" else {"imei": IMEI, "cmd": kind})
    assert told.codes() == codes


def test_the_web_commands_of_the_document() -> None:
    told = ladder(up(0, b'command{"imei":"123456787654321","type":"start","long":"0500"}'), up(1, b'command{"imei":"123456787654321","type":"stop"}'))
    first, second = told.messages
    assert (first.type, first.direction, first.key, first.fields) == ("command", "down", {"imei": IMEI}, {"imei": IMEI, "type": "start", "long": "0500"})
    assert (second.fields, second.size) == ({"imei": IMEI, "type": "stop"}, 47)
    (one,) = told.sessions.values()
    assert (one.device_id, one.device.address, one.peer.address) == (None, "203.0.113.1", "10.0.0.5")
    assert told.devices == {}
    assert told.codes() == {"security.unauthenticated-command": 2}
    assert told.statuses() == ["pending", "pending"]


CLEAN = (
    up(0, b"AT"), down(0.01, LOST), up(0.02, HT), down(0.03, HT_OK), up(1, TN), down(1.01, TN_OK), up(1.5, b" "), down(2, QD), up(2.01, b"1", QD_DONE),
    down(2.02, QD_SEEN), down(3, ST), up(3.01, ST_DONE), down(3.02, ST_SEEN), up(4, b"0"), fin("up", 5), fin("down", 5.01),
)  # fmt: skip


def test_a_whole_session() -> None:
    told = ladder(*CLEAN)
    assert told.codes() == {}
    assert [(one.operation, one.status) for one in told.exchanges] == [("register", "ok"), ("service phone", "ok"), ("start", "ok"), ("stop", "ok")]
    assert told.legs()[2] == ([8], [], 10, 11, "ok")
    assert [one.type for one in told.unpaired()] == ["heartbeat", "404", "heartbeat", "heartbeat", "heartbeat"]
    (one,) = told.sessions.values()
    assert (one.complete, one.device_id, one.carrier) == (True, f"imei-tcp:{IMEI}", "tcp")


def essence(told: Told) -> Any:
    """Messages by side, neighbouring heartbeats of a side joined, and what was made of them."""
    sides: dict[str, list[Any]] = {"up": [], "down": []}
    for one in told.messages:
        side = sides[one.direction]
        if one.type == "heartbeat" and side and side[-1][0] == "heartbeat":
            side[-1] = ("heartbeat", side[-1][1] + one.fields["heartbeat"])
        else:
            side.append((one.type, one.fields["heartbeat"] if one.type == "heartbeat" else one.fields))
    return sides, [(one.operation, one.status, one.acknowledgement is not None) for one in told.exchanges], told.codes()


@given(st.lists(st.integers(0, 300), max_size=30))
def test_every_split_says_the_same(places: list[int]) -> None:
    steps: list[Step] = []
    offset = {"up": 0, "down": 0}
    for step in CLEAN:
        start = offset[step.way]
        ends = sorted({place - start for place in places if start < place < start + len(step.data)} | {0, len(step.data)})
        steps += [step._replace(data=step.data[begin:end]) for begin, end in zip(ends, ends[1:], strict=False)] or [step]
        offset[step.way] += len(step.data)
    assert essence(ladder(*steps)) == essence(ladder(*CLEAN))


CASES: list[tuple[str, tuple[Step, ...], dict[str, int]]] = [
    ("garbage", (up(1, b"garbage"), up(2, TN), down(2.1, TN_OK)), {"framing.malformed": 1}),
    ("garbage in two places", (up(1, b"garbage", TN, b"more", TN), down(2.1, TN_OK), down(2.2, TN_OK)), {"framing.malformed": 2, "pair.retransmission": 1,
     "pair.orphan-response": 1}),
    ("a LEN too short", (up(1, frame("TN", length=20)), down(1.1, TN_OK)), {"framing.length-mismatch": 1}),
    ("a LEN too long", (up(1, frame("TN", length=30)), up(2, frame("QR")), down(2.1, TN_OK, frame("QR", "200", "x"))), {"framing.length-mismatch": 1}),
    ("an unknown command", (up(1, frame("ZZ")),), {"schema.unknown-type": 1}),
    ("an imei with a letter", (up(1, frame("TN", imei="86100000000000X")), down(1.1, frame("TN", "200", "1", imei="86100000000000X"))),
     {"schema.bad-value": 2}),
    ("an unknown status", (up(1, TN), down(1.1, frame("TN", "299", "1"))), {"schema.bad-value": 1}),
    ("seconds that are none", (down(1, frame("QD", data="9x")), up(1.1, QD_DONE), down(1.2, QD_SEEN)), {"schema.bad-value": 1}),
    ("no seconds", (down(1, frame("QD")), up(1.1, QD_DONE), down(1.2, QD_SEEN)), {"schema.missing-field": 1}),
    ("not started", (down(1, QD), up(1.1, frame("QD", "201")), down(1.2, QD_SEEN)), {"pair.refused": 1}),
    ("not my imei", (down(1, ST), up(1.1, frame("ST", "202")), down(1.2, ST_SEEN)), {"pair.refused": 1}),
    ("no such device", (up(1, TN), down(1.1, frame("TN", "300"))), {"state.authentication-failed": 1}),
    ("another imei than registered", (up(1, frame("TN", imei=OTHER)), down(1.1, frame("TN", "401", imei=OTHER))), {"state.authentication-failed": 1}),
    ("an answer to nothing", (down(1, TN_OK),), {"pair.orphan-response": 1}),
    ("an answer for another imei", (up(1, TN), down(1.1, frame("TN", "200", "1", imei=OTHER))), {"pair.orphan-response": 1}),
    ("a result of nothing", (up(1, QD_DONE),), {"pair.orphan-response": 1}),
    ("the same request again", (up(1, TN), up(2, TN), down(2.1, TN_OK)), {"pair.retransmission": 1}),
    ("other seconds are another start", (down(1, QD), down(1.1, frame("QD", data="60")), up(1.2, QD_DONE, QD_DONE), down(1.3, QD_SEEN, QD_SEEN)), {}),
    ("a request from the server's side", (down(1, TN),), {"schema.wrong-direction": 1}),
    ("a heartbeat from the server", (down(1, b"AT"),), {"schema.wrong-direction": 1}),
    ("control characters", (up(1, frame("QR")), down(1.1, frame("QR", "200", "a\x1b[31m"))), {"text.control-characters": 1}),
    ("RST", (reset("down", 1),), {"tcp.reset": 1}),
    ("a hole", (gap("up", 1), up(1, TN), down(1.1, TN_OK)), {"tcp.missing-bytes": 1}),
    ("404 to a frame that the server cannot read", (up(1, TN), down(1.1, LOST)), {}),
    ("404 with a command", (up(1, TN), down(1.1, frame("TN", "404"))), {}),
    ("404 to garbage", (up(1, b"023000!!"), down(1.1, LOST), up(2, TN), down(2.1, TN_OK)), {"framing.malformed": 1}),
    ("registered again after 404", (up(1, b"AT"), down(1.1, LOST), up(1.2, HT), down(1.3, HT_OK), up(2, TN), down(2.1, TN_OK)), {}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "codes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_anomalies_once_for_each_cause(steps: tuple[Step, ...], codes: dict[str, int]) -> None:
    assert session(*steps).codes() == codes


@pytest.mark.parametrize(
    ("steps", "codes", "statuses"),
    [
        ((up(0, TN), down(0.1, TN_OK), up(1, TN), down(1.1, TN_OK)), {"state.before-authentication": 1}, ["ok", "ok"]),
        ((down(0, QD), up(0.1, QD_DONE), down(0.2, QD_SEEN)), {"state.before-authentication": 1}, ["ok"]),
        ((up(0, HT), up(0.01, TN), down(0.1, HT_OK, TN_OK)), {"state.before-authentication": 1}, ["ok", "ok"]),
        ((up(0, HT), down(0.1, frame("HT", "300"))), {"state.authentication-failed": 1}, ["error"]),
        ((up(0, HT), down(0.1, frame("HT", "300")), up(1, HT), down(1.1, HT_OK), up(2, TN), down(2.1, TN_OK)), {"state.authentication-failed": 1},
         ["error", "ok", "ok"]),
        ((up(0, HT), down(0.1, HT_OK)), {}, ["ok"]),
        # 404: a heartbeat's is no exchange, another's ends the oldest open request.
        ((up(0, b"AT"), down(0.1, LOST), up(0.2, HT), down(0.3, HT_OK)), {}, ["ok"]),
        ((up(0, b" ", HT), down(0.1, LOST, HT_OK)), {}, ["ok"]),
        ((up(0, b"AT"), up(0.05, b"AT"), down(0.1, LOST), down(0.2, LOST), up(0.2, HT), down(0.3, HT_OK)), {}, ["ok"]),
        ((up(0, HT), down(0.1, LOST), up(1, HT), down(1.1, HT_OK)), {}, ["error", "ok"]),
        ((up(0, HT), down(0.1, HT_OK), up(1, TN), up(1.1, frame("QR")), down(1.2, LOST), down(1.3, frame("QR", "200", "x"))), {}, ["ok", "error", "ok"]),
        ((up(0, b"AT"), up(20, HT), down(20.1, LOST)), {}, ["error"]),
        ((down(0, LOST),), {}, []),
    ],
)  # fmt: skip
def test_registration(steps: tuple[Step, ...], codes: dict[str, int], statuses: list[str]) -> None:
    told = ladder(*steps)
    assert told.codes() == codes
    assert told.statuses() == statuses


# -- midstream, holes, other connections --


@pytest.mark.parametrize("at", rungs(range(1, len(TN))))
def test_a_midstream_start_at_every_byte(at: int) -> None:
    told = ladder(up(0, TN[at:] + TN), down(0.1, TN_OK, TN_OK), midstream=True)
    assert told.codes(but=()) == {"tcp.midstream": 1}
    assert told.statuses() == ["ok"]
    assert told.types().count("heartbeat") == 0


@pytest.mark.parametrize("length", rungs(range(1, len(TN))))
def test_a_connection_that_ends_inside_a_frame(length: int) -> None:
    told = session(up(1, HT), down(1.1, HT_OK), up(2, TN[:length]), fin("up", 3), fin("down", 3))
    # One byte that ends its segment, and the stream, is a heartbeat: nothing tells that more was meant.
    assert told.codes() == ({} if length == 1 else {"framing.malformed": 1})
    assert len(told.messages) == 5


@pytest.mark.parametrize("at", rungs(range(len(TN) + 1)))
def test_a_hole_at_every_byte(at: int) -> None:
    told = session(
        up(1, (TN + QD_DONE)[:at] or b"AT"), gap("up", 1.1, 8), up(1.1, (TN + frame("QR"))[at + 8 :] + frame("QR")), down(1.2, frame("QR", "200", "x"))
    )
    assert "framing.malformed" not in told.codes()
    assert told.codes()["tcp.missing-bytes"] == 1
    assert "ok" in told.statuses("QR code")


def test_heartbeats_alone_on_the_known_port_are_a_session_and_on_another_none() -> None:
    steps = [up(at, b"AT") for at in range(0, 200, 50)]
    assert ladder(*steps, midstream=True).types() == ["heartbeat"] * 4
    assert ladder(*steps, midstream=True, port=9999).messages == []
    assert ladder(*steps, midstream=True, port=9999, client_port=12306).types() == ["heartbeat"] * 4
    assert ladder(up(0, b"ATTACH"), midstream=True).messages == []


def test_a_frame_is_told_on_any_port() -> None:
    assert ladder(*CLEAN, port=4242).statuses() == ["ok"] * 4
    assert ladder(up(0, b"GET / HTTP/1.1\r\n\r\n")).messages == []
    assert ladder(up(0, b"\x16\x03\x01\x00\x05hello")).messages == []


def test_the_same_ports_again_and_two_devices() -> None:
    told = ladder(
        *registered(), down(1, QD), closed(2), *[step._replace(at=step.at + 2) for step in registered(2)], *[
            step._replace(at=step.at + 2) for step in registered(3, OTHER)],
        down(3, QD, connection=2), down(3, QD.replace(IMEI.encode(), OTHER.encode()), connection=3), up(3.1, QD_DONE, connection=2), until=50,
    )  # fmt: skip
    assert told.statuses("start") == ["pending", "ok", "timeout"]
    assert told.devices[f"imei-tcp:{IMEI}"].sessions == [1, 2]
    assert told.devices[f"imei-tcp:{OTHER}"].sessions == [3]


ANYTHING = [HT, HT_OK, TN, TN_OK, QD, QD_DONE, ST, LOST, b"AT", b"1", b"0", b" ", b"A", b"0230", b"garbage", command(), command("stop"), frame("ZZ"),
            frame("TN", "401"), frame("QD", "202", length=20), TN[:9]]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(["up", "down"]), st.sampled_from(ANYTHING), st.floats(0, 9)), max_size=25), st.booleans(), st.booleans())
def test_whatever_is_said_no_byte_is_lost_and_the_counts_balance(says: list[tuple[str, bytes, float]], midstream: bool, ends: bool) -> None:
    at, steps = 0.0, []
    for way, data, pause in says:
        at += pause
        steps.append((up if way == "up" else down)(round(at, 3), data))
    if ends:
        steps += [fin("up", at), fin("down", at)]
    if steps:
        told = ladder(*steps, midstream=midstream)
        if told.messages:
            assert sum(one.size for one in told.messages) == sum(len(step.data) for step in steps)


def test_a_long_run_of_heartbeats_is_looked_through_a_bounded_part_at_a_time() -> None:
    framer = FrameFramer(PROTOCOLS["imei-tcp"].framing, False)  # type: ignore[arg-type]
    started = time.process_time()
    found = framer.feed(b"1" * 60_000 + HT, 1, 0)
    assert time.process_time() - started < 5
    assert found[-1].data == HT and not any(one.malformed for one in found)
    assert b"".join(one.data for one in found) == b"1" * 60_000 + HT
