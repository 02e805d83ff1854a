"""The key exchanges of clife-lan (003_c27addfd9ee668ff.txt 5.3, 6.2): reading public values, judging them, and the shared secret.

A private value from the keys file belongs to a side when it yields that side's public value again; with the other side's public
value it gives the secret Z. Every cost has a bound: moduli have a largest size, and what is expensive is worked out once.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

LARGEST_MODULUS: Final = 512
"""bits; the document's are 128, and each doubling makes a public value eight times dearer"""
SMALLEST_SOUND_MODULUS: Final = 1024
"""bits; a discrete logarithm below it has been, or is about to be, computed in public"""
SMALLEST_SOUND_CURVE: Final = 160
"""bits"""
LONGEST_VALUE: Final = 4096
"""characters of base64 that are looked at"""
PROVEN_MODULI: Final = 2048
"""distinct ones whose primality is looked at in a capture: at most 12 s"""

_SMALL_PRIMES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
_WITNESSES: Final = _SMALL_PRIMES[:12]
"""Miller-Rabin with these is a proof up to 2^81 and beyond it errs only on numbers made to deceive these very bases"""


class Mode(StrEnum):
    """`keyMode` of 1103, as the report names it."""

    DH = "DH"
    ECDH = "ECDH"
    NANOEC = "NANOEC"


_SPELLINGS: Final = {"DH": Mode.DH, "ECDH": Mode.ECDH, "NANOEC": Mode.NANOEC, "NANOECC": Mode.NANOEC, "NANOECCE": Mode.NANOEC}
"""The document's tables, its headings ("NANO ECC", "NANOECCE") and people name the third one differently."""


@dataclass(frozen=True, slots=True)
class Curve:
    """How one mode writes a point; the curve itself is the library's."""

    name: str
    bits: int
    size: int
    """bytes of a coordinate"""


CURVES: Final = {Mode.ECDH: Curve("secp112r1", 112, 14), Mode.NANOEC: Curve("secp192r1", 192, 24)}


@dataclass(frozen=True, slots=True)
class PublicValue:
    """One side's public value, sound as far as `invalid` is None."""

    mode: Mode
    x: int = 0
    """the DH value, or the point's x coordinate"""
    y: int = 0
    modulus: int = 0
    """DH only"""
    generators: tuple[int, ...] = ()
    """DH only: the readings of dhG"""
    invalid: str | None = None
    """why security.invalid-public-key, as the end of a sentence"""
    written_bits: int = 0
    """DH only: as long as the value is written, which tells about the modulus where that is not there"""


def mode_of(name: object, public_value: object, dh_p: object = None) -> Mode | None:
    """The mode that *name* (`keyMode`) means; when it means none, the one that the value's form shows."""
    if isinstance(name, str):
        known = _SPELLINGS.get(name.upper().replace(" ", "").replace("_", ""))
        if known is not None:
            return known
    if dh_p is not None:
        return Mode.DH
    raw = _bytes_of(public_value)
    if raw is None:
        return None
    return {15: Mode.ECDH, 16: Mode.DH, 29: Mode.ECDH, 48: Mode.NANOEC}.get(len(raw))


def read_public(mode: Mode, public_value: object, dh_p: object = None, dh_g: object = None, prove_prime: bool = True) -> PublicValue:
    """The public value (base64) of one side in *mode*; in DH with dhP and dhG (base64), None where they were not seen.

    *prove_prime* False leaves out whether dhP is a prime, the only dear question (6 ms for the largest).
    """
    raw = _bytes_of(public_value)
    if raw is None:
        return PublicValue(mode, invalid="the public key is not base64")
    if mode is Mode.DH:
        return _read_dh(raw, dh_p, dh_g, prove_prime)
    return _read_point(mode, raw)


def weakness_of(mode: Mode, modulus: int = 0, written_bits: int = 0) -> str | None:
    """Why an exchange in *mode* is weak however well it is done (security.weak-key-exchange); None when it is not."""
    if mode is Mode.DH:
        bits = modulus.bit_length() or written_bits
        return f"a {bits}-bit DH exchange can be broken" if 0 < bits < SMALLEST_SOUND_MODULUS else None
    curve = CURVES[mode]
    return f"a {curve.bits}-bit {mode.value} exchange ({curve.name}) can be broken" if curve.bits < SMALLEST_SOUND_CURVE else None


def public_of(mode: Mode, private: int, modulus: int = 0, generator: int = 0) -> int | None:
    """The public value of *private*: in DH generator^private, else the x coordinate of the point. None: no private value of this mode.

    x alone tells a point: the other one with it is the same key for every purpose here.
    """
    if mode is Mode.DH:
        return pow(generator, private, modulus) if 0 < modulus.bit_length() <= LARGEST_MODULUS else None
    curve = CURVES[mode]
    base = _curve(mode).generator
    if private.bit_length() > 8 * curve.size or not private % int(base.order()):
        return None
    return int((base * private).to_affine().x())


