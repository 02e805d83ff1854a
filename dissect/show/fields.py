"""Chosen fields of every message as rows of text (`dissect show -e`). Names are those of filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dissect.analysis import Analysis
from dissect.filter.names import Resolved, field_named
from dissect.filter.view import View
from dissect.jsonwrite import encode
from dissect.model import Severity
from dissect.show.times import message_times
from dissect.text import clean

DEFAULT_FIELDS = ("message.id", "frame.time", "session.id", "message.direction", "message.type", "message.name", "device.id", "message.size",
                  "exchange.status", "exchange.latency_ms", "anomaly.code")
"""shown where none is named"""

BETWEEN = ","
"""between the values of a field that a message has several times"""

_ESCAPED = 10
# characters that one character becomes at most when it is cleaned


class FieldRows:
    """Rows of a finished analysis, a cell for each field, cleaned; empty where a message has no such field."""

    def __init__(self, analysis: Analysis, names: Sequence[str], time_form: str = "utc") -> None:
        """Raises FilterError for a field that there is none of."""
        self._analysis = analysis
        self.fields = [field_named(name) for name in names]
        self._time_form = time_form

    @property
    def numbers(self) -> set[int]:
        """Columns that hold numbers."""
        return {place for place, field in enumerate(self.fields) if field.field.types in (("integer",), ("number",))}

    def __iter__(self) -> Iterator[list[str]]:
        view = View(self._analysis)
        order = self._analysis.order().tolist()
        writers = [self._writer(field) for field in self.fields]
        for index in order:
            yield [BETWEEN.join(map(write, field.source.values(view, index))) for field, write in zip(self.fields, writers, strict=True)]

    def _writer(self, field: Resolved) -> Callable[[Any], str]:
        if field.kind == "severity":
            return lambda value: Severity(value).label
        if field.kind == "time":
            return message_times(self._analysis, self._time_form)
        return _shown


def _shown(value: Any) -> str:
    """A value as its message spells it: text without quotes, everything else as JSON."""
    text = value if isinstance(value, str) else encode(value).decode("utf-8")
    return clean(text, _ESCAPED * len(text))
