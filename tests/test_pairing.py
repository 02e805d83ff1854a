"""Pairing at its limits: thousands of open requests, bounds that hold and are counted, and the time that each thing costs."""

from __future__ import annotations

import time

import pytest

import dissect.pairing.early
import dissect.pairing.pairing
from tests.fogslink_says import BEAT, BEATEN, channel, line, login, pack, packed, taken
from tests.ladder import Step, down, gap, ladder, up


def test_requests_beyond_the_bound_are_given_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissect.pairing.pairing, "OPEN_LIMIT", 50)
    steps = [up(1 + number / 1000, pack(str(number))) for number in range(80)]
    told = ladder(*login(), *steps, down(1.5, packed("79")), down(1.6, packed("0")))
    assert told.totals.limits.open_requests == 30
    assert told.statuses("report packed") == ["pending"] * 79 + ["ok"]
    # The oldest went: an answer to it is one to nothing that is still open.
    assert told.codes() == {"pair.orphan-response": 1}


def test_a_request_sent_again_for_ever_is_given_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissect.pairing.waiting, "MEMBERS_LIMIT", 10)
    told = ladder(*login(), *[up(1 + number / 10, pack("7")) for number in range(25)], down(4, packed("7")))
    assert [(len(attempts), status) for attempts, _, _, _, status in told.legs()[2:]] == [(10, "pending"), (10, "pending"), (5, "ok")]
    assert told.totals.limits.open_requests == 2
    assert told.codes() == {"pair.retransmission": 3}


def test_early_answers_beyond_the_bound_are_orphans_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissect.pairing.early, "EARLY_LIMIT", 5)
    told = ladder(*login(), *[down(1, taken(number)) for number in range(20)])
    assert told.codes() == {"pair.orphan-response": 20}


@pytest.mark.parametrize(
    "steps",
    [
        [up(1 + number / 1000, channel(1, str(number))) for number in range(6000)],
        [up(1 + number / 1000, channel(1, str(number))) for number in range(3000)] + [down(5 + number / 1000, taken(1)) for number in range(3000)],
        [down(1 + number / 1000, taken(number)) for number in range(6000)],
        [up(1 + number / 1000, pack(str(number))) for number in range(6000)],
        [up(1 + number / 1000, line("req100", tKey=str(number))) for number in range(6000)],
    ],
    ids=["one channel, other values", "all answered", "answers to nothing", "packs", "heartbeats"],
)
@pytest.mark.slow
def test_thousands_of_open_requests_cost_a_fixed_time_each(steps: list[Step]) -> None:
    began = time.process_time()
    told = ladder(*login(), *steps, until=400)
    # Quadratic work would take minutes.
    assert time.process_time() - began < 20
    assert len(told.messages) == len(steps) + 4


def test_the_oldest_open_request_is_answered_first() -> None:
    told = ladder(*login(), up(1, channel(1, "a")), up(2, channel(1, "b")), up(3, channel(1, "c")), down(3.1, taken(1)), down(3.2, taken(1)), until=20)
    assert told.legs()[2:] == [([5], [], 8, None, "ok"), ([6], [], 9, None, "ok"), ([7], [], None, None, "timeout")]


def test_numbers_and_texts_that_read_the_same_are_the_same_key() -> None:
    told = ladder(*login(), up(1, pack(number=7)), down(1.1, packed("7")))  # type: ignore[arg-type]
    assert told.statuses("report packed") == ["ok"]
    assert told.exchange_of("report packed").key == {"eqSN": "12345678", "packID": 7}


def test_what_is_sent_after_an_answer_that_a_hole_held_up_is_another_exchange() -> None:
    told = ladder(*login(), up(1, BEAT), up(2, BEAT), up(6, BEAT), gap("down", 6.1), down(2.6, BEATEN, seen_at=6.2), down(6.3, BEATEN), until=15)
    assert told.legs()[2:] == [([5, 6], [], 7, None, "ok"), ([8], [], 9, None, "ok")]
    assert [round(exchange.latency_ms or 0) for exchange in told.exchanges[2:]] == [600, 300]
    assert [anomaly.message for anomaly in told.anomalies if anomaly.code == "pair.retransmission"] == ["heartbeat sent again 1 time before its answer"]


def test_a_refusal_that_a_hole_held_up_comes_before_the_re_send() -> None:
    refused = down(1.2, packed(code="9"), seen_at=3.2)
    told = ladder(*login(), up(1, pack()), up(3, pack()), gap("down", 3.1), refused, down(3.3, packed()), until=10)
    assert told.legs()[2:] == [([5, 7], [6], 8, None, "ok")]
    assert round(told.exchange_of("report packed").latency_ms or 0) == 300
    assert "pair.retransmission" not in told.codes()


def test_an_answer_that_a_hole_held_up_answers_no_request_that_came_after_it() -> None:
    told = ladder(*login(), gap("up", 2.5), up(6, BEAT), gap("down", 6.1), down(2.6, BEATEN, seen_at=6.2), down(6.3, BEATEN), until=15)
    assert told.legs()[2:] == [([6], [], 7, None, "ok")]
    assert round(told.exchanges[2].latency_ms or 0) == 300
    assert told.codes()["pair.orphan-response"] == 1
