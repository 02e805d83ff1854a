"""Figures over time and by type, for the view of statistics: arrays in, small tables out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.fields import PROTOCOL_NAMES
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
    """code, severity, count"""


def statistics_of(store: Store, shown: Any | None) -> Statistics:
    """*shown*: indexes of the messages that count; None: all."""
    analysis, count = store.analysis, store.count
    indexes = np.arange(count, dtype=np.int64) if shown is None else np.sort(np.asarray(shown, np.int64))
    if not len(indexes):
        return Statistics(0.0, [], [], [], [], [])
    times = store.times()[indexes]
    first, last = int(times.min()), int(times.max())
    step = max(1, (last - first) // BINS + 1)
    bins = ((times - first) // step).astype(np.int64)
    middles = [(place + 0.5) * step / 1e9 for place in range(BINS)]
    sessions = store.session_column()[indexes]
    protocols = _protocol_of_session(store, int(sessions.max()) + 1)[sessions]
    rates = []
    for number, name in enumerate(PROTOCOL_NAMES):
        chosen = bins[protocols == number]
        if len(chosen):
            counts = np.bincount(chosen, minlength=BINS)[:BINS]
            rates.append(Series(name, middles, [float(one) * 1e9 / step for one in counts]))
    kinds = _types(store, indexes, protocols)
    return Statistics((last - first) / 1e9, rates, _latencies(store, indexes, first, step, middles), kinds, _operations(store, indexes), _codes(analysis))


def _protocol_of_session(store: Store, size: int) -> Any:
    found = np.full(size, -1, np.int64)
    for ident, session in list(store.analysis.sessions.items()):
        if ident < size and session.protocol in PROTOCOL_NAMES:
            found[ident] = PROTOCOL_NAMES.index(session.protocol)
    return found


def _types(store: Store, indexes: Any, protocols: Any) -> list[tuple[str, str, int, int]]:
    types = store.type_column()[indexes].astype(np.int64)
    sizes = store.analysis.columns.column("size", 0, store.count)[indexes]
    texts = store.analysis.types.all()
    keys = protocols * (len(texts) + 1) + np.minimum(types, len(texts))
    names, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    totals = np.bincount(places, weights=sizes)
    found = []
    for place in np.argsort(-counts)[:TOP].tolist():
        protocol, code = divmod(int(names[place]), len(texts) + 1)
        text = texts[code] if code < len(texts) else "(others)"
        found.append((PROTOCOL_NAMES[protocol] if protocol >= 0 else "", text or "malformed", int(counts[place]), int(totals[place])))
    return found


def _members(store: Store, indexes: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Requests, responses, latencies, statuses, operations of the exchanges whose request counts."""
    exchanges = store.analysis.exchange_columns
    size = len(exchanges)
    requests = exchanges.column("request", 0, size).astype(np.int64) - 1
    mask = np.zeros(max(store.count, 1), np.bool_)
    mask[indexes] = True
    chosen = (requests < store.count) & mask[np.minimum(requests, store.count - 1)]
    return (requests[chosen], exchanges.column("response", 0, size)[chosen].astype(np.int64) - 1, exchanges.column("latency_ms", 0, size)[chosen],
            exchanges.column("status", 0, size)[chosen], exchanges.column("operation", 0, size)[chosen])


def _latencies(store: Store, indexes: Any, first: int, step: int, middles: list[float]) -> list[Series]:
    requests, _, latencies, _, _ = _members(store, indexes)
    known = ~np.isnan(latencies)
    if not known.any():
        return []
    bins = np.clip((store.times()[requests[known]] - first) // step, 0, BINS - 1)
    values = latencies[known]
    order = np.argsort(bins, kind="stable")
    bins, values = bins[order], values[order]
    edges = np.searchsorted(bins, np.arange(BINS + 1))
    rows = [(middles[place], values[edges[place]:edges[place + 1]]) for place in range(BINS) if edges[place + 1] > edges[place]]
    return [Series(f"p{share}", [at for at, _ in rows], [float(np.percentile(part, share)) for _, part in rows]) for share in (50, 95)]


def _operations(store: Store, indexes: Any) -> list[tuple[str, int, int, int, str, str]]:
    from dissect.analysis.records import STATUSES

    _, _, latencies, statuses, operations = _members(store, indexes)
    found = []
    failed, unanswered = STATUSES.index("error"), STATUSES.index("timeout")
    names, counts = np.unique(operations, return_counts=True)
    for place in np.argsort(-counts)[:TOP].tolist():
        chosen = operations == names[place]
        known = latencies[chosen]
        known = known[~np.isnan(known)]
        p50, p95 = (latency(float(one)) for one in np.percentile(known, (50, 95))) if len(known) else ("", "")
        code = int(names[place])
        text = store.analysis.operations.text(code) if code < len(store.analysis.operations) else "(others)"
        found.append((text or "", int(counts[place]), int((statuses[chosen] == failed).sum()), int((statuses[chosen] == unanswered).sum()), p50, p95))
    return found


def _codes(analysis: Any) -> list[tuple[str, int, int]]:
    codes = analysis.anomaly_columns.column("code")
    severities = analysis.anomaly_columns.column("severity")[:len(codes)]
    found = []
    for code, count in zip(*np.unique(codes[:len(severities)], return_counts=True), strict=True):
        severity = int(severities[codes[:len(severities)] == code].max())
        found.append((analysis.codes.text(int(code)) or "", severity, int(count)))
    return sorted(found, key=lambda row: (-row[1], -row[2], row[0]))[:TOP]
