"""Anomalies in groups by code, by session or in order of time, above a severity, without the codes that are suppressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.catalogue import CATALOGUE
from tui.model.cells import Cell, Line, cell, fit, fixed
from tui.model.columns import SEVERITY_LETTER, SEVERITY_ROLE, device_text
from tui.model.glyphs import Glyphs, spark
from tui.model.times import count_text, moment

if TYPE_CHECKING:
    from dissect.model import Session
    from tui.model.columns import Context
    from tui.model.hiding import Hiding
    from tui.model.store import Store

GROUPINGS = ("code", "session", "time")
MEMBERS_LIMIT = 20_000
SPARK_CELLS = 20
WORDS = ("", "NOTE", "WARN", "ERROR")
HEADS_LIMIT = 20_000
LAST_FROM = 100
"""cells from which there is room for the time of the last one, beside a meaning that can be read"""
CODE_CELLS = 32


@dataclass(frozen=True, slots=True)
class Head:
    """A group's own line."""

    key: int
    """number of the code, or of the session"""
    severity: int
    count: int
    first_ns: int
    last_ns: int
    sessions: int
    activity: tuple[int, ...]


class Member(NamedTuple):
    anomaly: int
    """index in the analysis"""


def _name_width(width: int) -> int:
    """Cells of a code or session; the longest code has 32."""
    return CODE_CELLS if width >= 110 else 26


