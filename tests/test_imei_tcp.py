"""imei-tcp by its document (002, protocols.md "imei-tcp"): frames, heartbeats, three legs, web commands; every rule broken and beside it kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.model import Exchange
from tests.effort import rungs
from tests.ladder import Step, Told, closed, down, fin, gap, reset, silence, up
from tests.ladder import ladder as play

IMEI, OTHER = "123456787654321", "123456787654322"


def frame(cmd: str, status: str = "000", data: str = "", imei: str = IMEI, length: int | None = None) -> bytes:
    body = f"{status}{imei}{cmd}{data}"
    return f"{len(body) + 3 if length is None else length:03d}{body}".encode()


def command(kind: str = "start", imei: str = IMEI, seconds: str | None = "0500") -> bytes:
    members = {"imei": imei, "type": kind, **({"long": seconds} if kind == "start" and seconds is not None else {})}
    return b"command" + json.dumps(members, separators=(",", ":")).encode()


HT, HT_OK = frame("HT"), frame("HT", "200")
TN, TN_OK = frame("TN"), frame("TN", "200", "400-500-5620")
QD, QD_DONE, QD_SEEN = frame("QD", data="500"), frame("QD", "200"), frame("QD", "200")
ST, ST_DONE, ST_SEEN = frame("ST"), frame("ST", "200"), frame("ST", "200")
LOST = b"006404"
WEB = {"port": 12306}


def ladder(*steps: Step, **options: Any) -> Told:
    return play(*steps, **{"port": 12306, **options})


def registered(connection: int = 1, imei: str = IMEI) -> tuple[Step, ...]:
    return up(0, frame("HT", imei=imei), connection=connection), down(0.01, frame("HT", "200", imei=imei), connection=connection)


def session(*steps: Step, until: float | None = None) -> Told:
    return ladder(*registered(), *steps, until=until)


def beats(last: float, first: float = 50.0) -> list[Step]:
    return [up(at, b"AT") for at in range(int(first), int(last) + 1, 50)]


def merged(*steps: Step) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: step.at))


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
    ("no seconds", (down(1, frame("QD")), up(1.1, QD_DONE), down(1.2, QD_SEEN)), {"schema.bad-type": 1}),
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


THREE_WAYS: list[tuple[str, tuple[Step, ...], float, tuple[Any, ...], dict[str, int]]] = [
    ("all three", (down(1, QD), up(1.1, QD_DONE), down(1.2, QD_SEEN)), 2, ([3], [], 4, 5, "ok"), {}),
    ("no third, the capture ends", (down(1, QD), up(1.1, QD_DONE)), 11.1, ([3], [], 4, None, "ok"), {}),
    ("no third", (down(1, QD), up(1.1, QD_DONE)), 11.101, ([3], [], 4, None, "ok"), {"pair.timeout": 1}),
    ("failed and no third", (down(1, QD), up(1.1, frame("QD", "201"))), 15, ([3], [], 4, None, "error"), {"pair.timeout": 1, "pair.refused": 1}),
    ("no third, closed at once", (down(1, QD), up(1.1, QD_DONE), fin("up", 2), fin("down", 2)), 500, ([3], [], 4, None, "ok"), {}),
    ("no third, reset at once", (down(1, QD), up(1.1, QD_DONE), reset("up", 2)), 500, ([3], [], 4, None, "ok"), {"tcp.reset": 1}),
    ("a late third", (down(1, QD), up(1.1, QD_DONE), down(30, QD_SEEN)), 40, ([3], [], 4, 5, "ok"), {}),
    ("no result", (down(1, QD),), 11.001, ([3], [], None, None, "timeout"), {"pair.timeout": 1}),
    ("no result yet", (down(1, QD),), 11, ([3], [], None, None, "pending"), {}),
    ("a late result", (down(1, QD), up(12, QD_DONE), down(12.1, QD_SEEN)), 13, ([3], [], 4, 5, "late"), {"pair.late": 1}),
    ("late and failed", (down(1, QD), up(12, frame("QD", "201")), down(12.1, QD_SEEN)), 13, ([3], [], 4, 5, "error"), {"pair.late": 1, "pair.refused": 1}),
    ("asked twice", (down(1, QD), down(3, QD), up(3.1, QD_DONE), down(3.2, QD_SEEN)), 4, ([3, 4], [], 5, 6, "ok"), {"pair.retransmission": 1}),
    ("asked three times in vain", (down(1, QD), down(3, QD), down(5, QD)), 20, ([3, 4, 5], [], None, None, "timeout"),
     {"pair.retransmission": 1, "pair.retries-exhausted": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "until", "legs", "codes"), [case[1:] for case in THREE_WAYS], ids=[case[0] for case in THREE_WAYS])
def test_three_way_exchanges(steps: tuple[Step, ...], until: float, legs: tuple[Any, ...], codes: dict[str, int]) -> None:
    told = session(*steps, until=until)
    assert told.legs()[1] == legs
    assert told.codes() == codes


def test_legs_that_a_hole_holds_up_find_each_other() -> None:
    told = session(down(1, QD), gap("up", 1.05), down(1.2, QD_SEEN), up(1.1, QD_DONE, seen_at=20), until=100)
    assert told.legs()[1] == ([3], [], 4, 5, "ok")
    assert told.codes() == {"tcp.missing-bytes": 1}


# -- web commands --


def linked(told: Told, number: int = 0) -> Exchange:
    return [one for one in told.exchanges if one.operation.startswith("web-")][number]


def web(at: float, data: bytes, connection: int = 9) -> Step:
    return up(at, data, connection=connection)


CHAINS: list[tuple[str, tuple[Step, ...], float, tuple[Any, ...], dict[str, int]]] = [
    ("a start", (web(1, command()), down(1.1, QD), up(1.2, QD_DONE), down(1.3, QD_SEEN)), 2, ("web-start", 4, 5, "ok"), {}),
    ("a stop", (web(1, command("stop")), down(1.1, ST), up(1.2, ST_DONE), down(1.3, ST_SEEN)), 2, ("web-stop", 4, 5, "ok"), {}),
    ("a start that fails", (web(1, command()), down(1.1, QD), up(1.2, frame("QD", "201")), down(1.3, QD_SEEN)), 2, ("web-start", 4, 5, "error"),
     {"pair.refused": 1}),
    ("nothing follows", (web(1, command()),), 11.001, ("web-start", None, None, "timeout"), {"pair.timeout": 1}),
    ("nothing follows yet", (web(1, command()),), 11, ("web-start", None, None, "pending"), {}),
    ("the web side leaves at once", (web(1, command()), fin("up", 1.1, 9), fin("down", 1.1, 9)), 30, ("web-start", None, None, "timeout"), {"pair.timeout": 1}),
    ("other seconds follow", (web(1, command()), down(1.1, frame("QD", data="60")), up(1.2, QD_DONE), down(1.3, QD_SEEN)), 20,
     ("web-start", None, None, "timeout"), {"pair.timeout": 1}),
    ("another device is started", (web(1, command(imei=OTHER)), down(1.1, QD), up(1.2, QD_DONE), down(1.3, QD_SEEN)), 20,
     ("web-start", None, None, "timeout"), {"pair.timeout": 1}),
    ("a stop follows a start", (web(1, command()), down(1.1, ST), up(1.2, ST_DONE), down(1.3, ST_SEEN)), 20, ("web-start", None, None, "timeout"),
     {"pair.timeout": 1}),
    ("the start came before", (down(0.5, QD), up(0.6, QD_DONE), down(0.7, QD_SEEN), web(1, command())), 20, ("web-start", None, None, "timeout"),
     {"pair.timeout": 1}),
    ("the device says nothing", (web(1, command()), down(1.1, QD)), 20, ("web-start", 4, None, "timeout"), {"pair.timeout": 1}),
    ("the device says nothing yet", (web(1, command()), down(1.1, QD)), 5, ("web-start", 4, None, "pending"), {}),
    ("the start follows late", (web(1, command()), down(21, QD), up(21.1, QD_DONE), down(21.2, QD_SEEN)), 22, ("web-start", 4, 5, "late"), {"pair.late": 1}),
    ("the device answers late", (web(1, command()), down(1.1, QD), up(21.1, QD_DONE), down(21.2, QD_SEEN)), 22, ("web-start", 4, 5, "late"), {"pair.late": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "until", "link", "codes"), [case[1:] for case in CHAINS], ids=[case[0] for case in CHAINS])
def test_what_a_web_command_leads_to(steps: tuple[Step, ...], until: float, link: tuple[Any, ...], codes: dict[str, int]) -> None:
    told = session(*steps, until=until)
    one = linked(told)
    assert (one.operation, told.places(one.response), told.places(one.acknowledgement), one.status) == link
    assert one.attempts == [one.request]
    assert told.codes() == {"security.unauthenticated-command": 1, **codes}


def test_two_commands_at_once_and_the_same_command_twice() -> None:
    told = session(
        web(1, command()), web(1, command("stop"), 10), down(1.1, ST), up(1.2, ST_DONE), down(1.3, ST_SEEN, QD), up(1.4, QD_DONE), down(1.5, QD_SEEN)
    )
    assert [(one.operation, told.places(one.response), one.status) for one in told.exchanges if one.operation.startswith("web")] == [
        ("web-start", 8, "ok"), ("web-stop", 5, "ok"),
    ]  # fmt: skip
    told = session(web(1, command() + command()), down(1.1, QD, QD), up(1.2, QD_DONE), down(1.3, QD_SEEN))
    assert [(told.places(one.request), told.places(one.response), told.places(one.acknowledgement), one.status)
            for one in told.exchanges if one.operation == "web-start"] == [(3, 5, 7, "ok"), (4, 6, 7, "ok")]  # fmt: skip
    assert told.codes() == {"security.unauthenticated-command": 2, "pair.retransmission": 1}


@pytest.mark.parametrize(
    ("text", "codes", "links"),
    [
        (b'command {"imei": "123456787654321", "type": "stop"}', {}, 1),
        (b'command{"imei":"123456787654321","type":"stop",}', {"schema.lenient-json": 1}, 1),
        (b'command{"imei":"123456787654321",type:"stop"}', {"schema.lenient-json": 1}, 1),
        (b'command{"imei":"123456787654321","type":"pause"}', {"schema.bad-value": 1}, 0),
        (b'command{"imei":"123456787654321","type":"start"}', {"schema.missing-field": 1}, 1),
        (b'command{"imei":"123456787654321","type":"start","long":500}', {"schema.bad-type": 1}, 1),
        (b'command{"imei":123456787654321,"type":"stop"}', {"schema.bad-type": 1}, 1),
        (b'command{"imei":"12","type":"stop"}', {"schema.bad-value": 1}, 1),
        (b'command{"type":"stop"}', {"schema.missing-field": 1}, 0),
        (b'command{"imei":"123456787654321","imei":"123456787654321","type":"stop"}', {"schema.duplicate-key": 1}, 1),
    ],
)
def test_web_commands_well_and_badly_formed(text: bytes, codes: dict[str, int], links: int) -> None:
    told = ladder(up(0, command("stop")), up(1, text))
    assert told.messages[-1].type == "command"
    assert told.codes() == {"security.unauthenticated-command": 2, **codes}
    assert len(told.exchanges) == 1 + links


def test_a_web_command_that_is_no_json_is_malformed() -> None:
    told = ladder(up(0, command("stop")), up(1, b'command{"imei"}'), up(2, command("stop")))
    assert told.codes() == {"framing.malformed": 1, "security.unauthenticated-command": 2}


# -- heartbeats --


@pytest.mark.parametrize(
    ("steps", "until", "gaps"),
    [
        ([up(at, b"AT") for at in range(1, 300, 55)], 300, 0),
        ([up(1, b"AT"), up(61, b"AT")], 62, 0),
        ([up(1, b"AT"), up(61.001, b"AT")], 62, 1),
        ([up(1, b"AT"), up(100, b"AT"), up(300, b"AT")], 301, 2),
        ([up(1, b"AT"), silence(61)], 400, 0),
        ([up(1, b"AT"), silence(61.001)], 400, 1),
        ([up(1, b"AT"), down(70, QD), up(70.1, QD_DONE), down(70.2, QD_SEEN), up(80, TN), down(80.1, TN_OK)], 81, 1),
        ([up(100, TN), down(100.1, TN_OK)], 400, 0),
        ([up(at, b"1") for at in range(1, 300, 55)], 300, 0),
    ],
)
def test_gaps_between_heartbeats(steps: list[Step], until: float, gaps: int) -> None:
    told = session(*steps, until=until)
    assert told.codes() == ({"timing.heartbeat-gap": gaps} if gaps else {})


def test_heartbeats_of_one_digit_are_one_message_each() -> None:
    told = session(*[up(at, b"1") for at in range(1, 1800, 55)])
    assert [one.fields for one in told.messages[2:]] == [{"heartbeat": "1"}] * 33
    assert [one.frames for one in told.messages[2:]] == [[number] for number in range(3, 36)]


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
