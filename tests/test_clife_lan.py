"""clife-lan as a whole: the document's examples, keys, chains, CoAP's layer, discovery; each anomaly beside what must not raise it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from captures.ciphers import DOCUMENT_PRIME, ZERO_BYTES, DiffieHellman, Key, NanoEcc, Secp112, Side
from captures.coap import Block
from dissect.crypto.secret import Secret
from dissect.keys import KeyEntry, KeyKind, Keyring
from grammars.coap import Type
from tests.ladder import Told
from tests.scene import End, Scene, envelope

DEVICE, OTHER, APP, BROADCAST = ("192.168.6.6", 40000), ("192.168.6.7", 40000), ("192.168.6.13", 5683), ("192.168.6.255", 5683)
APP_KEY = "8AEAF7E5E65C2F4FFD8683BB1E9AE885"
FIXED = Key(bytes.fromhex(APP_KEY))
PARAMS = {"params": [{"0": "1"}]}
PLAIN = ("security.plaintext-payload",)


def ring(*entries: tuple[KeyKind, str, bytes], device: str | None = None) -> Keyring:
    return Keyring(entries=tuple(KeyEntry("clife-lan", kind, name, Secret(secret), device) for kind, name, secret in entries))


APP_ENTRY = (KeyKind.APP_KEY, "app", APP_KEY.encode())


def private(number: int, name: str = "p") -> tuple[KeyKind, str, bytes]:
    return KeyKind.PRIVATE_VALUE, name, number.to_bytes(24, "big")


def hello(scene: Scene, device: Side, app: Side, mode: str, at: float = 0.0, key: Key = FIXED, first: int = 1, ends: tuple[End, End] = (DEVICE, APP)) -> Key:
    """1100 to 1105; the session key."""
    one, other = ends
    scene.coap(at, one, BROADCAST, envelope(1100, "0f", first, at=at), kind=Type.NON)
    down(scene, at + 0.1, 1101, first, key.seal({"userId": APP_KEY}), ends)
    up(scene, at + 0.2, 1102, first + 1, key.seal({"keyModes": ["DH", "ECDH", "NANOEC"]}), ends)
    down(scene, at + 0.3, 1103, first + 1, key.seal({"keyMode": mode}), ends)
    up(scene, at + 0.4, 1104, first + 2, key.seal(device.offer), ends)
    down(scene, at + 0.5, 1105, first + 2, key.seal({"pubKey": app.offer["pubKey"]}), ends)
    return device.agree(app)


def up(scene: Scene, at: float, cmd: int, msg_id: object, data: object = None, ends: tuple[End, End] = (DEVICE, APP), **more: Any) -> int:
    return scene.post(at, ends[0], ends[1], envelope(cmd, "02", msg_id, data, at, **more))


def down(scene: Scene, at: float, cmd: int, msg_id: object, data: object = None, ends: tuple[End, End] = (DEVICE, APP), **more: Any) -> int:
    return scene.post(at, ends[1], ends[0], envelope(cmd, "20", msg_id, data, at, **more), path="downlink")


def control(scene: Scene, at: float, key: Key, msg_id: int, ends: tuple[End, End] = (DEVICE, APP)) -> None:
    down(scene, at, 2011, msg_id, key.seal(PARAMS), ends)
    up(scene, at + 0.1, 2006, msg_id, key.seal(PARAMS), ends)
    down(scene, at + 0.2, 2007, msg_id, None, ends)


def seals(told: Told) -> list[tuple[str | None, str | None, str | None, str | None]]:
    """(type, status, entry, exchange) of every message with data."""
    return [(one.type, one.encryption.status, one.encryption.key, one.encryption.exchange) for one in told.messages if one.encryption is not None]


# -- keys --

MODES: list[tuple[str, Callable[[int], Side], dict[str, int]]] = [
    ("DH", DiffieHellman, {"security.weak-key-exchange": 1}),
    ("ECDH", Secp112, {"security.weak-key-exchange": 1}),
    ("NANOEC", NanoEcc, {}),
    ("NANOECC", NanoEcc, {}),
]


@pytest.mark.parametrize("side", [0, 1], ids=["the device's private value", "the app's"])
@pytest.mark.parametrize(("mode", "make", "codes"), MODES, ids=[one[0] for one in MODES])
def test_either_private_value_opens_everything(mode: str, make: Callable[[int], Side], codes: dict[str, int], side: int) -> None:
    numbers = (0x1234567, 0x7654321)
    scene = Scene()
    key = hello(scene, make(numbers[0]), make(numbers[1]), mode)
    control(scene, 2, key, 50)
    told = scene.told(ring(APP_ENTRY, private(numbers[side])))
    name = "NANOEC" if mode.startswith("NANO") else mode
    assert [status for _, status, _, _ in seals(told)] == ["decrypted"] * 7
    assert seals(told)[-1] == ("2006", "decrypted", "p", name) and seals(told)[0][2:] == ("app", None)
    assert told.codes() == codes
    assert told.legs() == [([1], [], 2, None, "ok"), ([3], [], 4, None, "ok"), ([5], [], 6, None, "ok"), ([7], [], 8, 9, "ok")]
    assert [(one.complete, one.carrier) for one in told.sessions.values()] == [(True, "udp/coap")] * 2
    assert told.devices["clife-lan:192.168.6.6"].addresses == ["192.168.6.6"] and len(told.devices) == 1


def test_without_keys_a_session_says_so_once() -> None:
    scene = Scene()
    control(scene, 2, hello(scene, NanoEcc(5), NanoEcc(6), "NANOEC"), 50)
    told = scene.told()
    assert told.codes() == {"crypto.no-key": 1} and told.statuses() == ["ok"] * 4
    told = scene.told(ring(APP_ENTRY))
    assert told.codes() == {"crypto.no-key": 1} and [one[1] for one in seals(told)] == ["decrypted"] * 5 + ["no-key"] * 2


@pytest.mark.parametrize(
    "entries",
    [
        (APP_ENTRY, private(77)),
        (APP_ENTRY, (KeyKind.SESSION_KEY, "s", bytes(16))),
        ((KeyKind.APP_KEY, "app", b"00" * 16), private(5)),
    ],
    ids=["another's private value", "another session's key", "another app's key before the exchange"],
)
def test_a_key_that_opens_nothing_is_wrong_once(entries: tuple[tuple[KeyKind, str, bytes], ...]) -> None:
    scene = Scene()
    control(scene, 2, hello(scene, NanoEcc(5), NanoEcc(6), "NANOEC"), 50)
    told = scene.told(ring(*entries))
    assert told.codes() == {"crypto.wrong-key": 1} and {one[1] for one in seals(told)[-2:]} == {"wrong-key"}


def test_a_new_exchange_changes_the_key_and_each_device_has_its_own() -> None:
    scene = Scene()
    control(scene, 2, hello(scene, NanoEcc(5), NanoEcc(6), "NANOEC"), 50)
    control(scene, 12, hello(scene, NanoEcc(15), NanoEcc(16), "NANOEC", 10, first=60), 90)
    other = Key(bytes(range(16)), ZERO_BYTES)
    control(scene, 22, hello(scene, Secp112(25), Secp112(26), "ECDH", 20, other, 100, (OTHER, APP)), 120, (OTHER, APP))
    entries = ring(APP_ENTRY, private(5, "a"), private(0x10, "b"), private(25, "c")).entries
    entries += ring((KeyKind.APP_KEY, "other", bytes(range(16)).hex().encode()), device=OTHER[0]).entries
    told = scene.told(Keyring(entries=entries))
    assert [one[2] for one in seals(told)] == ["app"] * 5 + ["a"] * 2 + ["app"] * 5 + ["b"] * 2 + ["other"] * 5 + ["c"] * 2
    assert told.codes() == {"security.weak-key-exchange": 1} and set(told.statuses()) == {"ok"}
    assert sorted(told.devices) == ["clife-lan:192.168.6.6", "clife-lan:192.168.6.7"]


def test_the_user_id_of_1101_opens_the_key_exchange() -> None:
    user = Key(bytes.fromhex("00112233445566778899AABBCCDDEEFF"))
    scene = Scene()
    scene.coap(0, DEVICE, BROADCAST, envelope(1100, "0f", 1), kind=Type.NON)
    down(scene, 0.1, 1101, 1, FIXED.seal({"userId": "00112233445566778899AABBCCDDEEFF"}))
    up(scene, 0.2, 1102, 2, user.seal({"keyModes": ["DH"]}))
    told = scene.told(ring(APP_ENTRY))
    assert seals(told) == [("1101", "decrypted", "app", None), ("1102", "decrypted", "userId", None)] and told.codes() == {}


# -- what an exchange may not be --


def test_a_public_key_used_again_and_one_that_is_none() -> None:
    scene = Scene()
    hello(scene, NanoEcc(5), NanoEcc(6), "NANOEC")
    hello(scene, NanoEcc(5), NanoEcc(7), "NANOEC", 10, first=20, ends=(OTHER, APP))
    assert scene.told(ring(APP_ENTRY)).codes() == {"security.key-reuse": 1}
    for value, wrong in ((1, 1), (0, 1), (DOCUMENT_PRIME - 1, 1), (5, 0)):
        scene = Scene()
        down(scene, 0, 1101, 1, FIXED.seal({"userId": "x"}))
        down(scene, 0.1, 1103, 2, FIXED.seal({"keyMode": "DH"}))
        offer = {**DiffieHellman(9).offer, "pubKey": b64encode(value.to_bytes(16, "big")).decode()}
        up(scene, 0.2, 1104, 3, FIXED.seal(offer))
        assert scene.told(ring(APP_ENTRY)).codes(("pair.orphan-response",)).get("security.invalid-public-key", 0) == wrong


def test_the_mode_chosen_was_offered_and_dh_brings_its_numbers() -> None:
    for offered, chosen, offer, codes in (
        (["ECDH"], "NANOEC", NanoEcc(5).offer, {"schema.bad-value": 1}),
        (["NANOECC"], "NANOEC", NanoEcc(5).offer, {}),
        (["DH"], "DH", {"pubKey": DiffieHellman(5).offer["pubKey"]}, {"schema.missing-field": 2}),
        (["DH"], ["DH"], {"pubKey": DiffieHellman(5).offer["pubKey"]}, {"schema.bad-type": 1}),
    ):
        scene = Scene()
        up(scene, 0.1, 1102, 2, FIXED.seal({"keyModes": offered}))
        down(scene, 0.2, 1103, 2, FIXED.seal({"keyMode": chosen}))
        up(scene, 0.3, 1104, 3, FIXED.seal(offer))
        assert scene.told(ring(APP_ENTRY)).codes() == codes, (offered, chosen)


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


# -- CoAP --


def blocks(
    scene: Scene, at: float, source: End, target: End, payload: bytes, *, skip: int = -1, again: int = -1, tokens: bool = False, ports: bool = False
) -> None:
    size = 64
    count = -(-len(payload) // size)
    for number in range(count):
        if number == skip:
            continue
        end = (source[0], source[1] + (number if ports else 0))
        token = bytes([7 + (number if tokens else 0)])
        block, piece = Block(number, number < count - 1, size), payload[number * size : (number + 1) * size]
        mid = scene.coap(at + number * 0.01, end, target, piece, token=token, block=block)
        if number == again:
            scene.coap(at + number * 0.01 + 0.002, end, target, piece, token=token, block=block, mid=mid)
        scene.coap(at + number * 0.01 + 0.005, target, end, code=0x5F if number < count - 1 else 0x44, kind=Type.ACK, mid=mid, token=token)


LARGE = envelope(2006, "02", 5, {"params": [{str(place): "x" * 20} for place in range(20)]}, 1)


@pytest.mark.parametrize("how", [{}, {"tokens": True}, {"tokens": True, "ports": True}, {"again": 0}, {"again": 3}])
def test_blocks_become_one_message(how: dict[str, Any]) -> None:
    scene = Scene()
    blocks(scene, 1, DEVICE, APP, LARGE, **how)
    blocks(scene, 1.003, OTHER, APP, LARGE, **how)
    down(scene, 3, 2007, 5)
    down(scene, 3, 2007, 5, ends=(OTHER, APP))
    told = scene.told(until=300)
    assert told.codes(PLAIN) == {} and told.types() == ["2006", "2006", "2007", "2007"] and told.statuses() == ["ok", "ok"]
    assert told.fields()[0] == json.loads(LARGE) and told.messages[0].size == len(LARGE)


@pytest.mark.parametrize("skip", [0, 3, 8])
def test_a_lost_block_is_told_once(skip: int) -> None:
    scene = Scene()
    up(scene, 0.5, 2006, 1, PARAMS)
    down(scene, 0.6, 2007, 1)
    blocks(scene, 1, DEVICE, APP, LARGE, skip=skip)
    told = scene.told(until=300)
    assert told.codes(PLAIN) == {"coap.incomplete-block": 1} and told.types() == ["2006", "2007"]


def test_answers_in_the_acknowledgement_and_apart() -> None:
    scene = Scene()
    mid = scene.coap(1, DEVICE, APP, envelope(2006, "02", 5, PARAMS, 1))
    scene.coap(1.1, APP, DEVICE, envelope(2007, "20", 5, at=1), code=0x44, kind=Type.ACK, mid=mid)
    mid = scene.coap(2, DEVICE, APP, envelope(2006, "02", 6, PARAMS, 2), token=b"\2")
    scene.ack(2.01, APP, DEVICE, mid)
    mid = scene.coap(2.1, APP, DEVICE, envelope(2007, "20", 6, at=2), code=0x44, token=b"\2")
    scene.ack(2.11, DEVICE, APP, mid)
    told = scene.told(until=100)
    assert told.statuses() == ["ok", "ok"] and told.codes(PLAIN) == {}
    assert [one.carrier and one.carrier["type"] for one in told.messages] == ["CON", "ACK", "CON", "CON"]
    assert {one.carrier and one.carrier["uri"] for one in told.messages} == {"/device/uplink"}


def test_a_coap_repetition_is_a_duplicate_and_no_attempt() -> None:
    scene = Scene()
    payload = envelope(2006, "02", 5, PARAMS, 1)
    mid = scene.coap(1, DEVICE, APP, payload)
    for at in (3, 7):
        scene.coap(at, DEVICE, APP, payload, mid=mid)
    scene.ack(7.1, APP, DEVICE, mid)
    down(scene, 7.2, 2007, 5)
    told = scene.told(until=100)
    first = told.messages[0].id
    assert [one.duplicate_of for one in told.messages] == [None, first, first, None]
    assert told.legs() == [([1], [], 4, None, "ok")] and told.codes(PLAIN) == {} and told.exchanges[0].latency_ms == 6200


def test_a_reset_ends_the_exchange_as_error() -> None:
    scene = Scene()
    mid = scene.coap(1, DEVICE, APP, envelope(2006, "02", 5, PARAMS, 1))
    scene.coap(1.1, APP, DEVICE, code=0, kind=Type.RST, mid=mid)
    told = scene.told(until=200)
    assert told.codes(PLAIN) == {"coap.reset": 1} and told.statuses() == ["error"]


@pytest.mark.parametrize(("until", "codes"), [(46.1, {"coap.unacknowledged": 1}), (45.9, {})])
def test_a_con_is_acknowledged_within_its_span(until: float, codes: dict[str, int]) -> None:
    scene = Scene()
    scene.coap(1, DEVICE, APP, envelope(2006, "02", 5, PARAMS, 1))
    scene.coap(2, APP, DEVICE, envelope(2007, "20", 5, at=2), kind=Type.NON, path="downlink")
    assert scene.told(until=until).codes(PLAIN) == codes


def test_a_session_is_two_addresses_whatever_the_ports() -> None:
    scene = Scene()
    for number in range(3):
        up(scene, 1 + number, 2006, 5 + number, PARAMS, (("192.168.6.6", 50000 + number), APP))
        down(scene, 1.5 + number, 2007, 5 + number, None, (("192.168.6.6", 5683), ("192.168.6.13", 60000 + number)))
    told = scene.told()
    assert len(told.sessions) == 1 and told.statuses() == ["ok"] * 3 and told.codes(PLAIN) == {}
    assert told.sessions[1].streams == [1, 2, 3, 4, 5, 6] and (told.sessions[1].device.port, told.sessions[1].peer.port) == (50000, 5683)


def test_a_message_of_hundreds_of_blocks_from_a_port_of_its_own() -> None:
    scene = Scene()
    blocks(scene, 1, DEVICE, APP, envelope(2006, "02", 5, {"params": [{str(place): "x" * 60} for place in range(200)]}, 1))
    down(scene, 9, 2007, 5)
    assert scene.told().statuses() == ["ok"]


def test_both_on_one_host_are_told_apart_by_what_they_say() -> None:
    scene = Scene()
    ends = (("127.0.0.1", 40000), ("127.0.0.1", 5683))
    down(scene, 1, 2011, 7, PARAMS, ends)
    up(scene, 2, 2006, 7, PARAMS, ends)
    down(scene, 3, 2007, 7, None, ends)
    told = scene.told()
    assert told.legs() == [([1], [], 2, 3, "ok")] and told.codes(PLAIN) == {} and [one.direction for one in told.messages] == ["down", "up", "down"]


def test_a_datagram_cut_by_the_snap_length_is_no_broken_message() -> None:
    scene = Scene()
    up(scene, 1, 2006, 5, PARAMS)
    down(scene, 1.1, 2007, 5)
    scene.datagram(2, DEVICE, APP, b"\x40\2\0\x77\xb6device\6uplink\xff" + LARGE, cut=120)
    told = scene.told()
    assert told.codes(PLAIN) == {"capture.truncated-packet": 1} and told.types() == ["2006", "2007"]


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
