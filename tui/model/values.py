"""The values that a field has in a capture, the most frequent first: what a filter being typed may go on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.errors import FilterError
from dissect.filter.names import field_named
from dissect.filter.sources import CLOSED_SETS
from dissect.filter.view import View

if TYPE_CHECKING:
    from tui.model.store import Store

ASKED = 8_000
"""messages that are asked whether they have the field at all"""
READ = 400
"""of those that have it, messages whose value is read"""
KEPT = 500
"""values of a field"""
LONGEST = 64
"""characters of a value that can be offered"""
TABLES = {"message.type": "types", "message.name": "names", "device.id": "device_ids"}
"""fields that are a column of numbers into a table of the analysis: every message is counted, none is read"""
COLUMNS = {"message.type": "type", "message.name": "name", "device.id": "device"}
UNLIKE = frozenset({"frame.number", "frame.time", "message.id", "exchange.latency_ms"})
"""fields whose values hardly come twice: to offer them helps nobody"""


class Seen(NamedTuple):
    text: str
    share: float | None
    """of the messages with the field (exchanges, anomalies) that have this value; None: it is only known that it may be"""


def values_seen(name: str, store: Store) -> list[Seen]:
    """Looks at a bounded number of messages, so it costs much the same for any capture; for a thread of its own all the same."""
    analysis = store.analysis
    if name in TABLES:
        return _counted(analysis.columns.column(COLUMNS[name]), getattr(analysis, TABLES[name]))
    if name == "anomaly.code":
        return _counted(analysis.anomaly_columns.column("code"), analysis.codes)
    if name == "exchange.operation":
        return _counted(analysis.exchange_columns.column("operation"), analysis.operations)
    if name in CLOSED_SETS:
        return [Seen(text, None) for text in CLOSED_SETS[name]]
    if name in UNLIKE or not store.count:
        return []
    try:
        source = field_named(name).source
    except FilterError:
        return []  # no field at all
    view = View(analysis)
    asked = _spread(np.arange(min(store.count, view.messages), dtype=np.int64), ASKED)
    having = _spread(asked[np.asarray(source.mask(view, asked, None), np.bool_)], READ)
    counts: dict[str, int] = {}
    for index in having.tolist():
        for text in {_text(value) for value in source.values(view, index)} - {""}:
            counts[text] = counts.get(text, 0) + 1
    ordered = sorted(counts, key=lambda text: (-counts[text], text))[:KEPT]
    return [Seen(text, counts[text] / len(having)) for text in ordered]


def _spread(indexes: Any, most: int) -> Any:
    """At most *most* of them, from everywhere."""
    return indexes if len(indexes) <= most else indexes[np.linspace(0, len(indexes) - 1, most).astype(np.int64)]


def _counted(codes: Any, table: Any) -> list[Seen]:
    """Texts by how often their numbers stand in a column; 0 is none."""
    numbers, counts = np.unique(codes, return_counts=True)
    total = int(counts[numbers > 0].sum())
    texts = table.all()
    found: list[Seen] = []
    for place in np.argsort(-counts, kind="stable").tolist():
        code = int(numbers[place])
        text = texts[code] if 0 < code < len(texts) else None
        if text and _fits(text):
            found.append(Seen(text, int(counts[place]) / total))
            if len(found) >= KEPT:
                break
    return found


def _text(value: Any) -> str:
    """A value as a filter writes it; empty: it cannot be offered."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if isinstance(value, str | int | float) else ""
    return text if _fits(text) else ""


def _fits(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable() and '"' not in text and "\\" not in text
