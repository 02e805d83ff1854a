"""The interface: which widgets there are, and the keys that all of them share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.keys import format_key
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from dissect.errors import DissectError, fault_of
from tui.actions import Actions
from tui.core import TICK_S
from tui.keys import APPLICATION, KEYS, bindings
from tui.safety import AsciiLines, Colourless, SecondNet
from tui.screens.ladder import LadderView
from tui.screens.messages import MessagesView
from tui.widgets.bars import KeyBar, TitleBar, ViewTabs
from tui.widgets.completions import CompletionList
from tui.widgets.filter_bar import FilterBar

if TYPE_CHECKING:
    from textual.filter import LineFilter


# One of each: what a filter made of a line is remembered by the filter itself.
_SECOND_NET, _ASCII_LINES, _COLOURLESS = SecondNet(), AsciiLines(), Colourless()


class Views(Screen[None]):
    """All but the dialogs. Who has the focus says the application: else the filter would get it, as the first that can have it, whenever the
    terminal's window changes its size while another one has the keys."""

    AUTO_FOCUS = ""


class DissectApp(Actions):
    """`dissect tui`."""

    CSS_PATH = "theme.tcss"
    TITLE = "dissect"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide"), (118, "-widest")]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (30, "-high")]
    BINDINGS: ClassVar[list[BindingType]] = [Binding(**one) for one in bindings(*APPLICATION)]  # type: ignore[arg-type]

    fault: DissectError | None = None
    """what ended it before its time"""

    def get_default_screen(self) -> Screen[Any]:
        return Views(id="_default")

    def compose(self) -> ComposeResult:
        from tui.screens.anomalies import AnomaliesView
        from tui.screens.help import HelpView
        from tui.screens.pairs import PairsView
        from tui.screens.stats import StatsView

        self.messages = MessagesView(self)
        self.ladder = LadderView(self)
        self.panes = [self.messages, self.ladder, PairsView(self), AnomaliesView(self), StatsView(self), HelpView(self)]
        self.filter_bar = FilterBar(self.filter_text)
        yield TitleBar()
        yield self.filter_bar
        yield ViewTabs()
        with ContentSwitcher(initial="messages"):
            yield from self.panes
        yield KeyBar()
        yield self.filter_bar.offers

    def on_mount(self) -> None:
        if self.ascii_only or self.glyphs.line == "-":
            self.add_class("-ascii")
        if self.no_color:
            self.add_class("-no-color")
        if self._start_theme:
            self.theme = self._start_theme
        self.messages.list.focus()
        self.loader.start()
        self.set_interval(TICK_S, self.tick)
        if self.filter_text:
            self.set_filter(self.filter_text)

    def _fatal_error(self) -> None:
        """A fault of ours ends the interface with one line (`tui.start`): Textual would print the values of all variables."""
        if self._exception is None or "debug" in self.features:
            super()._fatal_error()
            return
        self.fault = fault_of(self._exception)
        self._close_messages_no_wait()

    def get_line_filters(self) -> list[LineFilter]:
        """The second net: what should never have come so far is replaced here."""
        return [*super().get_line_filters(), _SECOND_NET, *([_ASCII_LINES] if self.glyphs.line == "-" else []), *([_COLOURLESS] if self.no_color else [])]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        for key in KEYS:
            if key.where in APPLICATION and key.action != "command_palette":
                yield SystemCommand(key.help[:1].upper() + key.help[1:], f"key {format_key(key.keys.split(',')[0])}", self._runner(key.action))

        for letter, index in sorted(self.mark_names.items()):
            yield SystemCommand(f"Mark {letter}", f"go to message {self.store.analysis.id_of(index)}", partial(self.go_to_mark, letter))

    def _runner(self, action: str) -> Any:
        async def run() -> None:
            await self.run_action(action)

        return run

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.lay_out)

    def lay_out(self) -> None:
        self.messages.lay_out()
        self.ladder.lay_out()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded and self.takes_letter(event):
            return
        await super().on_event(event)

    def on_completion_list_taken(self, event: CompletionList.Taken) -> None:
        self.filter_bar.take(event.offer)

    def on_descendant_focus(self) -> None:
        self.messages.lay_out()
