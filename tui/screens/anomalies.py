"""View 4: what is wrong, with what the documents say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Static

from dissect.analysis.records import SEVERITY_LABEL
from dissect.text import clean
from tui.model.anomalies import GROUPINGS, Anomalies, Head, explanation
from tui.model.cells import Line
from tui.screens.pane import ViewPane
from tui.settings import load_suppressed, save_suppressed
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
        self.suppressed: list[str] = load_suppressed()
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

    def refresh_data(self) -> None:
        app = self.dissect
        shown = app.listing.rows() if self.limited else None
        key = (id(app.store), len(app.store.analysis.anomaly_columns), app.store.finished, self.grouping, self.minimum, self.limited, tuple(self.suppressed),
               self.list.opened, app.context, id(app.listing) if self.limited else 0)
        if key != self._seen:
            self._seen = key
            anomalies = Anomalies(app.store, app.context, grouping=self.grouping, minimum=self.minimum, suppressed=frozenset(self.suppressed), shown=shown,
                                  opened=self.list.opened)
            self.list.show(anomalies)
            self._titles(anomalies)
            self.explain()

    def _titles(self, anomalies: Anomalies) -> None:
        severities = self.dissect.figures.severities
        hidden = f"  {anomalies.hidden} hidden" if anomalies.hidden else ""
        codes = f"  suppressed: {', '.join(self.suppressed[:4])}" if self.suppressed else ""
        self.list.border_title = (f"Anomalies  ERROR {severities[3]:,}  WARN {severities[2]:,}  NOTE {severities[1]:,}  group:{self.grouping}  "
                                  f"min:{SEVERITY_LABEL[self.minimum]}  filter:{'on' if self.limited else 'off'}{hidden}{codes}")

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

    def back(self) -> bool:
        if self.list.opened:
            self.list.opened = frozenset()
            self.refresh_data()
            return True
        return False

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
        """Hide the code under the cursor; with nothing under it, show all again."""
        anomalies = self.list.anomalies
        code = anomalies.code_of(self.list.cursor) if anomalies is not None and self.list.cursor < len(anomalies) else ""
        if code:
            self.suppressed.append(code)
            self.app.notify(f"{code} is suppressed; S on an empty list, or in the palette \"Show suppressed\", brings it back", timeout=4, markup=False)
        elif self.suppressed:
            self.suppressed.clear()
        save_suppressed(self.suppressed)
        self.refresh_data()

    def unsuppress(self) -> None:
        self.suppressed.clear()
        save_suppressed(self.suppressed)
        self.refresh_data()
