"""The filter's line: what is typed is checked and completed at once, put into force by Enter, and the old result stays until the new one is ready."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from dissect.text import cell_width, cells, clean
from tui.model.completing import Offer, known_as, offers, place_of
from tui.model.values import Seen, values_seen
from tui.widgets.completions import CompletionList

if TYPE_CHECKING:
    from tui.app import DissectApp
    from tui.model.store import Store

CHECK_S = 0.15
FRESH_S = 5.0
"""how long values seen are offered again while more messages come"""


class _Looked(NamedTuple):
    """Values of a field, and what they were looked for in."""

    store: Store
    finished: bool
    at: float
    values: list[Seen]


class FilterBar(Horizontal):
    def __init__(self, text: str = "") -> None:
        super().__init__(id="filter-bar")
        self._text = text
        self.note = Static("", id="filter-note", markup=False)
        self.offers = CompletionList()
        """under the bar, above the views: the application composes it"""
        self._took_ms: float | None = None
        self._problem = ""
        self._said = ""
        self._looked: dict[str, _Looked] = {}
        self.offered_for = ""
        """the text before the cursor that the list goes on with"""
        self._given = text
        """what was put into the line by us: nothing is offered for it"""

    def compose(self) -> ComposeResult:
        yield Static("/", id="filter-sign", markup=False)
        yield FilterInput(self._text, id="filter")
        yield self.note

    @property
    def input(self) -> FilterInput:
        return self.query_one(FilterInput)

    @property
    def dissect(self) -> DissectApp:
        return cast("DissectApp", self.app)

    @property
    def typing(self) -> bool:
        # While the interface opens or closes there is no input yet, or no more.
        return any(one.has_focus for one in self.query(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.set_timer(CHECK_S, self.check)
        self.complete()

    def check(self) -> None:
        """Say whether what is typed is a filter."""
        from tui.model.filters import problem_of

        if not self.query(Input):
            return  # the interface closed while the check waited
        text = self.input.value
        self._problem = problem_of(text)
        self.input.set_class(bool(self._problem), "-invalid")
        self.input.set_class(bool(text.strip()) and not self._problem, "-valid")
        self.say()

    # -- completion --

    def complete(self) -> None:
        """Offer what may come next: at once, but for values that have to be looked for."""
        line = self.input
        if not self.typing or (line.value == self._given and line.value):
            self._offer([], line.head)
            return
        place = place_of(line.head)
        known = self._known(place.field) if place is not None and place.field else []
        if known is None:
            # In a thread: a capture has any number of messages, and typing goes on meanwhile.
            self._offer([], line.head)
            self.run_worker(self._look_for_values(line.head), exclusive=True, group="complete")
        else:
            self._offer_with(known, line.head)

    async def _look_for_values(self, head: str) -> None:
        place, store = place_of(head), self.dissect.store
        assert place is not None
        finished = store.finished
        values = await asyncio.to_thread(values_seen, place.field, store)
        self._looked = {field: one for field, one in self._looked.items() if one.store is store}
        self._looked[place.field] = _Looked(store, finished, time.monotonic(), values)
        if self.typing and self.input.head == head:
            self._offer_with(values, head)

    def _known(self, name: str) -> list[Seen] | None:
        """Values that were looked for already; None: they have to be, anew."""
        looked, store = self._looked.get(name), self.dissect.store
        fresh = looked is not None and looked.store is store and (looked.finished or time.monotonic() - looked.at < FRESH_S)
        return looked.values if looked is not None and fresh else None

    def _offer_with(self, values: list[Seen], head: str) -> None:
        from tui.model.filters import problem_of, saved

        line, names = self.input, self.dissect.names | known_as(place_of(head))
        self._offer(offers(head, values=lambda name: values, saved=() if line.tail.strip() else saved(), names=names,
                           complete=lambda text: not problem_of(text)), head)

    def _offer(self, offered: list[Offer], head: str) -> None:
        self.offers.show(offered)
        self.offered_for = head
        line, likeliest = self.input, self.offers.likeliest
        line.hint(likeliest.text if likeliest is not None and head.strip() and not line.tail else "")
        self.say()

    @property
    def likeliest(self) -> Offer | None:
        """What Tab takes: never what was offered for another text."""
        if self.input.head != self.offered_for:
            self.complete()
        return self.offers.likeliest

    def take(self, offer: Offer) -> None:
        """Put what is offered into the line, which keeps what stands behind the cursor."""
        line = self.input
        text = offer.text + line.tail
        self._given = ""
        line.value = text
        line.cursor_position = len(offer.text)
        line.focus()

    def give(self, text: str) -> None:
        """Put a text into the line that was not typed."""
        self._given = text
        self.input.value = text
        self.input.cursor_position = len(text)

    # -- putting into force --

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.offers.close()
        self.dissect.set_filter(event.value)
        if not self._problem:
            self.dissect.pane.home().focus()

    def refuse(self, text: str) -> None:
        self._problem = text
        self.input.add_class("-invalid")
        self.say()

    def accept(self, text: str) -> None:
        self._problem = ""
        if self.input.value != text:
            self.give(text)
        self._given = text
        self.input.remove_class("-invalid")
        from tui.model.filters import remember

        remember(text)

    def took(self, seconds: float) -> None:
        self._took_ms = seconds * 1000
        self.say()

    def say(self) -> None:
        """What is wrong stands in the list's frame while there is a list: beside the line it would take the room that is typed in."""
        app = self.dissect
        glyphs = app.glyphs
        listed = self.offers.display
        self.offers.complain(fitting(clean(self._problem, 200), self.offers.size.width - 4) if listed and self._problem else "")
        problem = "" if listed else self._problem
        if problem:
            text = f"{glyphs.cross} {fitting(clean(problem, 200), app.size.width * 6 // 10 - 4)}"
        elif app.building and not app.building.startswith("!"):
            text = app.building
        elif (app.filter is not None or app.chosen_sessions or app.marked_shown) and not listed:
            took = f"  {self._took_ms:.0f} ms" if self._took_ms is not None else ""
            text = f"{glyphs.tick} {app.listing.matched:,} / {app.listing.taken:,}{took}"
        else:
            text = "F1 syntax" if self.typing else ""
        if text != self._said:
            # Each change lays out the whole screen anew.
            self._said = text
            self.note.update(text)
        self.note.set_class(bool(problem), "-invalid")


