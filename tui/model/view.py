"""Which messages a list shows, in which order, with runs of heartbeats folded: arrays of indexes that only grow while a capture is read.

A `View` is built by `extend`, chunk by chunk, so that a rebuild can run in a worker and appending costs what came, not what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tui.model.store import Integers, Store

WARNING = 2
"""severity from which a heartbeat is shown by itself"""

Predicate = Callable[["Integers"], Any]
"""given indexes of messages, a mask of those to keep"""


class View:
    """Rows of a message list."""

    def __init__(self, store: Store, *, sessions: frozenset[int] = frozenset(), keep: Predicate | None = None, fold: bool = True,
                 only: frozenset[int] | None = None, hide: Predicate | None = None) -> None:
        """*sessions*: only theirs (empty: all). *keep*: the filter. *fold*: runs of a session's heartbeats become one row. *only*: these messages.
        *hide*: what is left out of all that, and counted."""
        self._store = store
        self._only = np.array(sorted(only), np.int64) if only is not None else None
        self.ordered = False
        """whether it was built in order of time although messages came out of it"""
        self._sessions = np.array(sorted(sessions), np.uint32) if sessions else None
        self._keep = keep
        self._hide = hide
        self.hidden = 0
        """messages that would be here but for *hide*"""
        self.fold = fold
        self.final = False
        """whether all messages were there when it was built, with all that becomes known of them"""
        self.taken = 0
        """messages looked at"""
        self.matched = 0
        """messages kept, folded ones included"""
        self._rows: Any = np.zeros(1024, np.uint32)
        self._folded: Any = np.zeros(1024, np.uint32)
        self._count = 0
        self._whole: View | None = None
        """what it is a part of"""
        self._open_runs: dict[int, int] = {}
        # session -> row of the run of heartbeats that its last message shown is part of

    def __len__(self) -> int:
        return self._count

    def rows(self) -> Any:
        """Indexes of messages, by row; of a fold the first of its messages."""
        return self._rows[:self._count]

    def folded(self) -> Any:
        """How many messages a row stands for."""
        return self._folded[:self._count]

    def index(self, row: int) -> int:
        return int(self._rows[row])

    def fold_of(self, row: int) -> int:
        return int(self._folded[row])

    def extend(self, indexes: Integers) -> None:
        """Take in messages, in the order in which they are to be shown."""
        self.taken += len(indexes)
        if self._sessions is not None:
            indexes = indexes[np.isin(self._store.session_column()[indexes], self._sessions)]
        if self._only is not None:
            indexes = indexes[np.isin(indexes, self._only)]
        if self._keep is not None and len(indexes):
            indexes = indexes[self._keep(indexes)]
        if self._hide is not None and len(indexes):
            hidden = self._hide(indexes)
            self.hidden += int(hidden.sum())
            indexes = indexes[~hidden]
        self.matched += len(indexes)
        if not len(indexes):
            return
        if not self.fold:
            self._append(indexes, np.ones(len(indexes), np.uint32))
            return
        self._append(*self._fold(indexes))

    def _fold(self, indexes: Integers) -> tuple[Any, Any]:
        store = self._store
        beats = store.beats()[indexes]
        if beats.any():
            low, high = int(indexes.min()), int(indexes.max()) + 1
            beats = beats & (store.analysis.columns.column("severity", low, high)[indexes - low] < WARNING)
        sessions = store.session_column()[indexes]
        if not beats.any():
            for session in np.unique(sessions).tolist():
                self._open_runs.pop(session, None)
            return indexes, np.ones(len(indexes), np.uint32)
        by_session = np.argsort(sessions, kind="stable")
        ordered, beat = sessions[by_session], beats[by_session]
        first = np.ones(len(ordered), np.bool_)
        first[1:] = ordered[1:] != ordered[:-1]
        goes_on = beat.copy()
        goes_on[1:] &= beat[:-1]
        goes_on[first] = False
        joined = np.zeros(len(ordered), np.bool_)
        # Beats that open a session's part of this chunk go on with the run that its last chunk ended in.
        for place in np.flatnonzero(first & beat).tolist():
            row = self._open_runs.get(int(ordered[place]))
            if row is not None:
                stop = place + 1
                while stop < len(ordered) and goes_on[stop]:
                    stop += 1
                joined[place:stop] = True
                self._folded[row] += stop - place
        starts = ~goes_on & ~joined
        run = np.cumsum(starts) - 1
        counts = np.bincount(run[~joined], minlength=int(starts.sum())) if starts.any() else np.zeros(0, np.int64)
        kept = by_session[starts]
        display = np.argsort(kept, kind="stable")
        self._remember(ordered, beat, joined, starts, run, np.argsort(display, kind="stable"))
        return indexes[kept[display]], counts[display]

    def _remember(self, ordered: Any, beat: Any, joined: Any, starts: Any, run: Any, place_of: Any) -> None:
        last = np.ones(len(ordered), np.bool_)
        last[:-1] = ordered[1:] != ordered[:-1]
        for place in np.flatnonzero(last).tolist():
            session = int(ordered[place])
            if not beat[place]:
                self._open_runs.pop(session, None)
            elif not joined[place]:
                self._open_runs[session] = self._count + int(place_of[run[place]])

    def _append(self, indexes: Any, counts: Any) -> None:
        stop = self._count + len(indexes)
        if stop > len(self._rows):
            room = len(self._rows)
            while room < stop:
                room *= 2
            self._rows, self._folded = np.resize(self._rows, room), np.resize(self._folded, room)
        self._rows[self._count:stop] = indexes
        self._folded[self._count:stop] = counts
        self._count = stop

    def members(self) -> Any:
        """Indexes of all messages that the rows stand for, those folded away included, in order of time where rows are folded."""
        if int(self.folded().sum()) == len(self):
            return self.rows()
        of = self._whole or self
        everything = View(self._store, keep=of._keep, fold=False, hide=of._hide)
        everything._only, everything._sessions = of._only, self._sessions
        everything.extend(self._store.order())
        return everything.rows()

    def part(self, session: int) -> View:
        """The rows of one session, as a view of its own that does not grow."""
        found = View(self._store, fold=self.fold, sessions=frozenset((session,)))
        found._whole = self
        mine = self._store.session_column()[self.rows()] == session
        found._append(self.rows()[mine], self.folded()[mine])
        return found

    def sort(self, values: Any, descending: bool) -> None:
        """Order the rows by *values* of their messages (by index), stable. What is appended later stands at the end until sorted again."""
        keys = values[self.rows()]
        order = np.argsort(-keys if descending else keys, kind="stable")
        self._rows[:self._count] = self._rows[:self._count][order]
        self._folded[:self._count] = self._folded[:self._count][order]
        self._open_runs.clear()

    def row_of(self, index: int) -> int | None:
        """The row that shows a message; None when it is filtered out or folded into another."""
        found = np.flatnonzero(self.rows() == index)
        return int(found[0]) if len(found) else None

    def nearest(self, index: int) -> int:
        """The row of a message, or of the next one before it in time that is shown; 0 without any."""
        row = self.row_of(index)
        if row is not None or not self._count:
            return row or 0
        times = self._store.times()[self.rows()]
        return max(0, int(np.searchsorted(times, self._store.time_ns(index), side="right")) - 1)
