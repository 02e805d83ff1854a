"""A column beside the list that shows where in the whole view the bad messages are; a click goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.model.glyphs import Glyphs
from tui.widgets.rows import blended

if TYPE_CHECKING:
    from tui.model.store import Store
    from tui.model.view import View

REFRESH_ROWS = 20_000
"""severities are looked at again when the view has grown by so many rows, or the store has finished"""


def buckets(severities: Any, height: int) -> list[int]:
    """The worst severity of each of *height* parts of the rows."""
    count = len(severities)
    if not count or height <= 0:
        return [0] * max(0, height)
    if count <= height:
        return [int(one) for one in severities] + [0] * (height - count)
    edges = np.linspace(0, count, height + 1).astype(np.int64)[:-1]
    return [int(one) for one in np.maximum.reduceat(severities, edges)]


class Minimap(Widget):
    """One cell wide."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"minimap--error", "minimap--warning", "minimap--note", "minimap--here", "minimap--rest"}

    class Jumped(Message):
        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._worst: list[int] = []
        self._seen = (0, 0, False, 0)
        self._count = 0
        self._window = (0, 0)
        self._styles_of: dict[str, Style] = {}

    def show(self, store: Store, view: View, top: int, page: int) -> None:
        count, height = len(view), self.height
        self._count = count
        key = (id(view), count // REFRESH_ROWS if not store.finished else count, store.finished, height)
        before = self._worst, self._window
        if key != self._seen or (count <= REFRESH_ROWS and not store.finished):
            self._seen = key
            self._worst = buckets(store.severities()[view.rows()], height)
        self._window = (top, page)
        if (self._worst, self._window) != before:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if not 0 <= y - 1 < self.height:
            return Strip.blank(1, self.rich_style)
        height, y = self.height, y - 1
        worst = self._worst[y] if y < len(self._worst) else 0
        shades = self._glyphs.shades
        text = (shades[1], shades[2], shades[3], shades[4])[worst]
        role = ("rest", "note", "warning", "error")[worst]
        style = self._style(role)
        top, page = self._window
        if self._count > height and top <= y * self._count / max(1, height) < top + max(page, self._count / max(1, height)):
            style += self._style("here")
        return Strip([Segment(text, style)], 1)

    def _style(self, role: str) -> Style:
        if role not in self._styles_of:
            self._styles_of[role] = blended(self, f"minimap--{role}") if role == "here" else self.rich_style + blended(self, f"minimap--{role}")
        return self._styles_of[role]

    def notify_style_update(self) -> None:
        self._styles_of.clear()
        super().notify_style_update()

    @property
    def height(self) -> int:
        """Cells beside the rows of the list: its head and its last line have none."""
        return max(0, self.size.height - 2)

    def on_click(self, event: events.Click) -> None:
        place = max(0, min(event.y - 1, self.height - 1))
        if self._count:
            self.post_message(self.Jumped(int(place * self._count / max(1, self.height)) if self._count > self.height else place))
