"""imei-tcp: three legs, what a web command leads to, heartbeats."""

from __future__ import annotations

from typing import Any

import pytest

from dissect.model import Exchange
from tests.imei_says import (
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
    session,
)
from tests.ladder import Step, Told, down, fin, gap, reset, silence, up

THREE_WAYS: list[tuple[str, tuple[Step, ...], float, tuple[Any, ...], dict[str, int]]] = [
    ("all three", (down(1, QD), up(1.1, QD_DONE), down(1.2, QD_SEEN)), 2, ([3], [], 4, 5, "ok"), {}),
    ("no third, the capture ends", (down(1, QD), up(1.1, QD_DONE)), 11.1, ([3], [], 4, None, "ok"), {}),
    ("no third", (down(1, QD), up(1.1, QD_DONE)), 11.101, ([3], [], 4, None, "ok"), {"pair.timeout": 1}),
    ("failed and no third", (down(1, QD), up(1.1, frame("QD", "201"))), 15, ([3], [], 4, None, "error"), {"pair.timeout": 1, "pair.refused": 1}),
    ("no third, closed at once", (down(1, QD), up(1.1, QD_DONE), fin("up", 2), fin("down", 2)), 500, ([3], [], 4, None, "ok"), {}),
    ("no third, reset at once", (down(1, QD), up(1.1, QD_DONE), reset("up", 2)), 500, ([3], [], 4, None, "ok"), {"tcp.reset": 1}),
    ("a late third", (down(1, QD), up(1.1, QD_DONE), down(30, QD_SEEN)), 40, ([3], [], 4, 5, "ok"), {"pair.late": 1}),
    ("not my imei", (down(1, frame("QD", data="5", imei=OTHER)), up(1.1, frame("QD", "202")), down(1.2, QD_SEEN)), 2, ([3], [], 4, 5, "error"),
     {"pair.refused": 1, "pair.identity-mismatch": 1}),
    ("not my imei, in the command's words", (down(1, frame("QD", data="5", imei=OTHER)), up(1.1, frame("QD", "202", imei=OTHER)),
                                             down(1.2, frame("QD", "200", imei=OTHER))), 2, ([3], [], 4, 5, "error"), {"pair.refused": 1}),
    ("done, by another imei", (down(1, frame("QD", data="5", imei=OTHER)), up(1.1, QD_DONE), down(1.2, QD_SEEN)), 5, ([3], [], None, None, "pending"),
     {"pair.orphan-response": 2}),
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


def test_a_401_that_names_the_registered_imei_answers_the_request_that_named_another() -> None:
    told = session(up(1, frame("TN", imei=OTHER)), up(1.1, frame("QR", imei=OTHER)), down(1.2, frame("QR", "401")), down(1.3, frame("TN", "401")))
    assert told.statuses() == ["ok", "error", "error"]
    assert told.codes() == {"state.authentication-failed": 2, "pair.identity-mismatch": 2}


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
        (b'command{"imei":"123456787654321","type":"stop"}\r\n', {}, 1),
        (b'command{"imei":"123456787654321","type":"stop"}\n', {}, 1),
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
