"""Figures over time and by type, for the view of statistics: arrays in, small tables out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.analysis.records import SEVERITY_CODE
from dissect.stats import anomalies_of, intervals, operations_of, protocol_numbers
from tui.model.times import latency

if TYPE_CHECKING:
    from tui.model.store import Store

BINS = 120
TOP = 12


class Series(NamedTuple):
    """A value for each part of the capture's time."""

    name: str
    seconds: list[float]
    """middle of each part, from the first message"""
    values: list[float]


class Statistics(NamedTuple):
    span_s: float
    rates: list[Series]
    """messages a second, by protocol"""
    latencies: list[Series]
    """p50 and p95 of the answers in each part, in ms"""
    types: list[tuple[str, str, int, int]]
    """protocol, type, messages, bytes: the most frequent"""
    operations: list[tuple[str, int, int, int, str, str]]
    """operation, exchanges, failed, without reply, p50, p95"""
    codes: list[tuple[str, int, int]]
    """code, severity, count: the worst"""
    all_there: tuple[int, int, int]
    """how many types, operations and codes there are, of which the first are told"""


def statistics_of(store: Store, shown: Any | None) -> Statistics:
    """*shown*: indexes of the messages that count; None: all."""
    analysis, count = store.analysis, store.count
    indexes = np.arange(count, dtype=np.int64) if shown is None else np.sort(np.asarray(shown, np.int64))
    if not len(indexes):
        return Statistics(0.0, [], [], [], [], [], (0, 0, 0))
    times = store.times()[indexes]
    first, last = int(times.min()), int(times.max())
    start, step = intervals(first, last, BINS)
    bins = ((times - start) // step).astype(np.int64)
    middles = [max(0.0, ((place + 0.5) * step + start - first) / 1e9) for place in range(BINS)]
    names, numbers = protocol_numbers(analysis)
    protocols = numbers[store.session_column()[indexes]]
    rates = []
    for number, name in enumerate(names):
        chosen = bins[protocols == number]
        if len(chosen):
            counts = np.bincount(chosen, minlength=BINS)[:BINS]
            rates.append(Series(name, middles[:int(bins.max()) + 1], [float(one) * 1e9 / step for one in counts[:int(bins.max()) + 1]]))
    exchanges = _exchanges(store, indexes)
    kinds, operations, codes = _types(store, indexes, protocols, names), _operations(store, exchanges), anomalies_of(analysis)
    return Statistics((last - first) / 1e9, rates, _latencies(store, exchanges, start, step, middles), kinds[:TOP], operations[:TOP],
                      [(one.code, SEVERITY_CODE[one.severity], one.n) for one in codes[:TOP]], (len(kinds), len(operations), len(codes)))


def _types(store: Store, indexes: Any, protocols: Any, names: list[str]) -> list[tuple[str, str, int, int]]:
    types = store.type_column()[indexes].astype(np.int64)
    sizes = store.analysis.columns.column("size", 0, store.count)[indexes]
    texts = store.analysis.types.all()
    keys = protocols * (len(texts) + 1) + np.minimum(types, len(texts))
    found_keys, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    totals = np.bincount(places, weights=sizes)
    found = []
    for place in np.argsort(-counts, kind="stable").tolist():
        protocol, code = divmod(int(found_keys[place]), len(texts) + 1)
        text = texts[code] if code < len(texts) else "(others)"
        found.append((names[protocol] if protocol < len(names) else "", text or "malformed", int(counts[place]), int(totals[place])))
    return found


def _exchanges(store: Store, indexes: Any) -> Any:
    """Indexes of the exchanges whose request counts."""
    requests = store.analysis.exchange_columns.column("request").astype(np.int64) - 1
    mask = np.zeros(max(store.count, 1), np.bool_)
    mask[indexes] = True
    return np.flatnonzero((requests < store.count) & mask[np.minimum(requests, store.count - 1)])


def _latencies(store: Store, exchanges: Any, start: int, step: int, middles: list[float]) -> list[Series]:
    columns = store.analysis.exchange_columns
    latencies = columns.column("latency_ms")[exchanges]
    known = ~np.isnan(latencies)
    if not known.any():
        return []
    requests = columns.column("request")[exchanges].astype(np.int64) - 1
    bins = np.clip((store.times()[requests[known]] - start) // step, 0, BINS - 1)
    values = latencies[known]
    order = np.argsort(bins, kind="stable")
    bins, values = bins[order], values[order]
    edges = np.searchsorted(bins, np.arange(BINS + 1))
    rows = [(middles[place], values[edges[place]:edges[place + 1]]) for place in range(BINS) if edges[place + 1] > edges[place]]
    return [Series(f"p{share}", [at for at, _ in rows], [float(np.percentile(part, share)) for _, part in rows]) for share in (50, 95)]


def _operations(store: Store, exchanges: Any) -> list[tuple[str, int, int, int, str, str]]:
    found = operations_of(store.analysis, None, exchanges)
    return [(one.operation, one.n, one.failed, one.timeout, latency(one.p50_ms), latency(one.p95_ms))
            for one in sorted(found, key=lambda one: -one.n)]
