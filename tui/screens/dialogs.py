"""Small dialogs: a line to type, a question, the choice of columns."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, SelectionList, Static
from textual.widgets.selection_list import Selection

from tui.model.columns import COLUMNS


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


class ColumnsDialog(ModalScreen[list[str] | None]):
    """Which columns the message list has."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", show=False), Binding("enter", "take", show=False, priority=True)]

    def __init__(self, shown: list[str]) -> None:
        super().__init__()
        self._shown = shown

    def compose(self) -> ComposeResult:
        names = [*COLUMNS, *(name for name in self._shown if name not in COLUMNS)]
        with Vertical(classes="dialog small"):
            yield Static("Columns", classes="dialog-title", markup=False)
            yield SelectionList(*(Selection(name.replace("[", r"\["), name, name in self._shown) for name in names))
            yield Static("Space: on or off   Enter: done   Esc: leave", classes="dialog-keys", markup=False)

    def action_take(self) -> None:
        chosen = set(self.query_one(SelectionList).selected)
        names = [*COLUMNS, *(name for name in self._shown if name not in COLUMNS)]
        ordered = [name for name in names if name in chosen and name != "info"]
        self.dismiss([*ordered, "info"] if "info" in chosen else ordered)

    def action_leave(self) -> None:
        self.dismiss(None)
