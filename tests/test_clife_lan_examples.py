"""The examples of 003 as printed (6.1 to 6.3), in clear and under the fixed key: each is read, and only its own slip is told."""

from __future__ import annotations

import json
import re

import pytest

from captures.ciphers import Key
from dissect.crypto.secret import Secret
from dissect.keys import KeyEntry, KeyKind, Keyring
from tests.scene import Scene

DEVICE, APP = ("192.168.6.6", 40000), ("192.168.6.13", 5683)
APP_KEY = "8AEAF7E5E65C2F4FFD8683BB1E9AE885"
EXAMPLES: dict[str, tuple[bytes, dict[str, int]]] = {
    "6.1.1": (b'{\n  "cmd": 1100,\n  "ver": "1.0",\n  "dir": "0f",\n  "msgId": 245,\n  "timestamp": 4522,\n}', {"schema.lenient-json": 1}),
    "6.1.2": (b'{"cmd": 1101, "ver": "1.0", "dir": "20", "msgId": 245, "timestamp": 1617787651542, '
            b'"data": {"userId": "8AEAF7E5E65C2F4FFD8683BB1E9AE885"}}', {}),
    "6.2.1": (b'{"cmd": 1102, "ver": "1.0", "dir": "02", "msgId": 531, "timestamp": 3542, "data": {"keyModes": ["DH", "ECDH"]}}', {}),
    "6.2.2": (b'{"cmd": 1103, "ver": "1.0", "dir": "20", "msgId": 531, "timestamp": 1617787651542, "data": {"keyMode": "DH"}}', {}),
    "6.2.3 DH": (
        b'{"cmd": 1104, "ver": "1.0", "dir": "02", "msgId": 642, "timestamp":3654, "data": {"pubKey":"W3fxEAqA1l8y4X0e55wWCg==", '
        b'"dhP":"sZZXNCqS2pRpx28BYhsLIw==", "dhG":"Ag=="}}',
        {"security.weak-key-exchange": 1},
    ),
    "6.2.3 NANO ECC": (
        b'{"cmd": 1104, "ver": "1.0", "dir": "02", "msgId": 642, "timestamp": 3654, "data": {"pubKey": '
        b'"sw10uEfPyX8gMqEE3J+R3Qb3oNO6fxqWTf1V93dB8tLJFiEFw24uoVCOnYbPHywe"}}',
        {},
    ),
    "6.2.3 ECDH": (
        b'{"cmd": 1104, "ver": "1.0", "dir": "02", "msgId": 642, "timestamp": 3654, "data": {"pubKey": "Am+XPZ15XQU3D2uHNL72"}}',
        {"security.weak-key-exchange": 1},
    ),
    "6.3.1.1": (
        b'{"cmd": 2006, "ver": "1.0", "dir": "02", "timestamp": 1617787651542, "msgId": 65, "data": {"params": [{"0": "1"}, {"1": "2"}, {"2": "1324334"}], '
        b'"events": [{"253": 2}, {"254": 1}]}}',
        {},
    ),
    "6.3.2.1": (b'{"cmd": 2009, "ver": "1.0", "dir": "20", "timestamp": 1617787651542, "msgId": 1000, "data": {"params": [0, 1, 2]}}', {}),
    "6.3.3.1": (b'{"cmd": 2011, "ver": "1.0", "dir": "20", "timestamp": 1617787651542, "msgId": 342, "data": {"params": [{"0": "0"}, {"1": "0"}]}}', {}),
    "6.3.4.1": (b'{"cmd": 2013, "ver": "1.0", "dir": "20", "msgId": 542370, "timestamp": 1617787651542}', {}),
    "6.3.5.1": (
        b'{"cmd": 2020, "ver": "1.0", "dir": "02", "timestamp": 1617787651542, "msgId": 214, "data": [{"params": [{"0": "1"}], "events": [{"253": 2}]}, '
        b'{"params": [{"0": "1"}]}]}',
        {},
    ),
}
EXPECTED = ("security.plaintext-payload", "timing.clock-skew", "pair.orphan-response")
"""examples of 2021 in a capture of 2026, without what they answer"""


@pytest.mark.parametrize("sealed", [False, True], ids=["in clear", "sealed"])
@pytest.mark.parametrize("section", EXAMPLES)
def test_the_documents_examples(section: str, sealed: bool) -> None:
    payload, codes = EXAMPLES[section]
    plain = json.loads(re.sub(rb",\s*}", b"}", payload))
    if sealed and "data" in plain:
        payload = json.dumps({**plain, "data": Key(bytes.fromhex(APP_KEY)).seal(plain["data"])}).encode()
    scene = Scene()
    up = plain["dir"].startswith("0")
    scene.post(1, *((DEVICE, APP) if up else (APP, DEVICE)), payload, path="uplink" if up else "downlink")
    keys = Keyring(entries=(KeyEntry("clife-lan", KeyKind.APP_KEY, "app", Secret(APP_KEY.encode())),))
    told = scene.told(keys)
    [message] = told.messages
    assert told.codes(EXPECTED) == codes and message.type == str(plain["cmd"]) and message.key == {"msgId": plain["msgId"]}
    if sealed and "data" in plain:
        assert message.encryption is not None and (message.encryption.status, message.encryption.data) == ("decrypted", plain["data"])
        assert (message.encryption.key, message.encryption.iv, message.encryption.key_form) == ("app", "ascii-zeros", "hex")
    elif "data" in plain:
        assert message.encryption is not None and (message.encryption.status, message.encryption.data) == ("plaintext", None)
    else:
        assert message.encryption is None
