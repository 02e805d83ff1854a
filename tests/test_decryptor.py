"""The decryptor as a ladder of messages: every reading of keys and IVs, every exchange, and what each message without a key becomes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from ecdsa import SECP112r1
from hypothesis import given
from hypothesis import strategies as st

from dissect.crypto import decryptor as module
from dissect.crypto.aes import INITIAL_VECTORS, BlockCipher
from dissect.crypto.decryptor import RECENT, Decryptor, Opened
from dissect.crypto.secret import Secret
from dissect.keys import KeyEntry, KeyKind, Keyring
from dissect.model import Outcome
from grammars.vocabulary import KeyClass
from tests.effort import examples
from tests.test_crypto_aes import sealed

APP_KEY = "8AEAF7E5E65C2F4FFD8683BB1E9AE885"
USER_ID = "5F0C9A1B77D2E3846A5B0C1D2E3F4051"
DEVICE = "192.168.6.6"
REPORT = {"params": [{"0": "1"}, {"1": "2"}], "events": [{"253": 2}]}
PRIME = 0xB19657342A92DA9469C76F01621B0B23
DEVICE_PRIVATE, APP_PRIVATE = 0x3F2A9C7714B80D56E1, 0x5D1E8842C7A90B63F2


def entry(kind: KeyKind, value: str | int, name: str = "k", device: str | None = None, product_code: str | None = None) -> KeyEntry:
    material = value.to_bytes(24, "big") if isinstance(value, int) else bytes.fromhex(value) if kind is KeyKind.SESSION_KEY else value.encode()
    return KeyEntry("clife-cloud" if kind is KeyKind.DEV_KEY else "clife-lan", kind, name, Secret(material), device, product_code)


def data_under(key: bytes, value: Any = REPORT, iv: str = "ascii-zeros") -> str:
    return base64.b64encode(sealed(key, INITIAL_VECTORS[iv], json.dumps(value).encode())).decode()


def hex_key(text: str) -> bytes:
    return bytes.fromhex(text)


def opened(decryptor: Decryptor, data: str, kind: KeyClass = "negotiated", session: object = "s", **more: Any) -> Opened:
    protocol: Any = "clife-cloud" if kind == "dev" else "clife-lan"
    return decryptor.open((session,), protocol, more.pop("device", DEVICE), kind, data, **more)


def facts(result: Opened) -> tuple[str, str | None, str | None, str | None, str | None]:
    report = result.encryption()
    return report.status, report.key, report.exchange, report.iv, report.key_form


@pytest.mark.parametrize("iv", INITIAL_VECTORS)
@pytest.mark.parametrize(("form", "key"), [("hex", hex_key(APP_KEY)), ("ascii", APP_KEY[:16].encode())])
@pytest.mark.parametrize(("kind", "wanted"), [(KeyKind.APP_KEY, "fixed"), (KeyKind.DEV_KEY, "dev")])
def test_a_fixed_key_in_each_form_and_iv(kind: KeyKind, wanted: KeyClass, form: str, key: bytes, iv: str) -> None:
    decryptor = Decryptor(Keyring((entry(kind, "00" * 16, "another"), entry(kind, APP_KEY, "app"))))
    for _ in range(3):
        result = opened(decryptor, data_under(key, iv=iv), wanted)
        assert facts(result) == ("decrypted", "app", None, iv, form)
        assert result.data == REPORT and result.plaintext == json.dumps(REPORT).encode()


def test_a_session_key_and_an_array_inside() -> None:
    key = "00112233445566778899aabbccddeeff"
    result = opened(Decryptor(Keyring((entry(KeyKind.SESSION_KEY, key, "captured"),))), data_under(hex_key(key), [REPORT]))
    assert facts(result) == ("decrypted", "captured", None, "ascii-zeros", "hex") and result.data == [REPORT]


def test_the_user_id_of_1101_becomes_a_fixed_key() -> None:
    decryptor = Decryptor(Keyring((entry(KeyKind.APP_KEY, APP_KEY, "app"),)))
    for key, form in ((hex_key(USER_ID), "hex"), (USER_ID[:16].encode(), "ascii")):
        session = form
        assert facts(opened(decryptor, data_under(hex_key(APP_KEY), {"userId": USER_ID}), "fixed", session))[1] == "app"
        decryptor.learn_user_id((session,), DEVICE, USER_ID)
        assert facts(opened(decryptor, data_under(key), "fixed", session)) == ("decrypted", "userId", None, "ascii-zeros", form)
    assert facts(opened(decryptor, data_under(hex_key(USER_ID)), "fixed", "another APP's session"))[1] == "userId", "learnt for the device"
    assert opened(decryptor, data_under(hex_key(USER_ID)), "fixed", "x", device="192.168.6.7").outcome is Outcome.WRONG_KEY


@pytest.mark.parametrize("user_id", [None, 7, {}, "short", "x" * 300, "\ud800" * 20])
def test_a_user_id_of_another_kind_does_no_harm(user_id: object) -> None:
    decryptor = Decryptor()
    decryptor.learn_user_id(("s",), DEVICE, user_id)
    assert opened(decryptor, data_under(b"k" * 16), "fixed").outcome is Outcome.NO_KEY


def dh(private: int) -> bytes:
    return pow(2, private, PRIME).to_bytes(16, "big")


def ecdh(private: int) -> bytes:
    return bytes((SECP112r1.generator * private).to_bytes("compressed"))


def nanoec(private: int) -> bytes:
    numbers = ec.derive_private_key(private, ec.SECP192R1()).public_key().public_numbers()
    return numbers.x.to_bytes(24, "little") + numbers.y.to_bytes(24, "little")


def dh_secret() -> bytes:
    return pow(2, DEVICE_PRIVATE * APP_PRIVATE, PRIME).to_bytes(16, "big")


def ecdh_secret() -> bytes:
    return int((SECP112r1.generator * (DEVICE_PRIVATE * APP_PRIVATE)).x()).to_bytes(14, "big")


def nanoec_secret() -> bytes:
    key = ec.derive_private_key(DEVICE_PRIVATE, ec.SECP192R1())
    return key.exchange(ec.ECDH(), ec.derive_private_key(APP_PRIVATE, ec.SECP192R1()).public_key())


def md5(secret: bytes) -> bytes:
    return hashlib.md5(secret).digest()


Public = Callable[[int], bytes]
EXCHANGES = [  # mode, as it is written in 1103, public value, key, key form
    pytest.param("DH", "DH", dh, lambda: dh_secret(), "raw", id="DH raw"),
    pytest.param("DH", "DH", dh, lambda: md5(dh_secret()), "md5", id="DH md5"),
    pytest.param("ECDH", "ECDH", ecdh, lambda: ecdh_secret() + bytes(2), "padded", id="ECDH padded right"),
    pytest.param("ECDH", "ECDH", ecdh, lambda: bytes(2) + ecdh_secret(), "padded", id="ECDH padded left"),
    pytest.param("ECDH", "ECDH", ecdh, lambda: md5(ecdh_secret()), "md5", id="ECDH md5"),
    pytest.param("NANOEC", "NANOECC", nanoec, lambda: nanoec_secret()[:16], "truncated", id="NANOEC truncated, big-endian"),
    pytest.param("NANOEC", "NANOEC", nanoec, lambda: nanoec_secret()[::-1][:16], "truncated", id="NANOEC truncated, little-endian"),
    pytest.param("NANOEC", "NANOEC", nanoec, lambda: md5(nanoec_secret()), "md5", id="NANOEC md5, big-endian"),
    pytest.param("NANOEC", None, nanoec, lambda: md5(nanoec_secret()[::-1]), "md5", id="NANOEC md5, little-endian, 1103 not seen"),
]


def exchanged(decryptor: Decryptor, mode: str | None, public: Public, session: object = "s", **more: Any) -> list[str]:
    dh_members = [b64(PRIME.to_bytes(16, "big")), "Mg=="] if public is dh else [None, None]
    findings = decryptor.begin_exchange((session,), mode, b64(public(DEVICE_PRIVATE)), *dh_members, device_address=DEVICE, **more)
    findings += decryptor.complete_exchange((session,), b64(public(APP_PRIVATE)), **more)
    return [finding.code for finding in findings]


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@pytest.mark.parametrize("iv", INITIAL_VECTORS)
@pytest.mark.parametrize("private", [DEVICE_PRIVATE, APP_PRIVATE], ids=["device's", "APP's"])
@pytest.mark.parametrize(("mode", "written", "public", "key", "form"), EXCHANGES)
def test_one_private_value_opens_what_follows_its_exchange(
    mode: str, written: str | None, public: Public, key: Callable[[], bytes], form: str, private: int, iv: str
) -> None:
    decryptor = Decryptor(Keyring((entry(KeyKind.PRIVATE_VALUE, 99, "a stranger's"), entry(KeyKind.PRIVATE_VALUE, private, "p"))))
    data = data_under(key(), iv=iv)
    assert opened(decryptor, data).outcome is Outcome.NO_KEY, "before its exchange"
    weak = [] if mode == "NANOEC" else ["security.weak-key-exchange"]
    assert exchanged(decryptor, written, public) == weak
    assert facts(opened(decryptor, data)) == ("decrypted", "p", mode, iv, form)


def test_a_private_value_of_nanoec_in_the_devices_own_byte_order() -> None:
    little = int.from_bytes(DEVICE_PRIVATE.to_bytes(24, "little"), "big")
    decryptor = Decryptor(Keyring((entry(KeyKind.PRIVATE_VALUE, little, "dump"),)))
    exchanged(decryptor, "NANOEC", nanoec)
    assert facts(opened(decryptor, data_under(nanoec_secret()[:16])))[:3] == ("decrypted", "dump", "NANOEC")


def test_half_of_an_exchange_is_enough_with_the_other_sides_private_value() -> None:
    for mode, public, key in (("ECDH", ecdh, ecdh_secret() + bytes(2)), ("NANOEC", nanoec, nanoec_secret()[:16])):
        decryptor = Decryptor(Keyring((entry(KeyKind.PRIVATE_VALUE, DEVICE_PRIVATE, "p"),)))
        decryptor.complete_exchange(("s",), b64(public(APP_PRIVATE)), device_address=DEVICE)
        assert facts(opened(decryptor, data_under(key)))[:3] == ("decrypted", "p", mode)
        own = Decryptor(Keyring((entry(KeyKind.PRIVATE_VALUE, DEVICE_PRIVATE, "p"),)))
        own.begin_exchange(("s",), mode, b64(public(DEVICE_PRIVATE)), device_address=DEVICE)
        assert opened(own, data_under(key)).outcome is Outcome.NO_KEY
        assert "whose public key was not seen" in own.missing(("s",))


def test_a_session_that_changes_its_key_is_followed_and_late_messages_under_the_old_key_too() -> None:
    decryptor = Decryptor(Keyring((entry(KeyKind.PRIVATE_VALUE, DEVICE_PRIVATE, "p"),)))
    exchanged(decryptor, "ECDH", ecdh)
    first, second = data_under(ecdh_secret() + bytes(2)), data_under(nanoec_secret()[:16])
    assert facts(opened(decryptor, first))[2] == "ECDH"
    assert opened(decryptor, second).outcome is Outcome.WRONG_KEY
    exchanged(decryptor, "NANOEC", nanoec)
    assert [facts(opened(decryptor, data))[2] for data in (second, first, second, first)] == ["NANOEC", "ECDH", "NANOEC", "ECDH"]


OUTCOMES = [  # what the user gave, kind, what becomes of data under a strange key
    pytest.param([], "fixed", Outcome.NO_KEY, id="nothing given, fixed"),
    pytest.param([], "negotiated", Outcome.NO_KEY, id="nothing given, negotiated"),
    pytest.param([], "dev", Outcome.NO_KEY, id="nothing given, dev"),
    pytest.param([entry(KeyKind.APP_KEY, APP_KEY)], "fixed", Outcome.WRONG_KEY, id="an app_key, fixed"),
    pytest.param([entry(KeyKind.APP_KEY, APP_KEY)], "negotiated", Outcome.NO_KEY, id="an app_key is no key of the negotiated kind"),
    pytest.param([entry(KeyKind.APP_KEY, APP_KEY, device="10.9.9.9")], "fixed", Outcome.NO_KEY, id="an app_key of another device"),
    pytest.param([entry(KeyKind.APP_KEY, APP_KEY)], "dev", Outcome.NO_KEY, id="an app_key is none of the cloud"),
    pytest.param([entry(KeyKind.SESSION_KEY, APP_KEY)], "negotiated", Outcome.WRONG_KEY, id="a session_key"),
    pytest.param([entry(KeyKind.PRIVATE_VALUE, 5)], "negotiated", Outcome.NO_KEY, id="a private_value without an exchange"),
    pytest.param([entry(KeyKind.DEV_KEY, APP_KEY)], "dev", Outcome.WRONG_KEY, id="a dev_key"),
    pytest.param([entry(KeyKind.DEV_KEY, APP_KEY)], "fixed", Outcome.NO_KEY, id="a dev_key is none of the LAN"),
]


@pytest.mark.parametrize(("entries", "kind", "outcome"), OUTCOMES)
def test_no_key_and_wrong_key(entries: list[KeyEntry], kind: KeyClass, outcome: Outcome) -> None:
    decryptor = Decryptor(Keyring(tuple(entries)))
    for number in range(300):
        result = opened(decryptor, data_under(b"a strange keyish", {"n": number}), kind)
        assert (result.outcome, result.data, result.plaintext) == (outcome, None, None)
    assert opened(decryptor, "AAAA", kind).outcome is Outcome.BAD_CIPHERTEXT


def test_a_private_value_that_does_not_fit_the_exchange_is_a_wrong_key() -> None:
    decryptor = Decryptor(Keyring((entry(KeyKind.PRIVATE_VALUE, 12345),)))
    exchanged(decryptor, "ECDH", ecdh, packet=7)
    assert opened(decryptor, data_under(ecdh_secret() + bytes(2))).outcome is Outcome.WRONG_KEY
    assert decryptor.missing(("s",)).startswith("needs session_key, or the private_value of either side of the ECDH exchange in packet 7; no private")


PLAINTEXTS = [  # plaintext, whether it is taken
    pytest.param(b"{}", True, id="an empty object"), pytest.param(b" \n[1]", True, id="an array behind blanks"),
    pytest.param(b'"text"', False, id="a text"), pytest.param(b"12", False, id="a number"), pytest.param(b"", False, id="nothing"),
    pytest.param(b'{"a":1,}', False, id="a comma too many"), pytest.param(b'{"a":"\xff"}', False, id="not UTF-8"),
    pytest.param(b'{"a":NaN}', False, id="NaN"), pytest.param(b'{"a":"\\ud800"}', True, id="a lone surrogate's escape"),
    pytest.param(b'{"a":1e400}', True, id="a number too great"), pytest.param(b"[" * 64 + b"]" * 64, True, id="64 levels"),
    pytest.param(b"[" * 65 + b"]" * 65, False, id="65 levels"), pytest.param(b'{"a":' * 90_000 + b"1" + b"}" * 90_000, False, id="90,000 levels"),
    pytest.param(b'["' + b"[" * 100 + b'"]', True, id="brackets in a text"), pytest.param(b"[" + b"1" * 5000 + b"]", False, id="5000 digits"),
]  # fmt: skip


@pytest.mark.parametrize(("plaintext", "taken"), PLAINTEXTS)
def test_which_plaintexts_show_that_a_key_is_right(plaintext: bytes, taken: bool) -> None:
    decryptor = Decryptor(Keyring((entry(KeyKind.APP_KEY, APP_KEY),)))
    assert opened(decryptor, data_under(hex_key(APP_KEY)), "fixed").outcome is Outcome.DECRYPTED
    data = b64(sealed(hex_key(APP_KEY), INITIAL_VECTORS["ascii-zeros"], plaintext))
    for session in ("s", "a fresh one"):
        result = opened(decryptor, data, "fixed", session)
        assert (result.outcome is Outcome.DECRYPTED) is taken and result.plaintext == (plaintext if taken else None)


def test_a_lenient_reading_may_be_lent() -> None:
    decryptor = Decryptor(Keyring((entry(KeyKind.APP_KEY, APP_KEY),)), lambda plaintext: json.loads(plaintext.replace(b",}", b"}")))
    data = b64(sealed(hex_key(APP_KEY), INITIAL_VECTORS["zero-bytes"], b'{"timestamp": 4522,}'))
    assert [opened(decryptor, data, "fixed").data for _ in range(2)] == [{"timestamp": 4522}] * 2


def test_devices_and_products_have_keys_of_their_own() -> None:
    keys = {f"10.0.0.{number}": f"{number:032x}" for number in range(1, 40)}
    decryptor = Decryptor(Keyring(tuple(entry(KeyKind.APP_KEY, key, device, device) for device, key in keys.items())))
    for device, key in keys.items():
        assert facts(opened(decryptor, data_under(hex_key(key)), "fixed", device, device=device))[1] == device
        assert opened(decryptor, data_under(hex_key(key)), "fixed", f"not {device}", device="10.1.0.1").outcome is Outcome.NO_KEY
    cloud = Decryptor(Keyring((entry(KeyKind.DEV_KEY, APP_KEY, "1", product_code="1234"), entry(KeyKind.DEV_KEY, USER_ID, "2", product_code="77"))))
    one, two = data_under(hex_key(APP_KEY)), data_under(hex_key(USER_ID))
    assert [facts(opened(cloud, data, "dev", product_code=code))[:2] for data, code in ((one, "1234"), (two, "77"), (one, None), (two, None))] == [
        ("decrypted", "1"), ("decrypted", "2"), ("decrypted", "1"), ("decrypted", "2"),
    ]  # fmt: skip
    assert [opened(cloud, one, "dev", product_code=code).outcome for code in ("77", "5")] == [Outcome.WRONG_KEY, Outcome.NO_KEY]
    assert cloud.missing(("s",)).startswith("needs the dev_key of product 77")


def test_many_devices_on_one_connection_are_told_apart() -> None:
    keys = [f"{number:032x}" for number in range(1, 3 * RECENT)]
    decryptor = Decryptor(Keyring(tuple(entry(KeyKind.DEV_KEY, key, key) for key in keys)))
    for _ in range(3):
        for key in keys:
            assert opened(decryptor, data_under(hex_key(key)), "dev").key == key
    assert opened(decryptor, data_under(hex_key(keys[-1])), "dev").key == keys[-1]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Each trial of a key, by the ciphertext it was tried on."""
    trials: list[bytes] = []

    class Counting(BlockCipher):
        def may_open(self, ciphertext: bytes) -> bool:
            trials.append(ciphertext)
            return super().may_open(ciphertext)

    monkeypatch.setattr(module, "BlockCipher", Counting)
    return trials


