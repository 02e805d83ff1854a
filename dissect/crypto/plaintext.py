"""Reading a decrypted `data`: strict JSON, an object or an array, since anything else is no plaintext of the C-Life documents."""

from __future__ import annotations

import json
from typing import NoReturn

from msgspec import DecodeError
from msgspec.json import Decoder

from dissect.jsontext import DEPTH
from dissect.jsonwrite import number_of
from dissect.model import JSON

_decode = Decoder().decode


def decode_strictly(plaintext: bytes) -> JSON:
    """The object or array that *plaintext* is in UTF-8; None when it is none, or nested deeper than DEPTH."""
    try:
        value = _decode(plaintext)
    except DecodeError:
        value = _decode_as_python(plaintext)
    except (UnicodeDecodeError, RecursionError):
        return None
    if type(value) is not dict and type(value) is not list:
        return None
    # Most messages are too short, or hold too few brackets, to be nested deeply: those are not walked.
    if len(plaintext) > 2 * DEPTH and plaintext.count(b"[") + plaintext.count(b"{") > DEPTH and _too_deep(value):
        return None
    return value


def _decode_as_python(plaintext: bytes) -> JSON:
    """Where msgspec refuses what JSON allows ("\\ud800", 1e400), Python's json decides; NaN and Infinity are no JSON."""
    if plaintext.lstrip(b" \t\r\n")[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(plaintext.decode("utf-8"), parse_float=number_of, parse_constant=_refuse)
    except (ValueError, RecursionError):  # JSONDecodeError, UnicodeDecodeError, a number of too many digits; nested too deeply
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _too_deep(value: JSON) -> bool:
    """Whether containers stand in each other more than DEPTH deep."""
    level = [value]
    for _ in range(DEPTH):
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
