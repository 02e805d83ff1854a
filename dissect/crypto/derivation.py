"""From a shared secret, an app key or a userId to AES keys: the readings that 4.2 leaves open, by their names in the report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from dissect.crypto.aes import KEY_SIZE
from dissect.crypto.exchange import Mode
from dissect.crypto.secret import Secret

_HEX_KEY = re.compile(rb"[0-9a-fA-F]{32}")


def fixed_keys(text: Secret) -> Iterator[tuple[str, Secret]]:
    """(key_form, key) of a key given as text: "APP 应用信息唯一码，采用 16 进制" (table 4.2-1), or its first 16 characters."""
    material = text.reveal()
    if _HEX_KEY.fullmatch(material):
        yield "hex", Secret(bytes.fromhex(material.decode()))
    if len(material) >= KEY_SIZE:
        yield "ascii", Secret(material[:KEY_SIZE])


def negotiated_keys(mode: Mode, secret: bytes) -> Iterator[tuple[str, Secret]]:
    """(key_form, key) of a shared secret Z (big-endian); table 4.2-2, which would say how, is cut off in the document.

    Big-number libraries drop leading zero bytes of a DH secret, so what is left then is a reading too.
    """
    readings = [secret]
    if mode is Mode.NANOEC:  # nano-ecc keeps its numbers little-endian
        readings.insert(0, secret[::-1])
    elif mode is Mode.DH and not secret[0]:
        readings.append(secret.lstrip(b"\0"))
    for reading in readings:
        if len(reading) == KEY_SIZE:
            yield "raw", Secret(reading)
        elif len(reading) > KEY_SIZE:
            yield "truncated", Secret(reading[:KEY_SIZE])
        else:
            yield "padded", Secret(reading.ljust(KEY_SIZE, b"\0"))
            yield "padded", Secret(reading.rjust(KEY_SIZE, b"\0"))
    for reading in readings:
        yield "md5", Secret(hashlib.md5(reading, usedforsecurity=False).digest())
