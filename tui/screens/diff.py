"""Two messages side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.model.cells import Line, cell, fixed
from tui.model.diff import Difference, difference, difference_line
from tui.model.glyphs import Glyphs
from tui.model.times import delta
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.model.store import Store


class DiffList(RowList):
    def __init__(self, left: str, right: str, rows: list[Difference]) -> None:
        super().__init__(id="diff-list")
        self._left, self._right = left, right
        self._rows = rows

    def on_mount(self) -> None:
        self.set_count(len(self._rows))

    def head(self, width: int) -> Line:
        name = min(40, width // 3)
        side = max(4, (width - name - 6) // 2)
        return [cell("   ", "head"), fixed("Member", name + 1, "head"), fixed(self._left, side + 1, "head"), fixed(self._right, side, "head")]

    def line(self, row: int, width: int) -> Line:
        return difference_line(self._rows[row], width)


class DiffDialog(ModalScreen[None]):
    """`d` on two selected messages; `a` shows what is the same too."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,d", "leave", show=False), Binding("a", "all", show=False)]

    def __init__(self, store: Store, left: int, right: int, glyphs: Glyphs) -> None:
        super().__init__()
        self._rows = difference(store, left, right)
        self._names = [f"message {store.analysis.id_of(index)}" for index in (left, right)]
        self._span = delta(store.time_ns(right), store.time_ns(left))
        self._only = True

    def _shown(self) -> list[Difference]:
        return [row for row in self._rows if row.sign != " "] if self._only else self._rows

    def compose(self) -> ComposeResult:
        differing = sum(row.sign != " " for row in self._rows)
        with Vertical(classes="dialog"):
            yield Static(f"{self._names[0]} and {self._names[1]} ({self._span} s): {differing} of {len(self._rows)} members differ", classes="dialog-title",
                         markup=False)
            yield DiffList(self._names[0], self._names[1], self._shown())
            yield Static("~ differs  - only left  + only right   a: all members   Esc: close", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        self.query_one(DiffList).focus()

    def action_all(self) -> None:
        self._only = not self._only
        rows = self.query_one(DiffList)
        rows._rows = self._shown()
        rows.set_count(len(rows._rows))

    def action_leave(self) -> None:
        self.dismiss(None)
