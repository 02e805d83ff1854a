"""Check a message's members against its row in the protocol's table. The common case, nothing wrong, costs one pass without a finding made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from grammars.vocabulary import Finding, Member

_MISSING: Any = object()
_REMEMBERED = 4096
"""values found good that a check keeps, so that a channel's name is matched once and not with every message"""
_LONGEST = 256
"""characters of such a value"""


class _Check(NamedTuple):
    name: str
    types: tuple[type, ...]
    good: Any
    """values known to be good; None: any"""
    wrong: Callable[[Any], str | None] | None
    """what is wrong with a value not known to be good"""
    required: Any
    inner: tuple[_Check, ...]
    item: _Check | None


def compile_members(members: tuple[Member, ...]) -> tuple[_Check, ...]:
    return tuple(_compile(member) for member in members)


def _compile(member: Member) -> _Check:
    good: Any = None
    wrong: Callable[[Any], str | None] | None = None
    if member.values is not None:
        good = set(member.values)
        allowed = ", ".join(sorted(map(str, member.values)))
        wrong = lambda value: f"is none of {allowed}"  # noqa: E731
    elif member.pattern is not None:
        good = set()
        matches = re.compile(member.pattern).fullmatch
        wrong = lambda value: None if not isinstance(value, str) or matches(value) else f"does not have the form {member.pattern}"  # noqa: E731
    elif member.check is not None:
        good = None if {dict, list} & set(member.types) else set()
        wrong = member.check
    item = _compile(member.item) if member.item else None
    return _Check(member.name, member.types, good, wrong, member.required, compile_members(member.members), item)


def check(checks: tuple[_Check, ...], holder: Mapping[str, Any], path: str = "") -> Iterator[Finding]:
    """What is wrong with the members of *holder*; *path* stands before their names in the texts."""
    for one in checks:
        value = holder.get(one.name, _MISSING)
        if value is _MISSING:
            if one.required is True or (one.required and one.required(holder)):
                yield Finding("schema.missing-field", f"{path}{one.name} is absent")
            continue
        yield from _check_value(one, value, f"{path}{one.name}")


def _check_value(one: _Check, value: Any, place: str) -> Iterator[Finding]:
    if _kind(value) not in one.types:
        want = " or ".join(_JSON_NAMES[kind] for kind in one.types)
        yield Finding("schema.bad-type", f"{place} is {_JSON_NAMES.get(_kind(value), 'something else')}, want {want}")
        if not (type(value) is int and str in one.types and (value := str(value))):
            return
    if one.wrong is not None and (one.good is None or value not in one.good):
        wrong = one.wrong(value)
        if wrong:
            yield Finding("schema.bad-value", f"{place} {_show(value)} {wrong}")
        elif one.good is not None and len(one.good) < _REMEMBERED and (type(value) is not str or len(value) <= _LONGEST):
            one.good.add(value)
    if type(value) is dict and one.inner:
        yield from check(one.inner, value, place + ".")
    elif type(value) is list and (one.inner or one.item):
        for index, entry in enumerate(value):
            where = f"{place}[{index}]"
            if one.item is not None:
                yield from _check_value(one.item, entry, where)
            elif type(entry) is not dict:
                yield Finding("schema.bad-type", f"{where} is {_JSON_NAMES.get(type(entry), 'something else')}, want an object")
            else:
                yield from check(one.inner, entry, where + ".")


def clean(checks: tuple[_Check, ...], holder: Mapping[str, Any]) -> bool:
    """Whether `check` has surely nothing to say (it may be asked in vain, never too seldom)."""
    for name, types, good, wrong, required, inner, item in checks:
        value = holder.get(name, _MISSING)
        if value is _MISSING:
            if required is True or (required and required(holder)):
                return False
            continue
        if type(value) not in types:
            return False
        if wrong is not None and (good is None or value not in good):
            return False
        if inner:
            if type(value) is dict:
                if not clean(inner, value):
                    return False
            elif type(value) is list:
                for entry in value:
                    if type(entry) is not dict or not clean(inner, entry):
                        return False
        elif item is not None and type(value) is list:
            for entry in value:
                if type(entry) not in item.types or (item.wrong is not None and item.wrong(entry)):
                    return False
    return True


def _kind(value: Any) -> type:
    """What JSON calls the same is the same: a number beyond a double is a number."""
    return float if isinstance(value, float) else type(value)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


_JSON_NAMES: dict[type, str] = {
    str: "text", int: "an integer", float: "a number", bool: "a boolean", dict: "an object", list: "an array", type(None): "null",
}
