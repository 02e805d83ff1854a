"""FogsLink by its document (000, protocols.md "fogslink"): every message, and what comes of it however the stream is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.effort import rungs
from tests.fogslink_says import (
    ANNOUNCE,
    ANNOUNCED,
    BEAT,
    BEATEN,
    LOGGED_IN,
    LOGIN,
    NO_DEVICE,
    SN,
    channel,
    configure,
    configured,
    login,
    pack,
    packed,
    session,
    taken,
)
from tests.ladder import Step, Told, down, fin, gap, ladder, silence, up

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
