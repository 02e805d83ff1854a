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


def did_you_mean(word: str, names: Iterable[str], always: str = "") -> str:
    """A half sentence to put behind an error; empty when nothing comes near, unless *always* says where all *names* are listed."""
    known = list(names)
    found = nearest(word[:200], known)
    if found:
        return f"; did you mean {' or '.join(found)}?"
    least_far = get_close_matches(word[:200], known, 1, 0) if always else []
    return f"; the nearest is {least_far[0]}, {always}" if least_far else ""
