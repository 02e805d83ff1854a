"""The pane of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.cells import Line
from tui.model.glyphs import Glyphs
from tui.model.sessions import NOTHING, SessionTable, session_head, session_line
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.model.store import Store


class SessionList(RowList):
    """A line a session; Space chooses several, Enter opens the ladder."""

    def __init__(self, glyphs: Glyphs, names: dict[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.names = names
        self.rows_shown: SessionTable = NOTHING.sessions
        self.chosen: set[int] = set()
        self._store: Store | None = None
        self.empty_text = "no session yet"

    @property
    def session(self) -> int | None:
        """Id of the session under the cursor."""
        return int(self.rows_shown.idents[self.cursor]) if self.cursor < len(self.rows_shown) else None

    def point_to(self, session: int) -> None:
        """Put the cursor on a session, where it is listed."""
        place = self.rows_shown.place_of(session)
        if self.rows_shown and int(self.rows_shown.idents[place]) == session and place != self.cursor:
            self.move_to(place)

    def show(self, store: Store, rows: SessionTable) -> None:
        at = self.session
        self._store, self.rows_shown = store, rows
        place = rows.place_of(at) if at is not None else 0
        self.set_count(len(rows))
        self.refresh()
        if place != self.cursor:
            self.move_to(place)

    def head(self, width: int) -> Line:
        return session_head(width)

    def line(self, row: int, width: int) -> Line:
        assert self._store is not None
        shown = self.rows_shown[row]
        return session_line(shown, self._store, width, self.glyphs, shown.session in self.chosen, self.names)