def test_a_thousand_keys_are_not_tried_on_each_of_many_foreign_messages(tried: list[bytes]) -> None:
    decryptor = Decryptor(Keyring(tuple(entry(KeyKind.APP_KEY, f"{number:032x}") for number in range(1000))))
    data = data_under(b"a strange keyish")
    for _ in range(2000):
        assert opened(decryptor, data, "fixed").outcome is Outcome.WRONG_KEY
    assert 0 < len(tried) <= 2000 * module.SEARCH_SHARE + module.FIRST_SEARCHES * 2000
    decryptor.add_keys(Keyring((entry(KeyKind.APP_KEY, b"a strange keyish".hex(), "found"),)))
    assert opened(decryptor, data, "fixed").key == "found", "new keys are tried at once"


def test_a_thousand_keys_are_not_tried_anew_with_each_user_id(tried: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FREE_RENEWALS", 8)
    decryptor = Decryptor(Keyring(tuple(entry(KeyKind.APP_KEY, f"{number:032x}") for number in range(1000))))
    data = data_under(b"a strange keyish")
    for number in range(400):
        decryptor.learn_user_id("s", None, f"{number:032x}user")
        assert decryptor.open("s", "clife-lan", None, "fixed", data).outcome is Outcome.WRONG_KEY
    assert 0 < len(tried) <= 400 * module.SEARCH_SHARE + (8 + module.FIRST_SEARCHES) * 2010
    decryptor.add_keys(Keyring((entry(KeyKind.APP_KEY, b"a strange keyish".hex(), "found"),)))
    assert decryptor.open("s", "clife-lan", None, "fixed", data).key == "found", "new keys are tried at once"


def test_keys_loaded_while_running_open_what_was_closed() -> None:
    decryptor = Decryptor()
    exchanged(decryptor, "ECDH", ecdh)
    negotiated, fixed = data_under(ecdh_secret() + bytes(2)), data_under(hex_key(APP_KEY))
    assert [opened(decryptor, negotiated).outcome, opened(decryptor, fixed, "fixed").outcome] == [Outcome.NO_KEY] * 2
    decryptor.add_keys(Keyring((entry(KeyKind.APP_KEY, APP_KEY, "app"),)))
    assert [opened(decryptor, negotiated).key, opened(decryptor, fixed, "fixed").key] == [None, "app"]
    decryptor.add_keys(Keyring((entry(KeyKind.PRIVATE_VALUE, APP_PRIVATE, "p"),)))
    assert [opened(decryptor, negotiated).key, opened(decryptor, fixed, "fixed").key] == ["p", "app"]


def test_what_is_missing_is_said_exactly() -> None:
    decryptor = Decryptor(Keyring((entry(KeyKind.APP_KEY, APP_KEY, "app"),)))
    strange = data_under(b"a strange keyish")
    assert decryptor.missing(("s",)) == "needs a key: nothing of the session was seen yet"
    opened(decryptor, strange)
    assert decryptor.missing(("s",)) == "needs the session_key of 192.168.6.6, whose key exchange was not seen"
    opened(decryptor, data_under(hex_key(APP_KEY)), "fixed")
    assert decryptor.missing(("s",)) == "needs the session_key of 192.168.6.6, whose key exchange was not read"
    exchanged(decryptor, "ECDH", ecdh, packet=12)
    assert decryptor.missing(("s",)) == "needs session_key, or the private_value of either side of the ECDH exchange in packet 12"
    opened(decryptor, strange, "fixed", "t")
    assert decryptor.missing(("t",)) == "needs the app_key (fixed key) of 192.168.6.6; those given do not open it"
    opened(decryptor, strange, "negotiated", "t")
    assert "app_key" in decryptor.missing(("t",)) and "private_value" in decryptor.missing(("t",))
    opened(decryptor, strange, "dev", "c")
    assert decryptor.missing(("c",)) == "needs the dev_key"
    assert decryptor.missing(("c",), "dev") == "needs the dev_key"
    decryptor.close(("c",))
    assert decryptor.missing(("c",)).startswith("needs a key")


def test_no_key_given_or_derived_shows_in_any_text(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    entries = (entry(KeyKind.APP_KEY, APP_KEY, "app"), entry(KeyKind.PRIVATE_VALUE, DEVICE_PRIVATE, "p"), entry(KeyKind.SESSION_KEY, "ab" * 16, "s"))
    keyring = Keyring(entries)
    decryptor = Decryptor(keyring)
    texts = [repr(keyring), str(entries), f"{entries[0]}"]
    for mode, public, secret in (("DH", dh, dh_secret()), ("ECDH", ecdh, ecdh_secret()), ("NANOEC", nanoec, nanoec_secret())):
        dh_members = (b64(PRIME.to_bytes(16, "big")), "Ag==") if mode == "DH" else ()
        findings = decryptor.begin_exchange(("s",), mode, b64(public(DEVICE_PRIVATE)), *dh_members)
        findings += decryptor.complete_exchange(("s",), b64(public(APP_PRIVATE)))
        results = [opened(decryptor, data_under(md5(secret))), opened(decryptor, data_under(b"a strange keyish")), opened(decryptor, "?")]
        assert results[0].outcome is Outcome.DECRYPTED
        session = decryptor._sessions[("s",)]
        texts += [repr(findings), repr(results), str(results), decryptor.missing(("s",)), repr(decryptor), repr(session), repr(session.exchanges)]
        texts += [repr(hypothesis) for plan in session.plans.values() for hypothesis in plan.hypotheses] + [repr(decryptor._ciphers)]
    captured = capfd.readouterr()
    texts += [captured.out, captured.err, caplog.text]
    material = {key.reveal() for key in decryptor._ciphers} | {one.secret.reveal() for one in entries} | {dh_secret(), ecdh_secret(), nanoec_secret()}
    assert len(material) > 15
    for text in texts:
        for key in material:
            shown = (key.hex(), key.hex().lstrip("0"), b64(key), repr(key)[2:-1], str(int.from_bytes(key, "big")))
            assert not any(form.lower() in text.lower() for form in shown), "a key shows"


KINDS_OF_A_SESSION: list[list[KeyClass]] = [["fixed", "negotiated"], ["dev"]]  # of a device in the local network, and of one on the platform
DATA = st.binary(max_size=64).map(b64) | st.text(max_size=30)


@given(st.sampled_from(KINDS_OF_A_SESSION).flatmap(lambda kinds: st.lists(st.tuples(st.sampled_from(kinds), DATA), max_size=20)))
@examples(150)
def test_any_data_has_an_outcome(messages: list[tuple[KeyClass, str]]) -> None:
    keys = (entry(KeyKind.APP_KEY, APP_KEY), entry(KeyKind.DEV_KEY, APP_KEY), entry(KeyKind.SESSION_KEY, "ab" * 16))
    decryptor = Decryptor(Keyring(keys))
    for kind, data in messages:
        result = opened(decryptor, data, kind)
        assert result.outcome in (Outcome.WRONG_KEY, Outcome.BAD_CIPHERTEXT)
        assert result.encryption().data is None and decryptor.missing(("s",))


JSON_LIKE = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.integers(), max_size=3) | st.binary(max_size=50).map(b64)


@given(st.lists(st.tuples(st.booleans(), JSON_LIKE, JSON_LIKE, JSON_LIKE, JSON_LIKE), max_size=8))
@examples(150)
def test_any_exchange_members_are_taken(steps: list[tuple[bool, object, object, object, object]]) -> None:
    decryptor = Decryptor(Keyring((entry(KeyKind.PRIVATE_VALUE, DEVICE_PRIVATE),)))
    for begins, mode, public, dh_p, dh_g in steps:
        findings = decryptor.begin_exchange(("s",), mode, public, dh_p, dh_g) if begins else decryptor.complete_exchange(("s",), public, mode=mode)
        assert all(finding.code.startswith("security.") and finding.text for finding in findings)
        assert opened(decryptor, data_under(b"k" * 16)).outcome in (Outcome.NO_KEY, Outcome.WRONG_KEY)


def test_sessions_without_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from dissect.crypto import decryptor as module

    monkeypatch.setattr(module, "KEPT_SESSIONS", 10)
    monkeypatch.setattr(module, "KEPT_CIPHERS", 10)
    monkeypatch.setattr(module, "KEPT_DEVICES", 10)
    decryptor = Decryptor(Keyring((entry(KeyKind.APP_KEY, APP_KEY),)))
    data = data_under(hex_key(APP_KEY))
    for number in range(50):
        decryptor.learn_user_id((number,), f"10.0.0.{number}", f"{number:032x}")
        assert opened(decryptor, data, "fixed", number, device=f"10.0.0.{number}").outcome is Outcome.DECRYPTED
        assert opened(decryptor, data_under(b"k" * 16), "fixed", number).outcome is Outcome.WRONG_KEY
    assert len(decryptor._sessions) <= 10 and len(decryptor._ciphers) <= 10 and len(decryptor._user_ids) <= 10
