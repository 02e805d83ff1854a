"""What keys do. One method a key of `tui.keys`; each acts on what all views share, or hands on to the view that is seen."""

from __future__ import annotations

from typing import Any

from textual.widgets import ContentSwitcher, Input

from dissect.errors import DissectError
from dissect.text import clean
from tui.core import Core
from tui.model.columns import COLUMNS, Column, field_column
from tui.model.hiding import Command, Messages, Step, Suppression
from tui.model.order import SORTABLE
from tui.model.times import FORMS
from tui.settings import save_columns, save_suppressed

COLOURS = ("state", "protocol", "direction")
OF_MESSAGES = frozenset({"swap", "raw", "zoom", "layout", "resize", "field_column", "columns", "colour"})
"""actions that mean something in the message view alone"""
SORTED = ("messages", "pairs", "ladder")
VIEWS = ("messages", "ladder", "pairs", "anomalies", "stats", "help")


class Actions(Core):
    """The application's actions, by their names in the table of keys."""

    # -- views and panes --

    def action_view(self, name: str) -> None:
        index = self.pane.index
        self.current = name
        self.query_one(ContentSwitcher).current = name
        pane = self.pane
        if name == "ladder" and index is not None:
            self.ladder_target = index
            self.ladder.session = self.store.session_of(index).id
        pane.refresh_data()
        # At once, not later: the next key is for this view.
        self.screen.set_focus(pane.home())
        self.refresh_bars()

    def action_step_view(self, step: int) -> None:
        self.action_view(VIEWS[(VIEWS.index(self.current) + step) % len(VIEWS)])

    def action_next_pane(self, step: int) -> None:
        panes = self.pane.panes()
        focused = self.focused
        at = panes.index(focused) if focused in panes else -1
        target = panes[(at + step) % len(panes)]
        target.display = True
        target.focus()
        self.call_after_refresh(self.messages.lay_out)

    def action_help(self) -> None:
        from tui.screens.help import HelpDialog

        self.push_screen(HelpDialog(self.current, self.focused.id if self.focused is not None else None))

    def action_syntax(self) -> None:
        from tui.screens.help import HelpDialog

        self.push_screen(HelpDialog("filter", None))

    async def action_back(self) -> None:
        if self.pane.back():
            return
        if self.current != "messages":
            self.action_view("messages")
        elif self.chosen_sessions:
            self.choose_sessions(frozenset())
        elif self.loader.unsaved:
            from tui.screens.dialogs import Question

            self.push_screen(Question("The capture goes on and is not saved; leave all the same?"), lambda yes: self.exit() if yes else None)
        else:
            self.exit()

    def action_quit_now(self) -> None:
        self.exit()

    def action_cancel_load(self) -> None:
        if self.loader.done:
            self.notify("q or ^q quits", markup=False)
        else:
            self.loader.cancel()
            self.notify("reading stops; what was read stays", markup=False)

    def action_zoom(self) -> None:
        self.messages.zoom()

    def action_layout(self) -> None:
        self.messages.next_layout()

    def action_resize(self, step: int) -> None:
        self.messages.resize_lower(step)

    def action_swap(self) -> None:
        self.messages.swap()
        self.messages.lay_out()

    def action_raw(self) -> None:
        self.messages.hex.next_tab()
        node = self.messages.details.node
        if node is not None and node.tab == self.messages.hex.tab:
            self.messages.hex.show_span(node.tab, node.start, node.end)
        self.messages._explain(node)

    # -- filter and find --

    def action_filter(self) -> None:
        self.filter_bar.input.focus()
        self.filter_bar.say()

    def action_clear(self) -> None:
        self.marked_shown = False
        self.chosen_sessions = frozenset()
        self.messages.sessions.chosen.clear()
        self.messages.list.found = frozenset()
        self.set_filter("")

    def action_find(self) -> None:
        from tui.screens.dialogs import Prompt

        self.push_screen(Prompt("Find text in messages (names, values, bytes as sent)", self.find_text), self._find)

    def _find(self, text: str | None) -> None:
        if text:
            self.find_text = text
            self.action_find_next(1)

    def action_find_next(self, step: int) -> None:
        if not self.find_text:
            self.action_find()
            return
        self.run_worker(self._search(step), exclusive=True, group="find")

    async def _search(self, step: int) -> None:
        import asyncio

        from tui.model.find import next_match

        self._find_generation += 1
        generation = self._find_generation
        start = self.messages.list.cursor
        row = await asyncio.to_thread(next_match, self.store, self.listing, self.find_text, start, step, lambda: generation != self._find_generation)
        if generation != self._find_generation:
            return
        if row is None:
            self.notify(f"{clean(self.find_text, 60)!r} is in none of the messages shown", markup=False)
        else:
            self.go_to_message(self.listing.index(row), stay=True)

    # -- messages --

    def go_to_message(self, index: int, stay: bool = False) -> None:
        """Put the cursors of list and ladder on a message; it is told when the filter hides it. *stay*: in the view that is seen."""
        row = self.listing.row_of(index)
        if row is None:
            row = self.listing.nearest(index)
            self.notify(f"message {self.store.analysis.id_of(index)} is hidden by filter or folding", severity="warning", markup=False)
        self.messages.list.show(self.store, self.listing)
        self.messages.list.move_to(row, centre=True)
        if self.current == "ladder":
            self.ladder.go_to(index)
        if not stay and self.current != "messages":
            self.action_view("messages")

    def open_ladder(self) -> None:
        """The ladder of the sessions chosen, or of the message's own."""
        if self.messages.index is not None:
            self.action_view("ladder")

    def open_sessions(self) -> None:
        sessions = self.messages.sessions
        chosen = frozenset(sessions.chosen) or (frozenset({sessions.session}) if sessions.session is not None else frozenset())
        self.choose_sessions(chosen)
        self.action_view("ladder")

    def choose_sessions(self, chosen: frozenset[int]) -> None:
        self.chosen_sessions = chosen
        self.messages.sessions.chosen = set(chosen)
        self.rebuild()

    def action_mate(self) -> None:
        index = self.pane.index
        mate = self.store.mate(index) if index is not None else None
        if mate is None:
            self.notify("no other message of its exchange", markup=False)
        else:
            self.go_to_message(mate, stay=self.current in ("ladder", "messages"))

    def action_along(self, step: int) -> None:
        index = self.pane.index
        other = self.store.along(index, step) if index is not None else None
        if other is not None:
            self.go_to_message(other, stay=self.current in ("ladder", "messages"))

    def action_goto(self) -> None:
        from tui.screens.dialogs import Prompt

        self.push_screen(Prompt("Go to message number", ""), self._goto)

    def _goto(self, text: str | None) -> None:
        if not text:
            return
        import numpy as np

        found: list[int] = np.flatnonzero(self.store.analysis.ids()[:self.store.count] == int(text)).tolist() if text.isdigit() and len(text) < 10 else []
        if len(found):
            self.go_to_message(int(found[0]), stay=self.current == "ladder")
        else:
            self.notify(f"no message has the number {clean(text, 20)}", severity="warning", markup=False)

    def action_mark(self) -> None:
        index = self.pane.index
        if index is not None:
            self.marked ^= {index}
            self.messages.list.marked = self.marked
            self._redraw()

    def action_marked_only(self) -> None:
        if not self.marked and not self.marked_shown:
            self.notify("nothing is marked; m marks", markup=False)
            return
        self.marked_shown = not self.marked_shown
        self.rebuild()

    def action_next_mark(self) -> None:
        rows = sorted(row for row in map(self.listing.row_of, self.marked) if row is not None)
        if rows:
            here = self.messages.list.cursor
            row = next((row for row in rows if row > here), rows[0])
            self.go_to_message(self.listing.index(row), stay=self.current == "ladder")

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
            self._redraw()

    def _redraw(self) -> None:
        self.pane.home().refresh()
        self.messages.list.refresh()
        self.refresh_bars()

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

    def action_fold(self) -> None:
        self.folding = not self.folding
        self.rebuild()

    def action_colour(self) -> None:
        rows = self.messages.list
        rows.colour = COLOURS[(COLOURS.index(rows.colour) + 1) % len(COLOURS)]
        rows.forget()
        self.notify(f"coloured by {rows.colour}", timeout=2, markup=False)

    def action_time_form(self) -> None:
        self.change_context(time_form=FORMS[(FORMS.index(self.context.time_form) + 1) % len(FORMS)])
        self.pane.refresh_data()
        self.refresh_bars()

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

    # -- following --

    def action_pause(self) -> None:
        self.paused = not self.paused
        if not self.paused:
            self.waiting_rows = 0
        self.refresh_bars()

    def action_follow(self) -> None:
        self.following = not self.following
        home = self.pane.home()
        if self.following and hasattr(home, "action_last"):
            home.action_last()
        self.pane.refresh_data()

    # -- keys, conversation, copy, export --

    def action_load_keys(self) -> None:
        from tui.screens.dialogs import Prompt

        if not self.loader.rereadable:
            self.notify(f"{self.loader.source_name} cannot be read a second time; start with --keys FILE", severity="warning", markup=False)
            return
        self.push_screen(Prompt("Keys file to decrypt with (TOML)", ""), self._load_keys)

    def _load_keys(self, path: str | None) -> None:
        if not path:
            return
        import os

        from dissect.keys import load_keys

        try:
            keys = load_keys(os.path.expanduser(path))
        except DissectError as error:
            self.notify(clean(str(error), 400), title="No keys", severity="error", markup=False)
            return
        for text in keys.warnings:
            self.notify(clean(text, 300), severity="warning", markup=False)
        if not self.loader.redact:
            self.names.update(keys.names)
        self.reload(keys=keys)

    def action_follow_stream(self) -> None:
        from tui.screens.stream import StreamDialog

        index = self.pane.index
        if index is not None:
            self.push_screen(StreamDialog(self.store, self.store.session_of(index).id, index))

    def action_copy(self) -> None:
        text = self.messages.copied() if self.current == "messages" else self._line_copied()
        if text:
            self.copy_to_clipboard(clean(text, 100_000))
            self.notify(f"{len(text)} characters copied (shift-drag selects in most terminals)", timeout=3, markup=False)

    def _line_copied(self) -> str:
        from tui.model.cells import plain
        from tui.widgets.rows import RowList

        rows = self.focused
        if isinstance(rows, RowList) and rows.count:
            return plain(rows.line(rows.cursor, max(80, rows.size.width))).strip()
        return ""

    def action_export(self) -> None:
        from tui.screens.export import ExportDialog

        self.push_screen(ExportDialog(self))  # type: ignore[arg-type]

    # -- ladder, pairs, anomalies --

    def action_compress(self) -> None:
        self.ladder.compress()

    def action_preview(self, step: int) -> None:
        self.ladder.change_preview(step)

    def action_severity(self, step: int) -> None:
        self._of_view("change_severity", step)

    def action_suppress(self) -> None:
        self._of_view("suppress")

    def action_limit(self) -> None:
        self._of_view("change_limit")

    def action_group(self) -> None:
        self._of_view("change_group")

    def _of_view(self, name: str, *arguments: Any) -> None:
        """Call a method of the view that is seen, where it has it."""
        method = getattr(self.pane, name, None)
        if method is not None:
            method(*arguments)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the application do nothing while text is typed, or behind a dialog."""
        if len(self.screen_stack) > 1 and action not in ("quit_now", "command_palette", "back"):
            return False
        if isinstance(self.focused, Input) and action in ("back", "next_pane", "clear", "find", "help", "columns"):
            return False
        if self.panes and ((action in OF_MESSAGES and self.current != "messages") or (action in ("sideways", "invert") and self.current not in SORTED)):
            return False
        return super().check_action(action, parameters)
