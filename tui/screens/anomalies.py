"""View 4: what is wrong, with what the documents say of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Static

from dissect.analysis.records import SEVERITY_LABEL
from dissect.text import clean
from tui.model.anomalies import GROUPINGS, Anomalies, Head, Member, explanation
from tui.model.cells import Line
from tui.model.hiding import Suppression, device_of
from tui.screens.pane import ViewPane
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.app import DissectApp


class AnomalyList(RowList):
    def __init__(self, app: DissectApp) -> None:
        super().__init__(id="anomaly-list")
        self.anomalies: Anomalies | None = None
        self.opened: frozenset[int] = frozenset()
        self.glyphs = app.glyphs
        self.empty_text = "nothing is wrong"

    def show(self, anomalies: Anomalies) -> None:
        self.anomalies = anomalies
        self.set_count(len(anomalies))

    def head(self, width: int) -> Line:
        return self.anomalies.head(width) if self.anomalies is not None else []

    def line(self, row: int, width: int) -> Line:
        assert self.anomalies is not None
        return self.anomalies.line(row, width, self.opened, self.glyphs)


class AnomaliesView(ViewPane):
    name_shown = "Anomalies"

    def __init__(self, app: DissectApp) -> None:
        super().__init__(id="anomalies")
        self.list = AnomalyList(app)
        self.said = Static("", id="anomaly-said", markup=False)
        self.grouping = "code"
        self.minimum = 1
        self.limited = False
        self._seen: object = None

    def compose(self) -> ComposeResult:
        yield self.list
        yield self.said

    def home(self) -> RowList:
        return self.list

    @property
    def index(self) -> int | None:
        anomalies = self.list.anomalies
        return anomalies.message_of(self.list.cursor) if anomalies is not None and self.list.cursor < len(anomalies) else None

    def let_go(self) -> None:
        self.list.anomalies = None
        self._seen = None
        self.list.set_count(0)

    def refresh_data(self) -> None:
        app = self.dissect
        shown = app.listing.rows() if self.limited else None
        key = (id(app.store), len(app.store.analysis.anomaly_columns), app.store.finished, self.grouping, self.minimum, self.limited,
               tuple(app.hiding.suppressions), self.list.opened, app.context, id(app.listing) if self.limited else 0)
        if key != self._seen:
            self._seen = key
            anomalies = Anomalies(app.store, app.context, grouping=self.grouping, minimum=self.minimum, hiding=app.hiding, shown=shown,
                                  opened=self.list.opened)
            self.list.show(anomalies)
            self._titles(anomalies)
            self.explain()

    def _titles(self, anomalies: Anomalies) -> None:
        severities = self.dissect.figures.severities
        suppressed = f"  {anomalies.suppressed:,} suppressed" if anomalies.suppressed else ""
        below = anomalies.hidden - anomalies.suppressed
        hidden = f"  {below:,} not shown" if below else ""
        capped = f"  {anomalies.capped}" if anomalies.capped else ""
        found = f"ERROR {severities[3]:,}  WARN {severities[2]:,}  NOTE {severities[1]:,}"
        self.list.border_title = (f"Anomalies  {found}{suppressed}{hidden}{capped}  group:{self.grouping}  min:{SEVERITY_LABEL[self.minimum]}  "
                                  f"filter:{'on' if self.limited else 'off'}")

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()
        self.explain()

    def explain(self) -> None:
        anomalies = self.list.anomalies
        if anomalies is None or self.list.cursor >= len(anomalies):
            self.said.update("")
            return
        row = anomalies.lines[self.list.cursor]
        lines = explanation(self.dissect.store, row, anomalies.code_of(self.list.cursor))
        self.said.update("\n".join(clean(line, 600) for line in lines))

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        event.stop()
        anomalies = self.list.anomalies
        assert anomalies is not None
        row = anomalies.lines[self.list.cursor]
        if isinstance(row, Head):
            self.list.opened = self.list.opened ^ {row.key}
            self.refresh_data()
        elif self.index is not None:
            self.dissect.go_to_message(self.index)
        else:
            self.app.notify("it names no message", markup=False)

    def lines(self) -> Iterator[str]:
        """The view as text, and below it what is not in it."""
        yield from super().lines()
        for step, count in self.dissect.hiding.counted(self.dissect.store):
            if isinstance(step, Suppression):
                yield f"suppressed: {clean(step.text, 200)} ({count:,})"

    def back(self) -> bool:
        if self.list.opened:
            self.list.opened = frozenset()
            self.refresh_data()
            return True
        return False

    def field(self) -> tuple[str, str] | None:
        """What `=` filters on: the code."""
        anomalies = self.list.anomalies
        code = anomalies.code_of(self.list.cursor) if anomalies is not None and self.list.cursor < len(anomalies) else ""
        return ("anomaly.code", f'"{code}"') if code else None

    def change_group(self) -> None:
        self.grouping = GROUPINGS[(GROUPINGS.index(self.grouping) + 1) % len(GROUPINGS)]
        self.list.opened = frozenset()
        self.refresh_data()

    def change_severity(self, step: int) -> None:
        self.minimum = max(1, min(3, self.minimum + step))
        self.refresh_data()

    def change_limit(self) -> None:
        self.limited = not self.limited
        self.refresh_data()

    def suppress(self) -> None:
        """Hide the code under the cursor; on a single anomaly, of its device only."""
        app, anomalies = self.dissect, self.list.anomalies
        if anomalies is None or self.list.cursor >= len(anomalies):
            app.notify("nothing is under the cursor; W lists what is hidden, u takes the last step back", markup=False)
            return
        row, code = anomalies.lines[self.list.cursor], anomalies.code_of(self.list.cursor)
        if not code:
            app.notify("a session has many codes; open it with Enter, or group by code with b", markup=False)
            return
        session = anomalies.session_of(row.anomaly) if isinstance(row, Member) else None
        app.hide(Suppression(code, device_of(session) if session is not None else None))
