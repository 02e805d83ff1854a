"""A list of any length, drawn line by line when it is looked at: what every list of the interface is made of.

A list is told how many rows there are; it asks for the text of a row only to draw it. The first line is the head.
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from dissect.text import cell_width
from tui.keys import bindings
from tui.model.cells import Line, fit

EMPTY_LINES = 8
"""of the reason why a list is empty"""
ROLES = ("head", "cursor", "blurred", "error", "warning", "note", "dim", "strong", "up", "down", "retry", "late", "title", "name", "value", "mark", "selected",
         "found", "bytes", "ok", "p0", "p1", "p2", "p3", "p4", "p5")


class RowList(Widget, can_focus=True):
    """Lines with a cursor. A subclass gives `line` and may give `head`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"rows--{role}" for role in ROLES}
    BINDINGS: ClassVar[list[BindingType]] = [Binding(**one) for one in bindings("list")]  # type: ignore[arg-type]

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, rows: RowList) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> RowList:
            return self.rows

    class Opened(Message):
        """Enter, or a second click."""

        def __init__(self, rows: RowList) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> RowList:
            return self.rows

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.count = 0
        self.cursor = 0
        self.top = 0
        """the first row seen"""
        self.shift = 0
        """cells cut off on the left"""
        self.headed = True
        self.empty_text = "nothing here"
        self._styles_of: dict[str, Style] = {}
        self._base: Style | None = None

    # -- what a subclass gives --

    def head(self, width: int) -> Line:
        return []

    @abstractmethod
    def line(self, row: int, width: int) -> Line:
        """What a row shows, in *width* cells."""

    # -- rows --

    @property
    def page(self) -> int:
        """Rows that are seen at once."""
        return max(1, self.size.height - self.headed)

    def set_count(self, count: int) -> None:
        """There are *count* rows now; the cursor stays where it is, within them. Drawn anew where the change is in sight."""
        seen = self.count != count and (min(self.count, count) < self.top + self.page or self.cursor >= count)
        self.count = count
        self.cursor = min(self.cursor, max(0, count - 1))
        self.top = max(0, min(self.top, count - self.page))
        if seen or not count:
            self.refresh()

    def move_to(self, row: int, *, centre: bool = False) -> None:
        """Put the cursor on *row* and bring it into sight."""
        if not self.count:
            return
        row = max(0, min(row, self.count - 1))
        changed = row != self.cursor
        self.cursor = row
        top = self.top
        if centre and not top <= row < top + self.page:
            self.scroll_top(row - self.page // 2)
        elif row < top:
            self.scroll_top(row)
        elif row >= top + self.page:
            self.scroll_top(row - self.page + 1)
        self.refresh()
        if changed:
            self.post_message(self.Moved(self))

    def scroll_top(self, row: int) -> None:
        """Make *row* the first one seen."""
        # Not Textual's scrolling: a virtual size that grows makes it lay out the whole screen each time.
        row = max(0, min(row, self.count - self.page))
        if row != self.top:
            self.top = row
            self.refresh()

    @property
    def at_end(self) -> bool:
        return self.cursor >= self.count - 1

    def on_resize(self, event: events.Resize) -> None:
        self.scroll_top(self.top)
        if self.count and self.cursor >= self.top + self.page:
            self.scroll_top(self.cursor - self.page + 1)

    # -- drawing --

    @property
    def cursor_role(self) -> str:
        """How the row under the cursor stands out; empty: it does not."""
        return "cursor" if self.has_focus else "blurred"

    def role_style(self, role: str) -> Style:
        found = self._styles_of.get(role)
        if found is None:
            found = blended(self, f"rows--{role}") if role else Style()
            self._styles_of[role] = found
        return found

    def notify_style_update(self) -> None:
        self._styles_of.clear()
        self._base = None
        super().notify_style_update()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self.headed and y == 0:
            return self._strip(self.head(width), width, self.role_style("head"))
        row = self.top + y - self.headed
        if not self.count and row < EMPTY_LINES:
            return self._said(width, row)
        if row >= self.count:
            self._base = self._base or self.rich_style
            return Strip.blank(width, self._base)
        over = self.cursor_role if row == self.cursor else ""
        return self._strip(self.line(row, width), width, self.role_style(over) if over else None)

    def _said(self, width: int, row: int) -> Strip:
        """Why the list is empty, in as many lines as that takes."""
        from textwrap import wrap

        from tui.model.cells import cell

        lines = wrap(self.empty_text, max(8, width - 2))
        return self._strip([cell(f" {lines[row]}", "dim")] if 0 <= row < len(lines) else [], width, None)

    def _strip(self, line: Line, width: int, over: Style | None) -> Strip:
        base = self._base = self._base or self.rich_style
        # Kept: resolving it costs more than drawing the line.
        shown = fit(line, width) if not self.shift else fit(cut_left(line, self.shift), width)
        segments = []
        for role, run in groupby(shown, key=itemgetter(1)):
            # Few segments: what Textual does with a line costs by their number.
            style = base + self.role_style(role) if role else base
            segments.append(Segment("".join([one.text for one in run]), style + over if over is not None else style))
        return Strip(segments, width)

    # -- keys and mouse --

    def action_down(self) -> None:
        self.move_to(self.cursor + 1)

    def action_up(self) -> None:
        self.move_to(self.cursor - 1)

    def action_page(self, pages: float) -> None:
        rows = max(1, int(abs(pages) * self.page))
        step = rows if pages > 0 else -rows
        top = self.top
        self.move_to(self.cursor + step)
        self.scroll_top(top + step)

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self.count - 1)

    def action_left(self) -> None:
        self.shift = max(0, self.shift - 8)
        self.refresh()

    def action_right(self) -> None:
        self.shift = min(self.shift + 8, 512)
        self.refresh()

    def action_open(self) -> None:
        if self.count:
            self.post_message(self.Opened(self))

    async def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return  # the frame
        if place.y < self.headed:
            self.head_clicked(place.x)
        else:
            self.clicked(self.top + place.y - self.headed, place.x, event.chain)

    def clicked(self, row: int, x: int, times: int) -> None:
        """The *times*-th click in a row on line *row*, which may be beyond the last, at cell *x*."""
        if 0 <= row < self.count:
            self.move_to(row)
            if times == 2:
                self.action_open()

    def head_clicked(self, x: int) -> None:
        """A click on the head, at cell *x*."""

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.scroll_top(self.top + 3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.scroll_top(self.top - 3)
        event.stop()


def blended(widget: Widget, name: str) -> Style:
    """A component's style with its colours mixed into the widget's own background where they are transparent; no background where it has none."""
    whole, part = widget.get_component_rich_style(name), widget.get_component_rich_style(name, partial=True)
    return Style(color=whole.color if part.color is not None else None, bgcolor=whole.bgcolor if part.bgcolor is not None else None, bold=part.bold,
                 italic=part.italic, underline=part.underline, reverse=part.reverse, dim=part.dim)


def cut_left(line: Line, count: int) -> Line:
    """*line* without its first *count* cells."""
    left = count
    rest: Line = []
    for one in line:
        if left <= 0:
            rest.append(one)
            continue
        size = cell_width(one.text)
        if size > left:
            text = one.text
            while left > 0:
                left -= cell_width(text[:1])
                text = text[1:]
            rest.append(one._replace(text=text))
        else:
            left -= size
    return rest
