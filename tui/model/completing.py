"""What a filter that is being typed may go on with: fields with their meaning, operators, values seen in the capture, saved filters.

Pure: told of the text before the cursor; `tui.widgets.completions` shows what comes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dissect.catalogue import CATALOGUE
from dissect.fields import Field, all_fields, message_names
from dissect.filter.parse import ALIASES
from tui.model.values import Seen

SAVED_SHOWN = 4
"""saved filters beside fields; where nothing is typed, all of them come first"""
SAVED_PLACE = 6
"""behind so many fields at the most: they are seen without scrolling"""
NUMBERS = frozenset({"integer", "number", "time", "severity", "json"})
OPERATORS = (("==", "equal"), ("!=", "not equal"), ("contains", "has it as a part"), ("matches", "a regular expression"), ("in {", "one of several"),
             (">", "greater"), (">=", "greater or equal"), ("<", "less"), ("<=", "less or equal"))
TEXT_ONLY, NUMBER_ONLY = frozenset({"contains", "matches"}), frozenset({">", ">=", "<", "<="})
JOINTS = (("and", "both"), ("or", "either"))

_WORD = re.compile(r"[A-Za-z0-9_.\-]+$")
_SIGNS = "|".join(sorted({*(sign for sign in ALIASES.values() if not sign.isalpha()), "~"}, key=len, reverse=True))
_COMPARED = rf"([A-Za-z0-9_.\-]+)\s*(?:{_SIGNS}|\s(?:{'|'.join(word for word in ALIASES if word != '~')})\s)\s*"
_VALUE = re.compile(_COMPARED + r"(\"?)([^\"\s(){},&|]*|(?<=\")[^\"]*)$")
_MEMBER = re.compile(r"([A-Za-z0-9_.\-]+)\s+in\s*\{(?:[^}\"]|\"[^\"]*\")*?(?<=[{,\s])(\"?)([^\"\s,}{]*|(?<=\")[^\"]*)$")
_OPERATOR = re.compile(r"(?:^|[\s(!])([A-Za-z0-9_.\-]+)\s+([=!<>]{0,2}|[a-z]*)$")
_LAST_WORD = re.compile(r"(?:^|(?<=\s))[a-z]*$")


class Offer(NamedTuple):
    """One way to go on."""

    shown: str
    kind: str
    """field, value, operator, saved"""
    measure: str
    """types of a field; how often a value came"""
    note: str
    """meaning of a field or an operator; what the user calls a value"""
    text: str
    """what stands before the cursor once it is taken"""


class Place(NamedTuple):
    """What is wanted where the cursor is."""

    field: str
    """whose value is wanted; empty: no value is"""
    start: int
    """where the word that is typed begins, with its quote"""
    typed: str
    """of it, without its quote"""
    quoted: bool = False


def place_of(head: str) -> Place | None:
    """What *head*, the text before the cursor, wants next; None within a text of which nothing is known."""
    for pattern in (_VALUE, _MEMBER):
        found = pattern.search(head)
        if found is not None and found[1] in all_fields():
            return Place(found[1], found.start(2), found[3], bool(found[2]))
    if head.count('"') % 2:
        return None
    word = _WORD.search(head)
    return Place("", word.start(), word[0]) if word is not None else Place("", len(head), "")


def known_as(place: Place | None) -> dict[str, str]:
    """What values of the place's field mean, as far as that is declared."""
    if place is not None and place.field == "message.type":
        return message_names()
    if place is not None and place.field == "anomaly.code":
        return {code: kind.meaning for code, kind in CATALOGUE.items()}
    return {}


def offers(head: str, *, values: Callable[[str], Sequence[Seen]], saved: Sequence[str] = (), complete: Callable[[str], bool] = lambda text: False,
           names: dict[str, str] | None = None) -> list[Offer]:
    """The likeliest first. *values* of a field; *saved*: filters used before, the latest last; *complete*: whether a text is a whole filter;
    *names*: what the user calls values."""
    if not head.strip():
        return [*(_saved(one) for one in reversed(saved)), *(_field(row, head) for row in all_fields().values())]
    place = place_of(head)
    if place is None:
        return []
    if place.field:
        return [*_values(head, place, values(place.field), names or {}), *_matching(saved, head)]
    return [*_operators(head), *_joints(head, complete), *_fields(head, place, saved)]


