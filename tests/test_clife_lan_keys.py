"""C-Life LAN: which key opens what, and what a key exchange may not be."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest

from captures.ciphers import DOCUMENT_PRIME, ZERO_BYTES, DiffieHellman, Key, NanoEcc, Secp112, Side
from dissect.keys import KeyKind, Keyring
from grammars.coap import Type
from tests.lan_says import APP, APP_ENTRY, BROADCAST, DEVICE, FIXED, OTHER, control, down, hello, private, ring, seals, up
from tests.scene import Scene, envelope

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


@pytest.mark.parametrize(
    ("plain", "codes"),
    [
        (b'{"params": [{"0": "1"}]}', {}),
        (b'{"params":[{"0":"1"},]}', {"schema.lenient-json": 1}),
        (b'{" params":[{"0":"1"}]}', {"schema.lenient-json": 1}),
        (b'{"params":[{"0":"1"}],"params":[]}', {"schema.duplicate-key": 1}),
        (b'{"events":[]}', {"schema.missing-field": 1}),
    ],
)
def test_what_was_sealed_is_judged_as_what_is_in_clear(plain: bytes, codes: dict[str, int]) -> None:
    scene = Scene()
    key = hello(scene, NanoEcc(5), NanoEcc(6), "NANOEC")
    up(scene, 1, 2006, 9, key.seal_text(plain))
    down(scene, 1.1, 2007, 9)
    assert scene.told(ring(APP_ENTRY, private(5))).codes() == codes


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
        (["DH"], "DH", {"pubKey": DiffieHellman(5).offer["pubKey"]}, {"schema.missing-field": 2, "security.weak-key-exchange": 1}),
        (["DH"], ["DH"], {"pubKey": DiffieHellman(5).offer["pubKey"]}, {"schema.bad-type": 1, "security.weak-key-exchange": 1}),
    ):
        scene = Scene()
        up(scene, 0.1, 1102, 2, FIXED.seal({"keyModes": offered}))
        down(scene, 0.2, 1103, 2, FIXED.seal({"keyMode": chosen}))
        up(scene, 0.3, 1104, 3, FIXED.seal(offer))
        assert scene.told(ring(APP_ENTRY)).codes() == codes, (offered, chosen)
