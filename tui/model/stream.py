"""A session as text: what both sides said, in order of time, as sent or as decrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissect.jsonwrite import encode
from dissect.text import clean
from tui.model.cells import Line, cell

if TYPE_CHECKING:
    from tui.model.store import Store

MESSAGES_LIMIT = 2000
LINE_CELLS = 4000


def stream_lines(store: Store, session: int, width: int, around: int, decrypted: bool) -> tuple[list[Line], int]:
    """Lines, and the number of the one where the message *around* begins. Of a long session the messages near it are shown."""
    members = store.analysis.messages_of(session)
    members = members[members < store.count].tolist()
    place = members.index(around) if around in members else 0
    start = max(0, min(place - MESSAGES_LIMIT // 2, len(members) - MESSAGES_LIMIT))
    lines: list[Line] = []
    at = 0
    if start:
        lines.append([cell(f"({start} messages before)", "dim")])
    for index in members[start:start + MESSAGES_LIMIT]:
        if index == around:
            at = len(lines)
        direction = store.analysis.direction_of(index)
        plaintext = store.analysis.plaintext(index) if decrypted else None
        raw = store.analysis.raw(index) or b""
        if not store.analysis.keep_bytes:
            message = store.analysis.message_at(index)
            raw = f"{message.type or 'malformed'} ".encode() + encode(message.fields)
        mark = ">" if direction == "up" else "<"
        text = raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
        lines += _wrapped(f"{mark} ", text, width, direction)
        if plaintext is not None:
            lines += _wrapped("  = ", plaintext.decode("utf-8", "backslashreplace"), width, "value")
    left = len(members) - start - MESSAGES_LIMIT
    if left > 0:
        lines.append([cell(f"({left} messages behind)", "dim")])
    return lines, at


def _wrapped(front: str, text: str, width: int, role: str) -> list[Line]:
    shown = clean(text, LINE_CELLS)
    more = len(text) - LINE_CELLS
    room = max(20, width - len(front) - 1)
    # Half the room for wide characters: a cut line is worse than a short one.
    step = room if shown.isascii() else room // 2
    parts = [shown[place:place + step] for place in range(0, len(shown), step)] or [""]
    lines = [[cell(front if not number else " " * len(front), role), cell(part, role)] for number, part in enumerate(parts)]
    if more > 0:
        lines.append([cell(f"{' ' * len(front)}({more} more characters)", "dim")])
    return lines