def _field(row: Field, before: str) -> Offer:
    kind = "" if row.types == ("protocol",) else "|".join(row.types)
    unit = f", {row.unit}" if row.unit else ""
    return Offer(row.name, "field", kind + unit, row.meaning, before + row.name)


def _saved(text: str) -> Offer:
    return Offer(text, "saved", "", "", text)


def _matching(saved: Sequence[str], head: str) -> list[Offer]:
    typed = head.strip().lower()
    found = [one for one in reversed(saved) if typed in one.lower() and one.strip() != head.strip()]
    return [_saved(one) for one in sorted(found, key=lambda one: not one.lower().startswith(typed))[:SAVED_SHOWN]]


def _fields(head: str, place: Place, saved: Sequence[str]) -> list[Offer]:
    """Names that begin with what is typed, one step further at a time; then those that have it in them."""
    typed, before = place.typed, head[:place.start]
    if not typed:
        return []
    lower = typed.lower()
    rows = [row for row in all_fields().values() if row.name != typed]
    first = sorted((row for row in rows if row.name.lower().startswith(lower)), key=lambda row: (row.name.count("."), len(row.name), row.name))
    inside = sorted((row for row in rows if lower in row.name.lower()[1:] and not row.name.lower().startswith(lower)),
                    key=lambda row: (not row.name.lower().endswith("." + lower), len(row.name), row.name)) if len(typed) > 1 else []
    found = [_field(row, before) for row in (*first, *inside)]
    return [*found[:SAVED_PLACE], *_matching(saved, head), *found[SAVED_PLACE:]]


def _values(head: str, place: Place, seen: Sequence[Seen], names: dict[str, str]) -> list[Offer]:
    """Those that begin with what is typed, then those that have it in them."""
    quote = '"' if place.quoted or "text" in all_fields()[place.field].types else ""
    before, lower = head[:place.start], place.typed.lower()
    found: list[tuple[bool, Offer]] = []
    for one in seen:
        if lower not in one.text.lower() or (one.text == place.typed and not quote):
            continue
        mark = quote or ('"' if not _plain(one.text) else "")
        offer = Offer(one.text, "value", _share(one.share), names.get(one.text, ""), f"{before}{mark}{one.text}{mark}")
        found.append((not one.text.lower().startswith(lower), offer))
    return [offer for _, offer in sorted(found, key=lambda pair: pair[0])]


def _plain(text: str) -> bool:
    return bool(text) and all(one.isalnum() or one in "_.-:/" for one in text)


def _share(share: float | None) -> str:
    if share is None:
        return ""
    return f"{share:.0%}" if share >= 0.01 else "< 1%"


def _operators(head: str) -> list[Offer]:
    found = _OPERATOR.search(head)
    row = all_fields().get(found[1]) if found is not None else None
    if found is None or row is None or row.types == ("protocol",):
        return []
    textual, numeric = "text" in row.types, bool(NUMBERS & set(row.types))
    before = head[:found.start(2)]
    return [Offer(sign, "operator", "", note, before + sign + ("" if sign.endswith("{") else " ")) for sign, note in OPERATORS
            if sign.startswith(found[2]) and sign != found[2] and (textual or sign not in TEXT_ONLY) and (numeric or sign not in NUMBER_ONLY)]


def _joints(head: str, complete: Callable[[str], bool]) -> list[Offer]:
    """`and`, `or` behind what is a filter already."""
    word = _LAST_WORD.search(head)
    if word is None:
        return []
    before = head[:word.start()]
    if not before.strip() or before == before.rstrip() or not complete(before):
        return []
    return [Offer(sign, "operator", "", note, f"{before}{sign} ") for sign, note in JOINTS if sign.startswith(word[0]) and sign != word[0]]