class Anomalies:
    """The lines of the view."""

    def __init__(self, store: Store, context: Context, *, grouping: str, minimum: int, hiding: Hiding, shown: Any | None,
                 opened: frozenset[int]) -> None:
        """*shown*: indexes of messages; only anomalies that name one are listed (None: all). *opened*: keys of groups."""
        self._store, self._context = store, context
        self.grouping = grouping
        columns = store.analysis.anomaly_columns
        self._size = len(columns)
        self._code = columns.column("code", 0, self._size)
        self._severity = columns.column("severity", 0, self._size)
        self._session = columns.column("session", 0, self._size)
        self._time = columns.column("time_ns", 0, self._size)
        keep = self._severity >= minimum
        suppressed = hiding.anomalies_mask(store, self._code, self._session)
        self.suppressed = int((suppressed & keep).sum())
        """of those severe enough"""
        keep &= ~suppressed
        if shown is not None:
            keep &= self._named(shown)
        self.kept = np.flatnonzero(keep)
        self.hidden = self._size - len(self.kept)
        self.capped = ""
        """what is left out of `lines` because there is too much of it, in words"""
        self.lines: list[Head | Member] = self._lines(opened)

    def _named(self, shown: Any) -> Any:
        analysis = self._store.analysis
        mask = np.zeros(max(self._store.count, 1), np.bool_)
        mask[shown] = True
        count = len(analysis.links)
        messages, anomalies = analysis.links.column("message", 0, count), analysis.links.column("anomaly", 0, count)
        known = (anomalies < self._size) & (messages < self._store.count)
        found = np.zeros(self._size, np.bool_)
        found[anomalies[known][mask[messages[known]]]] = True
        return found

    def _lines(self, opened: frozenset[int]) -> list[Head | Member]:
        if self.grouping == "time":
            order = self.kept[np.argsort(self._time[self.kept], kind="stable")]
            self._cap(len(order), MEMBERS_LIMIT)
            return [Member(int(one)) for one in order[:MEMBERS_LIMIT].tolist()]
        keys = self._code if self.grouping == "code" else self._session
        heads = self._heads(keys)
        lines: list[Head | Member] = []
        for head in heads:
            lines.append(head)
            if head.key in opened:
                members = self.kept[keys[self.kept] == head.key]
                members = members[np.argsort(self._time[members], kind="stable")]
                self._cap(len(members), MEMBERS_LIMIT)
                lines += [Member(int(one)) for one in members[:MEMBERS_LIMIT].tolist()]
        return lines

    def _cap(self, count: int, limit: int) -> None:
        if count > limit:
            self.capped = f"first {limit:,} of {count:,}"

    def session_of(self, anomaly: int) -> Session | None:
        """None for one of the capture itself."""
        return self._store.analysis.sessions.get(int(self._session[anomaly]))

    def _heads(self, keys: Any) -> list[Head]:
        times = self._store.times()
        first = int(times.min()) if len(times) else 0
        span = max(1, (int(times.max()) if len(times) else 1) - first)
        names, groups = np.unique(keys[self.kept], return_inverse=True)
        self._cap(len(names), HEADS_LIMIT)
        moments, severities = self._time[self.kept], self._severity[self.kept]
        bins = np.clip((moments - first) * SPARK_CELLS // (span + 1), 0, SPARK_CELLS - 1)
        size = len(names)
        counts, worst = np.bincount(groups, minlength=size), np.zeros(size, np.int64)
        earliest, latest = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
        np.maximum.at(worst, groups, severities)
        np.minimum.at(earliest, groups, moments)
        np.maximum.at(latest, groups, moments)
        sessions = np.bincount(np.unique(groups.astype(np.int64) << 32 | self._session[self.kept]) >> 32, minlength=size)
        activity = np.bincount(groups * SPARK_CELLS + bins, minlength=size * SPARK_CELLS).reshape(-1, SPARK_CELLS)
        order = np.lexsort((names, -counts, -worst))[:HEADS_LIMIT]
        return [Head(int(names[at]), int(worst[at]), int(counts[at]), int(earliest[at]), int(latest[at]), int(sessions[at]), tuple(activity[at].tolist()))
                for at in order.tolist()]

    def __len__(self) -> int:
        return len(self.lines)

    def code_of(self, row: int) -> str:
        """The code that a line is about; of a session's own line none."""
        line = self.lines[row]
        if isinstance(line, Member):
            return self._store.analysis.anomaly_at(line.anomaly).code
        return self._store.analysis.codes.text(line.key) or "" if self.grouping == "code" else ""

    def message_of(self, row: int) -> int | None:
        """The first message that an anomaly names."""
        line = self.lines[row]
        if not isinstance(line, Member):
            return None
        return first_message(self._store, line.anomaly)

    def head(self, width: int) -> Line:
        if self.grouping == "time":
            return [cell(" Sev       Time  ", "head"), fixed("Code", CODE_CELLS + 1, "head"), fixed("No.", 8, "head"),
                    fixed("Device", _device_width(width) + 1, "head"), cell("What", "head")]
        what = "Code" if self.grouping == "code" else "Session"
        return [cell("  Sev   ", "head"), fixed(what, _name_width(width), "head"), fixed("Count", 7, "head", True), fixed("First", 12, "head", True),
                *([fixed("Last", 12, "head", True)] if width >= LAST_FROM else []), fixed("Sess", 6, "head", True), cell("  Meaning", "head")]

    def line(self, row: int, width: int, opened: frozenset[int], glyphs: Glyphs) -> Line:
        line = self.lines[row]
        return self._member(line, width) if isinstance(line, Member) else self._head_line(line, width, line.key in opened, glyphs)

    def _head_line(self, head: Head, width: int, is_open: bool, glyphs: Glyphs) -> Line:
        context, analysis = self._context, self._store.analysis
        role = SEVERITY_ROLE[head.severity]
        if self.grouping == "code":
            code = analysis.codes.text(head.key) or ""
            name, meaning = code, CATALOGUE[code].meaning if code in CATALOGUE else ""
        else:
            session = analysis.sessions.get(head.key)
            name = f"{head.key} {session.protocol} {device_text(session, context.names)}" if session else "the capture itself"
            meaning = session.device_id or "" if session else ""
        form = "relative" if context.time_form == "delta" else context.time_form
        times = [fixed(moment(one, form, context.first_ns), 12, "dim", True) for one in (head.first_ns, head.last_ns)[:2 if width >= LAST_FROM else 1]]
        sparks = spark(list(head.activity), glyphs) if width >= 118 else ""
        room = max(0, width - (45 if width >= LAST_FROM else 33) - _name_width(width) - len(sparks) - 3)
        line = [cell((glyphs.opened if is_open else glyphs.closed) + " "), fixed(WORDS[head.severity], 6, role), fixed(name, _name_width(width), role)]
        line += [fixed(count_text(head.count), 7, "strong", True), *times, fixed(str(head.sessions), 6, "dim", True), cell("  ")]
        return fit([*line, fixed(meaning, room), cell(" "), Cell(sparks, role)], width)

    def _member(self, line: Member, width: int) -> Line:
        context, analysis = self._context, self._store.analysis
        anomaly = analysis.anomaly_at(line.anomaly)
        severity = int(self._severity[line.anomaly])
        form = "relative" if context.time_form == "delta" else context.time_form
        time = moment(int(self._time[line.anomaly]), form, context.first_ns)
        session = analysis.sessions.get(int(self._session[line.anomaly]))
        where = f"{session.protocol} {device_text(session, context.names)}" if session else ""
        named = f"#{anomaly.messages[0]}" if anomaly.messages else "-"
        code = [fixed(anomaly.code, CODE_CELLS, SEVERITY_ROLE[severity]), cell(" ")] if self.grouping != "code" else []
        return fit([cell("  " if self.grouping == "time" else "     "), cell(SEVERITY_LETTER[severity] + " ", SEVERITY_ROLE[severity]),
                    fixed(time, 12, "dim", True), cell("  "), *code, fixed(named, 8), fixed(where, _device_width(width), "dim"), cell(" "),
                    cell(anomaly.message)], width)


def _device_width(width: int) -> int:
    """Where room is short, what is wrong needs it more."""
    return 28 if width >= LAST_FROM else 20


def first_message(store: Store, anomaly: int) -> int | None:
    """Index of the first message that an anomaly names."""
    links = store.analysis.links
    count = len(links)
    found = links.column("message", 0, count)[links.column("anomaly", 0, count) == anomaly]
    return int(found.min()) if len(found) else None


def explanation(store: Store, row: Head | Member, code: str) -> list[str]:
    """What the catalogue and the document say of a line."""
    kind = CATALOGUE.get(code)
    lines = [f"{code}: {kind.meaning}" if kind else code]
    if isinstance(row, Member):
        anomaly = store.analysis.anomaly_at(row.anomaly)
        lines.append(anomaly.message)
        if anomaly.reference:
            lines.append(f"see {anomaly.reference}")
        if anomaly.frames:
            lines.append("packets " + ", ".join(map(str, anomaly.frames[:12])))
    elif kind and kind.reference:
        lines.append(f"see {kind.reference}")
    return lines
