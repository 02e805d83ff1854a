"""FogsLink by its document (000, protocols.md "fogslink"): every message, every rule broken and beside it the same rule kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.effort import rungs
from tests.ladder import Step, Told, closed, down, fin, gap, ladder, reset, silence, up

SN = "12345678"
TOKEN = "asfklkiejak9848"


def line(name: str, **members: Any) -> bytes:
    return json.dumps({name: {"eqSN": SN, **members}}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


ANNOUNCE, ANNOUNCED, NO_DEVICE = line("req001", eqType="128"), line("res001", code="0", tKey=TOKEN), line("res001", code="2")
LOGIN, LOGGED_IN = line("req002", apiKey="1234567890123456"), line("res002", eqSN="eqKey", code="0")
BEAT, BEATEN = line("req100", tKey=TOKEN), line("res100", code="0")


def channel(index: int = 1, value: str = "2.34", **more: Any) -> bytes:
    return line("req201", eChan=f"P0-C{index}", **{"eChanSta": "1", "eVal": value, **more})


def taken(index: int = 1) -> bytes:
    return line("res201", eChan=f"P0-C{index}", code="8")


def pack(number: str = "12345", value: str = "2.34", **more: Any) -> bytes:
    return line("req200", **{"packID": number, "totalSize": 1, "eqData": [{"eChan": "P0-C1", "eVal": value}], **more})


def packed(number: str = "12345", code: str = "8") -> bytes:
    return line("res200", packID=number, code=code)


def configure(index: int = 1) -> bytes:
    return line("res300", eChan=f"P1-C{index}", sPeriod="1", sType="1")


def configured(index: int = 1, code: str = "12") -> bytes:
    return line("req300", eChan=f"P1-C{index}", code=code)


def login(at: float = 0.0, connection: int = 1) -> tuple[Step, ...]:
    return (
        up(at, ANNOUNCE, connection=connection), down(at + 0.01, ANNOUNCED, connection=connection),
        up(at + 0.02, LOGIN, connection=connection), down(at + 0.03, LOGGED_IN, connection=connection),
    )  # fmt: skip


def session(*steps: Step, until: float | None = None) -> Told:
    """After a login; exchanges and messages of the login are taken off."""
    return ladder(*login(), *steps, until=until)


def beats(first: float, last: float, every: float = 8.0) -> list[Step]:
    found: list[Step] = []
    at = first
    while at <= last:
        found += [up(at, BEAT), down(at + 0.01, BEATEN)]
        at += every
    return found


def merged(*steps: Step) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: step.at))


# -- vectors from the document --

VECTORS: list[tuple[str, bytes, str, dict[str, Any], dict[str, int]]] = [
    ("up", b'{"req001":{"eqSN":"12345678","eqType":"128"}}', "req001", {"eqSN": SN}, {}),
    ("down", b'{"res001":{"eqSN":"12345678","code":"0","tKey":"asfklkiejak9848"}}', "res001", {"eqSN": SN}, {}),
    ("down", b'{"res001":{"eqSN":"12345678","code":"2"}}', "res001", {"eqSN": SN}, {}),
    ("up", b'{"req002":{"eqSN":"12345678","apiKey":"1234567890123456"}}', "req002", {"eqSN": SN}, {}),
    ("down", b'{"res002":{"eqSN":"eqKey","code":"0"}}', "res002", {"eqSN": "eqKey"}, {}),
    ("down", b'{"res002":{"eqSN":"eqKey","code":"3"}}', "res002", {"eqSN": "eqKey"}, {}),
    ("up", b'{"req201":{"eqSN":"12345678","eChan":"P0-C1","eChanSta":"1","eVal":"2.34"}}', "req201", {"eqSN": SN, "eChan": "P0-C1"}, {}),
    ("down", b'{"res201":{"eqSN":"12345678","eChan":"P0-C1","code":"8"}}', "res201", {"eqSN": SN, "eChan": "P0-C1"}, {}),
    (
        "up",
        b'{"req200":{"eqSN":"12345678","packID":"12345","totalSize":2,"eqData":[{"eChan":"P0-C1","eChanSta":"1",eVal:"2.34"},{"eChan":"P1-C2","eVal":"2.34"}]}}',
        "req200", {"eqSN": SN, "packID": "12345"}, {"schema.lenient-json": 1},
    ),
    ("down", b'{"res200":{"eqSN":"12345678","packID":"12345","code":"8"}}', "res200", {"eqSN": SN, "packID": "12345"}, {}),
    ("down", b'{"res200":{"eqSN":"12345678","packID":"12345","code":"9"}}', "res200", {"eqSN": SN, "packID": "12345"}, {}),
    ("down", b'{"res300":{"eqSN":"12345678","eChan":"P1-C1","sPeriod":"1","sType":"1"}}', "res300", {"eqSN": SN, "eChan": "P1-C1"}, {}),
    ("up", b'{"req300":{"eqSN":"12345678","eChan":"P1-C1","code":"2"}}', "req300", {"eqSN": SN, "eChan": "P1-C1"}, {"schema.bad-value": 1}),
    ("up", b'{"req100":{"eqSN":"12345678","tKey":"asfklkiejak9848"}}', "req100", {"eqSN": SN}, {}),
    ("down", b'{"res100":{"eqSN":"12345678","code":"0"}}', "res100", {"eqSN": SN}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("way", "text", "kind", "key", "codes"), VECTORS)
def test_messages_of_the_document(way: str, text: bytes, kind: str, key: dict[str, Any], codes: dict[str, int]) -> None:
    told = ladder((up if way == "up" else down)(0.0, text + b"\n"), midstream=True)
    (message,) = told.messages
    assert (message.direction, message.type, message.key, message.size) == (way, kind, key, len(text))
    want = json.loads(text.replace(b"eVal:", b'"eVal":'))[kind]
    assert message.fields == want
    assert told.codes() == codes
    assert message.device_id == (None if kind == "res002" else "fogslink:12345678")


CLEAN = (
    *login(), up(1.0, BEAT), down(1.01, BEATEN), up(2, channel()), down(2.01, taken()), up(3, pack()), down(3.01, packed()),
    down(4, configure()), up(4.01, configured()), fin("up", 5), fin("down", 5.01),
)  # fmt: skip


def test_a_whole_session() -> None:
    told = ladder(*CLEAN)
    assert told.codes() == {}
    assert told.statuses() == ["ok"] * 6
    assert [one.operation for one in told.exchanges] == ["announce", "authenticate", "heartbeat", "report one channel", "report packed", "configure channel"]
    assert [one.latency_ms for one in told.exchanges] == [10.0] * 6
    (one,) = told.sessions.values()
    assert (one.complete, one.device_id, one.device.port, one.peer.port, one.carrier) == (True, "fogslink:12345678", 40000, 63321, "tcp")
    assert told.devices["fogslink:12345678"].addresses == ["10.0.0.5"]
    # tKey (in res001, and again in req100) and apiKey: one of each kind
    assert told.codes(but=()) == {"security.cleartext-credential": 2}
    assert not told.unpaired()


def segments(steps: tuple[Step, ...], places: list[int]) -> list[Step]:
    """The same bytes in other segments: each side's stream cut at *places* as well."""
    found: list[Step] = []
    offset = {"up": 0, "down": 0}
    for step in steps:
        start = offset[step.way]
        ends = sorted({place - start for place in places if start < place < start + len(step.data)} | {0, len(step.data)})
        for begin, end in zip(ends, ends[1:], strict=False):
            found.append(step._replace(data=step.data[begin:end]))
        if not step.data:
            found.append(step)
        offset[step.way] += len(step.data)
    return found


