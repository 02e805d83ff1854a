"""The list of sessions with their figures: how many messages, how fast the answers, how bad, how busy when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tui.model.cells import Line, cell, fixed
from tui.model.columns import SEVERITY_ROLE, device_text, protocol_role, short_name
from tui.model.glyphs import Glyphs, spark
from tui.model.times import count_text, latency

if TYPE_CHECKING:
    from tui.model.store import Store

SPARK_CELLS = 6


class SessionRow(NamedTuple):
    session: int
    messages: int
    median_ms: float
    """NaN without answers"""
    anomalies: int
    severity: int
    activity: tuple[int, ...]
    closed: bool


class Figures(NamedTuple):
    """What is counted over the whole analysis, now and then, in a worker."""

    sessions: list[SessionRow]
    severities: tuple[int, int, int, int]
    """anomalies by severity: (0, notes, warnings, errors)"""
    statuses: tuple[int, ...]
    """exchanges by status, in the order of STATUSES"""


NOTHING = Figures([], (0, 0, 0, 0), (0, 0, 0, 0, 0))


def figures_of(store: Store, count: int) -> Figures:
    """Counts over the first *count* messages and all exchanges and anomalies known. Takes tens of milliseconds for a million messages."""
    analysis = store.analysis
    sessions = sorted(analysis.sessions)
    anomaly_sessions = analysis.anomaly_columns.column("session")
    anomaly_severity = analysis.anomaly_columns.column("severity")[:len(anomaly_sessions)]
    anomaly_sessions = anomaly_sessions[:len(anomaly_severity)]
    severities = np.bincount(anomaly_severity, minlength=4)[:4]
    statuses = np.bincount(analysis.exchange_columns.column("status"), minlength=5)[:5]
    rows: list[SessionRow] = []
    if sessions:
        top = sessions[-1] + 1
        column = store.session_column()[:count]
        counts = np.bincount(column, minlength=top)
        activity = _activity(store, column, count, top)
        found = np.bincount(anomaly_sessions, minlength=top)
        worst = np.zeros(max(top, len(found)), np.int64)
        np.maximum.at(worst, anomaly_sessions, anomaly_severity)
        medians = _medians(analysis)
        for session in sessions:
            rows.append(SessionRow(session, int(counts[session]), medians.get(session, float("nan")), int(found[session]), int(worst[session]),
                                   tuple(activity[session].tolist()), session in analysis.closed_sessions))
    return Figures(rows, tuple(int(one) for one in severities), tuple(int(one) for one in statuses))  # type: ignore[arg-type]


def _activity(store: Store, column: Any, count: int, top: int) -> Any:
    if not count:
        return np.zeros((top, SPARK_CELLS), np.int64)
    times = store.times()[:count]
    first, last = int(times.min()), int(times.max())
    step = max(1, (last - first) // SPARK_CELLS + 1)
    bins = column.astype(np.int64) * SPARK_CELLS + (times - first) // step
    return np.bincount(bins, minlength=top * SPARK_CELLS).reshape(-1, SPARK_CELLS)


def _medians(analysis: Any) -> dict[int, float]:
    sessions = analysis.exchange_columns.column("session")
    latencies = analysis.exchange_columns.column("latency_ms")[:len(sessions)]
    sessions = sessions[:len(latencies)]
    answered = ~np.isnan(latencies)
    sessions, latencies = sessions[answered], latencies[answered]
    order = np.lexsort((latencies, sessions))
    sessions, latencies = sessions[order], latencies[order]
    names, starts, counts = np.unique(sessions, return_index=True, return_counts=True)
    return {int(name): float(latencies[start + size // 2]) for name, start, size in zip(names, starts, counts, strict=True)}


def session_head(width: int) -> Line:
    wide = _widths(width)
    return [cell("  ", "head"), fixed("Proto", wide[0], "head"), fixed(" Device", wide[1] + 1, "head"), fixed("Msgs", 5, "head", True),
            fixed(" P50", 6, "head", True), fixed(" !", 3, "head", True), fixed(" Live" if wide[2] else "", wide[2], "head")]


def _widths(width: int) -> tuple[int, int, int]:
    """Protocol, device, spark."""
    sparks = SPARK_CELLS + 1 if width >= 42 else 0
    return 8, max(6, width - 2 - 8 - 1 - 5 - 6 - 3 - sparks), sparks


def session_line(row: SessionRow, store: Store, width: int, glyphs: Glyphs, chosen: bool, names: dict[str, str]) -> Line:
    session = store.analysis.sessions[row.session]
    protocol, device, sparks = _widths(width)
    state = glyphs.selected if chosen else ("x" if row.closed and session.complete else "o" if row.closed else "*")
    role = SEVERITY_ROLE[row.severity]
    return [cell(state + " ", "selected" if chosen else "dim"), fixed(short_name(session.protocol), protocol, protocol_role(session.protocol)), cell(" "),
            fixed(device_text(session, names), device), fixed(count_text(row.messages), 5, "", True),
            fixed(latency(row.median_ms), 6, "dim", True), fixed(count_text(row.anomalies) if row.anomalies else "", 3, role, True),
            cell(" " + spark(list(row.activity), glyphs) if sparks else "", "ok")]