def fitting(problem: str, room: int) -> str:
    """Where there is no room for all of a sentence, its advice alone; where there is none for that, the first half of it."""
    if cell_width(problem) <= room:
        return problem
    advice = problem.rpartition("; ")[2]
    return advice if cell_width(advice) <= room else cells(advice.partition(", ")[0], room)


class FilterInput(Input):
    """Esc leaves it, Tab takes what is offered, F1 shows the syntax; arrows choose among what is offered, or go through earlier filters."""

    def __init__(self, value: str, *, id: str) -> None:
        super().__init__(value, placeholder="filter: clife.cmd == 2011, anomaly.severity >= warning ...", id=id, compact=True, select_on_focus=False)
        self._back = 0

    @property
    def head(self) -> str:
        """What stands before the cursor."""
        return self.value[:self.cursor_position]

    @property
    def tail(self) -> str:
        return self.value[self.cursor_position:]

    def hint(self, text: str) -> None:
        """Show behind the cursor, dimmed, what Tab would take."""
        self._suggestion = text if text.startswith(self.value) else ""

    def on_focus(self) -> None:
        self._back = 0
        # Later: the focus is not there yet for whoever asks.
        self.call_later(cast("DissectApp", self.app).filter_bar.complete)

    def on_blur(self) -> None:
        cast("DissectApp", self.app).filter_bar.offers.close()

    async def on_key(self, event: events.Key) -> None:
        app = cast("DissectApp", self.app)
        bar = app.filter_bar
        listed = bar.offers
        if event.key == "escape":
            if listed.display and self.value != app.filter_text:
                listed.close()
                self.hint("")
                bar.say()
            else:
                bar.give(app.filter_text)
                listed.close()
                app.pane.home().focus()
                bar.check()
        elif event.key == "tab":
            offer = bar.likeliest
            if offer is not None:
                bar.take(offer)
        elif event.key == "enter" and listed.chosen is not None and self.head == bar.offered_for:
            bar.take(listed.chosen)
        elif event.key in _STEPS and listed.step(_STEPS[event.key]):
            pass
        elif event.key in ("up", "down"):
            self._earlier(1 if event.key == "up" else -1)
        elif event.key == "f1":
            app.action_syntax()
        else:
            return
        event.stop()
        event.prevent_default()

    def _earlier(self, step: int) -> None:
        """Go through the filters used before."""
        from tui.model.filters import saved

        filters = saved()
        if filters:
            self._back = max(0, min(len(filters), self._back + step))
            cast("DissectApp", self.app).filter_bar.give(filters[-self._back] if self._back else "")


_STEPS = {"down": 1, "up": -1, "pagedown": 7, "pageup": -7, "shift+tab": -1}
