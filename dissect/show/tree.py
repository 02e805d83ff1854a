"""A message as a tree of its members: as sent (order, duplicate members and the spelling of numbers kept) where its bytes are JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from dissect.model import Message
from dissect.text import clean, counted

DEPTH_LIMIT = 64
ENTRIES_LIMIT = 1000
"""members shown of one object or list; of the rest only their number"""

INDENT = "  "


class Members(list[tuple[str, Any]]):
    """An object as sent: pairs, in order, duplicates included."""


class Spelling(str):
    """A number as sent."""

    __slots__ = ()


def as_sent(data: bytes) -> Any:
    """The values of JSON bytes, objects as Members, numbers as Spelling; None when *data* is no JSON object."""
    try:
        value = json.loads(data, object_pairs_hook=Members, parse_int=Spelling, parse_float=Spelling, parse_constant=Spelling)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Members) else None


def tree(message: Message, raw: bytes | None, plaintext: bytes | None) -> Iterator[str]:
    """Lines, indented, each cleaned: the message's own facts, its fields, its decrypted data, its carrier."""
    yield f"{INDENT}{'frame' if len(message.frames) == 1 else 'frames'} {', '.join(map(str, message.frames))} of file {message.file}"
    if message.device_id is not None:
        yield f"{INDENT}device {clean(message.device_id)}"
    if message.carrier is not None:
        yield f"{INDENT}carrier"
        yield from _branches(message.carrier.items(), 2)
    if message.raw_b64 is not None:
        yield f"{INDENT}malformed, {counted(message.size, 'byte')}"
        return
    yield f"{INDENT}fields"
    sent = as_sent(raw) if raw is not None else None
    yield from _value(_without_envelope(sent, message.fields), 2)
    if message.encryption is not None:
        how = ("key", "exchange", "iv", "key_form")
        opened = [f"{name} {getattr(message.encryption, name)}" for name in how if getattr(message.encryption, name) is not None]
        yield f"{INDENT}encryption {clean(', '.join([message.encryption.status, *opened]))}"
        inner = as_sent(plaintext) if plaintext is not None else None
        if inner is not None or message.encryption.data is not None:
            yield f"{INDENT * 2}data"
            yield from _value(message.encryption.data if inner is None else inner, 3)


def _without_envelope(sent: Any, fields: Any) -> Any:
    """*sent* when it has the members of *fields*, or the one member's value that has (an envelope's outer name taken off); else *fields*."""
    if not isinstance(sent, Members) or not isinstance(fields, dict):
        return fields
    for candidate in (sent, *(value for _, value in sent[:1])):
        if isinstance(candidate, Members) and {name.strip() for name, _ in candidate} == set(fields):
            return _summarised(candidate, fields)
    return fields


def _summarised(sent: Any, fields: Any, depth: int = 0) -> Any:
    """*sent* with a text replaced where *fields* tells it in short (an image: its size and hash)."""
    if isinstance(sent, str) and not isinstance(sent, Spelling) and isinstance(fields, dict):
        return fields
    if depth < DEPTH_LIMIT and isinstance(sent, Members) and isinstance(fields, dict):
        return Members((name, _summarised(value, fields.get(name.strip()), depth + 1)) for name, value in sent)
    if depth < DEPTH_LIMIT and isinstance(sent, list) and isinstance(fields, list) and len(sent) == len(fields):
        return [_summarised(value, field, depth + 1) for value, field in zip(sent, fields, strict=True)]
    return sent


def _value(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Members):
        yield from _branches(value, depth)
    elif isinstance(value, dict):
        yield from _branches(value.items(), depth)
    elif isinstance(value, list):
        yield from _branches(((f"[{index}]", item) for index, item in enumerate(value)), depth)
    elif value is not None:
        yield INDENT * depth + _scalar(value)


def _branches(members: Iterable[tuple[str, Any]], depth: int) -> Iterator[str]:
    if depth > DEPTH_LIMIT:
        yield INDENT * depth + "(deeper levels are not shown)"
        return
    for count, (name, value) in enumerate(members):
        if count == ENTRIES_LIMIT:
            yield INDENT * depth + "(more entries are not shown)"
            return
        if isinstance(value, dict | list):
            yield INDENT * depth + clean(name) + _extent(value)
            yield from _value(value, depth + 1)
        else:
            yield f"{INDENT * depth}{clean(name)}: {_scalar(value)}"


def _extent(value: Any) -> str:
    if isinstance(value, Members) or not isinstance(value, list):
        return "" if value else " {}"
    return f" ({len(value)})" if value else " []"


def _scalar(value: Any) -> str:
    if isinstance(value, Spelling):
        return clean(str(value))
    if isinstance(value, str):
        return f'"{clean(value)}"'
    return "null" if value is None else "true" if value is True else "false" if value is False else clean(str(value))
