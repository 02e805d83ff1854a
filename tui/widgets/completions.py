"""The list under the filter's line: what may come next. The line keeps the focus; arrows choose, Tab or Enter take, Esc closes."""

from __future__ import annotations

from textual.message import Message

from dissect.text import cell_width
from tui.model.cells import Line, cell, fixed
from tui.model.completing import Offer
from tui.widgets.rows import RowList

LEFT = 3
"""cells before it: it stands under what is typed"""
MOST_ROWS = 10
LOW_ROWS = 7
LOW_SCREEN = 30
WIDEST = 100
LONGEST_SHOWN = 44
LONGEST_MEASURE = 14
ROLES = {"field": "name", "value": "value", "operator": "strong"}


class CompletionList(RowList, can_focus=False):
    """Above the views, as long as something is offered."""

    class Taken(Message):
        """A click on an offer."""

        def __init__(self, offer: Offer) -> None:
            super().__init__()
            self.offer = offer

    def __init__(self) -> None:
        super().__init__(id="completions")
        self.headed = False
        self.offered: list[Offer] = []
        self.choosing = False
        """whether one of them was chosen with the arrows"""
        self._name_width = self._measure_width = 0
        self._fitted = 0, 0
        self.display = False

    @property
    def chosen(self) -> Offer | None:
        """What the arrows are on; None: nothing was chosen yet."""
        return self.offered[self.cursor] if self.choosing and self.cursor < len(self.offered) else None

    @property
    def likeliest(self) -> Offer | None:
        """What Tab takes."""
        return self.chosen or (self.offered[0] if self.display and self.offered else None)

    @property
    def cursor_role(self) -> str:
        return "cursor" if self.choosing else ""

    def show(self, offered: list[Offer]) -> None:
        if offered == self.offered and self.display == bool(offered):
            return
        self.offered, self.choosing = offered, False
        self.cursor = self.top = 0
        self.set_count(len(offered))
        self._name_width = min(LONGEST_SHOWN, max((cell_width(one.shown) for one in offered if one.kind != "saved"), default=0))
        self._measure_width = min(LONGEST_MEASURE, max((cell_width(one.measure) for one in offered), default=0))
        if offered:
            self._fit()
            self._say()
        # A change of size or display lays out the screen anew; most keys change neither.
        if self.display != bool(offered):
            self.display = bool(offered)
        self.refresh()

    def close(self) -> None:
        self.show([])

    def complain(self, problem: str) -> None:
        """Say in the frame what is wrong with the filter so far."""
        title = problem.replace("[", r"\[")
        if self.border_title != title:
            self.border_title = title

    def _fit(self) -> None:
        size = self.app.size
        rows = min(len(self.offered), LOW_ROWS if size.height < LOW_SCREEN else MOST_ROWS)
        width, height = min(WIDEST, max(20, size.width - LEFT - 1)), rows + 2
        if self._fitted != (width, height):
            self._fitted = width, height
            self.styles.width, self.styles.height = width, height

    def _say(self) -> None:
        place = f"{self.cursor + 1}/{self.count}" if self.choosing else f"{self.count}"
        self.border_subtitle = f"{place}  Tab: take  {'Enter: take' if self.choosing else 'arrows: choose'}  Esc: close"

    def step(self, rows: int) -> bool:
        """Choose another one; whether there was one. Up from the first leaves the list."""
        if not self.display:
            return False
        if not self.choosing:
            if rows < 0:
                return False
            self.choosing = True
            rows -= 1
        elif rows < 0 and self.cursor == 0:
            self.choosing = False
            rows = 0
        self.move_to(self.cursor + rows)
        self._say()
        self.refresh()
        return True

    def line(self, row: int, width: int) -> Line:
        one = self.offered[row]
        if one.kind == "saved":
            return [cell("/ ", "found"), cell(one.shown)]
        name = fixed(one.shown, min(self._name_width, max(12, width * 6 // 10)), ROLES[one.kind])
        measure = [fixed(one.measure, self._measure_width, "dim", one.kind == "value"), cell("  ")] if self._measure_width else []
        return [cell("  "), name, cell("  "), *measure, cell(one.note, "dim" if one.kind == "value" else "")]

    def clicked(self, row: int, x: int, times: int) -> None:
        if 0 <= row < self.count:
            self.post_message(self.Taken(self.offered[row]))
