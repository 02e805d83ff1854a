"""What becomes of a message's members, from their declarations (`privacy` of `grammars.vocabulary.Member`).

A member that is not in the table is a value. An open member stays when it has the document's form, or is a short number; else it
may hold anything, and gets a pseudonym under its own name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from dissect.jsonwrite import decode, encode
from dissect.redact.pseudonyms import CREDENTIAL, VALUE, Pseudonyms
from grammars.vocabulary import ApplicationProtocol, Member, Privacy

DEPTH = 70
"""nesting of a message's members; what lies deeper becomes one value"""

SHORT_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII).fullmatch
"""a code, a counter, a percentage: too short for an IMEI, a telephone number or a key"""

INSTANT = re.compile(r"\d{1,16}", re.ASCII).fullmatch
_FUNCTION_ID = re.compile(r"\d{1,3}", re.ASCII).fullmatch
_WORD = re.compile(r"[A-Za-z_]{1,24}", re.ASCII).fullmatch
_SUMMARY = frozenset({"bytes", "sha256", "media_type"})
_MEDIA_TYPE = re.compile(r"(image|video|application)/[a-z-]{1,20}", re.ASCII).fullmatch
_STRICTEST = {Privacy.OPEN: 0, Privacy.VALUE: 1, Privacy.ADDRESS: 2, Privacy.DEVICE: 3, Privacy.CREDENTIAL: 4}


class Plan(NamedTuple):
    """A member and what it holds."""

    member: Member
    inner: Mapping[str, Plan]
    item: Plan | None
    form: Any
    """matcher of its pattern"""


Plans = Mapping[str, Plan]


def plans_of(members: Iterable[Member]) -> dict[str, Plan]:
    """By name; of two members with one name the stricter counts."""
    plans: dict[str, Plan] = {}
    for member in members:
        known = plans.get(member.name)
        if known is None or _STRICTEST[member.privacy] > _STRICTEST[known.member.privacy]:
            plans[member.name] = _plan(member, member.name)
    return plans


def _plan(member: Member, name: str) -> Plan:
    item = _plan(member.item, name) if member.item is not None else None
    return Plan(member, plans_of(member.members), item, re.compile(member.pattern).fullmatch if member.pattern else None)


class ProtocolPlans:
    """All that one protocol declares."""

    def __init__(self, protocol: ApplicationProtocol) -> None:
        rows = list(protocol.messages.values())
        self.paths = frozenset(protocol.paths)
        self.of_type: dict[str, Plans] = {}
        """members of the messages of a type, whose `data` member holds what is declared of data"""
        members: dict[str, list[Member]] = {}
        data: dict[str, list[Member]] = {}
        for row in rows:
            members.setdefault(row.type, []).extend((*row.members, *protocol.extra_fields))
            data.setdefault(row.type, []).extend(row.data or ())
        for kind, own in members.items():
            plans = plans_of(own)
            if protocol.sealed is not None:
                plans["data"] = Plan(_SEALED, plans_of(data[kind]), None, None)
            self.of_type[kind] = plans
        self.any: Plans = plans_of([*protocol.envelope, *protocol.extra_fields, *(one for own in members.values() for one in own if not one.embedded)])
        """of a message whose type the table does not have, and of keys"""


_SEALED = Member(name="data", meaning="What may be encrypted", types=(str, dict, list), privacy=Privacy.VALUE)


