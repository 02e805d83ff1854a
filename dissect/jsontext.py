"""JSON as devices send it: strict first, then the two repairs that the documents' own examples need, then nothing.

protocols.md, "JSON in the wild": an unquoted member name and a trailing comma are accepted and reported; a member name with blanks around it
counts as the trimmed name; of a name twice in one object the last counts; NaN, Infinity and more than 64 levels are no JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import msgspec

from dissect.jsonwrite import number_of
from grammars.vocabulary import Finding

DEPTH = 64
"""deepest nesting read"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
# One that never ends is a string up to the end of the text: else every quote in it would be tried as a beginning of its own.
_STRING = re.compile(r'("(?:[^"\\]++|\\.)*+"?)', re.DOTALL)
_BARE_NAME = re.compile(r"([{,]\s*)([A-Za-z_$][A-Za-z0-9_$]*)(\s*:)")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_PADDED_NAME = re.compile(rb'[{,]\s*" | "\s*:').search
FIRST_BYTES = frozenset(b"{[ \t\r\n")
"""with which a text begins that may be an object or an array"""


class Decoded(NamedTuple):
    value: Any
    """as sent (of duplicates, the last)"""
    view: Any
    """the same with names trimmed: what every rule looks at"""
    findings: tuple[Finding, ...]


class _NoJSON(ValueError):
    """A constant that JSON does not have, or too many levels."""


def decode(data: bytes) -> Decoded | None:
    """An object or array, or None for what neither strict JSON nor the repairs accept."""
    try:
        value = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_slowly(data)
    if type(value) is not dict and type(value) is not list:
        return None
    if _padded(data) or data.count(b"{") + data.count(b"[") > DEPTH or not _each_name_once(value, data):
        return _decode_slowly(data)
    return Decoded(value, value, ())


def decode_plain(data: bytes) -> Any:
    """The value of JSON of which there is nothing to tell: compact, no name twice, none with blanks. None: `decode` has to look."""
    try:
        value = _decode(data)
        # Most are compact: one byte is found many times faster than two of which one is common.
        if type(value) is dict and _encode(value) == data and (b" " not in data or not _padded(data)) and data.count(b"{") + data.count(b"[") <= DEPTH:
            return value
    except (ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
        return None
    return None


def _padded(data: bytes) -> bool:
    """Whether a member name may begin or end with a blank."""
    return (b' "' in data or b'" ' in data) and _PADDED_NAME(data) is not None


def _each_name_once(value: Any, data: bytes) -> bool:
    """Whether no name surely stands twice in one object."""
    try:
        if _encode(value) == data:
            return True
    except (ValueError, OverflowError, msgspec.MsgspecError):
        return False
    return data.count(b'":') == _count_members(value)


def look_again(value: Any, data: bytes) -> Decoded:
    """What there is to tell of *data*, JSON that was read as *value* (decrypted members)."""
    try:
        if _encode(value) == data and not _padded(data):
            return Decoded(value, value, ())
    except (ValueError, OverflowError, msgspec.MsgspecError):
        pass  # a number or a text that msgspec does not write: read it as anything else that is not compact
    return decode(data) or Decoded(value, value, ())


def decode_part(parts: dict[str, Any], name: str | None) -> Decoded | None:
    """The parts of a frame, of which the one called *name* (where it is there) is JSON text; None when that is no object."""
    text = parts.get(name) if name is not None else None
    if name is None or not isinstance(text, bytes):
        return Decoded(parts, parts, ())
    decoded = decode(text)
    if decoded is None or type(decoded.value) is not dict:
        return None
    value = {name: decoded.value}
    return Decoded(value, value if decoded.view is decoded.value else {name: decoded.view}, decoded.findings)


def _count_members(value: Any) -> int:
    """Members of all objects in *value*."""
    count = 0
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            count += len(one)
            for inner in one.values():
                if type(inner) is dict or type(inner) is list:
                    waiting.append(inner)
        else:
            for inner in one:
                if type(inner) is dict or type(inner) is list:
                    waiting.append(inner)
    return count


def _decode_slowly(data: bytes) -> Decoded | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if _depth(text) > DEPTH:
        return None
    findings: list[Finding] = []
    duplicates: list[str] = []
    blanks: list[str] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) != len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    duplicates.append(name)
                seen.add(name)
        blanks.extend(name for name in built if name != name.strip())
        return built

    value = _strict(text, build)
    if value is None:
        duplicates.clear()
        blanks.clear()
        value = _strict(_repair(text), build)
        if value is None:
            return None
        findings.append(Finding("schema.lenient-json", "an unquoted member name or a trailing comma"))
    findings += [Finding("schema.duplicate-key", f"member {name!r:.60} twice in one object; the last counts") for name in dict.fromkeys(duplicates)]
    view = value
    if blanks:
        view = _trim(value)
        findings += [Finding("schema.lenient-json", f"blanks around the member name {name!r:.60}") for name in dict.fromkeys(blanks)]
    return Decoded(value, view, tuple(findings))


def _strict(text: str, build: Any) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=build, parse_float=number_of, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if type(value) is dict or type(value) is list else None


def _refuse(name: str) -> Any:
    raise _NoJSON(name)


def _repair(text: str) -> str:
    """Quote bare member names and drop trailing commas, outside of strings."""
    parts = _STRING.split(text)
    for place in range(0, len(parts), 2):
        parts[place] = _TRAILING_COMMA.sub(r"\1", _BARE_NAME.sub(r'\1"\2"\3', parts[place]))
    return "".join(parts)


def _depth(text: str) -> int:
    """Deepest nesting, brackets in strings not counted; stops counting past the limit."""
    if text.count("{") + text.count("[") <= DEPTH:
        return 0
    deepest = depth = 0
    for part in _STRING.split(text)[::2]:
        for character in part:
            if character in "{[":
                depth += 1
                if depth > deepest:
                    deepest = depth
            elif character in "}]":
                depth -= 1
    return deepest


def _trim(value: Any) -> Any:
    if type(value) is dict:
        return {name.strip(): _trim(inner) for name, inner in value.items()}
    if type(value) is list:
        return [_trim(inner) for inner in value]
    return value


def may_be_json(data: bytes) -> bool:
    """A cheap look at the first byte, before anything is decoded."""
    return bool(data) and data[0] in FIRST_BYTES
