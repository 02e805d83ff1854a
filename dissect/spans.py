"""Where the parts of a message lie in its bytes: every JSON member by one tokenizer, frames by their grammar, packets layer by layer.

Made for the message that someone looks at, not for the hot path. Tolerant of what `dissect.jsontext` repairs (bare names, trailing
commas) and of bytes that end too early; bounded in parts and depth. Raises nothing.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from dissect.jsontext import DEPTH
from grammars.registry import PROTOCOLS
from grammars.vocabulary import Frames

PARTS_LIMIT = 20_000

_TOKEN = re.compile(rb'[ \t\r\n]*(?:([{}\[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}\[\],:"]+))', re.DOTALL)

Path = tuple[str | int, ...]


class Part(NamedTuple):
    """One member (or element, or field of a frame) and its bytes."""

    path: Path
    """names and positions from the outermost object"""
    kind: str
    """object, array, text, number, word (true, false, null or a bare word), bytes"""
    start: int
    """first byte: of the name where there is one"""
    value_start: int
    end: int
    """one behind the last byte of the value"""
    meaning: str = ""
    """from a grammar; JSON members find theirs in the protocol's table"""
    unit: str = ""
    section: str = ""

    @property
    def depth(self) -> int:
        return len(self.path)


class _Open:
    """A container whose end has not come."""

    __slots__ = ("index", "is_object", "path", "count", "name", "name_start")

    def __init__(self, index: int, is_object: bool, path: Path) -> None:
        self.index, self.is_object, self.path = index, is_object, path
        self.count = 0
        self.name: str | None = None
        self.name_start = -1


def json_parts(data: bytes, offset: int = 0) -> list[Part]:
    """The parts of the JSON value at *offset*, in order, containers before what they hold; the outermost has the path ()."""
    parts: list[Part] = []
    stack: list[_Open] = []
    position = offset
    while len(parts) < PARTS_LIMIT:
        found = _TOKEN.match(data, position)
        if found is None:
            break
        mark, text, bare = found.group(1, 2, 3)
        start, position = found.start(found.lastindex or 0), found.end()
        top = stack[-1] if stack else None
        if mark in (b"}", b"]"):
            if top is None:
                break
            parts[top.index] = parts[top.index]._replace(end=position)
            stack.pop()
            if not stack:
                break
        elif mark in (b",", b":"):
            if mark == b"," and top is not None:
                top.name = None
        elif top is not None and top.is_object and top.name is None and mark is None:
            top.name = _text(text) if text is not None else bare.decode("utf-8", "backslashreplace")
            top.name_start = start
        else:
            path, first = _place(top, start)
            kind = "object" if mark == b"{" else "array" if mark == b"[" else "text" if text is not None else _word(bare)
            parts.append(Part(path, kind, first, start, position))
            if mark is not None:
                if len(stack) == DEPTH:
                    break
                stack.append(_Open(len(parts) - 1, mark == b"{", path))
            elif top is None:
                break
    for one in stack:
        parts[one.index] = parts[one.index]._replace(end=len(data))
    return parts


def _place(top: _Open | None, start: int) -> tuple[Path, int]:
    if top is None:
        return (), start
    if top.is_object:
        name, top.name = top.name, None
        return (*top.path, name if name is not None else ""), top.name_start if name is not None else start
    top.count += 1
    return (*top.path, top.count - 1), start


def _word(bare: bytes) -> str:
    return "number" if bare[:1].isdigit() or bare[:1] == b"-" else "word"


def _text(data: bytes) -> str:
    """What a JSON text means; as it stands where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data.decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) else data.decode("utf-8", "backslashreplace")


def value_text(part: Part, data: bytes, limit: int = 4096) -> str:
    """The value of a scalar as sent: a text in quotes with its escapes resolved, a number in its own spelling. Not cleaned."""
    shown = data[part.value_start:min(part.end, part.value_start + limit)]
    if part.kind == "text" and part.end - part.value_start <= limit:
        return f'"{_text(shown)}"'
    return shown.decode("utf-8", "backslashreplace")


def message_parts(protocol: str, data: bytes) -> list[Part]:
    """The parts of one message of *protocol*: by its grammar where it has a framing of its own, else as JSON."""
    framing = PROTOCOLS[protocol].framing if protocol in PROTOCOLS else None
    if not isinstance(framing, Frames) or framing.grammar is None:
        return json_parts(data)
    from grammars.readings import field_table, spans

    parts: list[Part] = []
    grammar = framing.grammar(data)
    declared = {row.name: row for row in field_table(grammar)}
    for span in spans(grammar, data):
        if span.bits is not None:
            continue
        if data[span.start:span.start + 1] == b"{":
            parts += [part for part in json_parts(data, span.start) if part.path]
        else:
            row = declared.get(span.name)
            parts.append(Part((span.name,), "bytes", span.start, span.start, span.end, span.doc, row.unit if row else "", row.spec if row else ""))
    return parts
