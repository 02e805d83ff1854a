"""Exchanges as rows: status, operation, both ends, latency on one axis; or grouped by operation with counts and percentiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dissect.analysis.records import STATUSES
from dissect.model import Status
from dissect.stats import operations_of
from tui.model.cells import Cell, Line, cell, fit, fixed, ident
from tui.model.columns import key_text, protocol_role, short_name
from tui.model.glyphs import Glyphs
from tui.model.times import latency

if TYPE_CHECKING:
    from tui.model.store import Store

SORTS = ("time", "latency", "status", "operation")
GROUPS = ("none", "operation")
ORPHAN_CODE = "pair.orphan-response"
SIGN = {Status.OK: ("  ", "ok"), Status.ERROR: ("! ", "error"), Status.LATE: ("! ", "late"), Status.TIMEOUT: ("x ", "error"), Status.PENDING: ("~ ", "dim")}
NOTES = 3


@dataclass(frozen=True, slots=True)
class Group:
    protocol: str
    operation: str
    count: int
    answered: int
    failed: int
    unanswered: int
    percentiles: tuple[float, ...]
    """p50, p95, p99, max in ms; NaN without answers"""


class Pairs:
    """What the view shows, for the messages of a listing (None: all)."""

    def __init__(self, store: Store, sort: str, descending: bool, shown: Any | None) -> None:
        self._store = store
        exchanges = store.analysis.exchange_columns
        self.requests = exchanges.column("request").astype(np.int64) - 1
        self._size = len(self.requests)
        self.latencies = exchanges.column("latency_ms", 0, self._size)
        self.statuses = exchanges.column("status", 0, self._size)
        self._operations = exchanges.column("operation", 0, self._size)
        responses = exchanges.column("response", 0, self._size).astype(np.int64) - 1
        # The analysis may be ahead of what the store has taken in.
        chosen = np.flatnonzero((self.requests < store.count) & (responses < store.count))
        orphans = self._orphans()
        if shown is not None:
            mask = np.zeros(max(store.count, 1), np.bool_)
            mask[shown] = True
            asked, answered = self.requests[chosen], responses[chosen]
            chosen = chosen[mask[asked] | ((answered >= 0) & mask[answered])]
            orphans = orphans[mask[orphans]]
        self.chosen = chosen
        self.rows = np.concatenate([self._sorted(chosen, sort, descending), -1 - orphans])
        """index of an exchange, or -1 - index of a message for an answer to nothing"""
        self.counts = {status: int(count) for status, count in zip(STATUSES, np.bincount(self.statuses[chosen], minlength=len(STATUSES)), strict=False)}
        self.orphans = len(orphans)
        known = self.latencies[chosen]
        known = known[~np.isnan(known)]
        self.axis_ms = nice_axis(float(np.percentile(known, 95)) if len(known) else 1.0)
        self.percentiles = percentiles(known)
        self.histogram = histogram(known)

    def _orphans(self) -> Any:
        analysis = self._store.analysis
        code = analysis.codes.find(ORPHAN_CODE)
        count = len(analysis.links)
        if code is None or not count:
            return np.zeros(0, np.int64)
        codes = analysis.anomaly_columns.column("code")
        messages, anomalies = analysis.links.column("message", 0, count), analysis.links.column("anomaly", 0, count)
        known = (anomalies < len(codes)) & (messages < self._store.count)
        messages, anomalies = messages[known], anomalies[known]
        return np.unique(messages[codes[anomalies] == code]).astype(np.int64)

    def _sorted(self, chosen: Any, sort: str, descending: bool) -> Any:
        if sort == "latency":
            keys = np.where(np.isnan(self.latencies[chosen]), np.inf, self.latencies[chosen])
        elif sort == "status":
            keys = self.statuses[chosen]
        elif sort == "operation":
            keys = self._operations[chosen]
        else:
            keys = self._store.analysis.columns.column("time_ns")[self.requests[chosen]]
        order = np.argsort(keys, kind="stable")
        return chosen[order[::-1] if descending else order]

    def groups(self) -> list[Group]:
        """One an operation of a protocol, the most frequent first."""
        found = []
        for one in operations_of(self._store.analysis, None, self.chosen):
            ranks = (one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms)
            known = tuple(float("nan") if rank is None else rank for rank in ranks)
            found.append(Group(one.protocol, one.operation, one.n, one.answered, one.failed, one.timeout, known))
        return sorted(found, key=lambda group: -group.count)

    def message_of(self, row: int) -> int:
        """The request of an exchange, or the answer to nothing."""
        value = int(self.rows[row])
        return int(self.requests[value]) if value >= 0 else -1 - value

    def line(self, row: int, width: int, glyphs: Glyphs) -> Line:
        value = int(self.rows[row])
        return self._exchange(value, width, glyphs) if value >= 0 else self._orphan(-1 - value, width)

    def _exchange(self, at: int, width: int, glyphs: Glyphs) -> Line:
        store = self._store
        exchange = store.analysis.exchange_at(at)
        session = store.session_of(int(self.requests[at]))
        status = Status(exchange.status)
        sign, role = SIGN[status]
        bar = bar_width(width)
        missing = exchange.response is None
        shown = "-" if missing else str(exchange.response)
        took = latency(exchange.latency_ms)
        copies = str(len(exchange.attempts)) if len(exchange.attempts) > 1 else ""
        row = store.exchange_row(int(self.requests[at])) or {}
        codes: dict[str, None] = {}
        for member in (row.get("request"), row.get("response")):
            if member is not None:
                codes.update(dict.fromkeys(store.analysis.anomaly_at(one).code for one in store.analysis.anomalies_of(member)[:NOTES]))
        note = " ".join(codes) or (f"{len(exchange.intermediate)} stages" if exchange.intermediate else "")
        return fit([Cell(" " + sign, role), fixed(_status_text(status), 9, role), *_protocol(session.protocol, width),
                    fixed(exchange.operation, _operation_width(width), protocol_role(session.protocol)), cell(" "),
                    ident(key_text(session.protocol, exchange.key), 10), fixed(str(exchange.request), _tight(width), "dim", True),
                    fixed(shown, 8, "dim", True), fixed(took, _tight(width) + 1, role if status is Status.LATE else "", True),
                    cell(" "), *self._bar(exchange.latency_ms, status, bar, glyphs),
                    fixed(copies, 4, "retry", True), cell(" "), cell(note, "dim")], width)

    def _bar(self, took: float | None, status: Status, width: int, glyphs: Glyphs) -> Line:
        if width <= 0:
            return []
        if took is None:
            return [fixed(glyphs.dot * (width - 1) + glyphs.dead if status is Status.TIMEOUT else "", width, "error")]
        share = took / self.axis_ms
        if share > 1:
            return [Cell(glyphs.bar * (width - 1) + glyphs.bar_end, "late")]
        halves = max(1, round(share * width * 2))
        text = glyphs.bar * (halves // 2) + (glyphs.half_bar if halves % 2 else "")
        return [fixed(text[:width], width, "late" if status is Status.LATE else "ok")]

    def _orphan(self, index: int, width: int) -> Line:
        store = self._store
        message = store.analysis.message_at(index)
        session = store.session_of(index)
        return fit([Cell(" ? ", "warning"), fixed("orphan", 9, "warning"), *_protocol(session.protocol, width),
                    fixed(message.name or message.type or "", _operation_width(width), protocol_role(session.protocol)), cell(" "),
                    ident(key_text(session.protocol, message.key), 10), fixed("-", _tight(width), "dim", True), fixed(str(message.id), 8, "dim", True),
                    fixed("", _tight(width) + 2 + bar_width(width) + 5), cell("no request", "dim")], width)

    def head(self, width: int) -> Line:
        bar = bar_width(width)
        axis = ""
        if bar:
            middle = latency(self.axis_ms / 2)
            end = latency(self.axis_ms)
            axis = "0".ljust(bar // 2 - len(middle) // 2) + middle
            axis = axis.ljust(max(len(axis) + 1, bar - len(end))) + end
            if len(axis) > bar:
                axis = end.rjust(bar)  # where it ends says the most
        return [fixed("   Status", 12, "head"), fixed("Proto", 9 if width >= 100 else 0, "head"),
                fixed("Operation", _operation_width(width) + 1, "head"), fixed("Id", 10, "head"),
                fixed("Req", _tight(width), "head", True), fixed("Resp", 8, "head", True), fixed("Latency", _tight(width) + 1, "head", True),
                fixed(" " + axis, bar + 1, "head"),
                fixed("Try", 4, "head", True), cell(" Note", "head")]


def _status_text(status: Status) -> str:
    return {Status.TIMEOUT: "no-reply", Status.ERROR: "failed"}.get(status, status.value)


def _protocol(protocol: str, width: int) -> Line:
    """Where there is room: colour says the same."""
    return [fixed(short_name(protocol), 9, protocol_role(protocol))] if width >= 100 else []


def _operation_width(width: int) -> int:
    return 15 if width < 100 else 22


def _tight(width: int) -> int:
    """Cells of a number beside others: one less where that shows more of the note."""
    return 8 if width >= 100 else 7


def bar_width(width: int) -> int:
    """Cells of the latency axis."""
    return max(0, min(30, width - 99)) if width >= 100 else max(0, min(12, width - 75))


def nice_axis(value: float) -> float:
    """The end of an axis that holds *value*: 1, 2 or 5 times a power of ten."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999))


