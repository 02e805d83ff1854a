"""What all views share: the analysis as it grows, the listing, filter, marks; and how they are kept up to date.

The loader's thread feeds the analysis; a tick ten times a second takes in what came; listings are built in threads and put in
place whole. Threads never touch a widget.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from textual.app import App

from dissect.errors import DissectError
from dissect.text import cells, clean
from tui.model.columns import Context
from tui.model.glyphs import glyphs_for
from tui.model.hiding import Hiding
from tui.model.sessions import NOTHING, Figures, figures_of
from tui.model.store import Store
from tui.model.view import View
from tui.settings import load_suppressed
from tui.smooth import give_back
from tui.widgets.bars import KeyBar, TitleBar, ViewTabs

if TYPE_CHECKING:
    from dissect.analysis import Analysis
    from tui.loading import Loader
    from tui.model.filters import Compiled
    from tui.screens.ladder import LadderView
    from tui.screens.messages import MessagesView
    from tui.screens.pane import ViewPane
    from tui.widgets.filter_bar import FilterBar

TICK_S = 0.1
FIGURES_S = 0.7
BARS_S = 0.4
CHUNK = 1 << 16
"""messages that a listing takes in at once"""
TOLD_DECRYPTED = 100_000
"""messages that are looked through to say how many keys opened"""
BY_TIME = (None, "number", "time")
"""orders in which heartbeats can be folded and new messages appended"""


class Core(App[None]):
    """State and its upkeep; the views are there once the application has composed them."""

    messages: MessagesView
    ladder: LadderView
    filter_bar: FilterBar

    def __init__(self, loader: Loader, *, ascii_only: bool | None = None, names: dict[str, str] | None = None, filter_text: str = "",
                 follow: bool = False, theme: str | None = None) -> None:
        super().__init__()
        self.loader = loader
        self.ascii_only = ascii_only
        self.glyphs = glyphs_for(ascii_only)
        self.names = names or {}
        self.store = Store(loader.analysis)
        self.context = Context(self.glyphs, "relative", 0, self.names)
        self.listing = View(self.store)
        """what all views show"""
        self.figures: Figures = NOTHING
        self.chosen_sessions: frozenset[int] = frozenset()
        self.filter: Compiled | None = None
        self.filter_text = filter_text
        self.folding: bool = True
        self.marked: set[int] = set()
        self.mark_names: dict[str, int] = {}
        """letter -> message; those are marked, too"""
        self.selected: set[int] = set()
        self.marked_shown = False
        self.paused = False
        self.following = follow
        self.waiting_rows = 0
        self.sort_name: str | None = None
        self.descending = False
        self.rate = 0.0
        self.hiding = Hiding(load_suppressed())
        self.memory_mb = resident_mb()
        self.building = ""
        """what a listing in the making says in the filter bar"""
        self.find_text: str = ""
        self.with_mouse = True
        self.keys_awaited = False
        """keys were loaded, and what they opened is not told yet"""
        self.first_kept = 0
        """messages that were gone already when the store began"""
        self.ladder_target: int | None = None
        """the message that the ladder shows first"""
        self._find_generation = 0
        self._return_to: int | None = None
        """the message under the cursor before the capture was read again"""
        self._generation = 0
        self._advancing = False
        self._counting = False
        self._counted = (-1, -1, -1, False)
        self._next_figures = 0.0
        self._next_bars = 0.0
        self._shown_rows = (0, 0)
        self._rate_mark = (time.monotonic(), 0)
        self._start_theme = theme
        self.panes: list[ViewPane] = []
        self.current = "messages"

    @property
    def pane(self) -> ViewPane:
        return next(pane for pane in self.panes if pane.id == self.current)

    @property
    def limited(self) -> bool:
        """Whether the listing leaves out messages, other than by folding."""
        return self.filter is not None or bool(self.chosen_sessions) or self.marked_shown or bool(self.hiding.of_messages)

    # -- the tick --

    def tick(self) -> None:
        while self.loader.told:
            self.notify(clean(self.loader.told.popleft(), 300), severity="warning", timeout=10, markup=False)
        while self.loader.opened:
            self._tell_opened(self.loader.opened.popleft())
        if self.loader.analysis is not self.store.analysis and not self._advancing and not (self.paused and self.store.count):
            self._advancing = True
            self.run_worker(self._take_up(self.loader.analysis), exclusive=False, group="advance")
        changed = self.store.update()
        if changed and self.store.count and self.context.first_ns != self.store.first_ns:
            self.change_context(first_ns=self.store.first_ns)
        if self.loader.overdue != self.store.overdue:
            self.store.overdue = self.loader.overdue
            self.messages.list.forget()
            self.pane.refresh_data()
        if self.keys_awaited and self.store.finished:
            self.keys_awaited = False
            self.run_worker(self._tell_decrypted(), exclusive=False, group="keys")
        if self.loader.error is not None and not self.building.startswith("!"):
            self.building = "!"
            self.notify(str(self.loader.error)[:500], title="Reading failed", severity="error", timeout=20, markup=False)
        now = time.monotonic()
        if now - self._rate_mark[0] >= 1.0:
            seen = self.loader.evicted + len(self.loader.analysis)
            self.rate = max(0, seen - self._rate_mark[1]) / (now - self._rate_mark[0])
            self._rate_mark = (now, seen)
            self.memory_mb = resident_mb()
        if not self._advancing and (self.listing.taken < self.store.count or self._unordered()):
            self._advancing = True
            self.run_worker(self._advance(), exclusive=False, group="advance")
        if now >= self._next_figures and not self._counting and self._counted != self._marks():
            self._next_figures = now + FIGURES_S
            self._counting = True
            self.run_worker(self._count(), exclusive=False, group="figures")
        if now >= self._next_bars:
            if self._shown_rows != (id(self.listing), self.listing.taken):
                self.show_rows()
            if changed:
                self._next_bars = now + BARS_S
                self.refresh_bars()

        if self._return_to is not None and self.listing.taken >= self.store.count and (self.store.finished or self.store.count > self._return_to):
            index, self._return_to = self._return_to, None
            if self.listing.row_of(index) is not None:
                self.go_to_message(index, stay=True)

    def _tell_opened(self, count: int) -> None:
        """What a keys file opened of what is kept of a capture that goes on."""
        kept = f"{count:,} messages are decrypted now" if count else \
            "nothing is kept of what was sent" if self.loader.redact else "these keys open none of the messages kept"
        self.notify(f"{kept}; later ones are opened as they come" if not self.loader.done else kept,
                    severity="information" if count or self.loader.redact else "warning", timeout=5, markup=False)

    async def _tell_decrypted(self) -> None:
        """What a keys file that was loaded opened."""
        store = self.store

        def count() -> int:
            return sum(store.analysis.plaintext(index) is not None for index in range(min(store.count, TOLD_DECRYPTED)))

        found = await asyncio.to_thread(count)
        more = f" of the first {TOLD_DECRYPTED:,}" if store.count > TOLD_DECRYPTED else ""
        self.notify(f"{found:,}{more} messages are decrypted now" if found else "these keys open no message here",
                    severity="information" if found else "warning", timeout=5, markup=False)

    def go_to_message(self, index: int, stay: bool = False) -> None:
        """Put the cursor on a message."""

    def redraw_marks(self) -> None:
        """Marks, their names, or the selection changed."""

    def show_rows(self) -> None:
        """Bring the view that is seen up to what the listing holds."""
        self._next_bars = time.monotonic() + BARS_S
        self._shown_rows = (id(self.listing), self.listing.taken)
        self.pane.refresh_data()
        self.filter_bar.say()

    def _marks(self) -> tuple[int, int, int, bool]:
        analysis = self.store.analysis
        return self.store.count, len(analysis.exchange_columns), len(analysis.anomaly_columns), self.store.finished

    def _unordered(self) -> bool:
        """Whether the listing has to be built anew: messages came out of order, once while reading and once when all are there."""
        if self.listing.final or not self.store.finished:
            return self.store.disordered and not self.listing.ordered
        return self.store.disordered or self.filter is not None or self.sort_name not in BY_TIME

    async def _advance(self) -> None:
        """Take in what came since, or build the listing anew where appending would break the order of time."""
        try:
            if self.paused and len(self.listing):
                self.waiting_rows = self.loader.evicted + len(self.loader.analysis) - self.first_kept - self.listing.taken
                self.pane.refresh_data()
                await asyncio.sleep(0.3)
                return
            self.waiting_rows = 0
            if self._unordered():
                await self._build()
                return
            listing = self.listing
            start, stop = listing.taken, min(self.store.count, listing.taken + CHUNK)
            await asyncio.to_thread(listing.extend, np.arange(start, stop, dtype=np.int64))
            if listing is self.listing and start == 0:
                self.show_rows()
        finally:
            self._advancing = False

    async def _count(self) -> None:
        try:
            marks = self._marks()
            started = time.monotonic()
            self.figures = await asyncio.to_thread(figures_of, self.store, self.store.count)
            self._next_figures = max(self._next_figures, time.monotonic() + 5 * (time.monotonic() - started))
            # Counting takes a sixth of the time at most.
            if self.store.finished:
                await asyncio.to_thread(give_back)
            self._counted = marks
            # Severity and exchange of messages drawn before may have become known.
            self.messages.list.forget()
            self.pane.refresh_data()
            self.refresh_bars()
        finally:
            self._counting = False

    def refresh_bars(self) -> None:
        for bar in (*self.query(TitleBar), *self.query(ViewTabs), *self.query(KeyBar)):
            bar.refresh()

    # -- listings --

    def rebuild(self) -> None:
        """Build the listing anew for the filter, sessions, folding and order that hold now; the old one stays until it is ready."""
        self._generation += 1
        self.run_worker(self._build(), exclusive=True, group="build")

    async def _build(self) -> None:
        started = time.monotonic()
        try:
            view = await self._listed(self.store, self._generation)
        except DissectError as error:
            self.building = ""
            self.filter_bar.refuse(str(error))
            return
        if view is None:
            return
        self.building = ""
        self.listing = view
        self.filter_bar.took(time.monotonic() - started)
        self.pane.refresh_data()
        self.refresh_bars()

    async def _listed(self, store: Store, generation: int, told: bool = True) -> View | None:
        """A listing of all that *store* has; None when another one is wanted before it is ready. Raises DissectError."""
        chosen = self._filter_of(store)
        keep = chosen.keep if chosen is not None else None
        marked = frozenset(self.marked) if self.marked_shown else None
        view = View(store, sessions=self.chosen_sessions, keep=keep, fold=self.folding and self.sort_name in BY_TIME, only=marked,
                    hide=self.hiding.messages_mask(store))
        view.ordered, view.final = store.disordered, store.finished
        order = await asyncio.to_thread(store.order)
        for start in range(0, len(order), CHUNK):
            await asyncio.to_thread(view.extend, order[start:start + CHUNK])
            if generation != self._generation:
                return None
            if told:
                self.building = f"{view.matched:,} of {view.taken:,} so far"
                self.filter_bar.say()
        if self.sort_name is not None:
            await asyncio.to_thread(self._sort, store, view)
        return view if generation == self._generation else None

    def _filter_of(self, store: Store) -> Compiled | None:
        """The filter in force, as it asks *store*."""
        from tui.model.filters import compile_text

        return self.filter if self.filter is None or store is self.store else compile_text(self.filter.text, store)

    def _sort(self, store: Store, view: View) -> None:
        from tui.model.order import values_of

        assert self.sort_name is not None
        view.sort(values_of(store, self.sort_name), self.descending)

    def set_filter(self, text: str) -> None:
        """Put a filter into force; empty: none. What is wrong with it is said in the bar."""
        from tui.model.filters import compile_text

        try:
            self.filter = compile_text(text, self.store) if text.strip() else None
        except DissectError as error:
            self.filter_bar.refuse(str(error))
            return
        self.filter_text = text.strip()
        self.filter_bar.accept(self.filter_text)
        self.rebuild()

    def change_context(self, **changes: Any) -> None:
        self.context = self.context._replace(**changes)
        self.messages.list.change_context(**changes)

    # -- what bars say --

    def shown_name(self, room: int) -> str:
        paths = self.loader.paths
        name = self.loader.source_name.rpartition("/")[2] or self.loader.source_name
        return cells(name + (f" +{len(paths) - 1}" if len(paths) > 1 else ""), max(8, room))

    def waiting_text(self) -> str:
        if self.store.count:
            return "nothing matches"
        if self.loader.error is not None:
            return f"reading failed: {clean(str(self.loader.error), 300)}"
        if self.loader.done:
            return "no message of a known protocol; 'dissect streams FILE' lists every conversation, and says why it is none of ours"
        return f"waiting on {self.shown_name(40)}"

    def reload(self, **changes: Any) -> None:
        """Read the capture again with other options; cursor and filter stay."""
        from tui.loading import Loader

        old = self.loader
        self._return_to = self.messages.index
        old.stop.set()
        self.loader = Loader(old.paths, replace(old.options, **changes), follow=old.follow, redact=old.redact)
        self._begin_with(self.loader.analysis)
        self.figures = NOTHING
        self.loader.start()
        self.run_worker(asyncio.to_thread(old.close), group="close")

    async def _take_up(self, analysis: Analysis) -> None:
        """Go on with the analysis that took the place of the one so far: cursor, marks and selection stay on their messages, where those are kept."""
        try:
            old, evicted = self.store, self.loader.evicted
            store = Store(analysis)
            store.update()
            store.origin_ns = old.first_ns
            view = await self._listed(store, self._generation, told=False)
            if view is None:
                return  # something else is asked for by now; the next tick tries again

            def moved(before: int) -> int | None:
                try:
                    return analysis.index_of(old.analysis.id_of(before))
                except LookupError:
                    return None  # it is gone

            self.filter = self._filter_of(store)
            self.store, self.listing, self.first_kept = store, view, evicted
            self._find_generation += 1
            self._counted = (-1, -1, -1, False)
            self.marked = {at for at in map(moved, self.marked) if at is not None}
            self.mark_names = {letter: at for letter, at in ((letter, moved(index)) for letter, index in self.mark_names.items()) if at is not None}
            self.selected = {at for at in map(moved, self.selected) if at is not None}
            self.hiding.moved(moved)
            rows = self.messages.list
            index, at_end = rows.index, rows.at_end
            rows.selected = self.selected
            self.redraw_marks()
            drawn = self.ladder.index
            if drawn is not None:
                self.ladder_target = moved(drawn)
            for pane in self.panes:
                if pane is not self.messages:
                    pane.let_go()
            rows.replace(store, view, None if index is None else moved(index) or 0)
            if self.following and at_end:
                rows.move_to(rows.count - 1)
            self.pane.refresh_data()
        finally:
            self._advancing = False

    def _begin_with(self, analysis: Analysis) -> None:
        self.store = Store(analysis)
        self.listing = View(self.store, fold=self.folding)
        for pane in self.panes:
            pane.let_go()
        self._generation += 1
        self._counted = (-1, -1, -1, False)
        if self.filter_text:
            self.set_filter(self.filter_text)
        elif self.chosen_sessions or self.hiding.of_messages:
            self.rebuild()


def resident_mb() -> float:
    """Memory of this process now."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # no /proc here: the peak
