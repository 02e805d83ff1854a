"""clife-lan as a whole: chains, discovery, single messages; each anomaly beside what must not raise it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from captures.ciphers import DiffieHellman
from grammars.clife_lan import key_exchange
from grammars.coap import Type
from tests.ladder import Told
from tests.lan_says import APP, APP_KEY, BROADCAST, DEVICE, PARAMS, PLAIN, down, up
from tests.scene import Scene, envelope

# -- who answers whom --


def told_of(*said: tuple[float, str, int, Any, Any], until: float | None = None) -> Told:
    """(time, up or down, cmd, msgId, data) in a session that is seen from its start, its data in clear."""
    scene = Scene()
    down(scene, -2, 1101, 1, {"userId": APP_KEY})
    up(scene, -1.9, 1102, 2, {"keyModes": ["DH"]})
    down(scene, -1.8, 1103, 2, {"keyMode": "DH"})
    up(scene, -1.7, 1104, 3, DiffieHellman(5).offer)
    down(scene, -1.6, 1105, 3, {"pubKey": DiffieHellman(6).offer["pubKey"]})
    for at, way, cmd, msg_id, data in said:
        (up if way == "up" else down)(scene, at, cmd, msg_id, data)
    return scene.told(until=until)


ALWAYS = ("security.plaintext-payload", "security.weak-key-exchange", "pair.orphan-response")
"""of the key exchange in clear; its 1101 answers a 1100 that was not captured, so orphans are counted in `orphans`"""
OTHERS = {"params": [{"1": "0"}]}


def legs_of(told: Told) -> list[tuple[Any, ...]]:
    """Without the key exchange's two, counted from behind it."""
    shift: Callable[[Any], Any] = lambda place: [shift(one) for one in place] if isinstance(place, list) else place and place - 5  # noqa: E731
    return [(shift(one[0]), shift(one[1]), shift(one[2]), shift(one[3]), one[4]) for one in told.legs()[2:]]


