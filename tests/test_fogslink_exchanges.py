"""FogsLink: who answers whom and what becomes of a request; refusals, holes, several connections."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fogslink_says import (
    BEAT,
    BEATEN,
    SN,
    beats,
    channel,
    login,
    merged,
    pack,
    packed,
    session,
    taken,
)
from tests.ladder import Step, closed, down, fin, gap, ladder, reset, up

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