def percentiles(values: Any) -> tuple[float, float, float, float]:
    if not len(values):
        return (float("nan"),) * 4
    found = np.percentile(values, (50, 95, 99, 100))
    return float(found[0]), float(found[1]), float(found[2]), float(found[3])


def histogram(values: Any, cells_wide: int = 24) -> list[int]:
    """Answers by latency on a logarithmic axis from 1 ms to the longest."""
    if not len(values):
        return []
    logs = np.log10(np.maximum(values, 0.1))
    top = max(float(logs.max()), 1.0)
    return [int(one) for one in np.histogram(logs, bins=cells_wide, range=(-1.0, top))[0]]


GROUP_COLUMNS = (("Count", 7), ("Replied", 8), ("Failed", 7), ("No-rep%", 8), ("P50", 7), ("P95", 7), ("P99", 7), ("Max", 7))


def _group_cells(width: int) -> list[int]:
    """Widths of the columns behind the operation."""
    return [size + (width >= 100 and size < 8) for _, size in GROUP_COLUMNS]


def group_head(width: int) -> Line:
    return [cell(" ", "head"), *([fixed("Proto", 9, "head")] if width >= 100 else []), fixed("Operation", 26 if width >= 100 else 18, "head"),
            *(fixed(name, size, "head", True) for (name, _), size in zip(GROUP_COLUMNS, _group_cells(width), strict=True))]


def group_line(group: Group, width: int) -> Line:
    share = 100 * group.unanswered / group.count if group.count else 0.0
    texts = [str(group.count), str(group.answered), str(group.failed or ""), f"{share:.1f}" if group.unanswered else "",
             *(latency(one) for one in group.percentiles)]
    roles = ["", "", "error", "error", *("" for _ in group.percentiles)]
    wide = width >= 100
    return [cell(" "), *_protocol(group.protocol, width), fixed(group.operation, 26 if wide else 18, "strong" if wide else protocol_role(group.protocol)),
            *(fixed(text, size, role, True) for text, role, size in zip(texts, roles, _group_cells(width), strict=True))]
