"""Small dialogs: a line to type, a question, the choice of columns."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.model.cells import Line, cell, fixed
from tui.model.columns import COLUMNS
from tui.widgets.rows import RowList


class Prompt(ModalScreen[str | None]):
    """One line of text; None when it was left with Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, title: str, value: str) -> None:
        super().__init__()
        self._title, self._value = title, value

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog small"):
            yield Static(self._title, classes="dialog-title", markup=False)
            yield Input(self._value, id="prompt", compact=True)
            yield Static("Enter: do it   Esc: leave", classes="dialog-keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)

    def action_leave(self) -> None:
        self.dismiss(None)


class Question(ModalScreen[bool]):
    """Yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y,enter", "answer(True)", show=False), Binding("n,q,escape", "answer(False)", show=False)]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog small"):
            yield Static(self._text, classes="dialog-title", markup=False)
            yield Static("y: yes   n: no", classes="dialog-keys", markup=False)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class ColumnChoice(RowList):
    """All columns there are, those that are shown marked."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "turn", show=False)]

    def __init__(self, names: list[str], shown: list[str]) -> None:
        super().__init__(id="column-choice")
        self.headed = False
        self.names = names
        self.chosen = set(shown)

    def on_mount(self) -> None:
        self.set_count(len(self.names))

    def line(self, row: int, width: int) -> Line:
        name = self.names[row]
        what = COLUMNS[name].head if name in COLUMNS else "a field of the message"
        return [cell(" [x] " if name in self.chosen else " [ ] ", "strong"), fixed(name, 30, "name"), cell(f" {what}", "dim")]

    def action_turn(self) -> None:
        if self.count:
            self.chosen ^= {self.names[self.cursor]}
            self.action_down()
            self.refresh()


class ColumnsDialog(ModalScreen[list[str] | None]):
    """Which columns the message list has."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f10", "leave", show=False)]

    def __init__(self, shown: list[str]) -> None:
        super().__init__()
        self._choice = ColumnChoice([*COLUMNS, *(name for name in shown if name not in COLUMNS)], shown)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog small columns"):
            yield Static("Columns", classes="dialog-title", markup=False)
            yield self._choice
            yield Static("Space: on or off   Enter: done   Esc: leave", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        self._choice.focus()

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        event.stop()
        ordered = [name for name in self._choice.names if name in self._choice.chosen and name != "info"]
        self.dismiss([*ordered, "info"] if "info" in self._choice.chosen else ordered)

    def action_leave(self) -> None:
        self.dismiss(None)
