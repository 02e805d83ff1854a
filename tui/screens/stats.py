"""View 5: messages and answer times over time, the busiest types and operations, anomalies by code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual_plotext import PlotextPlot

from dissect.analysis.records import SEVERITY_LABEL
from tui.model.cells import Line, cell, fixed
from tui.model.columns import SEVERITY_ROLE, protocol_role
from tui.model.figures import Series, Statistics, statistics_of
from tui.model.times import count_text, latency, size_text
from tui.screens.pane import ViewPane
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.app import DissectApp


class Tables(RowList):
    """Types, operations and codes as text, one below the other."""

    def __init__(self) -> None:
        super().__init__(id="stats-tables")
        self.headed = False
        self._lines: list[Line] = []

    def show(self, found: Statistics) -> None:
        self._lines = table_lines(found)
        self.set_count(len(self._lines))

    def line(self, row: int, width: int) -> Line:
        return self._lines[row]


def table_lines(found: Statistics) -> list[Line]:
    def title(name: str, shown: int, there: int) -> str:
        return f"{name} ({shown} of {there:,})" if shown < there else name

    kinds, operations, codes = found.all_there
    lines: list[Line] = [[fixed(title("Messages", len(found.types), kinds), 30, "title"), fixed("count", 10, "head", True), fixed("bytes", 11, "head", True)]]
    lines += [[cell("  "), fixed(protocol, 12, protocol_role(protocol)), fixed(kind, 16), fixed(count_text(count), 10, "strong", True),
               fixed(size_text(size), 11, "dim", True)] for protocol, kind, count, size in found.types]
    lines += [[cell("")], [fixed(title("Operations", len(found.operations), operations), 30, "title"),
                           *(fixed(name, 10, "head", True) for name in ("count", "failed", "no-reply", "p50", "p95"))]]
    lines += [[cell("  "), fixed(name, 28), fixed(count_text(count), 10, "strong", True), fixed(str(failed or ""), 10, "error", True),
               fixed(str(lost or ""), 10, "error", True), fixed(p50, 10, "", True), fixed(p95, 10, "", True)]
              for name, count, failed, lost, p50, p95 in found.operations]
    lines += [[cell("")], [fixed(title("Anomalies", len(found.codes), codes), 30, "title"), fixed("count", 10, "head", True)]]
    lines += [[cell("  "), fixed(code, 28, SEVERITY_ROLE[severity]), fixed(str(count), 10, "strong", True), cell("  " + SEVERITY_LABEL[severity], "dim")]
              for code, severity, count in found.codes]
    return lines


COLOURS = (12, 11, 10, 13, 14, 9)
"""of the terminal's sixteen, so that no two series look alike in any theme"""


def ticks_of(values: list[float], by_tens: bool) -> list[float]:
    """Round figures between the least and the largest: powers of ten, or at most six multiples of 1, 2 or 5."""
    most = max(values, default=0.0)
    if by_tens:
        least = min((value for value in values if value > 0), default=1.0)
        inside = [power for power in (10.0 ** place for place in range(-2, 9)) if least <= power <= most]
        return inside if len(inside) > 1 else sorted({least, *inside, most}) if most > least else [least]
    step = next((base * 10.0 ** power for power in range(-3, 9) for base in (1, 2, 5) if most / (base * 10.0 ** power) <= 5), 1.0)
    return [step * place for place in range(int(most / step) + 1)]


class Plot(PlotextPlot):  # type: ignore[misc]
    """Series over the capture's time."""

    def __init__(self, title: str, unit: str, *, id: str) -> None:
        super().__init__(id=id)
        self._title, self._unit = title, unit

    def show(self, series: list[Series], ascii_only: bool) -> None:
        plt = self.plt
        plt.clear_data()
        plt.clear_figure()
        plt.title(self._title)
        plt.xlabel("s")
        plt.yscale("log" if self._unit == "ms" and any(value > 0 for one in series for value in one.values) else "linear")
        plt.ylabel(self._unit)
        ticks = ticks_of([value for one in series for value in one.values], self._unit == "ms")
        ends = ticks_of([at for one in series for at in one.seconds], False)
        plt.xticks(ends, [f"{one:g}" for one in ends])
        plt.yticks(ticks, [latency(one) if self._unit == "ms" else f"{one:g}" for one in ticks])
        if self._unit != "ms":
            plt.ylim(0, max((value for one in series for value in one.values), default=0) or 1)
        for place, one in enumerate(series):
            # Names are ours (protocols, percentiles), never a packet's.
            values = [max(value, 0.01) for value in one.values] if self._unit == "ms" else one.values
            plt.plot(one.seconds, values, label=one.name, marker="*" if ascii_only else "braille", color=COLOURS[place % len(COLOURS)])
        self.refresh()


class StatsView(ViewPane):
    name_shown = "Stats"

    def __init__(self, app: DissectApp) -> None:
        super().__init__(id="stats")
        self.tables = Tables()
        self.rates = Plot("messages per second", "1/s", id="rate-plot")
        self.latencies = Plot("answer times", "ms", id="latency-plot")
        self._seen: object = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="plots"):
            yield self.rates
            yield self.latencies
        yield self.tables

    def on_mount(self) -> None:
        self.tables.border_title = "Stats"

    def home(self) -> RowList:
        return self.tables

    def panes(self) -> list[Widget]:
        return [self.tables]

    def refresh_data(self) -> None:
        app = self.dissect
        limited = app.limited
        key = (id(app.listing), app.store.count, len(app.store.analysis.exchange_columns), app.store.finished, app.theme)
        if key != self._seen:
            self._seen = key
            self.run_worker(self._count(limited), exclusive=True, group="stats")

    async def _count(self, limited: bool) -> None:
        app = self.dissect
        shown = app.listing.rows().copy() if limited else None
        found = await asyncio.to_thread(statistics_of, app.store, shown)
        ascii_only = app.glyphs.line == "-"
        self.rates.show(found.rates, ascii_only)
        self.latencies.show(found.latencies, ascii_only)
        self.tables.show(found)
        scope = "what is shown" if limited else "the whole capture"
        self.tables.border_title = f"Stats of {scope}  {found.span_s:,.1f} s"
