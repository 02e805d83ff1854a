"""The keys file: what it may hold, and that each wrong entry is named by its place and never by its value."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from dissect.crypto.secret import Secret
from dissect.errors import KeysError
from dissect.keys import KeyKind, Keyring, canonical_address, load_keys
from tests.effort import examples

APP_KEY = "8AEAF7E5E65C2F4FFD8683BB1E9AE885"
SESSION_KEY = "00112233445566778899aabbccddeeff"

WHOLE_FILE = f"""
[[clife-lan]]
name = "living room app"
app_key = "{APP_KEY}"
device = "192.168.6.6"
[[clife-lan]]
session_key = "{SESSION_KEY}"
[[clife-lan]]
name = "device private value"
private_value = "0xabc"
[[clife-cloud]]
name = "product 1234"
dev_key = "00c1d2e3f405162738495a6b7c8d9eaf"
product_code = "1234"
[tls]
keylog = "sslkeys.log"
[names]
"192.168.6.6" = "living room lamp"
"fogslink:12345678" = "greenhouse"
"""


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "keys.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "sslkeys.log").write_text("")
    keyring = load_keys(written(tmp_path, WHOLE_FILE))
    assert [(entry.protocol, entry.kind, entry.name, entry.device, entry.product_code) for entry in keyring.entries] == [
        ("clife-lan", KeyKind.APP_KEY, "living room app", "192.168.6.6", None),
        ("clife-lan", KeyKind.SESSION_KEY, "clife-lan #2", None, None),
        ("clife-lan", KeyKind.PRIVATE_VALUE, "device private value", None, None),
        ("clife-cloud", KeyKind.DEV_KEY, "product 1234", None, "1234"),
    ]
    assert [entry.secret.reveal() for entry in keyring.entries] == [
        APP_KEY.encode(), bytes.fromhex(SESSION_KEY), b"\x0a\xbc", b"00c1d2e3f405162738495a6b7c8d9eaf",
    ]  # fmt: skip
    assert keyring.tls_keylog == tmp_path / "sslkeys.log"
    assert keyring.names == {"192.168.6.6": "living room lamp", "fogslink:12345678": "greenhouse"}
    assert keyring.warnings == ()


@pytest.mark.parametrize("text", ["", "\ufeff[names]\n", "[tls]\n", "# nothing yet\n"], ids=["empty", "a BOM", "an empty section", "a comment"])
def test_every_part_may_be_missing(tmp_path: Path, text: str) -> None:
    assert load_keys(written(tmp_path, text)) == Keyring()


LAN = "[[clife-lan]]\n"
WRONG = [  # id, text, what the error says
    ("31 digits", LAN + f'app_key = "{APP_KEY}"\n' + LAN + f'name = "living room app"\napp_key = "{APP_KEY[1:]}"',
     '[[clife-lan]] #2 "living room app": app_key has 31 hex digits, want 32'),
    ("33 digits", LAN + f'app_key = "{APP_KEY}0"', "[[clife-lan]] #1: app_key has 33 hex digits, want 32"),
    ("short text", LAN + 'app_key = "not so long"', "app_key has 11 characters, want 32 hex digits"),
    ("empty key", LAN + 'app_key = ""', "app_key has 0 hex digits, want 32"),
    ("session key no hex", LAN + f'session_key = "{SESSION_KEY[:-1]}g"', "session_key has a character that is no hex digit (character 32)"),
    ("session key long", LAN + f'session_key = "{SESSION_KEY}00"', "session_key has 34 hex digits, want 32"),
    ("private value no hex", LAN + 'private_value = "0xfg"', "private_value has a character that is no hex digit (character 2)"),
    ("private value zero", LAN + 'private_value = "0000"', "private_value is zero"),
    ("private value empty", LAN + 'private_value = ""', "private_value has 0 hex digits"),
    ("private value long", LAN + f'private_value = "{"a" * 300}"', "private_value has 300 hex digits, want 1 to 256"),
    ("a number", LAN + "app_key = 12345678901234567890", "app_key must be text in quotes"),
    ("no key", LAN + 'name = "x"', '[[clife-lan]] #1 "x": holds no key; give app_key or session_key or private_value'),
    ("empty name", LAN + f'name = " "\napp_key = "{APP_KEY}"', "name is empty"),
    ("the key as name", LAN + f'name = "{APP_KEY}"\napp_key = "{APP_KEY}"', "[[clife-lan]] #1: name is the key itself"),
    ("no address", LAN + f'app_key = "{APP_KEY}"\ndevice = "lamp"', "device is no IP address"),
    ("member", LAN + f'appkey = "{APP_KEY}"', 'unknown member "appkey"; the nearest is "app_key"'),
    ("member of the other section", LAN + f'dev_key = "{APP_KEY}"', 'unknown member "dev_key"; the nearest is "device"'),
    ("a key as member", LAN + f'{APP_KEY} = "app"', 'unknown member "(long hexadecimal name)"'),
    ("section", f'[[clife-lam]]\napp_key = "{APP_KEY}"', 'unknown section "clife-lam"; the nearest is "clife-lan"'),
    ("far section", "[zzz]", 'unknown section "zzz"; there are clife-lan, clife-cloud, tls, names'),
    ("one bracket", f'[clife-lan]\napp_key = "{APP_KEY}"', "[clife-lan] is written with two brackets, [[clife-lan]]"),
    ("empty product code", f'[[clife-cloud]]\ndev_key = "{APP_KEY}"\nproduct_code = ""', "product_code is empty"),
    ("keylog", "[tls]\nkeylog = 1", "[tls]: keylog must be the name of a file"),
    ("tls member", '[tls]\nkey_log = "x"', '[tls]: unknown member "key_log"; the nearest is "keylog"'),
    ("tls value", "tls = 1", "tls is a section, [tls]"),
    ("names value", "names = 1", "names is a section, [names]"),
    ("unquoted address", '[names]\n192.168.6.6 = "lamp"', '[names]: "192" must be text in quotes'),
    ("no quotes", LAN + f"app_key = {APP_KEY}", "not TOML at line 2, column 12"),
    ("open quote", LAN + f'app_key = "{APP_KEY}', "not TOML at end of document"),
    ("twice", LAN + f'app_key = "{APP_KEY}"\napp_key = "{APP_KEY}"\n', "not TOML at line 3, column 45"),
    ("a number too long", "[names]\nx = " + "1" * 5000, "a number that is too long"),
    ("deep", "x = " + "[" * 5000, "nested too deeply"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), [pytest.param(text, says, id=name) for name, text, says in WRONG])
def test_a_wrong_entry_is_named_by_its_place_never_by_its_value(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(KeysError) as caught:
        load_keys(written(tmp_path, text))
    message = str(caught.value)
    assert says in message and str(tmp_path / "keys.toml") in message and "\n" not in message
    assert APP_KEY[1:20] not in message and SESSION_KEY[:10] not in message
    assert caught.value.__cause__ is None and (caught.value.__context__ is None or caught.value.__suppress_context__)


def test_a_file_that_cannot_be_read_is_an_error_of_the_keys(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(KeysError, match="cannot be read"):
            load_keys(path)
    (tmp_path / "binary").write_bytes(b"a = \"\xff\"")
    with pytest.raises(KeysError, match="not UTF-8 at byte 5"):
        load_keys(tmp_path / "binary")


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o644, True)])
def test_a_file_that_others_can_read_is_warned_about(tmp_path: Path, mode: int, warned: bool) -> None:
    warnings = load_keys(written(tmp_path, f'[[clife-lan]]\napp_key = "{APP_KEY}"', mode)).warnings
    assert [f"mode {mode:04o}" in warning for warning in warnings] == [True] * warned


def test_a_key_of_other_text_is_taken_with_a_warning_and_a_keylog_that_is_not_there_too(tmp_path: Path) -> None:
    keyring = load_keys(written(tmp_path, '[[clife-lan]]\napp_key = "an application\'s own code"\n[tls]\nkeylog = "later.log"'))
    assert keyring.entries[0].secret.reveal() == b"an application's own code"
    assert keyring.tls_keylog == tmp_path / "later.log"
    assert len(keyring.warnings) == 2 and "#1: app_key is not hexadecimal" in keyring.warnings[0] and "does not exist" in keyring.warnings[1]


def test_an_address_has_one_spelling() -> None:
    assert [canonical_address(text) for text in ("192.168.6.6", "[2001:DB8::0:1]", "2001:db8::1", "lamp")] == [
        "192.168.6.6", "2001:db8::1", "2001:db8::1", "lamp",
    ]  # fmt: skip


@given(st.binary(max_size=300) | st.text(alphabet='[]{}="\'clife-andokyp_x0123456789\n.# ', max_size=200).map(str.encode))
@examples(300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_a_keyring_or_an_error_of_the_keys(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "any.toml"
    file.write_bytes(content)
    try:
        assert isinstance(load_keys(file), Keyring)
    except KeysError as error:
        assert str(error)


def test_a_secret_shows_nothing_of_itself_in_any_form() -> None:
    secret = Secret(b"sixteen byte key")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", repr([secret]), repr({"key": secret}), str(vars)]
    assert not any("sixteen" in text or b"sixteen".hex() in text for text in shown)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    for encode in (json.dumps, msgspec.json.encode):
        with pytest.raises(TypeError):
            encode(secret)
    assert copy.deepcopy(secret) == copy.copy(secret) == secret == Secret(b"sixteen byte key") != Secret(b"another byte key")
    assert len({secret, Secret(b"sixteen byte key")}) == 1 and not hasattr(secret, "__dict__")