def shared_secret(private: int, other: PublicValue) -> bytes | None:
    """Z, big-endian: as long as the modulus (DH), or the x coordinate. None when *other* gives none.

    A DH value gives its Z however unwise it is: the device that sent it reckoned with it too.
    """
    if other.mode is Mode.DH:
        if not 0 < other.modulus.bit_length() <= LARGEST_MODULUS:
            return None
        return pow(other.x, private, other.modulus).to_bytes((other.modulus.bit_length() + 7) // 8, "big")
    if other.invalid is not None:
        return None
    from ecdsa.ellipticcurve import INFINITY, PointJacobi

    curve = _curve(other.mode)
    scalar = private % int(curve.order)
    point: Any = PointJacobi(curve.curve, other.x, other.y, 1, curve.order) * scalar if scalar else INFINITY
    if point == INFINITY:
        return None
    return int(point.to_affine().x()).to_bytes(CURVES[other.mode].size, "big")


def readings_of_private(mode: Mode, private: bytes) -> tuple[int, ...]:
    """The numbers that a private value may be: big-endian, and little-endian too where the mode's values are written so."""
    number = int.from_bytes(private, "big")
    if mode is not Mode.NANOEC:
        return (number,)
    size = CURVES[mode].size
    if number.bit_length() > 8 * size:
        return ()
    return (number, int.from_bytes(number.to_bytes(size, "big"), "little"))


def _bytes_of(value: object) -> bytes | None:
    """Out of base64, line breaks ignored; None when it is no base64 text or too long to be a key."""
    if not isinstance(value, str) or len(value) > LONGEST_VALUE:
        return None
    try:
        return binascii.a2b_base64("".join(value.split()), strict_mode=True) or None
    except ValueError:
        return None


def _read_dh(raw: bytes, dh_p: object, dh_g: object, prove_prime: bool) -> PublicValue:
    value = int.from_bytes(raw, "big")
    if dh_p is None:  # its 1104 was not seen: what needs no modulus is judged all the same
        return PublicValue(Mode.DH, value, invalid=f"the DH public value is {value}" if value <= 1 else None, written_bits=8 * len(raw))
    prime_bytes = _bytes_of(dh_p)
    if prime_bytes is None:
        return PublicValue(Mode.DH, value, invalid="dhP is not base64")
    modulus = int.from_bytes(prime_bytes, "big")
    generators = _generators(dh_g)
    invalid = None
    if prove_prime and modulus.bit_length() <= LARGEST_MODULUS and not is_prime(modulus):
        invalid = "dhP is not a prime"
    elif value <= 1:
        invalid = f"the DH public value is {value}"
    elif value == modulus - 1:
        invalid = "the DH public value is p-1"
    elif value >= modulus:
        invalid = "the DH public value is not below p"
    return PublicValue(Mode.DH, value, 0, modulus, generators, invalid)


def _generators(dh_g: object) -> tuple[int, ...]:
    """6.2.3: "十进制取 2 或 5 做 base64 编码": the number's byte, or the decimal digit's character."""
    raw = _bytes_of(dh_g)
    if raw is None:
        return (2, 5)  # not seen, or damaged: the two that the document allows
    number = int.from_bytes(raw, "big")
    return (int(raw), number) if raw.isdigit() and len(raw) <= 3 else (number,)


@lru_cache(maxsize=PROVEN_MODULI)
def is_prime(number: int) -> bool:
    """Miller-Rabin for numbers up to LARGEST_MODULUS bits."""
    for prime in _SMALL_PRIMES:
        if number % prime == 0:
            return number == prime
    if number < 2:
        return False
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    odd = (number - 1) >> twos
    for witness in _WITNESSES:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


@lru_cache(maxsize=4)
def _curve(mode: Mode) -> Any:
    from ecdsa import NIST192p, SECP112r1

    return SECP112r1 if mode is Mode.ECDH else NIST192p


def _read_point(mode: Mode, raw: bytes) -> PublicValue:
    curve = CURVES[mode]
    field: Any = _curve(mode).curve
    size = curve.size
    candidates: list[tuple[int, int]] = []
    if mode is Mode.NANOEC and len(raw) == 2 * size:
        # nano-ecc's own order is little-endian; its successor writes big-endian, so a point in that order is one as well.
        candidates = [(int.from_bytes(raw[:size], order), int.from_bytes(raw[size:], order)) for order in ("little", "big")]
    elif mode is Mode.ECDH and len(raw) == size + 1 and raw[0] in (2, 3):
        x = int.from_bytes(raw[1:], "big")
        y = _square_root(field, x)
        if y is not None:
            candidates = [(x, y if y & 1 == raw[0] & 1 else int(field.p()) - y)]
    elif mode is Mode.ECDH and len(raw) == 2 * size + 1 and raw[0] == 4:
        candidates = [(int.from_bytes(raw[1 : size + 1], "big"), int.from_bytes(raw[size + 1 :], "big"))]
    else:
        return PublicValue(mode, invalid=f"the public key has {len(raw)} bytes of a form that is no {mode.value} key")
    for x, y in candidates:
        if x < field.p() and y < field.p() and field.contains_point(x, y):
            return PublicValue(mode, x, y)
    return PublicValue(mode, invalid=f"the public key is no point of {curve.name}")


def _square_root(field: Any, x: int) -> int | None:
    """A y of the point at *x*, if there is one. Both fields have p = 3 (mod 4), where a root is one power."""
    p = int(field.p())
    square = (x * x * x + int(field.a()) * x + int(field.b())) % p
    y = pow(square, (p + 1) // 4, p)
    return y if x < p and y * y % p == square else None
