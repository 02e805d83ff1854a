"""The dialog of `W`: what is hidden, how much of it there is, and back with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.model.cells import Line, cell, fixed
from tui.model.hiding import Command, Step, Suppression
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.app import DissectApp


def _kind(step: Step) -> str:
    return "anomalies" if isinstance(step, Suppression) else "command" if isinstance(step, Command) else "messages"


class HiddenList(RowList):
    def __init__(self) -> None:
        super().__init__(id="hidden-list")
        self.steps: list[tuple[Step, int]] = []
        self.empty_text = "nothing is hidden"

    def show(self, steps: list[tuple[Step, int]]) -> None:
        self.steps = steps
        self.set_count(len(steps))
        self.refresh()

    def head(self, width: int) -> Line:
        return [cell("  ", "head"), fixed("Kind", 11, "head"), fixed("Hides", 9, "head", True), cell("  What", "head")]

    def line(self, row: int, width: int) -> Line:
        step, count = self.steps[row]
        return [cell("  "), fixed(_kind(step), 11, "dim"), fixed(f"{count:,}", 9, "strong", True), cell("  "), cell(step.text)]


class HiddenDialog(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,W", "leave", show=False), Binding("delete,backspace", "back", show=False)]

    def __init__(self, app: DissectApp) -> None:
        super().__init__()
        self._dissect = app

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Hidden from all views (exports of what is shown go without them)", classes="dialog-title", markup=False)
            yield HiddenList()
            yield Static("Enter or Del: show it again   Esc: close", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        rows = self.query_one(HiddenList)
        rows.focus()
        self._show()

    def _show(self) -> None:
        self.query_one(HiddenList).show(self._dissect.hiding.counted(self._dissect.store))

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        event.stop()
        self.action_back()

    def action_back(self) -> None:
        rows = self.query_one(HiddenList)
        if rows.count:
            self._dissect.take_back(rows.cursor)
            self._show()

    def action_leave(self) -> None:
        self.dismiss(None)
