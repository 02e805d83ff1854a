"""View 6, and the dialog behind `?`: keys here, keys everywhere, the filter language with fields of this capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from dissect.fields import PROTOCOL_NAMES, all_fields
from tui.keys import help_rows
from tui.model.cells import Cell, Line, cell, fixed
from tui.screens.pane import ViewPane
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from tui.app import DissectApp

SYNTAX = (
    ("fogslink.eqSN == \"12345678\"", "a member's value; arrays are transparent"),
    ("clife.cmd in {2006, 2011}", "one of several"),
    ("imei.status != \"200\"", "none has this value"),
    ("camera.operate contains \"snapshot\"", "a part of the text"),
    ("anomaly.code matches \"^pair\\\\.\"", "a regular expression"),
    ("exchange.status == \"timeout\"", "how the exchange ended: ok error late timeout pending"),
    ("exchange.latency_ms > 500", "numbers compare"),
    ("anomaly.severity >= warning", "note < warning < error"),
    ("ip.addr == 192.168.1.5 and tcp.port == 12306", "and or not, && || !, parentheses"),
    ("mqtt.topic", "present at all"),
)

MEANING = 36
"""cells of what a key does, where two columns of keys stand beside each other: no text is longer"""


def sections(view: str, wide: bool) -> list[Line]:
    """Lines of the help for a view: its own keys first."""
    lines: list[Line] = []
    own = {"messages": ("messages", "details"), "ladder": ("ladder", "messages"), "anomalies": ("anomalies", "details"),
           "pairs": ("anomalies", "details", "messages")}.get(view, ())
    if view != "filter":
        if own:
            lines += _keys(f"Keys here ({view})", own, wide, view)
        lines += _keys("In every list", ("list",), wide)
        lines += _keys("Everywhere", ("everywhere",), wide)
        if view == "help":
            lines += _keys("Messages", ("messages", "details"), wide) + _keys("Ladder", ("ladder",), wide) + _keys("Anomalies, Pairs", ("anomalies",), wide)
    lines += [[cell("Filter syntax", "title")]]
    lines += [[cell("  "), fixed(example, 46, "name"), cell(" " + meaning, "dim")] for example, meaning in SYNTAX]
    lines += [[cell("")], [cell("  a list below offers fields, values seen, saved filters: arrows choose, Tab or Enter take, Esc closes", "dim")]]
    lines += [[cell("  red is wrong, the reason is told beside or below; up, with nothing chosen: earlier filters", "dim")]]
    lines += [[cell("  protocols: " + "  ".join(PROTOCOL_NAMES), "dim")], [cell("")]]
    if view in ("filter", "help"):
        lines += [[cell("Fields", "title")]]
        for row in all_fields().values():
            lines.append([cell("  "), fixed(row.name, 36, "name"), fixed("|".join(row.types), 16, "dim"), cell(f" {row.meaning}"),
                          cell(f"  {row.unit}", "dim"), cell(f"  {row.section}", "dim")])
    return lines


def _keys(title: str, where: tuple[str, ...], wide: bool, view: str = "") -> list[Line]:
    rows = help_rows(*where, view=view)
    lines: list[Line] = [[cell(title, "title")]]
    half = -(-len(rows) // 2) if wide else len(rows)
    for place in range(half):
        line: Line = [cell("  ")]
        for keys, meaning in rows[place::half]:
            line += [fixed(keys, 13, "name"), fixed(meaning, MEANING) if wide else cell(meaning)] + ([Cell("  ")] if wide else [])
        lines.append(line)
    return [*lines, [cell("")]]


class HelpList(RowList):
    def __init__(self, view: str) -> None:
        super().__init__(id="help-list")
        self.headed = False
        self._view = view
        self._lines: list[Line] = []

    def on_resize(self, event) -> None:  # type: ignore[no-untyped-def]
        self._lines = sections(self._view, self.size.width >= 102)
        self.set_count(len(self._lines))

    def line(self, row: int, width: int) -> Line:
        return self._lines[row]


class HelpView(ViewPane):
    name_shown = "Help"

    def __init__(self, app: DissectApp) -> None:
        super().__init__(id="help")
        self.list = HelpList("help")

    def compose(self) -> ComposeResult:
        yield self.list

    def on_mount(self) -> None:
        self.list.border_title = "Help"

    def home(self) -> RowList:
        return self.list


class HelpDialog(ModalScreen[None]):
    """For the view that is seen, or the filter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "leave", show=False, priority=True)]

    def __init__(self, view: str, pane: str | None) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Filter syntax" if self._view == "filter" else f"Help: {self._view}", classes="dialog-title", markup=False)
            yield HelpList(self._view)
            yield Static("Esc: close", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        self.query_one(HelpList).focus()

    def action_leave(self) -> None:
        self.dismiss(None)
