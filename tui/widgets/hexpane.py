"""The pane of bytes: one tab each for packet, message and plaintext; the span of the field chosen in the tree stands out, and back."""

from __future__ import annotations

from textual import events
from textual.message import Message

from tui.model.cells import Line
from tui.model.details import MESSAGE, PACKET, TABS
from tui.model.hexview import hex_line, row_size
from tui.widgets.rows import RowList


class BytesPane(RowList):
    """Hex lines with a cursor on a byte."""

    class ByteChosen(Message):
        """The cursor stands on a byte of a tab."""

        def __init__(self, tab: str, offset: int) -> None:
            super().__init__()
            self.tab, self.offset = tab, offset

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.headed = False
        self.data: dict[str, bytes] = {}
        self.tab = MESSAGE
        self.span = (0, 0)
        self.byte = 0
        self.empty_text = "no bytes"

    @property
    def shown(self) -> bytes:
        return self.data.get(self.tab, b"")

    def set_data(self, data: dict[str, bytes]) -> None:
        """The bytes of another message, by tab."""
        self.data = data
        if self.tab not in data:
            self.tab = next((tab for tab in (MESSAGE, PACKET) if tab in data), MESSAGE)
        self.span, self.byte = (0, 0), 0
        self._layout()
        self.scroll_top(0)

    def show_tab(self, tab: str) -> None:
        if tab in self.data:
            self.tab = tab
            self.span, self.byte = (0, 0), 0
            self._layout()
            self.scroll_top(0)

    def next_tab(self) -> str:
        there = [tab for tab in TABS if tab in self.data]
        self.show_tab(there[(there.index(self.tab) + 1) % len(there)] if self.tab in there else MESSAGE)
        return self.tab

    def show_span(self, tab: str, start: int, end: int) -> None:
        """Bring a span into sight."""
        if tab not in self.data:
            return
        stays = tab == self.tab and start <= self.byte < end
        self.tab = tab
        self.span = (start, end)
        if not stays:
            self.byte = start
        self._layout()
        size = row_size(self.size.width)
        row = start // size
        if not self.top <= row < self.top + self.page:
            self.scroll_top(row - self.page // 3)
        self.refresh()

    def _layout(self) -> None:
        size = row_size(self.size.width or 70)
        self.cursor = self.byte // size
        self.set_count(-(-len(self.shown) // size))

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self._layout()

    def line(self, row: int, width: int) -> Line:
        return hex_line(self.shown, row, row_size(width), self.span, self.byte if self.has_focus else None)

    def role_style(self, role: str):  # type: ignore[no-untyped-def]
        # The cursor is a byte here, not a line.
        return super().role_style(role)

    def render_line(self, y: int):  # type: ignore[no-untyped-def]
        row = self.top + y
        if not self.count or row >= self.count:
            return super().render_line(y)
        return self._strip(self.line(row, self.size.width), self.size.width, None)

    def _choose(self, offset: int) -> None:
        if not self.shown:
            return
        self.byte = max(0, min(offset, len(self.shown) - 1))
        size = row_size(self.size.width)
        self.cursor = self.byte // size
        if not self.top <= self.cursor < self.top + self.page:
            self.scroll_top(self.cursor - self.page // 2)
        self.refresh()
        self.post_message(self.ByteChosen(self.tab, self.byte))

    def action_down(self) -> None:
        self._choose(self.byte + row_size(self.size.width))

    def action_up(self) -> None:
        self._choose(self.byte - row_size(self.size.width))

    def action_left(self) -> None:
        self._choose(self.byte - 1)

    def action_right(self) -> None:
        self._choose(self.byte + 1)

    def action_page(self, pages: float) -> None:
        self._choose(self.byte + int(pages * self.page) * row_size(self.size.width))

    def action_first(self) -> None:
        self._choose(0)

    def action_last(self) -> None:
        self._choose(len(self.shown) - 1)

    def clicked(self, row: int, x: int, times: int) -> None:
        size = row_size(self.size.width)
        column = x - 6
        hexes = 3 * size - 1 + (size - 1) // 8
        if column > hexes:
            place = column - hexes - 2
        else:
            place = next((place for place in range(size) if column < 3 * place + place // 8 + 3), size - 1)
        if 0 <= place < size and column >= 0:
            self._choose(row * size + place)