class FieldRedactor:
    """Makes of a message's values what may be shown."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms

    def fields(self, holder: Any, plans: Plans, kind: str | None) -> Any:
        """*holder*: an object as sent (or its bytes); *kind*: the message's type, which stays wherever it stands."""
        if isinstance(holder, msgspec.Raw):
            holder = decode(bytes(holder))
        return self._object(holder, plans, kind, 0) if type(holder) is dict else self.hidden(holder)

    def data(self, data: Any, plans: Plans) -> Any:
        """Decrypted or clear `data`: an object, or an array of objects."""
        plan = plans.get("data")
        if isinstance(data, msgspec.Raw):
            data = decode(bytes(data))
        return self._value(data, plan, None, 0) if plan is not None else self.hidden(data)

    def _object(self, holder: dict[str, Any], plans: Plans, kind: str | None, depth: int) -> dict[str, Any]:
        return {name if name in plans else self._name(name): self._value(value, plans.get(name), kind, depth + 1) for name, value in holder.items()}

    def _name(self, name: str) -> str:
        """A name that no declaration has: a word or a function id stays, another may be anything."""
        if _FUNCTION_ID(name):
            return name
        known = self.pseudonyms.known(name)
        return known or (name if _WORD(name) else self.pseudonyms.of("member", name))

    def _value(self, value: Any, plan: Plan | None, kind: str | None, depth: int) -> Any:
        if value is None:
            return None
        if plan is None or depth > DEPTH:
            return self.hidden(value, depth)
        member = plan.member
        if type(value) is dict:
            if member.embedded and value.keys() == _SUMMARY:
                return self._summary(value)
            return self._object(value, plan.inner, kind, depth) if plan.inner else self.hidden(value, depth)
        if type(value) is list:
            if member.privacy is Privacy.OPEN or plan.inner:
                return [self._value(entry, plan.item or plan, kind, depth + 1) for entry in value]
            return self.hidden(value, depth)
        return self._scalar(value, plan, kind)

    def _scalar(self, value: Any, plan: Plan, kind: str | None) -> Any:
        match plan.member.privacy:
            case Privacy.CREDENTIAL:
                return self.pseudonyms.named(CREDENTIAL, _text(value))
            case Privacy.DEVICE:
                return self.pseudonyms.device(plan.member.name, _text(value))
            case Privacy.ADDRESS:
                return self.pseudonyms.address(_text(value))
            case Privacy.VALUE:
                return self._leaf(value)
        return self._open(value, plan, kind)

    def _open(self, value: Any, plan: Plan, kind: str | None) -> Any:
        member, text = plan.member, _text(value)
        if text == kind or type(value) is bool or not text:
            return value
        if member.values is not None and (value in member.values or text in member.values):
            return value
        known = self.pseudonyms.known(text)
        if known is not None:
            return known
        if SHORT_NUMBER(text):
            return value
        if member.unit and INSTANT(text) and not isinstance(value, float):
            return value
        if type(value) is str and len(value) <= 64 and type(value) in member.types and (
            (plan.form is not None and plan.form(value)) or (member.check is not None and member.check(value) is None)
        ):
            return value
        return self.pseudonyms.of(member.name if _WORD(member.name) else VALUE, text)

    def _summary(self, value: dict[str, Any]) -> dict[str, Any]:
        """An embedded file: its size and kind stay, its hash does not."""
        size, media_type = value["bytes"], value["media_type"]
        return {"bytes": size if type(size) is int else None, "sha256": self._leaf(value["sha256"]),
                "media_type": media_type if type(media_type) is str and _MEDIA_TYPE(media_type) else None}

    def hidden(self, value: Any, depth: int = 0) -> Any:
        """Shape kept, every value in it a pseudonym."""
        if value is None:
            return None
        if depth > DEPTH:
            return self._leaf(encode(value).decode("utf-8", "replace"))
        if type(value) is dict:
            return {self._name(name): self.hidden(inner, depth + 1) for name, inner in value.items()}
        if type(value) is list:
            return [self.hidden(inner, depth + 1) for inner in value]
        return self._leaf(value)

    def _leaf(self, value: Any) -> str:
        text = _text(value)
        # A number and the same number as text are two values.
        return self.pseudonyms.known(text) or self.pseudonyms.of(VALUE, text if type(value) is str else f"\0{text}")

    def key(self, key: Mapping[str, Any] | None, plans: Plans, kind: str | None = None) -> dict[str, Any] | None:
        """What pairs a message or an exchange."""
        return None if key is None else self._object(dict(key), plans, kind, 0)


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return "not finite"
    if isinstance(value, bool | int | float):
        return _number(value)
    return encode(value).decode("utf-8", "replace")


def _number(value: float) -> str:
    try:
        return str(value)
    except ValueError:  # an integer of more digits than Python writes
        return hex(int(value))
