"""The columns of a growing analysis as arrays that the interface reads, and what is derived from them row by row.

`update` is called in the interface's thread; it copies what came since the last time. Cells that may still change (severity,
exchange, device) are read from the analysis when they are drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dissect.analysis import Analysis
from dissect.fields import PROTOCOL_NAMES, heartbeat_types
from dissect.model import Exchange, Session

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

UNKNOWN = 255
KEPT = {"time_ns": np.int64, "session": np.uint32, "type": np.uint32}
"""columns that never change once written"""


class Store:
    """One analysis, as the views see it."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.count = 0
        """messages known to the views"""
        self.disordered = False
        """times went back at least once: arrival is not the order of time"""
        self.finished = False
        self.origin_ns: int | None = None
        """the first time of all, where the messages of then are no longer kept"""
        self.overdue: frozenset[int] = frozenset()
        """requests, by id, that wait beyond their deadline in a capture that goes on"""
        self._columns: dict[str, Any] = {name: np.zeros(1024, kind) for name, kind in KEPT.items()}
        self._beats: Any = np.zeros(1024, np.bool_)
        self._severities: Any = np.zeros(1024, np.uint8)
        self._linked = 0
        # so many links of messages and anomalies are in them
        self._last_ns = -(1 << 63)
        self._protocols: Any = np.full(1024, UNKNOWN, np.uint8)
        # by number of the session: place in PROTOCOL_NAMES

    def update(self) -> bool:
        """Take in what came; whether anything did."""
        analysis = self.analysis
        done = analysis.finished
        count = len(analysis)
        self._take_severities()
        changed = done != self.finished
        self.finished = done
        if count == self.count:
            return changed
        self._grow(count)
        start = self.count
        for name, column in self._columns.items():
            column[start:count] = analysis.columns.column(name, start, count)
        times = self._columns["time_ns"][start:count]
        if int(times[0]) < self._last_ns or bool(np.any(times[1:] < times[:-1])):
            self.disordered = True
        self._last_ns = max(self._last_ns, int(times.max()))
        self._mark_beats(start, count)
        self.count = count
        return True

    def _grow(self, count: int) -> None:
        room = len(self._beats)
        if count <= room:
            return
        while room < count:
            room *= 2
        for name, column in self._columns.items():
            self._columns[name] = np.resize(column, room)
        self._beats = np.resize(self._beats, room)
        self._make_room(room)

    def _make_room(self, count: int) -> None:
        if count > len(self._severities):
            self._severities = np.concatenate([self._severities, np.zeros(max(count, 2 * len(self._severities)) - len(self._severities), np.uint8)])

    def _take_severities(self) -> None:
        """From the anomalies that came: a column of the analysis would be read anew each time, all of it."""
        analysis = self.analysis
        linked = len(analysis.links)
        if linked == self._linked:
            return
        messages, anomalies = (analysis.links.column(name, self._linked, linked).astype(np.int64) for name in ("message", "anomaly"))
        self._linked = linked
        self._make_room(int(messages.max()) + 1)
        first = int(anomalies.min())
        severities = analysis.anomaly_columns.column("severity", first, int(anomalies.max()) + 1)
        np.maximum.at(self._severities, messages, severities[anomalies - first])

    def _mark_beats(self, start: int, count: int) -> None:
        types, sessions = self._columns["type"][start:count], self._columns["session"][start:count]
        highest = int(sessions.max())
        if highest >= len(self._protocols):
            self._protocols = np.concatenate([self._protocols, np.full(highest + 1024 - len(self._protocols), UNKNOWN, np.uint8)])
        known = self._protocols[sessions]
        for session in np.unique(sessions[known == UNKNOWN]).tolist():
            self._protocols[session] = PROTOCOL_NAMES.index(self.analysis.sessions[session].protocol)
        protocols = self._protocols[sessions]
        beats = np.zeros(count - start, np.bool_)
        for number in np.unique(protocols).tolist():
            codes = self._beat_codes(PROTOCOL_NAMES[number])
            if len(codes):
                beats |= (protocols == number) & np.isin(types, codes)
        self._beats[start:count] = beats

    def _beat_codes(self, protocol: str) -> list[int]:
        """Numbers of the types that are heartbeats, as far as such messages came."""
        found = (self.analysis.types.find(name) for name in heartbeat_types(protocol))
        return [code for code in found if code is not None]

    # -- columns --

    def times(self) -> Integers:
        found: Integers = self._columns["time_ns"][:self.count]
        return found

    def session_column(self) -> Integers:
        found: Integers = self._columns["session"][:self.count]
        return found

    def type_column(self) -> Integers:
        found: Integers = self._columns["type"][:self.count]
        return found

    def beats(self) -> Bools:
        """Whether a message is a heartbeat or its answer."""
        found: Bools = self._beats[:self.count]
        return found

    def protocol_mask(self, indexes: Integers, protocol: str) -> Bools:
        """Which of the messages are of a protocol."""
        number = PROTOCOL_NAMES.index(protocol) if protocol in PROTOCOL_NAMES else -1
        found: Bools = self._protocols[self._columns["session"][indexes]] == number
        return found

    def time_ns(self, index: int) -> int:
        return int(self.analysis.columns.value(index, "time_ns"))

    def order(self) -> Integers:
        """All messages by time and arrival."""
        if self.disordered:
            return np.argsort(self.times(), kind="stable").astype(np.int64)
        return np.arange(self.count, dtype=np.int64)

    @property
    def first_ns(self) -> int:
        if self.origin_ns is not None:
            return self.origin_ns
        return int(self.times().min()) if self.count and self.disordered else int(self._columns["time_ns"][0]) if self.count else 0

    # -- single messages --

    def session_of(self, index: int) -> Session:
        return self.analysis.sessions[int(self.analysis.columns.value(index, "session"))]

    def exchange_of(self, index: int) -> Exchange | None:
        at = self.analysis.exchange_of(index)
        return None if at is None else self.analysis.exchange_at(at)

    def exchange_row(self, index: int) -> dict[str, Any] | None:
        """The columns of the exchange that a message is part of; members are messages by index, None for none."""
        at = self.analysis.exchange_of(index)
        if at is None:
            return None
        row = dict(zip(self.analysis.exchange_columns.names, self.analysis.exchange_columns[at], strict=True))
        for name in ("request", "response", "acknowledgement"):
            row[name] = row[name] - 1 if row[name] else None
        row["at"] = at
        return row

    def mate(self, index: int) -> int | None:
        """The other end of the exchange: the answer of a request, the request of anything else."""
        row = self.exchange_row(index)
        if row is None:
            return None
        if index == row["request"]:
            found = row["response"] if row["response"] is not None else row["acknowledgement"]
            return None if found is None else int(found)
        return int(row["request"])

    def severity(self, index: int) -> int:
        return int(self.analysis.columns.value(index, "severity"))

    def severities(self) -> Any:
        """The worst severity of the anomalies that name each message, as known at the last `update`."""
        return self._severities[:self.count]

    def along(self, index: int, step: int) -> int | None:
        """The next (or previous) message of the same session by time and arrival."""
        session = self._columns["session"][index]
        members = np.flatnonzero(self.session_column() == session)
        if self.disordered:
            members = members[np.argsort(self.times()[members], kind="stable")]
        place = int(np.flatnonzero(members == index)[0]) + step
        return int(members[place]) if 0 <= place < len(members) else None
