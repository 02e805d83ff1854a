"""The JSON Schema of the report, and of a line of its stream, derived from the structures of `dissect.model`."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import msgspec

from dissect import model
from dissect.report.ndjson import SOURCE_KIND

SCHEMA_URI = "https://json-schema.org/draft/2020-12/schema"

LINES: dict[str, type[msgspec.Struct]] = {
    "source": model.Source, "session": model.Session, "device": model.Device, "message": model.Message, "exchange": model.Exchange,
    "anomaly": model.Anomaly, "totals": model.Totals,
}
"""what a line of the stream holds, by its kind"""

OF_A_SESSION = ("message", "exchange", "anomaly")
_STATUS_NAMES = [status.value for status in model.Status]

CLOSED_SETS: dict[tuple[str, str], list[Any]] = {
    ("Message", "direction"): [direction.value for direction in model.Direction],
    ("Exchange", "status"): _STATUS_NAMES,
    ("Anomaly", "severity"): [severity.label for severity in model.Severity],
    ("Encryption", "status"): [outcome.value for outcome in model.Outcome],
}
"""members that the structures hold as text and whose values the model lists"""


def report_schema() -> dict[str, Any]:
    """The schema of the whole document."""
    (document,), components = msgspec.json.schema_components([model.Report], ref_template="#/$defs/{name}")
    _complete(components)
    return {"$schema": SCHEMA_URI, "$id": f"urn:{model.SCHEMA}", "title": "The report of dissect", **document, "$defs": components}


def line_schema() -> dict[str, Any]:
    """The schema of one line of the stream."""
    _, components = msgspec.json.schema_components(LINES.values(), ref_template="#/$defs/{name}")
    _complete(components)
    choices = []
    for kind, structure in LINES.items():
        line = dict(components[structure.__name__])
        own = {SOURCE_KIND if member == "kind" else member: schema for member, schema in line["properties"].items()}
        line["properties"] = {"kind": {"const": kind}, **own}
        line["required"] = list(line["properties"])
        if kind in OF_A_SESSION:
            line["properties"]["session"] = {"anyOf": [{"type": "integer"}, {"type": "null"}]} if kind == "anomaly" else {"type": "integer"}
            line["required"].append("session")
        choices.append(line)
    head = {"$schema": SCHEMA_URI, "$id": f"urn:{model.SCHEMA}:line", "title": "A line of the report of dissect"}
    return {**head, "oneOf": choices, "$defs": components}


def _complete(components: dict[str, Any]) -> None:
    """An absent value is null, never a missing member; members are described where the model does."""
    for name, component in components.items():
        component["required"] = list(component["properties"])
        component["additionalProperties"] = False
        descriptions = _descriptions(getattr(model, name))
        for member, schema in component["properties"].items():
            schema.pop("default", None)
            if member in descriptions:
                schema["description"] = descriptions[member]
            if (name, member) in CLOSED_SETS:
                schema["enum"] = CLOSED_SETS[name, member]
    for name, component in components.items():
        base = getattr(model, name).__doc__
        if base and not base.startswith(name + "("):
            component["description"] = inspect.cleandoc(base)


_ATTRIBUTE = re.compile(r'^    (\w+):[^\n]*\n    """(.*?)"""', re.MULTILINE | re.DOTALL)


def _descriptions(structure: type) -> dict[str, str]:
    """What stands under each attribute in the source of *structure* and its bases."""
    found: dict[str, str] = {}
    for owner in reversed(structure.__mro__):
        if owner.__module__ == model.__name__:
            found.update({member: " ".join(textwrap.dedent(text).split()) for member, text in _ATTRIBUTE.findall(inspect.getsource(owner))})
    return found
