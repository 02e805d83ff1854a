"""The message list: rows of a view over the analysis's columns, decoded when they are drawn."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from tui.model.cells import Cell, Line
from tui.model.columns import COLUMNS, DEFAULT, Column, Context, head_line, layout, row_line, row_of
from tui.settings import load_columns
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.model.store import Store
    from tui.model.view import View

LINES_KEPT = 512
_Line = tuple[Line, str]


class MessageList(RowList):
    """Shows a `View`; the application puts one in with `show`."""

    def __init__(self, context: Context, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.context = context
        self.columns: list[Column] = [COLUMNS[name] for name in load_columns() or DEFAULT]
        self.sort_name: str | None = None
        self.descending = False
        self.colour = "state"
        self.marked: set[int] = set()
        self.named: dict[int, str] = {}
        """letters of the marks that have one"""
        self.selected: set[int] = set()
        self.found: frozenset[int] = frozenset()
        self._store: Store | None = None
        self._view: View | None = None
        self._lines: OrderedDict[tuple[int, int], Line] = OrderedDict()
        self._severities: dict[tuple[int, int], int] = {}

    @property
    def view(self) -> View | None:
        return self._view

    @property
    def index(self) -> int | None:
        """The message under the cursor."""
        return self._view.index(self.cursor) if self._view is not None and self.cursor < self.count else None

    def show(self, store: Store, view: View) -> None:
        """Another view, or the same one with more rows: the cursor stays on its message where that is shown."""
        index = self.index
        other = view is not self._view
        offset = self.cursor - self.top
        self._store, self._view = store, view
        if other:
            self.forget()
            self.set_count(len(view))
            if index is not None and index < store.count and len(view):
                self.move_to(view.nearest(index))
                self.scroll_top(self.cursor - offset)
        else:
            self.set_count(len(view))

    def replace(self, store: Store, view: View, index: int | None) -> None:
        """A view over another store, in which the message under the cursor has the place *index*; it stays where it is on the screen."""
        offset = self.cursor - self.top
        self._store, self._view = store, view
        self._lines.clear()
        self.set_count(len(view))
        if index is not None and len(view):
            self.move_to(view.nearest(index))
            self.scroll_top(self.cursor - offset)
        self.refresh()

    def forget(self) -> None:
        """Lines drawn before are drawn anew."""
        self._lines.clear()
        self.refresh()

    def change_context(self, **changes: object) -> None:
        self.context = self.context._replace(**changes)  # type: ignore[arg-type]
        self.forget()

    def shown_columns(self, width: int) -> list[tuple[Column, int]]:
        return layout(self.columns, width - 2, self.context.time_form)

    def head(self, width: int) -> Line:
        return [Cell("  ", "head"), *head_line(self.shown_columns(width), self.sort_name, self.descending)]

    def line(self, row: int, width: int) -> Line:
        assert self._view is not None and self._store is not None
        index = self._view.index(row)
        key = (row, width)
        line = self._lines.get(key)
        if line is None:
            line = self._made(row, index, width)
            self._lines[key] = line
            if len(self._lines) > LINES_KEPT:
                self._lines.popitem(last=False)
        glyphs = self.context.glyphs
        if index in self.selected:
            front = Cell(glyphs.selected + " ", "selected")
        elif index in self.marked:
            front = Cell(self.named.get(index, glyphs.mark) + " ", "mark")
        elif index in self.found:
            front = Cell("/ ", "found")
        else:
            front = Cell(glyphs.cursor + " " if row == self.cursor else "  ", "strong")
        return [front, *line]

    def _made(self, row: int, index: int, width: int) -> Line:
        assert self._view is not None and self._store is not None
        before = self._view.index(row - 1) if row else None
        made = row_of(self._store, index, self._view.fold_of(row), before)
        line = row_line(made, self.shown_columns(width), self.context)
        role = self._row_role(made.severity, made.message.direction, made.session.protocol, made.message.duplicate_of is not None)
        if made.overdue and self.colour == "state":
            role = "late"
        return [one._replace(role=role) if role and one.role in ("", "strong", "up", "down") else one for one in line] if role else line

    def _row_role(self, severity: int, direction: str, protocol: str, again: bool) -> str:
        from tui.model.columns import protocol_role

        if self.colour == "protocol":
            return protocol_role(protocol)
        if self.colour == "direction":
            return direction
        return ("dim" if again else "", "", "warning", "error")[severity]

    def head_clicked(self, x: int) -> None:
        at = 2
        for column, width in self.shown_columns(self.size.width):
            if at <= x < at + width + 1:
                self.app.sort_by(column.name)  # type: ignore[attr-defined]
                return
            at += width + 1
