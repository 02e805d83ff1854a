"""C-Life encryption as a device and an app do it (003, 4.2): AES-128-CBC with PKCS#7 padding in base64, and the three key exchanges.

Written apart from dissect's decryptor, on other calls of the libraries, so that one cannot repeat the other's mistake.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Protocol, Self

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from ecdsa import NIST192p, SECP112r1
from ecdsa.ellipticcurve import PointJacobi

ASCII_ZEROS = b"0" * 16
ZERO_BYTES = bytes(16)

DOCUMENT_PRIME = 0xB19657342A92DA9469C76F01621B0B23
"""The document's example dhP, a safe prime of 128 bits."""
DOCUMENT_GENERATOR = 2


@dataclass(frozen=True)
class Key:
    """An AES key with its initial vector."""

    secret: bytes
    vector: bytes = ASCII_ZEROS

    def __repr__(self) -> str:
        return "Key(…)"

    def seal(self, value: object) -> str:
        """*value* as JSON, padded, encrypted, in base64."""
        return self.seal_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())

    def seal_text(self, plain: bytes) -> str:
        """JSON as somebody spells it."""
        padder = PKCS7(128).padder()
        padded = padder.update(plain) + padder.finalize()
        encryptor = Cipher(algorithms.AES128(self.secret), modes.CBC(self.vector)).encryptor()
        return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


class Side(Protocol):
    """One side of a key exchange."""

    @property
    def offer(self) -> dict[str, str]:
        """The data of a 1104 (`pubKey`, for DH also `dhP` and `dhG`); a 1105 sends the pubKey alone."""

    def agree(self, other: Self, /) -> Key:
        """The session key with *other*."""


@dataclass(frozen=True)
class DiffieHellman:
    """128 bit; the shared secret is the key."""

    private: int

    @property
    def public(self) -> int:
        return pow(DOCUMENT_GENERATOR, self.private, DOCUMENT_PRIME)

    @property
    def offer(self) -> dict[str, str]:
        return {"pubKey": _base64(self.public, 16), "dhP": _base64(DOCUMENT_PRIME, 16), "dhG": _base64(DOCUMENT_GENERATOR, 1)}

    def agree(self, other: DiffieHellman) -> Key:
        return Key(pow(other.public, self.private, DOCUMENT_PRIME).to_bytes(16, "big"))


@dataclass(frozen=True)
class Secp112:
    """ECDH on secp112r1, public points compressed; the 14 bytes of x, zero-padded on the right, are the key."""

    private: int

    @property
    def public(self) -> PointJacobi:
        return SECP112r1.generator * self.private

    @property
    def offer(self) -> dict[str, str]:
        return {"pubKey": b64encode(self.public.to_bytes("compressed")).decode()}

    def agree(self, other: Secp112) -> Key:
        return Key(int((other.public * self.private).x()).to_bytes(14, "big").ljust(16, b"\0"))


@dataclass(frozen=True)
class NanoEcc:
    """secp192r1 in nano-ecc's byte order (x then y, each little-endian); MD5 of the 24 bytes of x is the key."""

    private: int

    @property
    def public(self) -> PointJacobi:
        return NIST192p.generator * self.private

    @property
    def offer(self) -> dict[str, str]:
        point = self.public
        return {"pubKey": b64encode(int(point.x()).to_bytes(24, "little") + int(point.y()).to_bytes(24, "little")).decode()}

    def agree(self, other: NanoEcc) -> Key:
        secret = int((other.public * self.private).x()).to_bytes(24, "little")
        return Key(hashlib.md5(secret).digest())  # the document's weak scheme, not our choice


def _base64(value: int, size: int) -> str:
    return b64encode(value.to_bytes(size, "big")).decode()
