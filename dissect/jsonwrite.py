"""JSON out: msgspec where it can, else a slower writer for the few values that it refuses or would change.

Packets hold them: lone surrogates (written as their escape), numbers beyond a double.
"""

from __future__ import annotations

import json
import math
from enum import Enum
from typing import Any

import msgspec

_fast = msgspec.json.Encoder().encode


class Beyond(float):
    """A number beyond a double, an infinity to whoever calculates with it; written as it was sent."""

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, spelling: str) -> Beyond:
        number = super().__new__(cls, spelling)
        number.spelling = spelling
        return number

    def __repr__(self) -> str:
        return self.spelling


def number_of(spelling: str) -> float:
    """What JSON's *spelling* of a number with fraction or exponent means; for `json.loads(parse_float=…)`."""
    number = float(spelling)
    return number if math.isfinite(number) else Beyond(spelling)


def encode(value: Any) -> bytes:
    """*value* (a structure of `dissect.model` or plain JSON values) as UTF-8 JSON on one line.

    An infinity that is no Beyond must not stand in *value*: the fast writer would make it null.
    """
    try:
        return _fast(value)
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError):  # a lone surrogate; an integer of thousands of digits; nesting; a Beyond
        return strict(value)


def strict(value: Any) -> bytes:
    """As `encode`, by the slow writer: any depth, lone surrogates as escapes, infinities as 1e999."""
    out: list[bytes] = []
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if type(item) is _Text:
            out.append(item)
        elif isinstance(item, msgspec.Raw):
            out.append(bytes(item))
        elif type(item) is Beyond:
            out.append(item.spelling.encode("ascii"))
        elif isinstance(item, Enum):
            waiting.append(item.value)
        elif isinstance(item, float) and not math.isfinite(item):
            out.append(b"null" if math.isnan(item) else b"1e999" if item > 0 else b"-1e999")
        elif isinstance(item, msgspec.Struct) and item.__struct_config__.array_like:
            waiting.append([getattr(item, name) for name in item.__struct_fields__])
        elif isinstance(item, msgspec.Struct):
            members = zip(item.__struct_encode_fields__, (getattr(item, name) for name in item.__struct_fields__), strict=True)
            waiting.extend(_object(members))
        elif isinstance(item, dict):
            waiting.extend(_object(item.items()))
        elif isinstance(item, list | tuple):
            parts: list[Any] = [_Text(b"]")]
            for index in range(len(item) - 1, -1, -1):
                parts += (item[index], _Text(b",")) if index else (item[index],)
            waiting.extend([*parts, _Text(b"[")])
        else:
            out.append(json.dumps(item).encode("ascii"))
    return b"".join(out)


class _Text(bytes):
    """Output as it is, between values that still wait to be written."""


def _object(members: Any) -> list[Any]:
    """The parts of an object, last first."""
    parts: list[Any] = [_Text(b"{")]
    for index, (name, member) in enumerate(members):
        parts += (_Text((b"," if index else b"") + json.dumps(name).encode("ascii") + b":"), member)
    parts.append(_Text(b"}"))
    return parts[::-1]


def decode(data: bytes | bytearray) -> Any:
    """Plain values of JSON that `encode` wrote, lone surrogates and numbers beyond a double included."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return json.loads(data, parse_float=number_of)
