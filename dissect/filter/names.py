"""From the words of a filter to fields and their sources. What a name means is declared in `dissect.fields`, nowhere else."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from dissect.errors import FilterError
from dissect.fields import Field, all_fields
from dissect.filter.base import Source
from dissect.filter.body import BodySource
from dissect.filter.sources import general_sources, of_protocols
from dissect.filter.suggest import did_you_mean
from dissect.filter.syntax import Value
from grammars.registry import PROTOCOLS

_OPEN = {"object", "array"}

ALL_ARE_LISTED = "`dissect protocols` lists all"


class Resolved(NamedTuple):
    """A field of a filter."""

    field: Field
    source: Source
    kind: str
    """number, time, address, severity, text, protocol, or json: a member of a message, compared leniently"""


def is_field(value: Value) -> bool:
    """Whether an unquoted word names a field."""
    return not value.quoted and _find(value.text) is not None


def field_named(name: str) -> Resolved:
    """The field of that name. Raises FilterError with the nearest names."""
    try:
        return resolve(Value(name, 0))
    except FilterError as error:
        error.text = name
        raise


def resolve(value: Value) -> Resolved:
    """The field that *value* names. Raises FilterError with the nearest names."""
    if value.quoted:
        raise FilterError("a field is wanted here, not a text; a field's name stands without quotes", value.position)
    found = _find(value.text)
    if found is None:
        shown = value.text if len(value.text) <= 60 else value.text[:59] + "…"
        raise FilterError(f"no field is called {shown}{did_you_mean(value.text, _names(), ALL_ARE_LISTED)}", value.position)
    return found


@cache
def _names() -> tuple[str, ...]:
    return tuple(all_fields())


@cache
def _parents() -> frozenset[str]:
    """Names that have declared members beneath."""
    return frozenset(name.rpartition(".")[0] for name in all_fields() if "." in name)


@cache
def _find(name: str) -> Resolved | None:
    fields = all_fields()
    row = fields.get(name) or fields.get(name.replace("_", "-"))
    if row is not None and row.types == ("protocol",):
        return _protocol(row)
    general = general_sources().get(name)
    if row is not None and general is not None:
        kinds = {"integer": "number"}
        return Resolved(row, general, kinds.get(row.types[0], row.types[0]))
    prefix, _, rest = name.partition(".")
    protocols = [one for one in PROTOCOLS.values() if one.prefix == prefix]
    if not protocols or not rest or not all(rest.split(".")):
        return None
    if row is None:
        row = _below(name)
    if row is None:
        return None
    sealed = any(one.sealed is not None for one in protocols)
    source = BodySource("fields", tuple(rest.split(".")), protocols=frozenset(one.name for one in protocols), sealed=sealed)
    return Resolved(row, source, "json")


def _protocol(row: Field) -> Resolved:
    general = general_sources().get(row.name)
    if general is not None:
        return Resolved(row, general, "protocol")
    if row.name in PROTOCOLS:
        return Resolved(row, of_protocols(frozenset({row.name})), "protocol")
    return Resolved(row, of_protocols(frozenset(one.name for one in PROTOCOLS.values() if one.prefix == row.name)), "protocol")


def _below(name: str) -> Field | None:
    """A member that no table declares, where it may stand all the same: in an object or array whose members no table declares, and the
    object that only the members' names tell of."""
    fields, parents = all_fields(), _parents()
    if name in parents:
        return Field(name, ("object",), "")
    holder = name
    while "." in holder:
        holder = holder.rpartition(".")[0]
        row = fields.get(holder)
        if row is not None:
            open_below = bool(_OPEN & set(row.types)) and holder not in parents
            return Field(name, ("text", "number", "boolean", "object", "array"), "") if open_below else None
    return None