def essence(told: Told) -> Any:
    return [(one.time, one.direction, one.type, one.fields, one.size) for one in told.messages], told.legs(), told.codes(but=())


@given(st.lists(st.integers(0, 600), max_size=30))
def test_every_split_says_the_same(places: list[int]) -> None:
    assert essence(ladder(*segments(CLEAN, places))) == essence(ladder(*CLEAN))


def test_lines_glued_in_one_segment() -> None:
    told = session(up(1, BEAT, channel(1), channel(2)), down(1.01, BEATEN, taken(1), taken(2)))
    assert told.statuses() == ["ok"] * 5
    assert told.codes() == {}


@pytest.mark.parametrize("length", rungs(range(1, len(BEAT))))
def test_a_connection_that_ends_inside_a_message(length: int) -> None:
    told = session(up(1, BEAT[:length]), fin("up", 2), fin("down", 2))
    whole = length == len(BEAT) - 1
    assert told.codes() == ({"framing.missing-terminator": 1} if whole else {"framing.malformed": 1})
    assert len(told.messages) == 5


@pytest.mark.parametrize("length", rungs(range(1, len(BEAT))))
def test_a_capture_that_ends_inside_a_message_blames_nobody(length: int) -> None:
    told = session(up(1, BEAT[:length]))
    assert told.codes() == {}
    assert told.messages[-1].type == ("req100" if length == len(BEAT) - 1 else None)


