"""View 3: requests and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Static

from tui.model.cells import Line
from tui.model.glyphs import spark
from tui.model.pairs import GROUPS, SORTS, Group, Pairs, group_head, group_line
from tui.model.times import latency
from tui.screens.pane import ViewPane
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.app import DissectApp


class PairList(RowList):
    def __init__(self, app: DissectApp) -> None:
        super().__init__(id="pair-list")
        self.pairs: Pairs | None = None
        self.groups: list[Group] | None = None
        self.glyphs = app.glyphs
        self.empty_text = "no exchange yet"

    def show(self, pairs: Pairs, groups: list[Group] | None) -> None:
        self.pairs, self.groups = pairs, groups
        self.set_count(len(groups) if groups is not None else len(pairs.rows))

    def head(self, width: int) -> Line:
        if self.pairs is None:
            return []
        return group_head(width) if self.groups is not None else self.pairs.head(width)

    def line(self, row: int, width: int) -> Line:
        assert self.pairs is not None
        return group_line(self.groups[row], width) if self.groups is not None else self.pairs.line(row, width, self.glyphs)


class PairsView(ViewPane):
    name_shown = "Pairs"

    def __init__(self, app: DissectApp) -> None:
        super().__init__(id="pairs")
        self.list = PairList(app)
        self.summary = Static("", id="pairs-summary", classes="line", markup=False)
        self.sort = "time"
        self.descending = False
        self.group = "none"
        self._seen: object = None

    def compose(self) -> ComposeResult:
        yield self.list
        yield self.summary

    def home(self) -> RowList:
        return self.list

    @property
    def index(self) -> int | None:
        pairs = self.list.pairs
        if pairs is None or self.group != "none" or self.list.cursor >= len(pairs.rows):
            return None
        return pairs.message_of(self.list.cursor)

    def let_go(self) -> None:
        self.list.pairs = self.list.groups = None
        self._seen = None
        self.list.set_count(0)

    def refresh_data(self) -> None:
        app = self.dissect
        limited = app.limited
        key = (id(app.listing), len(app.store.analysis.exchange_columns), self.sort, self.descending, self.group, app.store.finished,
               len(app.listing) if limited else 0, len(app.store.overdue))
        if key != self._seen:
            self._seen = key
            pairs = Pairs(app.store, self.sort, self.descending, app.listing.rows() if limited else None)
            self.list.show(pairs, pairs.groups() if self.group == "operation" else None)
            self._titles(pairs)

    def _titles(self, pairs: Pairs) -> None:
        counts = pairs.counts
        told = [f"{counts['ok']:,} ok", f"{counts['error']:,} failed", f"{counts['late']:,} late", f"{counts['timeout']:,} no-reply",
                f"{counts['pending']:,} pending", f"{pairs.orphans:,} orphan"]
        if self.dissect.store.overdue:
            told.append(f"{len(self.dissect.store.overdue):,} overdue")
        order = f"sort:{self.sort}{' down' if self.descending else ''}" if self.group == "none" else "group:operation"
        self.list.border_title = f"Pairs  {'  '.join(told)}  {order}"
        p50, p95, p99, longest = (latency(one) or "-" for one in pairs.percentiles)
        self.summary.update(f" p50 {p50}  p95 {p95}  p99 {p99}  max {longest}   0.1ms {spark(pairs.histogram, self.list.glyphs)} {longest}")

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        event.stop()
        if self.list.groups is not None:
            name = self.list.groups[self.list.cursor].operation.replace("\\", "\\\\").replace('"', '\\"')
            self.change_group()
            self.dissect.set_filter(f'exchange.operation == "{name}"')
        elif self.index is not None:
            self.dissect.go_to_message(self.index)

    def field(self) -> tuple[str, str] | None:
        """What `=` filters on: the operation."""
        pairs, cursor = self.list.pairs, self.list.cursor
        if self.list.groups is not None:
            return ("exchange.operation", f'"{self.list.groups[cursor].operation}"') if cursor < len(self.list.groups) else None
        if pairs is None or cursor >= len(pairs.rows) or int(pairs.rows[cursor]) < 0:
            return None
        return "exchange.operation", f'"{self.dissect.store.analysis.exchange_at(int(pairs.rows[cursor])).operation}"'

    def sideways(self, step: int) -> None:
        self.sort = SORTS[(SORTS.index(self.sort) + step) % len(SORTS)]
        self.refresh_data()

    def invert(self) -> None:
        self.descending = not self.descending
        self.refresh_data()

    def change_group(self) -> None:
        self.group = GROUPS[(GROUPS.index(self.group) + 1) % len(GROUPS)]
        self.refresh_data()
