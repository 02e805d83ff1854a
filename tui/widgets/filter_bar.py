"""The filter's line: what is typed is checked at once, put into force by Enter, and the old result stays until the new one is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.suggester import Suggester
from textual.widgets import Input, Static

from dissect.text import cell_width, cells, clean

if TYPE_CHECKING:
    from tui.app import DissectApp

CHECK_S = 0.15
OFFERED = 12
"""completions that are told beside what is typed, as far as there is room"""


class FilterBar(Horizontal):
    def __init__(self, text: str = "") -> None:
        super().__init__(id="filter-bar")
        self._text = text
        self.note = Static("", id="filter-note", markup=False)
        self._took_ms: float | None = None
        self._problem = ""
        self._offered: list[str] = []
        self._said = ""

    def compose(self) -> ComposeResult:
        yield Static("/", id="filter-sign", markup=False)
        yield FilterInput(self._text, id="filter", suggester=FilterSuggester(cast("DissectApp", self.app)))
        yield self.note

    @property
    def input(self) -> Input:
        return self.query_one(Input)

    @property
    def dissect(self) -> DissectApp:
        return cast("DissectApp", self.app)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.set_timer(CHECK_S, self.check)

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

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._offered = []
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
            self.input.value = text
        self.input.remove_class("-invalid")
        from tui.model.filters import remember

        remember(text)

    def offer(self, words: list[str]) -> None:
        """What Tab would take, and what else there is."""
        self._offered = words
        self.say()

    def took(self, seconds: float) -> None:
        self._took_ms = seconds * 1000
        self.say()

    def say(self) -> None:
        app = self.dissect
        glyphs = app.glyphs
        room = app.size.width * 6 // 10 - 4
        typing = any(one.has_focus for one in self.query(Input))
        offered = typing and bool(self._offered) and bool(self.input.value.strip())
        if offered:
            text = cells("Tab " + "  ".join(clean(word, 40) for word in self._offered), room)
        elif self._problem:
            text = f"{glyphs.cross} {fitting(clean(self._problem, 200), room)}"
        elif app.building and not app.building.startswith("!"):
            text = app.building
        elif app.filter is not None or app.chosen_sessions or app.marked_shown:
            time = f"  {self._took_ms:.0f} ms" if self._took_ms is not None else ""
            text = f"{glyphs.tick} {app.listing.matched:,} / {app.listing.taken:,}{time}"
        else:
            # While the interface opens or closes there is no input yet, or no more.
            text = "F1 syntax" if typing else ""
        if text != self._said:
            # Each change lays out the whole screen anew.
            self._said = text
            self.note.update(text)
        self.note.set_class(bool(self._problem) and not offered, "-invalid")


def fitting(problem: str, room: int) -> str:
    """Where there is no room for all of a sentence, its advice alone; where there is none for that, the first half of it."""
    if cell_width(problem) <= room:
        return problem
    advice = problem.rpartition("; ")[2]
    return advice if cell_width(advice) <= room else cells(advice.partition(", ")[0], room)


class FilterInput(Input):
    """Esc leaves it, Tab takes the suggestion, F1 shows the syntax, up and down go through earlier filters."""

    def __init__(self, value: str, *, id: str, suggester: Suggester) -> None:
        super().__init__(value, placeholder="filter: clife.cmd == 2011, anomaly.severity >= warning ...", id=id, suggester=suggester, compact=True,
                         select_on_focus=False)
        self._back = 0

    async def on_key(self, event: events.Key) -> None:
        app = cast("DissectApp", self.app)
        if event.key == "escape":
            self.value = app.filter_text
            app.pane.home().focus()
            app.filter_bar.offer([])
        elif event.key == "tab":
            self.action_cursor_right() if self.cursor_position < len(self.value) else self.action_take()
        elif event.key in ("up", "down"):
            from tui.model.filters import saved

            earlier = saved()
            if earlier:
                self._back = max(0, min(len(earlier), self._back + (1 if event.key == "up" else -1)))
                self.value = earlier[-self._back] if self._back else ""
                self.cursor_position = len(self.value)
        elif event.key == "f1":
            app.action_syntax()
        else:
            return
        event.stop()
        event.prevent_default()

    def action_take(self) -> None:
        """Take what is suggested."""
        if self._suggestion:
            self.value = self._suggestion
            self.cursor_position = len(self.value)


class FilterSuggester(Suggester):
    """Completes the word that is typed: names of fields, then operators' values as they were seen in this capture."""

    def __init__(self, app: DissectApp) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._app = app

    async def get_suggestion(self, value: str) -> str | None:
        from tui.model.filters import completions

        found = completions(value, self._app.store) if value.strip() else []
        self._app.filter_bar.offer([word for word, _ in found[:OFFERED]])
        return found[0][1] if found else None