@pytest.mark.parametrize("at", rungs(range(len(channel(1)) + 1)))
def test_a_hole_at_every_byte_costs_the_messages_that_it_touches(at: int) -> None:
    stream = channel(1) + channel(2)
    told = session(
        up(1, stream[:at]) if at else silence(1), gap("up", 1.1, 10), up(1.1, stream[at + 10 :] + channel(3)), down(1.2, taken(3)), fin("up", 2), fin("down", 2)
    )
    assert told.codes()["tcp.missing-bytes"] == 1
    assert "framing.malformed" not in told.codes()
    last = told.exchange_of("report one channel", -1)
    assert (last.key, last.status) == ({"eqSN": SN, "eChan": "P0-C3"}, "ok")


@pytest.mark.parametrize("at", rungs(range(1, len(channel(1)) - 1)))
def test_a_midstream_start_at_every_byte(at: int) -> None:
    told = ladder(up(0, channel(1)[at:] + channel(2)), down(0.01, taken(1), taken(2)), midstream=True)
    assert told.codes(but=()) == {"tcp.midstream": 1}
    assert told.messages[-1].type == "res201"
    assert told.legs() == [([2], [], 4, None, "ok")]


# -- anomalies: the steps after a login (or none), and what is reported beyond credentials --

BROKEN = b'{"req201":{"eqSN":"12345678","eChan":"P0-C1\n'
CASES: list[tuple[str, tuple[Step, ...], dict[str, int]]] = [
    ("garbage between messages", (up(1, b"garbage\n", BEAT), down(1.1, BEATEN)), {"framing.malformed": 1}),
    ("two lines of garbage", (up(1, b"garbage\nmore\n"),), {"framing.malformed": 2}),
    ("a broken line", (up(1, BROKEN),), {"framing.malformed": 1}),
    ("no message at all", (up(1, b'{"hello":1}\n', b"[1]\n", b'"x"\n', b"NaN\n"),), {"framing.malformed": 4}),
    ("two members", (up(1, b'{"req100":{"eqSN":"1"},"req201":{}}\n'),), {"framing.malformed": 1}),
    ("a message that holds no object", (up(1, b'{"req100":"1"}\n'),), {"framing.malformed": 1}),
    ("blank lines say nothing", (up(1, b"\n\r\n  \n", BEAT), down(1.1, BEATEN)), {}),
    ("carriage returns say nothing", (up(1, BEAT[:-1] + b"\r\n"), down(1.1, BEATEN[:-1] + b"\r\n")), {}),
    ("no line end between two", (up(1, BEAT[:-1] + channel()), down(1.1, BEATEN, taken())), {"framing.missing-terminator": 1}),
    ("no line end between three", (up(1, BEAT[:-1] + channel()[:-1] + channel(2)), down(1.1, BEATEN, taken(), taken(2))), {"framing.missing-terminator": 2}),
    ("no line end, another segment", (up(1, channel()[:-1]), down(1.1, taken()), up(2, channel(2)), down(2.1, taken(2))), {"framing.missing-terminator": 1}),
    ("no last line end", (up(1, BEAT), down(1.1, BEATEN[:-1]), fin("up", 2), fin("down", 2)), {"framing.missing-terminator": 1}),
    ("an unquoted name", (up(1, channel().replace(b'"eVal"', b"eVal")), down(1.1, taken())), {"schema.lenient-json": 1}),
    ("a trailing comma", (up(1, channel().replace(b"}}", b",}}")), down(1.1, taken())), {"schema.lenient-json": 1}),
    ("both at once are one", (up(1, channel().replace(b"}}", b",}}").replace(b'"eVal"', b"eVal")), down(1.1, taken())), {"schema.lenient-json": 1}),
    ("blanks around a name", (up(1, channel().replace(b'"eVal"', b'" eVal"')), down(1.1, taken())), {"schema.lenient-json": 1}),
    ("blanks between members say nothing", (up(1, json.dumps(json.loads(channel())).encode() + b"\n"), down(1.1, taken())), {}),
    ("a member twice", (up(1, channel().replace(b'"eVal"', b'"eVal":"1","eVal"')), down(1.1, taken())), {"schema.duplicate-key": 1}),
    ("an unknown message", (up(1, line("req999", x="1")),), {"schema.unknown-type": 1}),
    ("unknown messages are one each", (up(1, line("req999", x="1"), line("req998")),), {"schema.unknown-type": 2}),
    ("a missing member", (up(1, line("req201", eChanSta="1", eVal="1")),), {"schema.missing-field": 1}),
    ("two missing members", (up(1, line("req200", totalSize=0)),), {"schema.missing-field": 2}),
    ("a normal channel without value", (up(1, line("req201", eChan="P0-C1", eChanSta="1")), down(1.1, taken())), {"schema.missing-field": 1}),
    ("no status counts as normal", (up(1, line("req201", eChan="P0-C1")), down(1.1, taken())), {"schema.missing-field": 1}),
    ("an abnormal channel without value", (up(1, line("req201", eChan="P0-C1", eChanSta="0")), down(1.1, taken())), {}),
    ("an abnormal channel with value", (up(1, line("req201", eChan="P0-C1", eChanSta="0", eVal="1")), down(1.1, taken())), {"schema.bad-value": 1}),
    ("no setting at all", (down(1, line("res300", eChan="P1-C1")), up(1.1, configured())), {"schema.missing-field": 1}),
    ("the period alone", (down(1, line("res300", eChan="P1-C1", sPeriod="5")), up(1.1, configured(code="10"))), {}),
    ("the mode alone", (down(1, line("res300", eChan="P1-C1", sType="5")), up(1.1, configured(code="11"))), {}),
    ("the example's code 2", (down(1, configure()), up(1.1, configured(code="2"))), {"schema.bad-value": 1}),
    ("a number for a text", (up(1, channel(eVal=2.34)), down(1.1, taken())), {"schema.bad-type": 1}),
    ("a text for totalSize", (up(1, pack(totalSize="1")), down(1.1, packed())), {"schema.bad-type": 1}),
    ("a number for a packID pairs with its text", (up(1, pack(number=12345)), down(1.1, packed())), {"schema.bad-type": 1}),  # type: ignore[arg-type]
    ("codes as numbers mean the same", (up(1, pack()), down(1.1, packed(code=9)), up(2, pack()), down(2.1, packed(code=8))),  # type: ignore[arg-type]
     {"schema.bad-type": 2}),
    ("a refusal as a number", (up(1, LOGIN), down(1.1, line("res002", code=3))), {"schema.bad-type": 1, "state.authentication-failed": 1}),
    ("another eqType", (up(1, line("req001", eqType="129")), down(1.1, ANNOUNCED)), {"schema.bad-value": 1}),
    ("a wrong channel name", (up(1, line("req201", eChan="X0/C1", eVal="1")), down(1.1, line("res201", eChan="P0-C1", code="8"))),
     {"schema.bad-value": 1, "pair.orphan-response": 1}),
    ("an unknown code", (up(1, channel()), down(1.1, line("res201", eChan="P0-C1", code="7"))), {"schema.bad-value": 1}),
    ("totalSize too large", (up(1, pack(totalSize=3)), down(1.1, packed())), {"schema.size-mismatch": 1}),
    ("a res from the device", (up(1, BEATEN),), {"schema.wrong-direction": 1}),
    ("a req from the cloud", (down(1, channel()),), {"schema.wrong-direction": 1}),
    ("another token", (up(1, line("req100", tKey="other")), down(1.1, BEATEN)), {"state.token-mismatch": 1}),
    ("an answer to nothing", (down(1, taken()),), {"pair.orphan-response": 1}),
    ("two answers to one request", (up(1, channel()), down(1.1, taken()), down(1.2, taken())), {"pair.orphan-response": 1}),
    ("another eqSN in an answer in order", (up(1, BEAT), down(1.1, line("res100", eqSN="999", code="0"))), {"pair.identity-mismatch": 1}),
    ("the same request again", (up(1, channel()), up(3, channel()), down(3.1, taken())), {"pair.retransmission": 1}),
    ("and again is still one", (up(1, channel()), up(3, channel()), up(4, channel()), down(4.1, taken())), {"pair.retransmission": 1}),
    ("the same after its answer is none", (up(1, channel()), down(1.1, taken()), up(3, channel()), down(3.1, taken())), {}),
    ("another value is another exchange", (up(1, channel()), up(3, channel(value="9")), down(3.1, taken()), down(3.2, taken())), {}),
    ("members in another order are the same request",
     (up(1, channel()), up(2, line("req201", eVal="2.34", eChanSta="1", eChan="P0-C1")), down(2.1, taken())), {"pair.retransmission": 1}),
    ("a packID used again", (up(1, pack()), down(1.1, packed()), up(2, pack(value="9")), down(2.1, packed())), {"pair.id-reuse": 1}),
    ("a packID used again while it is open", (up(1, pack()), up(2, pack(value="9")), down(2.1, packed()), down(2.2, packed())), {"pair.id-reuse": 1}),
    ("the same pack again later is no reuse", (up(1, pack()), down(1.1, packed()), up(2, pack()), down(2.1, packed())), {}),
    ("control characters", (up(1, channel(value="a\u202eb")), down(1.1, taken())), {"text.control-characters": 1}),
    ("Chinese text is clean", (up(1, channel(value="温度")), down(1.1, taken())), {}),
    ("a refused pack, sent again", (up(1, pack()), down(1.1, packed(code="9")), up(2, pack()), down(2.1, packed())), {}),
    ("a refused pack, not sent again", (up(1, pack()), down(1.1, packed(code="9")), fin("up", 2), fin("down", 2)), {"pair.refused": 1}),
    ("RST", (reset("up", 1),), {"tcp.reset": 1}),
    ("two RST are one", (reset("up", 1), reset("down", 1.1)), {"tcp.reset": 1}),
    ("RST after both FIN ends nothing", (fin("up", 1), fin("down", 1), reset("up", 1.1)), {}),
    ("a hole", (gap("up", 1), up(1, BEAT), down(1.1, BEATEN)), {"tcp.missing-bytes": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "codes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_anomalies_once_for_each_cause(steps: tuple[Step, ...], codes: dict[str, int]) -> None:
    assert session(*steps).codes() == codes


BEFORE: list[tuple[str, tuple[Step, ...], dict[str, int], list[str]]] = [
    ("data before the login", (up(0, channel()), down(0.1, taken()), up(1, channel(2)), down(1.1, taken(2))), {"state.before-authentication": 1}, ["ok", "ok"]),
    ("a heartbeat before the login", (up(0, BEAT), down(0.1, BEATEN)), {"state.before-authentication": 1}, ["ok"]),
    ("a setting before the login", (down(0, configure()), up(0.1, configured())), {"state.before-authentication": 1}, ["ok"]),
    ("data between 001 and 002", (up(0, ANNOUNCE), down(0.1, ANNOUNCED), up(0.2, channel()), down(0.3, taken())),
     {"state.before-authentication": 1}, ["ok", "ok"]),
    ("no such device", (up(0, ANNOUNCE), down(0.1, NO_DEVICE), fin("down", 0.2), fin("up", 0.2)), {"state.authentication-failed": 1}, ["error"]),
    ("data after a refusal", (up(0, ANNOUNCE), down(0.1, NO_DEVICE), up(1, channel()), up(2, channel(2))),
     {"state.authentication-failed": 1, "state.not-disconnected": 1}, ["error", "pending", "pending"]),
    ("002 after 001 was refused", (up(0, ANNOUNCE), down(0.1, NO_DEVICE), up(1, LOGIN), down(1.1, LOGGED_IN)),
     {"state.authentication-failed": 1, "state.not-disconnected": 1}, ["error", "ok"]),
    ("002 sent before 001 was refused", (up(0, ANNOUNCE, LOGIN), down(0.1, NO_DEVICE), fin("down", 0.2), fin("up", 0.2)),
     {"state.authentication-failed": 1}, ["error", "pending"]),
    ("the cloud goes on after a refusal", (up(0, ANNOUNCE), down(0.1, NO_DEVICE), down(1, configure())),
     {"state.authentication-failed": 1, "state.not-disconnected": 1}, ["error", "pending"]),
    ("a wrong key", (up(0, ANNOUNCE), down(0.1, ANNOUNCED), up(0.2, LOGIN), down(0.3, line("res002", eqSN="eqKey", code="3")), fin("down", 0.4)),
     {"state.authentication-failed": 1}, ["ok", "error"]),
    ("a wrong key, answered with the eqSN", (up(0, ANNOUNCE), down(0.1, ANNOUNCED), up(0.2, LOGIN), down(0.3, line("res002", code="3"))),
     {"state.authentication-failed": 1}, ["ok", "error"]),
    ("another device is answered", (up(0, ANNOUNCE), down(0.1, line("res001", eqSN="9", code="0", tKey="k"))), {"pair.identity-mismatch": 1}, ["ok"]),
    ("no token with code 0", (up(0, ANNOUNCE), down(0.1, line("res001", code="0"))), {"schema.missing-field": 1}, ["ok"]),
    ("no token with code 2 is right", (up(0, ANNOUNCE), down(0.1, NO_DEVICE)), {"state.authentication-failed": 1}, ["error"]),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "codes", "statuses"), [case[1:] for case in BEFORE], ids=[case[0] for case in BEFORE])
def test_logins(steps: tuple[Step, ...], codes: dict[str, int], statuses: list[str]) -> None:
    told = ladder(*steps)
    assert told.codes() == codes
    assert told.statuses() == statuses


def test_a_midstream_session_needs_no_login_and_has_no_orphans_at_first() -> None:
    told = ladder(down(0, taken(7)), up(1, channel()), down(1.1, taken()), down(9.9, taken(8)), midstream=True)
    assert told.codes(but=()) == {"tcp.midstream": 1}
    told = ladder(up(0, channel()), down(0.1, taken()), down(10.2, taken(8)), midstream=True)
    assert told.codes() == {"pair.orphan-response": 1}


# -- statuses and when they are final --

STATUSES: list[tuple[str, tuple[Step, ...], float, str, dict[str, int]]] = [
    ("at the deadline", (up(1, channel()), *beats(9, 10), down(11.0, taken())), 12, "ok", {}),
    ("just after it", (up(1, channel()), *beats(9, 10), down(11.001, taken())), 12, "late", {"pair.late": 1}),
    ("at the end of grace", (up(1, channel()), *beats(8, 70), down(71.0, taken())), 72, "late", {"pair.late": 1}),
    ("after grace", (up(1, channel()), *beats(8, 70), down(71.001, taken())), 72, "timeout", {"pair.timeout": 1, "pair.orphan-response": 1}),
    ("no answer, the capture goes on", (up(1, channel()), *beats(9, 10)), 11.001, "timeout", {"pair.timeout": 1}),
    ("no answer, the capture ends at the deadline", (up(1, channel()), *beats(9, 10)), 11.0, "pending", {}),
    ("closed before the deadline", (up(1, channel()), fin("up", 5), fin("down", 5)), 500, "pending", {}),
    ("closed after the deadline", (up(1, channel()), *beats(9, 10), fin("up", 12), fin("down", 12)), 500, "timeout", {"pair.timeout": 1}),
    ("reset before the deadline", (up(1, channel()), reset("down", 5)), 500, "pending", {"tcp.reset": 1}),
    ("reset after the deadline", (up(1, channel()), *beats(9, 10), reset("down", 12)), 500, "timeout", {"tcp.reset": 1, "pair.timeout": 1}),
    ("late and answered", (up(1, channel()), up(9, channel()), *beats(9.1, 15), down(18.9, taken())), 20, "ok", {"pair.retransmission": 1}),
    ("three in vain", (up(1, channel()), up(2, channel()), up(3, channel()), *beats(8, 15)), 20, "timeout",
     {"pair.retransmission": 1, "pair.retries-exhausted": 1}),
    ("two in vain", (up(1, channel()), up(2, channel()), *beats(8, 15)), 20, "timeout", {"pair.retransmission": 1, "pair.timeout": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "until", "status", "codes"), [case[1:] for case in STATUSES], ids=[case[0] for case in STATUSES])
def test_statuses_at_their_boundaries(steps: tuple[Step, ...], until: float, status: str, codes: dict[str, int]) -> None:
    told = ladder(*login(), *merged(*steps), until=until)
    assert told.exchange_of("report one channel").status == status
    assert told.codes() == codes


def test_latency_counts_from_the_last_attempt_before_the_answer() -> None:
    told = session(up(1, channel()), up(3, channel()), down(3.5, taken()))
    assert told.exchange_of("report one channel").latency_ms == 500.0


RETRIES: list[tuple[str, tuple[Step, ...], float | None, tuple[Any, ...], dict[str, int]]] = [
    ("good at once", (up(1, pack()), down(1.1, packed())), None, ([5], [], 6, None, "ok"), {}),
    ("good after one refusal", (up(1, pack()), down(1.1, packed(code="9")), up(2, pack()), down(2.1, packed())), None, ([5, 7], [6], 8, None, "ok"), {}),
    ("good after two", (up(1, pack()), down(1.1, packed(code="9")), up(2, pack()), down(2.1, packed(code="9")), up(3, pack()), down(3.1, packed())), None,
     ([5, 7, 9], [6, 8], 10, None, "ok"), {}),
    ("never sent again", (up(1, pack()), down(1.1, packed(code="9")), *beats(5, 65)), 66, ([5], [], 6, None, "error"), {"pair.refused": 1}),
    ("the connection ends", (up(1, pack()), down(1.1, packed(code="9")), fin("up", 2), fin("down", 2)), 3, ([5], [], 6, None, "error"), {"pair.refused": 1}),
    ("refused again and left so", (up(1, pack()), down(1.1, packed(code="9")), up(2, pack()), down(2.1, packed(code="9")), fin("up", 3), fin("down", 3)), None,
     ([5, 7], [6], 8, None, "error"), {"pair.refused": 1}),
    ("refused, sent again, no answer", (up(1, pack()), down(1.1, packed(code="9")), up(2, pack()), *beats(5, 11)), 12.5, ([5, 7], [6], None, None, "timeout"),
     {"pair.timeout": 1}),
    ("refused, sent again, the capture ends", (up(1, pack()), down(1.1, packed(code="9")), up(2, pack())), 3, ([5, 7], [6], None, None, "pending"), {}),
    ("sent twice, refused once, taken once", (up(1, pack()), up(1.5, pack()), down(1.6, packed(code="9")), down(1.7, packed())), None,
     ([5, 6], [7], 8, None, "ok"), {"pair.retransmission": 1}),
    ("the re-send is repeated", (up(1, pack()), down(1.1, packed(code="9")), up(2, pack(value="new")), up(3, pack(value="new")), down(3.1, packed())), None,
     ([5, 7, 8], [6], 9, None, "ok"), {"pair.retransmission": 1}),
    ("late and refused", (up(1, pack()), *beats(6, 9), down(12, packed(code="9")), fin("up", 13), fin("down", 13)), None, ([5], [], 8, None, "error"),
     {"pair.late": 1, "pair.refused": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "until", "legs", "codes"), [case[1:] for case in RETRIES], ids=[case[0] for case in RETRIES])
def test_stories_of_code_9(steps: tuple[Step, ...], until: float | None, legs: tuple[Any, ...], codes: dict[str, int]) -> None:
    told = ladder(*login(), *merged(*steps), until=until)
    place = [one.operation for one in told.exchanges].index("report packed")
    assert told.legs()[place] == legs
    assert told.codes() == codes


def test_a_resend_after_more_than_a_minute_is_a_new_exchange() -> None:
    told = ladder(*login(), *merged(up(1, pack()), down(1.1, packed(code="9")), *beats(5, 66), up(61.2, pack()), down(61.3, packed())))
    assert told.statuses("report packed") == ["error", "ok"]
    assert told.codes() == {"pair.refused": 1}


# -- heartbeats --


@pytest.mark.parametrize(
    ("steps", "until", "gaps"),
    [
        (beats(5, 40, 9.5), 41, 0),
        ([up(10.03, BEAT), down(10.04, BEATEN)], 12, 0),
        ([up(10.031, BEAT), down(10.04, BEATEN)], 12, 1),
        ([*beats(1, 2), *beats(19, 20), *beats(38, 39)], 40, 2),
        ([silence(10.03)], 50, 0),
        ([silence(10.04)], 50, 1),
        ([up(4, channel()), down(4.1, taken()), up(9, channel()), down(9.1, taken()), up(12, channel()), down(12.1, taken()), up(25, channel())], 26, 1),
        ([*beats(1, 2), down(11.5, configure()), up(11.6, configured())], 12, 1),
    ],
)
def test_gaps_between_heartbeats(steps: list[Step], until: float, gaps: int) -> None:
    told = ladder(*login(), *steps, until=until)
    assert told.codes().get("timing.heartbeat-gap", 0) == gaps


# -- holes, order, several connections --


def test_answers_that_come_out_before_the_requests_that_a_hole_holds_up() -> None:
    told = session(
        up(1, channel(1)), down(1.1, taken(1)),
        down(2.1, taken(2)), down(3.1, taken(3)), down(4.1, BEATEN), down(5.0, taken(9)),
        gap("up", 2.5), up(3.0, channel(3), seen_at=30.0), up(4.0, BEAT, seen_at=30.0), up(4.5, channel(1), seen_at=30), down(30.1, taken(1)),
    )  # fmt: skip
    assert told.statuses("report one channel") == ["ok", "ok", "late"]
    assert told.exchange_of("heartbeat").latency_ms == 100.0
    assert [one.key for one in told.orphans()] == [{"eqSN": SN, "eChan": "P0-C2"}, {"eqSN": SN, "eChan": "P0-C9"}]


def test_what_a_hole_holds_up_is_judged_by_its_own_time_even_after_a_reset() -> None:
    told = session(up(1, channel()), reset("up", 3), gap("down", 1.05), down(1.1, taken()))
    assert told.exchange_of("report one channel").status == "ok"
    assert told.codes() == {"tcp.reset": 1, "tcp.missing-bytes": 1}


def test_the_same_ports_again_are_another_session_of_the_same_device() -> None:
    told = ladder(*login(), up(1, channel()), closed(2), *login(2, connection=2), up(3, channel(), connection=2), down(3.1, taken(), connection=2), until=50)
    assert len(told.sessions) == 2
    assert told.statuses("report one channel") == ["pending", "ok"]
    assert told.devices["fogslink:12345678"].sessions == [1, 2]
    assert told.devices["fogslink:12345678"].addresses == ["10.0.0.5", "10.0.0.6"]


def test_two_devices_may_use_the_same_pack_ids() -> None:
    def other(data: bytes) -> bytes:
        return data.replace(SN.encode(), b"87654321")

    told = ladder(
        *login(), *[step._replace(data=other(step.data)) for step in login(0, 2)],
        up(1, pack()), up(1, other(pack(value="7")), connection=2), down(1.1, other(packed()), connection=2), down(1.2, packed()),
    )  # fmt: skip
    assert told.codes() == {}
    assert told.statuses("report packed") == ["ok", "ok"]
    assert sorted(told.devices) == ["fogslink:12345678", "fogslink:87654321"]


def test_pack_ids_that_wrap_and_start_again() -> None:
    steps: list[Step] = []
    for number in range(40):
        at = 1 + number * 7
        steps += [up(at, BEAT), down(at, BEATEN), up(at, pack(str(number % 10), value=str(number))), down(at + 0.1, packed(str(number % 10)))]
    told = session(*steps)
    assert told.codes() == {}
    assert set(told.statuses("report packed")) == {"ok"}


ANYTHING = [
    ANNOUNCE, ANNOUNCED, NO_DEVICE, LOGIN, LOGGED_IN, BEAT, BEATEN, channel(), channel(2), taken(), pack(), packed(), packed(code="9"), configure(),
    configured(), b"garbage\n", b"\n", b'{"req200":{"eqSN":[],"packID":{}}}\n', b'{"res200":{}}\n',
]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(["up", "down"]), st.sampled_from(ANYTHING), st.floats(0, 30)), max_size=25), st.booleans(), st.booleans())
def test_whatever_is_said_the_counts_balance(says: list[tuple[str, bytes, float]], midstream: bool, ends: bool) -> None:
    at, steps = 0.0, []
    for way, data, pause in says:
        at += pause
        steps.append((up if way == "up" else down)(round(at, 3), data))
    if ends:
        steps += [fin("up", at), fin("down", at)]
    if steps:
        told = ladder(*steps, midstream=midstream)
        owed = {"res001", "res002", "res200", "res201", "res100", "req300"}
        mercy = told.messages[0].time if midstream and told.messages else None
        wrong = {uid for one in told.anomalies if one.code == "schema.wrong-direction" for uid in one.messages}
        for one in told.unpaired():
            # Every message that is an answer and in no exchange is an orphan, but for midstream mercy and those of the wrong side.
            assert one.type not in owed or one in told.orphans() or mercy or one.id in wrong
