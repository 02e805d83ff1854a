"""Causes and effects across sessions: bounded, found by key, the oldest first (the stories are told in test_imei_exchanges)."""

from __future__ import annotations

import time

import pytest

import dissect.pairing.links
from tests.imei_says import IMEI, QD, QD_DONE, QD_SEEN, command, frame, registered
from tests.ladder import down, ladder, up


def test_commands_beyond_the_bound_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissect.pairing.links, "WAITING_LIMIT", 10)
    told = ladder(*[up(number / 100, command(imei=f"{number:015d}"), connection=9) for number in range(30)], port=12306)
    assert told.statuses() == ["pending"] * 30


@pytest.mark.slow
def test_thousands_of_waiting_commands_cost_a_fixed_time_each() -> None:
    steps = [up(1 + number / 1000, command(imei=f"{number:015d}"), connection=9) for number in range(4000)]
    steps += [down(5 + number / 1000, frame("QD", data=str(number))) for number in range(4000)]
    began = time.process_time()
    told = ladder(*registered(), *steps, port=12306, until=7)
    assert time.process_time() - began < 20
    assert set(told.statuses("web-start")) == {"pending"}


def test_the_oldest_command_that_matches_is_the_one() -> None:
    told = ladder(
        *registered(), up(1, command(seconds="0060"), connection=9), up(2, command(), connection=9), up(3, command(), connection=9),
        down(3.1, QD), up(3.2, QD_DONE), down(3.3, QD_SEEN), port=12306,
    )  # fmt: skip
    links = [(told.places(one.response), one.status) for one in told.exchanges if one.operation == "web-start"]
    assert links == [(None, "pending"), (6, "ok"), (None, "pending")]


def test_a_command_that_is_carried_out_after_more_than_a_minute_was_not_carried_out() -> None:
    told = ladder(*registered(), up(1, command(), connection=9), down(71.001, QD), up(71.1, QD_DONE), down(71.2, QD_SEEN), port=12306)
    assert told.statuses("web-start") == ["timeout"]
    assert told.exchange_of("start").key == {"imei": IMEI, "cmd": "QD"}
