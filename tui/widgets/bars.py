"""The lines above and below: title, tabs of the views, keys."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from tui.keys import footer
from tui.model.cells import Cell, Line, cell, fit, width_of
from tui.model.times import count_text, size_text, zone
from tui.widgets.rows import blended

if TYPE_CHECKING:
    from tui.app import DissectApp

ROLES = ("plain", "strong", "error", "warning", "ok", "key", "tab", "active", "dim")


class Bar(Widget):
    """One line made of cells."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"bar--{role}" for role in ROLES}

    @property
    def dissect(self) -> DissectApp:
        return cast("DissectApp", self.app)

    @abstractmethod
    def cells(self, width: int) -> Line:
        """What it says, in *width* cells or less."""

    def _style(self, role: str) -> Style:
        styles: dict[str, Style] = self.__dict__.setdefault("_styles_of", {})
        if role not in styles:
            styles[role] = self.rich_style + blended(self, f"bar--{role}")
        return styles[role]

    def notify_style_update(self) -> None:
        self.__dict__.pop("_styles_of", None)
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        segments = [Segment(text, self._style(role or "plain")) for text, role in fit(self.cells(width), width)]
        return Strip(segments, width)


class TitleBar(Bar):
    """What is read, how far, how much, how bad."""

    def cells(self, width: int) -> Line:
        app = self.dissect
        errors, warnings = app.figures.severities[3], app.figures.severities[2]
        size = f"  {size_text(app.loader.read_bytes)}" if app.loader is not None and app.loader.read_bytes and width >= 100 else ""
        count = app.store.count
        left: Line = [cell(" dissect " if width >= 100 else " ", "strong"), cell(app.shown_name(width // 3), "strong"), cell(size),
                      cell(f"  {count:,} msgs  {len(app.store.analysis.sessions):,} sess")]
        if app.loader.redact:
            left.append(cell("  REDACTED", "warning"))
        left += [cell(f"  E {errors}", "error" if errors else "dim"), cell(f"  W {warnings}", "warning" if warnings else "dim")]
        right = self._progress(app, width)
        room = width - width_of(right)
        return [*fit(left, max(0, room)), *right]

    def _progress(self, app: DissectApp, width: int) -> Line:
        loader, glyphs = app.loader, app.glyphs
        if loader is None:
            return []
        paused = [cell(" PAUSED ", "warning")] if app.paused else []
        if loader.error is not None:
            return [*paused, cell(" failed ", "error")]
        if loader.live:
            return [*paused, *self._live(app, width)]
        if not app.store.finished and not loader.done:
            total = loader.total_bytes
            bar = 10 if width < 100 else 20
            share = min(1.0, loader.read_bytes / total) if total else 0.0
            filled = int(share * bar)
            return [*paused, cell(f" {glyphs.progress * filled}{glyphs.rest * (bar - filled)} {share:4.0%} {app.rate:,.0f} msg/s ", "ok")]
        if loader.stop.is_set():
            return [*paused, cell(" stopped ", "warning")]
        return [*paused, cell(" damaged ", "warning")] if loader.damaged else paused

    def _live(self, app: DissectApp, width: int) -> Line:
        loader, wide = app.loader, width >= 100
        evicted = f"{loader.evicted:,}" if wide else count_text(loader.evicted)
        line: Line = [cell(f" {evicted} evicted ", "warning")] if loader.evicted else []
        line.append(cell(f" LIVE {app.rate:,.0f} msg/s " if wide else f" LIVE {count_text(round(app.rate))}/s", "ok"))
        if loader.interface is not None:
            line.append(cell(f" drop {loader.dropped:,} ", "error" if loader.dropped else "ok"))
        return [*line, cell(f"{' mem' if wide else ''} {app.memory_mb:.0f} MB ", "ok")]


class ViewTabs(Bar):
    """The views by number; a click shows one."""

    def cells(self, width: int) -> Line:
        app = self.dissect
        line: Line = []
        for number, pane in enumerate(app.panes, start=1):
            active = pane.id == app.current
            line.append(cell(f" {number} {pane.name_shown} ", "active" if active else "tab"))
        return line

    def on_click(self, event: events.Click) -> None:
        at = 0
        for pane in self.dissect.panes:
            size = len(pane.name_shown) + 4
            if at <= event.x < at + size:
                self.dissect.action_view(str(pane.id))
                return
            at += size


class KeyBar(Bar):
    """The keys that matter, as many as there is room for; on the right what is marked, and the clock's zone."""

    def cells(self, width: int) -> Line:
        app = self.dissect
        marks = f"{len(app.marked)} marked  " if app.marked else ""
        selected = f"{len(app.selected)} selected  " if app.selected else ""
        right = f" {selected}{marks}{zone() if app.context.time_form == 'local' else 'UTC'} "
        awaited = app.awaited_text()
        if awaited:
            return [*fit([cell(f" {awaited}", "strong")], max(0, width - len(right))), Cell(right, "dim")]
        line: Line = []
        for key, label in footer(width - len(right) - 1, app.current):
            line += [Cell(f" {key}", "key"), Cell(f" {label}", "plain")]
        return [*fit(line, max(0, width - len(right))), Cell(right, "dim")]
