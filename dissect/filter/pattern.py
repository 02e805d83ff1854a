"""Regular expressions for `matches`, without those that can take for ever on the texts that packets hold."""

from __future__ import annotations

import re
import warnings

from dissect.errors import FilterError

LONGEST = 1000
_REPEAT = re.compile(r"\{(\d*)(,?)(\d*)\}")
_FEW = 16
"""repeats that count as few: a bounded repeat of more is taken for an unbounded one"""


def compiled(pattern: str, position: int) -> re.Pattern[str]:
    """Of either case, as in Wireshark. Raises FilterError at *position* for a wrong pattern, or one whose repeats repeat each other."""
    if len(pattern) > LONGEST:
        raise FilterError(f"a regular expression has at most {LONGEST} characters", position)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of what it may read otherwise one day
            made = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise FilterError(f"the regular expression is wrong: {error}", position) from None
    if _explodes(pattern):
        raise FilterError("the regular expression repeats what itself repeats or chooses, as (a+)+ or (a|b)*, which can take for ever; "
                          "write a set such as [ab]* or one repeat", position)
    return made


def _explodes(pattern: str) -> bool:
    """Whether a group that holds a repeat or a choice is itself repeated often, or something looks back at what was found."""
    open_groups: list[bool] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            if pattern[at + 1:at + 2].isdigit() and pattern[at + 1] != "0":
                return True
            at += 2
            continue
        if character == "[":
            at = _set_end(pattern, at)
            continue
        if character == "(":
            if pattern.startswith("(?P=", at) or pattern.startswith("(?(", at):
                return True
            open_groups.append(False)
        elif character == ")" and open_groups:
            inside = open_groups.pop()
            often, length = _repeated(pattern, at + 1)
            if inside and often:
                return True
            if open_groups and (inside or often):
                open_groups[-1] = True
            at += 1 + length
            continue
        elif open_groups and (character == "|" or _repeated(pattern, at)[0]):
            open_groups[-1] = True
        at += 1
    return False


def _repeated(pattern: str, at: int) -> tuple[bool, int]:
    """Whether what stands before *at* is repeated often, and how many characters say so."""
    character = pattern[at:at + 1]
    if character and character in "*+":
        return True, 1
    if character == "{":
        found = _REPEAT.match(pattern, at)
        if found:
            most = found[3] or (found[1] if not found[2] else "")
            return not most or len(most) > 3 or int(most) > _FEW, len(found[0])
    return False, 0


def _set_end(pattern: str, at: int) -> int:
    """Behind the set that opens at *at*."""
    at += 1
    if pattern[at:at + 1] == "^":
        at += 1
    if pattern[at:at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
