"""The name that someone may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 3


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """At most three of *names*, the likeliest first: the same in other letters' case, the same last part, then spelled alike."""
    lower, known = word.lower(), list(names)
    same = [name for name in known if name.lower() == lower]
    ending = [name for name in known if name.lower().endswith("." + lower)]
    alike = get_close_matches(word, known, MOST, 0.6)
    return list(dict.fromkeys(same + ending + alike))[:MOST]


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """A half sentence to put behind an error; empty when nothing comes near."""
    found = nearest(word[:200], names)
    return f"; did you mean {' or '.join(found)}?" if found else ""
