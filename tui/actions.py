"""What keys do. One method a key of `tui.keys`; each acts on what all views share, or hands on to the view that is seen."""

from __future__ import annotations

from typing import Any

from textual.widgets import ContentSwitcher, Input

from dissect.text import clean
from tui.choosing import Choosing
from tui.handing import Handing
from tui.model.times import FORMS

COLOURS = ("state", "protocol", "direction")
OF_MESSAGES = frozenset({"swap", "raw", "zoom", "layout", "resize", "field_column", "columns", "colour"})
"""actions that mean something in the message view alone"""
SORTED = ("messages", "pairs", "ladder")
VIEWS = ("messages", "ladder", "pairs", "anomalies", "stats", "help")


class Actions(Choosing, Handing):
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

    def action_focus_next(self) -> None:
        """Tab, which Textual's screens bind before the application does: dialogs keep its meaning, the views have panes."""
        if len(self.screen_stack) > 1:
            super().action_focus_next()
        else:
            self.action_next_pane(1)

    def action_focus_previous(self) -> None:
        """Shift-Tab, likewise."""
        if len(self.screen_stack) > 1:
            super().action_focus_previous()
        else:
            self.action_next_pane(-1)

    def action_help(self) -> None:
        from tui.screens.help import HelpDialog

        self.push_screen(HelpDialog(self.current, self.focused.id if self.focused is not None else None))

    def action_syntax(self) -> None:
        from tui.screens.help import HelpDialog

        self.push_screen(HelpDialog("filter", None))

    def _stepped_back(self) -> bool:
        if self.pane.back():
            return True
        if self.current != "messages":
            self.action_view("messages")
            return True
        if self.chosen_sessions:
            self.choose_sessions(frozenset())
            return True
        return False

    async def action_back(self) -> None:
        """Esc: one step back, and never out of the interface, since it is pressed once too often by habit."""
        if not self._stepped_back():
            self.notify("q quits", timeout=2, markup=False)

    async def action_leave(self) -> None:
        if self._stepped_back():
            return
        if self.loader.unsaved:
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

    # -- following --

    def action_pause(self) -> None:
        self.paused = not self.paused
        if not self.paused:
            self.waiting_rows = 0
        self.refresh_bars()

    def action_follow(self) -> None:
        self.following = self.paused or not self.following
        if self.paused:
            self.action_pause()
        home = self.pane.home()
        if self.following and hasattr(home, "action_last"):
            home.action_last()
        self.pane.refresh_data()

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
        if len(self.screen_stack) > 1 and action not in ("quit_now", "command_palette", "back", "leave"):
            return False
        if isinstance(self.focused, Input) and action in ("back", "leave", "next_pane", "clear", "find", "help", "columns"):
            return False
        if self.panes and ((action in OF_MESSAGES and self.current != "messages") or (action in ("sideways", "invert") and self.current not in SORTED)):
            return False
        return super().check_action(action, parameters)
