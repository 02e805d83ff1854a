"""The conversation of a session as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from dissect.text import clean
from tui.model.cells import Line
from tui.model.stream import stream_lines
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.model.store import Store


class StreamList(RowList):
    def __init__(self, store: Store, session: int, index: int) -> None:
        super().__init__(id="stream-list")
        self.headed = False
        self._store, self._session, self._index = store, session, index
        self._lines: list[Line] = []
        self.decrypted = True

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.layout_lines()

    def layout_lines(self) -> None:
        self._lines, at = stream_lines(self._store, self._session, self.size.width, self._index, self.decrypted)
        self.set_count(len(self._lines))
        self.move_to(at, centre=True)

    def line(self, row: int, width: int) -> Line:
        return self._lines[row]


class StreamDialog(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,T", "leave", show=False), Binding("r", "raw", show=False)]

    def __init__(self, store: Store, session: int, index: int) -> None:
        super().__init__()
        self._store, self._session, self._index = store, session, index

    def compose(self) -> ComposeResult:
        session = self._store.analysis.sessions[self._session]
        device = clean(session.device_id or session.device.address, 60)
        with Vertical(classes="dialog"):
            yield Static(f"Session {session.id}: {session.protocol} over {session.carrier}, {device}", classes="dialog-title", markup=False)
            yield StreamList(self._store, self._session, self._index)
            yield Static("> from the device  < towards it  = decrypted   r: with or without plaintext   Esc: close", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        self.query_one(StreamList).focus()

    def action_raw(self) -> None:
        rows = self.query_one(StreamList)
        rows.decrypted = not rows.decrypted
        rows.layout_lines()

    def action_leave(self) -> None:
        self.dismiss(None)
