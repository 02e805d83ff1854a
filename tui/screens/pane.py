"""What a view of the interface is: a container with one list that the keys go to, told of new data, asked for what it shows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Container
from textual.widget import Widget

from tui.model.cells import plain
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.app import DissectApp
    from tui.model.view import View


class ViewPane(Container):
    """One of the views 1 to 6."""

    name_shown: ClassVar[str] = ""

    @property
    def dissect(self) -> DissectApp:
        return cast("DissectApp", self.app)

    def refresh_data(self) -> None:
        """There is more, or other, data; called while the view is seen, and when it comes into sight."""

    def let_go(self) -> None:
        """Another store takes the place of the one shown: nothing of that is held on to. `refresh_data` follows where the view is seen."""

    @abstractmethod
    def home(self) -> Widget:
        """What has the focus first."""

    def panes(self) -> list[Widget]:
        """What Tab goes through."""
        return [self.home()]

    @property
    def index(self) -> int | None:
        """The message that the cursor is on."""
        return None

    def shown(self) -> View:
        """The messages that the view shows: the scope "shown" of an export, which takes those folded away with it."""
        return self.dissect.listing

    def lines(self) -> Iterator[str]:
        """The view as text, a line a row."""
        rows = cast("RowList", self.home())
        width = max(80, rows.size.width)
        if rows.headed:
            yield plain(rows.head(width))
        for row in range(rows.count):
            yield plain(rows.line(row, width))

    def back(self) -> bool:
        """Esc: whether it had a use here."""
        return False
