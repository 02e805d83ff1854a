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
    """A half sentence to put behind an error: what is near, or the nearest of all that is not; empty only where there are no *names*."""
    known = list(names)
    found = nearest(word[:200], known)
    if found:
        return f"; did you mean {' or '.join(found)}?"
    nearest_of_all = get_close_matches(word[:200], known, 1, 0)
    return f"; the nearest is {nearest_of_all[0]}" if nearest_of_all else ""
