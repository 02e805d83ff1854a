"""FogsLink: every rule of its document broken, and beside it the same rule kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from dissect.capture import open_capture
from dissect.options import Options
from dissect.pipeline import analyse
from tests.fogslink_says import (
    ANNOUNCE,
    ANNOUNCED,
    BEAT,
    BEATEN,
    LOGGED_IN,
    LOGIN,
    NO_DEVICE,
    beats,
    channel,
    configure,
    configured,
    line,
    login,
    pack,
    packed,
    session,
    taken,
)
from tests.frames import SECOND, pcap, segment
from tests.ladder import START_NS, Step, Told, down, fin, gap, ladder, reset, silence, up
from tests.scene import ACK, SYN

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
    ("a heartbeat without token", (up(1, line("req100")), down(1.1, BEATEN)), {"schema.missing-field": 1}),
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
    ("a packID of another device on the same connection",
     (up(1, pack()), down(1.1, packed()), up(2, pack(eqSN="2")), down(2.1, line("res200", eqSN="2", packID="12345", code="8"))), {}),
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
    ("001 is answered with 002's failure", (up(0, ANNOUNCE), down(0.1, line("res001", code="3"))), {"schema.bad-value": 1}, ["error"]),
    ("no token with code 0", (up(0, ANNOUNCE), down(0.1, line("res001", code="0"))), {"schema.missing-field": 1}, ["ok"]),
    ("no token with code 2 is right", (up(0, ANNOUNCE), down(0.1, NO_DEVICE)), {"state.authentication-failed": 1}, ["error"]),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "codes", "statuses"), [case[1:] for case in BEFORE], ids=[case[0] for case in BEFORE])
def test_logins(steps: tuple[Step, ...], codes: dict[str, int], statuses: list[str]) -> None:
    told = ladder(*steps)
    assert told.codes() == codes
    assert told.statuses() == statuses


@pytest.mark.parametrize(("request_", "answer", "status"), [
    (channel(), line("res201", eChan="P0-C1", code="9"), "error"),
    (channel(), line("res201", eChan="P0-C1", code="7"), "ok"),
    (pack(), packed(code="2"), "error"),
    (BEAT, line("res100", code="3"), "error"),
])
def test_a_failure_code_where_the_document_has_another_is_a_wrong_value_and_no_success(request_: bytes, answer: bytes, status: str) -> None:
    told = session(up(1, request_), down(1.1, answer))
    assert told.codes() == {"schema.bad-value": 1}
    assert told.statuses()[-1] == status


def test_a_midstream_session_needs_no_login_and_has_no_orphans_at_first() -> None:
    told = ladder(down(0, taken(7)), up(1, channel()), down(1.1, taken()), down(9.9, taken(8)), midstream=True)
    assert told.codes(but=()) == {"tcp.midstream": 1}
    told = ladder(up(0, channel()), down(0.1, taken()), down(10.2, taken(8)), midstream=True)
    assert told.codes() == {"pair.orphan-response": 1}


# -- heartbeats --


@pytest.mark.parametrize(
    ("steps", "until", "gaps"),
    [
        (beats(5, 40, 9.5), 41, 0),
        ([up(10.03, BEAT), down(10.04, BEATEN)], 12, 0),
        ([up(10.031, BEAT), down(10.04, BEATEN)], 12, 1),
        ([*beats(1, 2), *beats(19, 20), *beats(38, 39)], 40, 2),
        ([silence(10.03)], 50, 0),
        ([*beats(1, 2), gap("up", 12), *beats(12, 13)], 14, 0),
        ([gap("up", 12), *beats(12, 13)], 14, 0),
        ([*beats(1, 2), gap("up", 3), *beats(14, 15)], 16, 1),
        ([*beats(1, 2), gap("down", 12), up(12, BEAT)], 14, 1),
        ([silence(10.04)], 50, 1),
        ([up(4, channel()), down(4.1, taken()), up(9, channel()), down(9.1, taken()), up(12, channel()), down(12.1, taken()), up(25, channel())], 26, 1),
        ([*beats(1, 2), down(11.5, configure()), up(11.6, configured())], 12, 1),
    ],
)
def test_gaps_between_heartbeats(steps: list[Step], until: float, gaps: int) -> None:
    told = ladder(*login(), *steps, until=until)
    assert told.codes().get("timing.heartbeat-gap", 0) == gaps


def captured(path: Path, *talk: tuple[float, int, bytes], lost: Sequence[int] = ()) -> Told:
    """What a file tells of a connection: (second, side, bytes) each, without those whose places are *lost*."""
    written, sent = [(START_NS + 3599 * SECOND, segment(0, 99, flags=SYN)), (START_NS + 3599 * SECOND, segment(1, 99, flags=SYN | ACK))], [100, 100]
    for place, (at, side, data) in enumerate(talk):
        if place not in lost:
            written.append((START_NS + int(at * SECOND), segment(side, sent[side], data, acknowledgement=sent[1 - side])))
        sent[side] += len(data)
    path.write_bytes(pcap([(at, frame, len(frame)) for at, frame in written]))
    told = Told()
    with open_capture([str(path)]) as capture:
        analyse(capture, told, Options())
    return told.settle()


TALK = ((3600, 0, ANNOUNCE), (3600.1, 1, ANNOUNCED), (3600.2, 0, LOGIN), (3600.3, 1, LOGGED_IN), (3605, 0, BEAT), (3605.1, 1, BEATEN))


def test_a_clock_that_is_set_back_splits_no_connection_and_makes_no_gap(tmp_path: Path) -> None:
    told = captured(tmp_path / "set.pcap", *TALK, (6, 0, channel()), (6.1, 1, taken()), (10, 0, BEAT), (10.1, 1, BEATEN))
    assert told.codes() == {}
    assert told.statuses() == ["ok"] * 5
    assert len(told.sessions) == 1


@pytest.mark.parametrize(("lost", "codes"), [
    ((1,), {"tcp.missing-bytes": 1}),
    ((2, 3), {"tcp.missing-bytes": 2}),
    ((0, 1, 2, 3), {"tcp.missing-bytes": 2}),
    ((4,), {"tcp.missing-bytes": 1, "pair.orphan-response": 1}),
])
def test_a_login_that_the_capture_lost_is_not_said_to_be_none(tmp_path: Path, lost: tuple[int, ...], codes: dict[str, int]) -> None:
    told = captured(tmp_path / "lost.pcap", *TALK, (3606, 0, channel()), (3606.1, 1, taken()), lost=lost)
    assert told.codes() == codes


def test_texts_agree_in_number_and_quote_a_bounded_part() -> None:
    told = ladder(*login(), up(1, b"x\n"), up(2, pack(totalSize=3)), down(2.1, packed()),
                  up(3, line("req201", eChan="P0-C" + "9" * 5000, eChanSta="0", eVal="1")))
    texts = [one.message for one in told.anomalies]
    assert "1 byte that is no message of FogsLink data cloud" in texts
    assert "totalSize says 3, eqData holds 1 entry" in texts
    assert max(map(len, texts)) < 200
