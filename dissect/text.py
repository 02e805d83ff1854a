"""The one door through which text from packets reaches a screen: what could steer a terminal or hide from the eye is escaped.

Everything that prints goes through `clean`: a name in a table, an error text, a tree, a column. Markup of a front end is not
meant here: a front end never reads text as markup.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LIMIT = 4096
"""characters of one cleaned text, at most; what is longer ends in an ellipsis"""

ELLIPSIS = "\u2026"

_INVISIBLE = (
    "\u034f"          # combining grapheme joiner
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers
    "\u17b4\u17b5"    # Khmer inherent vowels
    "\u180b-\u180d\u180f"  # Mongolian variation selectors
    "\u2800"          # blank Braille pattern
    "\ufe00-\ufe0f"   # variation selectors
    "\U000e0100-\U000e01ef"
)
# `str.isprintable` takes these for printable although nothing of them is to be seen.

_INVISIBLE_FOUND = re.compile(f"[{_INVISIBLE}]").search
_IDEOGRAPHIC_SPACE = "\u3000"
# Not printable to Python (Zs), but Chinese text uses it.


def _escaped(character: str) -> str:
    if character == _IDEOGRAPHIC_SPACE or (character.isprintable() and not _INVISIBLE_FOUND(character)):
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: str, limit: int = LIMIT) -> str:
    """*text* on one line, harmless to a terminal, at most *limit* characters: C0, C1, DEL, format, separator, unassigned, private
    and invisible characters and lone surrogates become `\\xNN`, `\\uNNNN` or `\\UNNNNNNNN`."""
    if len(text) <= limit and text.isprintable() and (text.isascii() or not _INVISIBLE_FOUND(text)):
        return text
    escaped = "".join(map(_escaped, text[:limit + 1]))
    return escaped if len(escaped) <= limit else escaped[:max(limit - 1, 0)] + ELLIPSIS


def is_clean(text: str) -> bool:
    """Whether *text* holds nothing that `clean` would escape, however long it is."""
    if text.isprintable():
        return text.isascii() or not _INVISIBLE_FOUND(text)
    return all(_escaped(character) == character for character in set(text))


@lru_cache(maxsize=8192)
def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cell_width(text: str) -> int:
    """Terminal cells that cleaned *text* takes (ambiguous widths count one)."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cells(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """*text*, cleaned, cut to at most *width* cells; what was cut ends in *ellipsis*. Never splits a wide character."""
    text = clean(text)
    if cell_width(text) <= width:
        return text
    room = width - len(ellipsis)
    return _front(text, room) + ellipsis if room >= 0 else ellipsis[:max(width, 0)]


def _front(text: str, room: int) -> str:
    """The characters at the front of *text* that fit into *room* cells."""
    used = 0
    for position, character in enumerate(text):
        used += _width(character)
        if used > room:
            return text[:position]
    return text


def ends(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """As `cells`, but what is left out is left out in the middle: ids of devices of one maker begin alike."""
    text = clean(text)
    if cell_width(text) <= width:
        return text
    room = width - len(ellipsis)
    if room < 3:
        return cells(text, width, ellipsis)
    front = _front(text, room // 3)
    return front + ellipsis + _front(text[::-1], room - cell_width(front))[::-1]


def column(text: str, width: int, right: bool = False) -> str:
    """*text* as exactly *width* cells: cut with `cells`, filled with blanks (on the left with *right*)."""
    shown = cells(text, width)
    filling = " " * (width - cell_width(shown))
    return filling + shown if right else shown + filling


def counted(count: int, noun: str, plural: str = "") -> str:
    """*count* with its *noun*: `1 message`, `2 messages`; *plural* where that is not made with an s."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
