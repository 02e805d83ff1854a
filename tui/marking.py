"""Marks on messages, plain and named by a letter: set, gone to, shown alone, told in the line of keys while a letter is awaited."""

from __future__ import annotations

import string
import time
from typing import TYPE_CHECKING, NamedTuple

from textual.widgets import Input

from tui.core import Core

if TYPE_CHECKING:
    from textual import events

LETTER_S = 1.5
"""within which a letter belongs to the `m` or `'` before it"""
MOVING = frozenset("ghjklmn")
"""letters that keep their own meaning right after `m`: one marks, moves on, and marks again"""
LETTERS = frozenset(string.ascii_lowercase)


class Awaited(NamedTuple):
    """A letter that the next key may be."""

    names: bool
    """a mark's name to give; False: one to go to"""
    message: int | None
    """the message that the name is for"""
    until: float | None
    """None: however long it takes, since the key before asks for nothing else"""


class Marking(Core):
    """Actions by their names in the table of keys, and the letter after them."""

    awaited: Awaited | None = None

    def redraw_marks(self) -> None:
        self.messages.list.marked = self.marked
        self.messages.list.named = self.ladder.list.named = {index: letter for letter, index in self.mark_names.items()}
        self.ladder.list.marked, self.ladder.list.selected = self.marked, self.selected
        self.pane.home().refresh()
        self.messages.list.refresh()
        self.refresh_bars()

    def action_mark(self) -> None:
        """At once; a letter right after it names the mark."""
        index = self.pane.index
        if index is None:
            return
        if index in self.marked:
            self.mark_names = {letter: at for letter, at in self.mark_names.items() if at != index}
        self.marked ^= {index}
        self._await(Awaited(True, index, time.monotonic() + LETTER_S))
        self.redraw_marks()

    def action_name_mark(self) -> None:
        if self.pane.index is not None:
            self._await(Awaited(True, self.pane.index, None))

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
        if self.mark_names:
            self._await(Awaited(False, None, time.monotonic() + LETTER_S))

    def action_named_mark(self) -> None:
        if self.mark_names:
            self._await(Awaited(False, None, None))
        else:
            self.notify("no mark has a name; m and a letter names one", timeout=3, markup=False)

    def go_to_mark(self, letter: str) -> None:
        index = self.mark_names.get(letter)
        if index is None:
            self.notify(f"no mark is called {letter}", severity="warning", timeout=3, markup=False)
        else:
            self.go_to_message(index, stay=self.current in ("ladder", "messages"))

    # -- the letter --

    def _await(self, awaited: Awaited) -> None:
        self.awaited = awaited
        if awaited.until is not None:
            self.set_timer(LETTER_S + 0.05, self._forget_awaited)
        self.refresh_bars()

    def _forget_awaited(self) -> None:
        if self.awaited is not None and self.awaited.until is not None and time.monotonic() >= self.awaited.until:
            self.awaited = None
            self.refresh_bars()

    def takes_letter(self, event: events.Key) -> bool:
        """Whether a key is the letter that was awaited; it is used up then."""
        awaited, self.awaited = self.awaited, None
        if awaited is None:
            return False
        self.refresh_bars()
        if len(self.screen_stack) > 1 or isinstance(self.focused, Input) or (awaited.until is not None and time.monotonic() > awaited.until):
            return False
        letter = event.character or ""
        asked = awaited.until is None
        if letter not in LETTERS:
            return asked and event.key == "escape"
        if awaited.names:
            if asked or letter not in MOVING:
                self._give_name(letter, awaited.message)
                return True
            return False
        if asked or letter in self.mark_names:
            self.go_to_mark(letter)
            return True
        return False

    def _give_name(self, letter: str, index: int | None) -> None:
        if index is None:
            return
        self.marked |= {index}
        self.mark_names = {other: at for other, at in self.mark_names.items() if at != index} | {letter: index}
        self.redraw_marks()
        self.notify(f"message {self.store.analysis.id_of(index)} is marked {letter}; '{letter} goes to it", timeout=2, markup=False)

    def awaited_text(self) -> str:
        """What the line of keys says while a letter is awaited; empty: none is."""
        if self.awaited is None:
            return ""
        names = "  ".join(f"{letter}: {self.store.analysis.id_of(index)}" for letter, index in sorted(self.mark_names.items()))
        if not self.awaited.names:
            return f"go to the mark  {names}"
        if self.awaited.until is None:
            return "name the mark with a letter, a-z; Esc: leave" + (f"   taken: {names}" if names else "")
        on = "marked" if self.awaited.message in self.marked else "not marked any more"
        return f"{on}; a letter now names the mark"
