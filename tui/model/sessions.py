"""The list of sessions with their figures: how many messages, how fast the answers, how bad, how busy when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.analysis.records import STATUSES
from tui.model.cells import Line, cell, fixed, ident
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


class SessionTable(Sequence[SessionRow]):
    """Sessions by number, a row made when it is looked at."""

    def __init__(self, idents: Any, counts: Any, medians: Any, anomalies: Any, severities: Any, activity: Any, closed: set[int]) -> None:
        """*idents*: sorted; the others by number of the session."""
        self.idents = idents
        self._columns = counts, medians, anomalies, severities, activity
        self._closed = closed

    def __len__(self) -> int:
        return len(self.idents)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        session = int(self.idents[place])
        counts, medians, anomalies, severities, activity = self._columns
        return SessionRow(session, int(counts[session]), float(medians[session]), int(anomalies[session]), int(severities[session]),
                          tuple(activity[session].tolist()), session in self._closed)

    def place_of(self, session: int) -> int:
        """Where a session stands; 0 when it is not there."""
        place = int(np.searchsorted(self.idents, session))
        return place if place < len(self.idents) and int(self.idents[place]) == session else 0


class Figures(NamedTuple):
    """What is counted over the whole analysis, now and then, in a worker."""

    sessions: SessionTable
    severities: tuple[int, int, int, int]
    """anomalies by severity: (0, notes, warnings, errors)"""
    statuses: tuple[int, ...]
    """exchanges by status, in the order of STATUSES"""


ANOMALIES = 5
"""cells of their count, a blank before it among them"""
_NONE = np.zeros(0, np.int64)
NOTHING = Figures(SessionTable(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, set()), (0, 0, 0, 0), (0, 0, 0, 0, 0))


def figures_of(store: Store, count: int) -> Figures:
    """Counts over the first *count* messages and all exchanges and anomalies known. Takes tens of milliseconds for a million messages."""
    analysis = store.analysis
    column = store.session_column()[:count]
    top = int(column.max()) + 1 if count else 0
    anomalies = analysis.anomaly_columns
    known = len(anomalies)
    anomaly_sessions, anomaly_severity = anomalies.column("session", 0, known), anomalies.column("severity", 0, known)
    top = max(top, int(anomaly_sessions.max()) + 1 if known else 0)
    severities = np.bincount(anomaly_severity, minlength=4)[:4]
    statuses = np.bincount(analysis.exchange_columns.column("status"), minlength=len(STATUSES))[:len(STATUSES)]
    counts = np.bincount(column, minlength=top)
    worst = np.zeros(top, np.int64)
    np.maximum.at(worst, anomaly_sessions, anomaly_severity)
    found = np.bincount(anomaly_sessions, minlength=top)
    there = (counts > 0) | (found > 0)
    if top:
        there[0] = False
    table = SessionTable(np.flatnonzero(there), counts, _medians(analysis, top), found, worst, _activity(store, column, count, top), analysis.closed_sessions)
    return Figures(table, tuple(int(one) for one in severities), tuple(int(one) for one in statuses))  # type: ignore[arg-type]


def _activity(store: Store, column: Any, count: int, top: int) -> Any:
    if not count:
        return np.zeros((top, SPARK_CELLS), np.int64)
    times = store.times()[:count]
    first, last = int(times.min()), int(times.max())
    step = max(1, (last - first) // SPARK_CELLS + 1)
    bins = column.astype(np.int64) * SPARK_CELLS + (times - first) // step
    return np.bincount(bins, minlength=top * SPARK_CELLS).reshape(-1, SPARK_CELLS)


def _medians(analysis: Any, top: int) -> Any:
    """Median answer time by number of the session; NaN without answers."""
    exchanges = analysis.exchange_columns
    known = len(exchanges)
    sessions, latencies = exchanges.column("session", 0, known), exchanges.column("latency_ms", 0, known)
    answered = ~np.isnan(latencies) & (sessions < top)
    sessions, latencies = sessions[answered], latencies[answered]
    order = np.lexsort((latencies, sessions))
    sessions, latencies = sessions[order], latencies[order]
    names, starts, counts = np.unique(sessions, return_index=True, return_counts=True)
    found = np.full(top, np.nan)
    found[names] = latencies[starts + counts // 2]
    return found


def session_head(width: int) -> Line:
    wide = _widths(width)
    return [cell("  ", "head"), fixed("Proto", wide[0], "head"), fixed(" Device", wide[1] + 1, "head"), fixed("Msgs", 5, "head", True),
            fixed(" P50", 6, "head", True), fixed("!", ANOMALIES, "head", True), fixed(" Live" if wide[2] else "", wide[2], "head")]


def _widths(width: int) -> tuple[int, int, int]:
    """Protocol, device, spark."""
    sparks = SPARK_CELLS + 1 if width >= 42 else 0
    return 8, max(6, width - 2 - 8 - 1 - 5 - 6 - ANOMALIES - sparks), sparks


def session_line(row: SessionRow, store: Store, width: int, glyphs: Glyphs, chosen: bool, names: dict[str, str]) -> Line:
    session = store.analysis.sessions[row.session]
    protocol, device, sparks = _widths(width)
    state = glyphs.selected if chosen else ("x" if row.closed and session.complete else "o" if row.closed else "*")
    role = SEVERITY_ROLE[row.severity]
    return [cell(state + " ", "selected" if chosen else "dim"), fixed(short_name(session.protocol), protocol, protocol_role(session.protocol)), cell(" "),
            ident(device_text(session, names), device), fixed(count_text(row.messages), 5, "", True),
            fixed(latency(row.median_ms), 6, "dim", True), fixed(count_text(row.anomalies) if row.anomalies else "", ANOMALIES, role, True),
            cell(" " + spark(list(row.activity), glyphs) if sparks else "", "ok")]