CHAINS: dict[str, tuple[list[tuple[float, str, int, Any, Any]], list[tuple[Any, ...]], dict[str, int], int]] = {
    "control": ([(1, "down", 2011, 7, PARAMS), (2, "up", 2006, 7, PARAMS), (3, "down", 2007, 7, None)], [([1], [], 2, 3, "ok")], {}, 0),
    "query": ([(1, "down", 2009, 7, {"params": []}), (2, "up", 2006, 7, PARAMS), (3, "down", 2007, 7, None)], [([1], [], 2, 3, "ok")], {}, 0),
    "report": ([(1, "up", 2006, 7, PARAMS), (3, "down", 2007, 7, None)], [([1], [], 2, None, "ok")], {}, 0),
    "no third leg": ([(1, "down", 2011, 7, PARAMS), (2, "up", 2006, 7, PARAMS)], [([1], [], 2, None, "ok")], {"pair.timeout": 1}, 0),
    "no answer": ([(1, "down", 2011, 7, PARAMS)], [([1], [], None, None, "timeout")], {"pair.timeout": 1}, 0),
    "a late third leg": (
        [(1, "down", 2011, 7, PARAMS), (2, "up", 2006, 7, PARAMS), (17, "down", 2007, 7, None)], [([1], [], 2, 3, "ok")], {"pair.late": 1}, 0,
    ),
    "third leg alone": ([(20, "down", 2007, 7, None)], [], {}, 1),
    "late": ([(1, "down", 2011, 7, PARAMS), (15, "up", 2006, 7, PARAMS), (16, "down", 2007, 7, None)], [([1], [], 2, 3, "late")], {"pair.late": 1}, 0),
    "sent again": (
        [(1, "down", 2011, 7, PARAMS), (5, "down", 2011, 7, PARAMS), (6, "up", 2006, 7, PARAMS), (7, "down", 2007, 7, None)],
        [([1, 2], [], 3, 4, "ok")], {"pair.retransmission": 1}, 0,
    ),
    "all sent twice": (
        [(1, "down", 2011, 7, PARAMS), (2, "down", 2011, 7, PARAMS), (3, "up", 2006, 7, PARAMS), (4, "up", 2006, 7, PARAMS), (5, "down", 2007, 7, None),
         (20, "down", 2007, 7, None)],
        [([1, 2], [4, 6], 3, 5, "ok")], {"pair.retransmission": 1}, 0,
    ),
    "the device's own number collides before": (
        [(1, "up", 2006, 7, OTHERS), (2, "down", 2011, 7, PARAMS), (3, "up", 2006, 7, PARAMS), (4, "down", 2007, 7, None), (5, "down", 2007, 7, None)],
        [([1], [], 4, None, "ok"), ([2], [], 3, 5, "ok")], {}, 0,
    ),
    "the device's own number went unanswered before": (
        [(1, "up", 2006, 7, OTHERS), (20, "down", 2011, 7, PARAMS), (21, "up", 2006, 7, PARAMS), (22, "down", 2007, 7, None)],
        [([1], [], None, None, "timeout"), ([2], [], 3, 4, "ok")], {"pair.timeout": 1}, 0,
    ),
    "and its answer is late": (
        [(1, "up", 2006, 7, OTHERS), (20, "down", 2011, 7, PARAMS), (21, "up", 2006, 7, PARAMS), (22, "down", 2007, 7, None), (23, "down", 2007, 7, None)],
        [([1], [], 5, None, "late"), ([2], [], 3, 4, "ok")], {"pair.late": 1}, 0,
    ),
    "and after": (
        [(1, "down", 2011, 7, PARAMS), (2, "up", 2006, 7, PARAMS), (3, "up", 2006, 7, OTHERS), (4, "down", 2007, 7, None), (5, "down", 2007, 7, None)],
        [([1], [], 2, 4, "ok"), ([3], [], 5, None, "ok")], {}, 0,
    ),
    "three in vain": (
        [(1, "up", 2006, 7, PARAMS), (12, "up", 2006, 7, PARAMS), (23, "up", 2006, 7, PARAMS)],
        [([1, 2, 3], [], None, None, "timeout")], {"pair.retransmission": 1, "pair.retries-exhausted": 1}, 0,
    ),
    "a number used for something else": (
        [(1, "up", 2006, 7, PARAMS), (2, "down", 2007, 7, None), (30, "up", 2006, 7, OTHERS), (31, "down", 2007, 7, None)],
        [([1], [], 2, None, "ok"), ([3], [], 4, None, "ok")], {"pair.id-reuse": 1}, 0,
    ),
    "a number used again later": (
        [(1, "up", 2006, 7, PARAMS), (2, "down", 2007, 7, None), (90, "up", 2006, 7, OTHERS), (91, "down", 2007, 7, None)],
        [([1], [], 2, None, "ok"), ([3], [], 4, None, "ok")], {}, 0,
    ),
    "history by its slip": ([(1, "up", 2020, 7, [PARAMS]), (2, "down", 2007, 7, None)], [([1], [], 2, None, "ok")], {"pair.wrong-answer": 1}, 0),
    "history": ([(1, "up", 2020, 7, [PARAMS]), (2, "down", 2021, 7, None)], [([1], [], 2, None, "ok")], {}, 0),
    "batch by its slip": ([(1, "up", 2106, 7, [PARAMS]), (2, "down", 2007, 7, None)], [([1], [], 2, None, "ok")], {"pair.wrong-answer": 1}, 0),
    "batch": ([(1, "up", 2106, 7, [PARAMS]), (2, "down", 2107, 7, None)], [([1], [], 2, None, "ok")], {}, 0),
    "unbind": ([(1, "down", 2013, 7, None), (2, "up", 2012, 7, None)], [([1], [], 2, None, "ok")], {}, 0),
    "text": ([(1, "up", 2006, "7", PARAMS), (2, "down", 2007, 7, None)], [([1], [], 2, None, "ok")], {"schema.bad-type": 1}, 0),
    "who says what": ([(1, "down", 2006, 7, PARAMS)], [], {"schema.wrong-direction": 1}, 0),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains(name: str) -> None:
    said, legs, codes, orphans = CHAINS[name]
    told = told_of(*said, until=200)
    assert legs_of(told) == legs
    assert told.codes(ALWAYS) == codes
    assert len(told.orphans()) == orphans + (1 if told.orphans() and told.orphans()[0].type == "1101" else 0)


def test_a_capture_that_ends_before_the_deadline_leaves_it_open() -> None:
    assert legs_of(told_of((1, "up", 2006, 7, PARAMS), until=9)) == [([1], [], None, None, "pending")]
    told = told_of((1, "down", 2011, 7, PARAMS), (2, "up", 2006, 7, PARAMS), until=9)
    assert legs_of(told) == [([1], [], 2, None, "ok")] and told.codes(ALWAYS) == {}


# -- discovery --


@pytest.mark.parametrize(
    ("times", "early"),
    [([0, 2, 4, 64, 184, 364], 0), ([0, 2, 4, 6, 66, 186], 0), ([0, 1, 2, 62], 2), ([0, 2, 4, 64, 94], 1), ([0, 2, 4, 64, 190, 400], 0)],
)
def test_the_schedule_of_discovery(times: list[float], early: int) -> None:
    scene = Scene()
    for place, at in enumerate(times):
        scene.coap(at, DEVICE, BROADCAST, envelope(1100, "0f", 10 + place, at=at), kind=Type.NON)
    told = scene.told(until=600)
    assert told.codes() == ({"timing.discovery-schedule": early} if early else {})
    assert told.statuses() == ["timeout"] * len(times) and {one.operation for one in told.exchanges} == {"find APP"}
    assert told.sessions[1].complete and told.sessions[1].peer.address == "192.168.6.255"


def test_an_answer_ends_discovery_and_a_second_app_is_no_orphan() -> None:
    scene = Scene()
    second = ("192.168.6.14", 5683)
    scene.coap(0, DEVICE, BROADCAST, envelope(1100, "0f", 10), kind=Type.NON)
    down(scene, 0.1, 1101, 10, {"userId": APP_KEY})
    down(scene, 0.2, 1101, 10, {"userId": APP_KEY}, (DEVICE, second))
    told = scene.told(until=100)
    assert told.codes(PLAIN) == {} and told.legs() == [([1], [], 2, None, "ok")]
    assert told.session_of[told.exchanges[0].request] == 1 and len(told.sessions) == 3


def test_a_late_answer_to_discovery_is_late() -> None:
    scene = Scene()
    scene.coap(0, DEVICE, BROADCAST, envelope(1100, "0f", 10), kind=Type.NON)
    down(scene, 12, 1101, 10, {"userId": APP_KEY})
    told = scene.told(until=100)
    assert told.codes(PLAIN) == {"pair.late": 1} and told.statuses() == ["late"]


def test_data_before_the_key_exchange() -> None:
    scene = Scene()
    down(scene, 0, 1101, 1, {"userId": APP_KEY})
    up(scene, 0.1, 2006, 2, PARAMS)
    up(scene, 0.2, 2006, 3, PARAMS)
    assert scene.told().codes(PLAIN).get("state.before-authentication") == 1
    scene = Scene()
    up(scene, 0.1, 2006, 2, PARAMS)
    assert "state.before-authentication" not in scene.told().codes(PLAIN)


# -- one message --

BROKEN: dict[str, tuple[bytes, dict[str, int]]] = {
    "the document's comma": (b'{"cmd":2006,"ver":"1.0","dir":"02","msgId":5,"timestamp":4522,"data":{"params":[]},}', {"schema.lenient-json": 1}),
    "a name twice": (b'{"cmd":2006,"ver":"1.0","dir":"02","msgId":4,"msgId":5,"timestamp":4522,"data":{"params":[]}}', {"schema.duplicate-key": 1}),
    "no JSON": (b'{"cmd":2006,"ver":', {"framing.malformed": 1}),
    "no JSON at all": (b"hello", {"framing.malformed": 1}),
    "another JSON": (b"[1,2]", {"framing.malformed": 1}),
    "no number": (b'{"cmd":2006,"ver":"1.0","dir":"02","timestamp":4522,"data":{"params":[]}}', {"schema.missing-field": 1}),
    "a priority below 0": (envelope(2006, "02", 5, PARAMS, 1, prio=-1), {"schema.bad-value": 1}),
    "the highest priority": (envelope(2006, "02", 5, PARAMS, 1, prio=9), {}),
    "an unknown cmd": (envelope(2099, "02", 5, at=1), {"schema.unknown-type": 1}),
    "no base64": (envelope(2006, "02", 5, "!!", 1), {"crypto.bad-ciphertext": 1}),
    "no whole blocks": (envelope(2006, "02", 5, "AAAA", 1), {"crypto.bad-ciphertext": 1}),
    "a member missing": (b'{"cmd":2006,"ver":"1.0","dir":"02","msgId":5,"data":{"params":[]}}', {"schema.missing-field": 1}),
    "no params": (envelope(2006, "02", 5, {}, 1), {"schema.missing-field": 1}),
    "a function id over 255": (envelope(2006, "02", 5, {"params": [{"256": "1"}]}, 1), {"schema.bad-value": 1}),
    "a dir that is none": (envelope(2006, "xx", 5, PARAMS, 1), {"schema.bad-value": 1}),
    "a dir of the other side": (envelope(2006, "20", 5, PARAMS, 1), {"schema.wrong-direction": 1}),
    "the clock an hour off": (envelope(2006, "02", 5, PARAMS, 3600), {"timing.clock-skew": 1}),
    "the clock in another zone": (envelope(2006, "02", 5, PARAMS, 8 * 3600), {}),
    "the uptime": (b'{"cmd":2006,"ver":"1.0","dir":"02","msgId":5,"timestamp":4522,"data":{"params":[]}}', {}),
    "a hidden character": (envelope(2006, "02", 5, {"params": [{"0": "a\u202eb"}]}, 1), {"text.control-characters": 1}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_can_be_wrong_with_one_message(name: str) -> None:
    payload, codes = BROKEN[name]
    scene = Scene()
    up(scene, 0.1, 2006, 1, PARAMS)
    down(scene, 0.2, 2007, 1)
    scene.post(1, DEVICE, APP, payload)
    assert scene.told().codes(PLAIN) == codes


def test_plaintext_is_told_once_for_each_sender() -> None:
    told = told_of((1, "down", 2011, 7, PARAMS), (2, "up", 2006, 7, PARAMS), (3, "down", 2007, 7, None))
    assert told.codes()["security.plaintext-payload"] == 2


def test_of_what_1102_offers_the_known_modes_are_kept() -> None:
    offered: list[Any] = ["DH", "NANOECC", 7, {}, *(f"mode {number}" for number in range(10_000))]
    facts: dict[str, Any] = {}
    session: Any = SimpleNamespace(facts=facts)

    def told(kind: str, data: dict[str, Any]) -> list[str]:
        said: Any = SimpleNamespace(kind=kind, data=data)
        return [one.text for one in key_exchange(said, session)]

    assert told("1102", {"keyModes": offered}) == [] and facts == {"offered": {"DH", "NANOE"}}
    assert told("1103", {"keyMode": "NANOEC"}) == [] and told("1103", {"keyMode": "ECDH"}) == ["keyMode ECDH is none of those that 1102 offered"]
    assert told("1103", {"keyMode": "x" * 100_000}) == [] and facts["mode"] is None
