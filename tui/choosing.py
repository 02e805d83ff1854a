"""Which messages are seen, and how: selected, hidden, sorted, in which columns, filtered by what the cursor is on."""

from __future__ import annotations

from dissect.text import clean
from tui.marking import Marking
from tui.model.columns import COLUMNS, Column, field_column
from tui.model.hiding import Command, Messages, Step, Suppression
from tui.model.order import SORTABLE
from tui.settings import save_columns, save_suppressed


class Choosing(Marking):
    """Actions by their names in the table of keys."""

    # -- selection --

    def choose_sessions(self, chosen: frozenset[int]) -> None:
        self.chosen_sessions = chosen
        self.messages.sessions.chosen = set(chosen)
        self.rebuild()

    def action_select(self) -> None:
        sessions = self.messages.sessions
        if self.focused is sessions and sessions.session is not None:
            sessions.chosen ^= {sessions.session}
            sessions.action_down()
            self.choose_sessions(frozenset(sessions.chosen))
            return
        index = self.pane.index
        if index is not None:
            self.selected ^= {index}
            self.messages.list.selected = self.selected
            home = self.pane.home()
            if hasattr(home, "action_down"):
                home.action_down()
            self.redraw_marks()

    def action_diff(self) -> None:
        from tui.screens.diff import DiffDialog

        index = self.pane.index
        pair = sorted(self.selected)
        if len(pair) < 2 and index is not None:
            mate = self.store.mate(index)
            pair = [*(one for one in pair if one != index), index] if pair and pair[0] != index else sorted({index, mate}) if mate is not None else []
        if len(pair) < 2:
            self.notify("select two messages with Space, then d", markup=False)
        else:
            self.push_screen(DiffDialog(self.store, pair[0], pair[1], self.glyphs))

    # -- hiding --

    def hide(self, step: Step) -> None:
        """Leave messages or anomalies out of all views, until it is taken back."""
        if not self.hiding.add(step):
            self.notify(f"{clean(step.text, 100)}: hidden already, or too much is", severity="warning", markup=False)
            return
        self.notify(f"{clean(step.text, 100)} hidden; u takes it back, W lists what is hidden", timeout=4, markup=False)
        self._hidden(step)

    def _hidden(self, step: Step) -> None:
        """Put what has changed into force."""
        if isinstance(step, Suppression):
            save_suppressed(self.hiding.suppressions)
            self.pane.refresh_data()
        else:
            self.rebuild()

    def action_hide(self) -> None:
        index = self.pane.index
        chosen = frozenset(self.selected) or (frozenset({index}) if index is not None else frozenset())
        if chosen:
            self.selected = self.messages.list.selected = set()
            self.hide(Messages(chosen))

    def action_hide_command(self) -> None:
        index = self.pane.index
        if index is not None:
            message = self.store.analysis.message_at(index)
            self.hide(Command(self.store.session_of(index).protocol, message.type))

    def action_unhide(self) -> None:
        self.take_back(-1)

    def take_back(self, place: int) -> None:
        """One step of hiding, by its place; -1: the last."""
        step = self.hiding.remove(place)
        if step is None:
            self.notify("nothing is hidden", timeout=3, markup=False)
            return
        self.notify(f"{clean(step.text, 100)} shown again", timeout=3, markup=False)
        self._hidden(step)

    def action_hidden(self) -> None:
        from tui.screens.hidden import HiddenDialog

        self.push_screen(HiddenDialog(self))  # type: ignore[arg-type]

    # -- sorting and columns --

    def action_sideways(self, step: int) -> None:
        if self.current == "ladder":
            self.ladder.sideways(step)
        elif self.current == "pairs":
            self.pane.sideways(step)  # type: ignore[attr-defined]
        else:
            at = SORTABLE.index(self.sort_name) if self.sort_name in SORTABLE else 0
            self.sort_by(SORTABLE[(at + step) % len(SORTABLE)])

    def sort_by(self, name: str) -> None:
        if name not in SORTABLE:
            return
        if name == self.sort_name:
            self.descending = not self.descending
        self.sort_name = name
        self._sorted()

    def action_invert(self) -> None:
        if self.current == "pairs":
            self.pane.invert()  # type: ignore[attr-defined]
            return
        self.descending = not self.descending
        self.sort_name = self.sort_name or "number"
        self._sorted()

    def _sorted(self) -> None:
        rows = self.messages.list
        if self.sort_name in ("number", "time") and not self.descending:
            rows.sort_name = self.sort_name = None
        rows.sort_name, rows.descending = self.sort_name, self.descending
        self.rebuild()

    def action_columns(self) -> None:
        from tui.screens.dialogs import ColumnsDialog

        names = [one.name for one in self.messages.list.columns]
        self.push_screen(ColumnsDialog(names), self._columns_chosen)

    def _columns_chosen(self, names: list[str] | None) -> None:
        if names:
            kept = {one.name: one for one in self.messages.list.columns}
            save_columns([name for name in names if name in COLUMNS])
            self.messages.list.columns = [COLUMNS[name] if name in COLUMNS else kept[name] for name in names]
            self.messages.list.forget()

    def action_field_column(self) -> None:
        from tui.model.filters import value_in

        node = self.messages.details.node
        if node is None or not node.field:
            return
        columns: list[Column] = [one for one in self.messages.list.columns if one.name != node.field]
        if len(columns) == len(self.messages.list.columns):
            name = node.field
            columns.insert(max(0, len(columns) - 1), field_column(name, lambda message: value_in(message, name)))
        self.messages.list.columns = columns
        self.messages.list.forget()

    def action_field_filter(self, operator: str) -> None:
        from tui.model.filters import expression_for

        field: tuple[str, str] | None = None
        if self.current == "messages":
            node = self.messages.details.node
            field = (node.field, node.value) if node is not None and node.field else None
        elif hasattr(self.pane, "field"):
            field = self.pane.field()
        expression = expression_for(*field, operator) if field is not None else None
        if expression is None:
            self.notify("the cursor is on no field that a filter knows", markup=False)
            return
        before = self.filter_text
        self.set_filter(f"({before}) and {expression}" if before else expression)
