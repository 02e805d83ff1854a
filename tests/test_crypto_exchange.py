"""Key exchanges: the document's own values as vectors, cryptography as the second opinion, and every invalid value named."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from ecdsa import SECP112r1, SECP112r2
from hypothesis import given
from hypothesis import strategies as st

from dissect.crypto.derivation import fixed_keys, negotiated_keys
from dissect.crypto.exchange import (
    CURVES,
    Mode,
    is_prime,
    mode_of,
    public_of,
    read_public,
    readings_of_private,
    shared_secret,
    weakness_of,
)
from dissect.crypto.secret import Secret
from tests.effort import examples

# 003_c27addfd9ee668ff.txt 6.2.3 and 6.2.4
DH_P, DH_G, DH_PUBLIC = "sZZXNCqS2pRpx28BYhsLIw==", "Ag==", "W3fxEAqA1l8y4X0e55wWCg=="
ECDH_PUBLIC = "Am+XPZ15XQU3D2uHNL72"
ECDH_RESPONSE = "Am+xPZ15XQU3D2uHNL72"
"""as printed in 6.2.4; another letter than 6.2.3, and a point all the same"""
NANOEC_PUBLIC = "sw10uEfPyX8gMqEE3J+R3Qb3oNO6fxqWTf1V93dB8tLJFiEFw24uoVCOnYbPHywe"
NANOEC_PRINTED = (
    "sw10uEfPyX8gMqEE3J+R3Qb3oNO6fxqWTf1V93dB8tLJFiEFw24uoVConYb\nPHywe",
    "sw10uEfPyX8gMqEE3J+R3Qb3oNO6fxqWTfIV93dB8tLJFiEFw24uoVCOOnYb\nPHywe",
)
PRIME = 0xB19657342A92DA9469C76F01621B0B23


def b64(number: int | bytes, size: int = 16) -> str:
    return base64.b64encode(number if isinstance(number, bytes) else number.to_bytes(size, "big")).decode()


def test_the_documents_dh_values() -> None:
    value = read_public(Mode.DH, DH_PUBLIC, DH_P, DH_G)
    assert (value.modulus, value.generators, value.invalid) == (PRIME, (2,), None)
    assert PRIME.bit_length() == 128 and is_prime(PRIME) and is_prime((PRIME - 1) // 2), "a safe prime"


def test_the_documents_ecdh_point_lies_on_secp112r1_and_not_on_secp112r2() -> None:
    value = read_public(Mode.ECDH, ECDH_PUBLIC)
    assert value.invalid is None and b64(bytes([2 + (value.y & 1)]) + value.x.to_bytes(14, "big")) == ECDH_PUBLIC
    assert SECP112r1.curve.contains_point(value.x, value.y) and not SECP112r2.curve.contains_point(value.x, value.y)
    assert read_public(Mode.ECDH, ECDH_RESPONSE).invalid is None


def test_the_documents_nanoec_point_is_two_little_endian_coordinates() -> None:
    value = read_public(Mode.NANOEC, NANOEC_PUBLIC)
    assert value.invalid is None
    assert b64(value.x.to_bytes(24, "little") + value.y.to_bytes(24, "little")) == NANOEC_PUBLIC
    assert ec.EllipticCurvePublicNumbers(value.x, value.y, ec.SECP192R1()).public_key() is not None


INVALID = [  # mode, public value, dhP, why
    pytest.param(Mode.NANOEC, NANOEC_PRINTED[0], None, "the public key is no point of secp192r1", id="6.2.3's print is off its curve"),
    pytest.param(Mode.NANOEC, NANOEC_PRINTED[1], None, "the public key is not base64", id="6.2.4's print has a letter too many"),
    pytest.param(Mode.NANOEC, b64(bytes(48)), None, "the public key is no point of secp192r1", id="origin"),
    pytest.param(Mode.NANOEC, b64(b"\xff" * 48), None, "the public key is no point of secp192r1", id="beyond the field"),
    pytest.param(Mode.NANOEC, ECDH_PUBLIC, None, "the public key has 15 bytes of a form that is no NANOEC key", id="another mode's key"),
    pytest.param(Mode.ECDH, b64(b"\x02" + (2).to_bytes(14, "big")), None, "the public key is no point of secp112r1", id="no such x"),
    pytest.param(Mode.ECDH, b64(b"\x02" + b"\xff" * 14), None, "the public key is no point of secp112r1", id="x beyond the field"),
    pytest.param(Mode.ECDH, b64(b"\x05" + b"\x11" * 14), None, "the public key has 15 bytes of a form that is no ECDH key", id="prefix 5"),
    pytest.param(Mode.ECDH, b64(b"\x00"), None, "the public key has 1 bytes of a form that is no ECDH key", id="the point at infinity"),
    pytest.param(Mode.ECDH, b64(b"\x04" + b"\x11" * 28), None, "the public key is no point of secp112r1", id="uncompressed, off the curve"),
    pytest.param(Mode.ECDH, "", None, "the public key is not base64", id="empty"),
    pytest.param(Mode.ECDH, 12, None, "the public key is not base64", id="a number"),
    pytest.param(Mode.ECDH, "A" * 5000, None, "the public key is not base64", id="too long to look at"),
    pytest.param(Mode.DH, b64(0), DH_P, "the DH public value is 0", id="zero"),
    pytest.param(Mode.DH, b64(1), DH_P, "the DH public value is 1", id="one"),
    pytest.param(Mode.DH, b64(1), None, "the DH public value is 1", id="one, dhP unseen"),
    pytest.param(Mode.DH, b64(PRIME - 1), DH_P, "the DH public value is p-1", id="p-1"),
    pytest.param(Mode.DH, b64(PRIME), DH_P, "the DH public value is not below p", id="p"),
    pytest.param(Mode.DH, DH_PUBLIC, b64(PRIME + 2), "dhP is not a prime", id="no prime"),
    pytest.param(Mode.DH, DH_PUBLIC, b64(0), "dhP is not a prime", id="dhP zero"),
    pytest.param(Mode.DH, DH_PUBLIC, "?", "dhP is not base64", id="dhP no base64"),
    pytest.param(Mode.DH, DH_PUBLIC, {}, "dhP is not base64", id="dhP an object"),
]


@pytest.mark.parametrize(("mode", "public", "dh_p", "why"), INVALID)
def test_invalid_public_values(mode: Mode, public: object, dh_p: object, why: str) -> None:
    assert read_public(mode, public, dh_p, DH_G).invalid == why


def test_a_modulus_beyond_the_bound_is_not_judged_and_makes_no_key() -> None:
    huge = b64((1 << 2047) + 1, 256)
    value = read_public(Mode.DH, b64(5), huge, DH_G)
    assert value.invalid is None and value.modulus.bit_length() == 2048
    assert shared_secret(7, value) is None and public_of(Mode.DH, 7, value.modulus, 2) is None


GENERATORS: list[tuple[object, tuple[int, ...]]] = [
    ("Ag==", (2,)), ("BQ==", (5,)), ("Mg==", (2, 50)), ("NQ==", (5, 53)), (None, (2, 5)), ("!", (2, 5)), ([], (2, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("dh_g", "generators"), GENERATORS)
def test_dh_g_is_a_number_or_its_decimal_digit(dh_g: object, generators: tuple[int, ...]) -> None:
    assert read_public(Mode.DH, DH_PUBLIC, DH_P, dh_g).generators == generators


MODES = [
    pytest.param("DH", "", Mode.DH, id="DH"), pytest.param("ECDH", "", Mode.ECDH, id="ECDH"), pytest.param("NANOEC", "", Mode.NANOEC, id="NANOEC"),
    pytest.param("NANOECC", "", Mode.NANOEC, id="NANOECC"), pytest.param("NANO ECC", "", Mode.NANOEC, id="heading of 6.2.3"),
    pytest.param("NANOECCE", "", Mode.NANOEC, id="heading of 6.2.4"), pytest.param("nanoec", "", Mode.NANOEC, id="small letters"),
    pytest.param(None, DH_PUBLIC, Mode.DH, id="16 bytes"), pytest.param(None, ECDH_PUBLIC, Mode.ECDH, id="15 bytes"),
    pytest.param("RSA", NANOEC_PUBLIC, Mode.NANOEC, id="48 bytes under an unknown name"), pytest.param(None, "AAAA", None, id="3 bytes"),
    pytest.param(7, None, None, id="nothing of use"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "public", "mode"), MODES)
def test_a_mode_is_known_by_its_names_or_by_the_form_of_its_keys(name: object, public: object, mode: Mode | None) -> None:
    assert mode_of(name, public) is mode


def test_a_dh_p_shows_dh() -> None:
    assert mode_of(None, b64(5, 20), DH_P) is Mode.DH


@given(st.integers(2, PRIME - 2), st.integers(2, PRIME - 2), st.sampled_from([2, 5]))
def test_both_sides_of_dh_reach_one_secret_of_16_bytes(device: int, app: int, generator: int) -> None:
    publics = [pow(generator, private, PRIME) for private in (device, app)]
    values = [read_public(Mode.DH, b64(public), DH_P, b64(str(generator).encode())) for public in publics]
    assert public_of(Mode.DH, device, PRIME, generator) == values[0].x
    secret = shared_secret(device, values[1])
    assert secret == shared_secret(app, values[0]) == pow(publics[0], app, PRIME).to_bytes(16, "big")


@given(st.integers(2, 2**191), st.integers(2, 2**191))
@examples(25)
def test_secp192r1_agrees_with_openssl(device: int, app: int) -> None:
    keys = [ec.derive_private_key(private, ec.SECP192R1()) for private in (device, app)]
    numbers = [key.public_key().public_numbers() for key in keys]
    for order in ("little", "big"):
        value = read_public(Mode.NANOEC, b64(numbers[1].x.to_bytes(24, order) + numbers[1].y.to_bytes(24, order)))
        assert (value.x, value.y, value.invalid) == (numbers[1].x, numbers[1].y, None)
        assert shared_secret(device, value) == keys[0].exchange(ec.ECDH(), keys[1].public_key())
    assert public_of(Mode.NANOEC, device) == numbers[0].x


@given(st.integers(1, int(SECP112r1.order) - 1), st.integers(1, int(SECP112r1.order) - 1))
@examples(25)
def test_both_sides_of_ecdh_reach_one_secret_of_14_bytes(device: int, app: int) -> None:
    compressed = [(SECP112r1.generator * private).to_bytes("compressed") for private in (device, app)]
    uncompressed = (SECP112r1.generator * app).to_bytes("uncompressed")
    values = [read_public(Mode.ECDH, b64(point)) for point in compressed]
    secret = shared_secret(device, values[1])
    assert secret == shared_secret(app, values[0]) == shared_secret(device, read_public(Mode.ECDH, b64(uncompressed)))
    assert secret is not None and len(secret) == 14 and public_of(Mode.ECDH, device) == values[0].x


@pytest.mark.parametrize("mode", list(CURVES))
def test_a_number_that_is_no_scalar_of_the_curve_gives_nothing(mode: Mode) -> None:
    assert public_of(mode, 1 << 300) is None and public_of(mode, 0) is None
    assert shared_secret(5, read_public(mode, "AAAA")) is None
    order = int(SECP112r1.order) if mode is Mode.ECDH else 0xFFFFFFFFFFFFFFFFFFFFFFFF99DEF836146BC9B1B4D22831
    point = read_public(mode, ECDH_PUBLIC if mode is Mode.ECDH else NANOEC_PUBLIC)
    assert point.invalid is None and shared_secret(order, point) is None


def test_a_private_value_of_nanoec_may_be_in_either_order() -> None:
    assert readings_of_private(Mode.NANOEC, bytes([1]) + bytes(22) + bytes([2])) == (2**184 + 2, 2**185 + 1)
    assert readings_of_private(Mode.DH, b"\x01\x00") == (256,)
    assert readings_of_private(Mode.NANOEC, bytes([1]) * 25) == ()


@given(st.binary(max_size=60), st.binary(max_size=40) | st.none(), st.sampled_from(Mode))
def test_any_bytes_are_read_without_an_error(public: bytes, dh_p: bytes | None, mode: Mode) -> None:
    value = read_public(mode, b64(public), None if dh_p is None else b64(dh_p), b64(public[:3]))
    assert value.mode is mode and (value.invalid is None or value.invalid)
    assert shared_secret(12345, value) is None or value.modulus or value.invalid is None


@given(st.integers(0, 5000))
def test_primes_by_definition(number: int) -> None:
    assert is_prime(number) is (number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1)))


@pytest.mark.parametrize("number", [561, 341550071728321, 3825123056546413051, (2**61 - 1) * (2**31 - 1), PRIME * PRIME])
def test_composites_that_deceive_weaker_tests(number: int) -> None:
    assert not is_prime(number)


def test_which_exchanges_are_weak() -> None:
    assert weakness_of(Mode.DH, PRIME) == "a 128-bit DH exchange can be broken"
    assert weakness_of(Mode.ECDH) == "a 112-bit ECDH exchange (secp112r1) can be broken"
    assert weakness_of(Mode.NANOEC) is None and weakness_of(Mode.DH, 1 << 2047) is None and weakness_of(Mode.DH, 0) is None


FORMS = [  # mode, Z, the key forms in the order of trying, and the first key
    pytest.param(Mode.DH, bytes(range(1, 17)), ["raw", "md5"], bytes(range(1, 17)), id="16 bytes"),
    pytest.param(Mode.DH, b"\0" + b"z" * 15, ["raw", "padded", "padded", "md5", "md5"], b"\0" + b"z" * 15, id="16 bytes, the first zero"),
    pytest.param(Mode.DH, b"z" * 32, ["truncated", "md5"], b"z" * 16, id="32 bytes"),
    pytest.param(Mode.DH, b"z" * 8, ["padded", "padded", "md5"], b"z" * 8 + bytes(8), id="8 bytes"),
    pytest.param(Mode.ECDH, b"z" * 14, ["padded", "padded", "md5"], b"z" * 14 + bytes(2), id="14 bytes"),
    pytest.param(Mode.NANOEC, b"y" + b"z" * 23, ["truncated", "truncated", "md5", "md5"], b"z" * 16, id="24 bytes, either order"),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "secret", "forms", "first"), FORMS)
def test_the_readings_of_a_shared_secret(mode: Mode, secret: bytes, forms: list[str], first: bytes) -> None:
    keys = list(negotiated_keys(mode, secret))
    assert [form for form, _ in keys] == forms and keys[0][1] == Secret(first) and all(len(key.reveal()) == 16 for _, key in keys)


def test_the_readings_of_a_fixed_key() -> None:
    text = b"8AEAF7E5E65C2F4FFD8683BB1E9AE885"
    assert list(fixed_keys(Secret(text))) == [("hex", Secret(bytes.fromhex(text.decode()))), ("ascii", Secret(text[:16]))]
    assert list(fixed_keys(Secret(b"a code of some length"))) == [("ascii", Secret(b"a code of some l"))]
    assert list(fixed_keys(Secret(b"short"))) == []
