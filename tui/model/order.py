"""What the message list sorts by: a value for every message, by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tui.model.columns import COLUMNS

if TYPE_CHECKING:
    from tui.model.store import Store

SORTABLE = tuple(one.name for one in COLUMNS.values() if one.sort)


def values_of(store: Store, name: str) -> Any:
    """The values of a sortable column. Raises KeyError for another."""
    source = COLUMNS[name].sort
    if source is None:
        raise KeyError(name)
    if source == "time_ns":
        return store.times()
    columns = store.analysis.columns
    if source == "latency_ms":
        return _latencies(store)
    if source in ("type", "device"):
        table = store.analysis.types if source == "type" else store.analysis.device_ids
        texts = [text or "" for text in table.all()]
        ranks = np.zeros(len(texts) + 1, np.int64)
        ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
        codes = columns.column(source, 0, store.count)
        return ranks[np.minimum(codes, len(texts))]
    return columns.column(source, 0, store.count).astype(np.int64)


def _latencies(store: Store) -> Any:
    """Of responses the time that they took; of all else -1."""
    found = np.full(store.count, -1.0)
    exchanges = store.analysis.exchange_columns
    responses, latencies = exchanges.column("response"), exchanges.column("latency_ms")
    size = min(len(responses), len(latencies))
    known = (responses[:size] > 0) & (responses[:size] <= store.count) & ~np.isnan(latencies[:size])
    found[responses[:size][known].astype(np.int64) - 1] = latencies[:size][known]
    return found
