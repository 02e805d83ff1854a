"""What C-Life devices and their APP say in the local network."""

from __future__ import annotations

from typing import Any

from captures.ciphers import Key, Side
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
