"""View 2: the sessions chosen as a ladder, with a preview of the message under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from tui.model.cells import Cell, Line
from tui.model.details import nodes_of
from tui.model.glyphs import Glyphs
from tui.model.ladder import Ladder
from tui.screens.pane import ViewPane
from tui.widgets.details import DetailsTree
from tui.widgets.rows import RowList, cut_left

if TYPE_CHECKING:
    from tui.app import DissectApp
    from tui.model.view import View

NARROW = 100


class LadderList(RowList):
    """Entries of a `Ladder`."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="ladder-list")
        self.ladder: Ladder | None = None
        self.first = 0
        """lifelines scrolled past"""
        self.glyphs = glyphs
        self.marked: set[int] = set()
        self.selected: set[int] = set()
        self.named: dict[int, str] = {}

    def show(self, ladder: Ladder) -> None:
        self.ladder = ladder
        self.set_count(len(ladder))

    def head(self, width: int) -> Line:
        return self.ladder.head(width, self.first) if self.ladder is not None else []

    def line(self, row: int, width: int) -> Line:
        assert self.ladder is not None
        line = self.ladder.line(row, width, self.first)
        index = self.ladder.message_of(row)
        if index in self.selected:
            return [Cell(self.glyphs.selected, "selected"), *cut_left(line, 1)]
        if index is not None and index in self.marked:
            return [Cell(self.named.get(index, self.glyphs.mark), "mark"), *cut_left(line, 1)]
        return line


class LadderView(ViewPane):
    name_shown = "Ladder"

    def __init__(self, app: DissectApp) -> None:
        super().__init__(id="ladder")
        self.list = LadderList(app.glyphs)
        self.preview = DetailsTree(app.glyphs, id="preview")
        self.preview_cells = 36
        self.preview_asked = False
        """the user set its width: it stays, at the price of lifelines"""
        self.gaps = True
        self.session: int | None = None
        """the one shown when none is chosen"""
        self._view: View | None = None
        self._laid_out = (True, 0)
        self._key: object = None
        self._shown: int | None = None

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self.list
            yield self.preview

    def on_mount(self) -> None:
        self.list.border_title = "Ladder"
        self.preview.border_title = "Message"

    def home(self) -> RowList:
        return self.list

    def panes(self) -> list[Widget]:
        return [self.list, self.preview] if self.preview.display else [self.list]

    @property
    def index(self) -> int | None:
        ladder = self.list.ladder
        if ladder is None or not len(ladder) or self.list.cursor >= len(ladder):
            return None
        return self._view.index(ladder.row_of_entry(self.list.cursor)) if self._view is not None else None

    def let_go(self) -> None:
        self.list.ladder = self._view = None
        self._key = self._shown = None
        self.list.set_count(0)

    def _shown_view(self) -> View:
        """The listing where sessions are chosen, else its part that is the session of the message list's cursor."""
        app = self.dissect
        if app.chosen_sessions or self.session is None:
            return app.listing
        return app.listing.part(self.session)

    def refresh_data(self) -> None:
        app = self.dissect
        if self.session is None and app.messages.index is not None:
            self.session = app.store.session_of(app.messages.index).id
        key = (id(app.listing), app.context, self.gaps, self.session, app.chosen_sessions, len(app.listing) if not app.chosen_sessions else 0)
        ladder = self.list.ladder
        follow = app.following and self.list.at_end
        if ladder is None or key != self._key:
            at = self.index if ladder is not None else None
            self._view = self._shown_view()
            ladder = Ladder(app.store, self._view, app.context, gaps=self.gaps)
            ladder.build()
            self._key = key
            self.list.show(ladder)
            target = app.ladder_target if app.ladder_target is not None else at
            if target is not None:
                self.go_to(target)
        elif ladder.build():
            self.list.show(ladder)
        if follow:
            self.list.move_to(self.list.count - 1)
        self._titles()
        self.lay_out()
        app.ladder_target = None
        self.show_preview()

    def _titles(self) -> None:
        app, ladder = self.dissect, self.list.ladder
        if ladder is None:
            return
        count = len(app.chosen_sessions)
        what = f"{count} sessions" if count > 1 else f"session {next(iter(app.chosen_sessions), self.session)}"
        shown = ladder.lanes_shown(self.list.size.width or 80)
        lanes = f"  < > lifelines {self.list.first + 1}-{min(self.list.first + shown, len(ladder.lanes))}/{len(ladder.lanes)}" if shown < len(
            ladder.lanes) else ""
        if len(ladder.lanes) < ladder.addresses:
            lanes += f"  first {len(ladder.lanes)} of {ladder.addresses:,} addresses"
        fold = "on" if app.listing.fold else "off"
        self.list.border_title = f"Ladder  {what}  {len(ladder):,} row{'' if len(ladder) == 1 else 's'}  time:{app.context.time_form}  fold:{fold}{lanes}"

    def lay_out(self) -> None:
        shown = self.app.size.width >= NARROW and self.preview_cells >= 12 and (self.preview_asked or not self._crowded())
        if (shown, self.preview_cells) != self._laid_out:
            self._laid_out = (shown, self.preview_cells)
            self.preview.display = shown
            self.preview.styles.width = self.preview_cells

    def _crowded(self) -> bool:
        """Whether lifelines are out of sight only because the preview takes their room."""
        ladder, room = self.list.ladder, self.app.size.width - 2
        return ladder is not None and ladder.lanes_shown(room) > ladder.lanes_shown(room - self.preview_cells)

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.rows is self.list:
            self.set_timer(0.06, self.show_preview)

    def show_preview(self) -> None:
        index = self.index
        if index is None or not self.preview.display or index == self._shown:
            return
        self._shown = index
        self.preview.show(nodes_of(self.dissect.store, index, []))
        self.preview.border_title = f"Message {self.dissect.store.analysis.id_of(index)}"

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        event.stop()
        if self.index is not None:
            self.dissect.go_to_message(self.index)

    def go_to(self, index: int) -> None:
        """Put the cursor on a message."""
        ladder = self.list.ladder
        session = self.dissect.store.session_of(index).id
        if not self.dissect.chosen_sessions and session != self.session:
            self.session = session
            self.dissect.ladder_target = index
            self.refresh_data()
            ladder = self.list.ladder
        if ladder is not None and len(ladder) and self._view is not None:
            self.list.move_to(ladder.entry_of_row(self._view.nearest(index)), centre=True)

    def sideways(self, step: int) -> None:
        ladder = self.list.ladder
        if ladder is not None:
            shown = ladder.lanes_shown(self.list.size.width)
            self.list.first = max(0, min(self.list.first + step, len(ladder.lanes) - shown))
            self._titles()
            self.list.refresh()

    def change_preview(self, step: int) -> None:
        self.preview_asked = True
        self.preview_cells = max(8, min(self.app.size.width - 50, self.preview_cells + step))
        self.lay_out()

    def shown(self) -> View:
        return self._view if self._view is not None else self.dissect.listing

    def compress(self) -> None:
        self.gaps = not self.gaps
        self.refresh_data()
