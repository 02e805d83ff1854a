"""View 1: sessions, messages, details, bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from dissect.packetspans import layers_of
from dissect.text import clean
from tui.model.cells import plain
from tui.model.columns import device_text
from tui.model.details import DECRYPTED, MESSAGE, PACKET, TABS, Node, explanation, nodes_of
from tui.screens.pane import ViewPane
from tui.widgets.details import DetailsTree
from tui.widgets.hexpane import BytesPane
from tui.widgets.messages import MessageList
from tui.widgets.minimap import Minimap
from tui.widgets.rows import RowList
from tui.widgets.sessions import SessionList

if TYPE_CHECKING:
    from tui.app import DissectApp

LAYOUTS = ("stacked", "beside", "list")
PACKET_LIMIT = 256 << 10
SETTLE_S = 0.06
"""details are made when the cursor has stood still so long"""


class MessagesView(ViewPane):
    """Four panes; on narrow terminals sessions and bytes come up by Tab and x."""

    name_shown = "Messages"

    def __init__(self, app: DissectApp) -> None:
        super().__init__(id="messages")
        self.sessions = SessionList(app.glyphs, app.names, id="session-list")
        self.list = MessageList(app.context, id="message-list")
        self.minimap = Minimap(app.glyphs, id="minimap")
        self.details = DetailsTree(app.glyphs, id="details")
        self.hex = BytesPane(id="hex")
        self.said = Static("", id="explanation", markup=False)
        self.zoomed: Widget | None = None
        self.arrangement = 0
        self.lower = 42
        """per cent of the height that details and bytes take"""
        self._shown_index: int | None = None
        self._shown_of: object = None
        self._linking = False
        self._cut = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="upper"):
            yield self.sessions
            yield self.list
            yield self.minimap
        with Horizontal(id="lower"):
            yield self.details
            yield self.hex
        yield self.said

    def on_mount(self) -> None:
        self.sessions.border_title = "Sessions"
        self.list.border_title = "Messages"
        self.details.border_title = "Details"
        self.hex.border_title = "Bytes"

    def home(self) -> RowList:
        return self.list

    def panes(self) -> list[Widget]:
        found: list[Widget] = [self.list, self.details, self.hex, self.sessions]
        if self.has_class("-one-lower"):
            found.remove(self.details if self.has_class("-hex") else self.hex)
        return found

    @property
    def index(self) -> int | None:
        return self.list.index

    # -- data --

    def let_go(self) -> None:
        self.list.replace(self.dissect.store, self.dissect.listing, None)

    def refresh_data(self) -> None:
        app = self.dissect
        view, store = app.listing, app.store
        follow = app.following and (view is not self.list.view or self.list.at_end or self.list.count == 0)
        self.list.show(store, view)
        if follow:
            self.list.move_to(self.list.count - 1)
        self.list.empty_text = app.waiting_text()
        if app.loader.redact:
            self.hex.empty_text = "hidden by --redact"
        if self.sessions.rows_shown is not app.figures.sessions:
            self.sessions.show(store, app.figures.sessions)
        self.minimap.show(store, view, self.list.top, self.list.page)
        self._titles()
        if self.index != self._shown_index or self._shown_of is not store:
            self.set_timer(SETTLE_S, self.show_details)

    def _titles(self) -> None:
        app = self.dissect
        new = f"  +{app.waiting_rows} new" if app.waiting_rows else ""
        total = len(app.listing)
        at = min(self.list.cursor + 1, total)
        follow = "  follow" if app.following else ""
        hidden = f"  {app.listing.hidden:,} hidden" if app.listing.hidden else ""
        folded = f"  {app.listing.matched - total:,} folded" if app.listing.matched > total else ""
        self.list.border_title = f"Messages {at:,}/{total:,}{folded}  time:{app.context.time_form}{follow}{hidden}{new}"
        chosen = f"  {len(self.sessions.chosen)} chosen" if self.sessions.chosen else ""
        self.sessions.border_title = f"Sessions {len(self.sessions.rows_shown)}{chosen}"

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.rows is self.list:
            self._titles()
            self.minimap.show(self.dissect.store, self.dissect.listing, self.list.top, self.list.page)
            self.set_timer(SETTLE_S, self.show_details)
        elif event.rows is self.details:
            self._node_moved()

    def show_details(self) -> None:
        """Tree and bytes of the message under the cursor."""
        index = self.index
        if index == self._shown_index and self._shown_of is self.dissect.store:
            return
        self._shown_of = self.dissect.store
        if index is None:
            self.details.show([])
            self.hex.set_data({})
            self._shown_index = None
            return
        self.show_message(index)

    def show_message(self, index: int) -> None:
        self._shown_index = index
        app = self.dissect
        body = app.store.analysis.body(index)
        data: dict[str, bytes] = {}
        layers = []
        record = app.loader.packet(body.file, body.frames[-1]) if body.frames and app.loader else None
        if record is not None:
            data[PACKET] = record.data[:PACKET_LIMIT]
            self._cut = f"  first {PACKET_LIMIT >> 10} kB of {len(record.data):,} bytes" if len(record.data) > PACKET_LIMIT else ""
            layers = layers_of(data[PACKET], record.link)
        raw, plaintext = app.store.analysis.raw(index), app.store.analysis.plaintext(index)
        if raw is not None:
            data[MESSAGE] = raw
        if plaintext is not None:
            data[DECRYPTED] = plaintext
        self._linking = True
        self.hex.set_data(data)
        self.details.show(nodes_of(app.store, index, layers))
        self._linking = False
        frames = f"  packet {body.frames[-1]}" if body.frames else ""
        session = app.store.session_of(index)
        whose = clean(device_text(session, app.names), 60)
        self.details.border_title = plain_title(f"Details  {app.store.analysis.id_of(index)}{frames}  {whose}")
        if self.app.focused is not self.sessions:
            self.sessions.point_to(session.id)
        self._node_moved()

    # -- fields and bytes --

    def _node_moved(self) -> None:
        if self._linking:
            return
        node = self.details.node
        if node is not None and node.tab:
            # All of a tab's bytes: nothing stands out.
            whole = node.size == len(self.hex.data.get(node.tab, b""))
            self.hex.show_span(node.tab, node.start, node.start if whole else node.end)
        self._explain(node)

    def _explain(self, node: Node | None) -> None:
        self.said.update(plain_text(explanation(node)) if node is not None else "", layout=False)
        tabs = [f"[{tab}]" if tab == self.hex.tab else tab for tab in TABS if tab in self.hex.data]
        place = f"  {self.hex.span[0]}-{self.hex.span[1] - 1}" if self.hex.span[1] > self.hex.span[0] else ""
        cut = self._cut if self.hex.tab == PACKET else ""
        self.hex.border_title = plain_title("Bytes  " + " ".join(tabs) + place + cut)

    def on_bytes_pane_byte_chosen(self, event: BytesPane.ByteChosen) -> None:
        event.stop()
        self._linking = True
        node = self.details.show_byte(event.tab, event.offset)
        self._linking = False
        if node is not None:
            self.hex.span = (node.start, node.end)
            self.hex.refresh()
        self._explain(node)

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        event.stop()
        app = self.dissect
        if event.rows is self.details:
            node = self.details.node
            if node is not None and node.goto is not None:
                app.go_to_message(node.goto)
            elif node is not None and node.tab:
                self.hex.show_span(node.tab, node.start, node.end)
                if not self.has_class("-one-lower") or self.has_class("-hex"):
                    self.hex.focus()
                else:
                    self.swap()
        elif event.rows is self.hex:
            self.details.focus()
        elif event.rows is self.sessions:
            app.open_sessions()
        else:
            app.open_ladder()

    def on_minimap_jumped(self, event: Minimap.Jumped) -> None:
        event.stop()
        self.list.move_to(event.row, centre=True)

    # -- layout --

    def swap(self) -> None:
        """Details or Bytes, where there is room for one."""
        self.toggle_class("-hex")
        self.hex.focus() if self.has_class("-hex") else self.details.focus()

    def zoom(self) -> None:
        focused = self.app.focused
        self.zoomed = None if self.zoomed is not None else focused
        self.lay_out()

    def next_layout(self) -> None:
        self.arrangement = (self.arrangement + 1) % len(LAYOUTS)
        self.zoomed = None
        self.lay_out()

    def resize_lower(self, step: int) -> None:
        self.lower = max(15, min(80, self.lower + 5 * step))
        self.lay_out()

    def lay_out(self) -> None:
        """Put layout, zoom and sizes into force."""
        width, focused = self.app.size.width, self.app.focused
        narrow = width < 100
        name = LAYOUTS[self.arrangement]
        self.set_class(narrow or name == "beside", "-one-lower")
        self.set_class(name == "beside", "-beside")
        upper, lower = self.query_one("#upper"), self.query_one("#lower")
        zoom = self.zoomed
        in_upper = zoom in (self.list, self.sessions)
        upper.display = zoom is None or in_upper
        lower.display = (zoom is None and name != "list") or (zoom is not None and not in_upper)
        sessions_up = focused is self.sessions
        self.sessions.display = zoom is self.sessions or (zoom is None and (width >= 118 or sessions_up))
        self.list.display = zoom is not self.sessions and not (zoom is None and sessions_up and width < 118)
        self.minimap.display = self.list.display
        only = zoom if zoom in (self.details, self.hex) else None
        hexed = self.has_class("-hex")
        self.details.display = only is self.details or (only is None and not (self.has_class("-one-lower") and hexed))
        self.hex.display = only is self.hex or (only is None and (not self.has_class("-one-lower") or hexed))
        if name == "beside" and zoom is None:
            upper.styles.height, lower.styles.height = "100%", "100%"
            self.styles.layout = "horizontal"
            upper.styles.width, lower.styles.width = f"{100 - self.lower}%", f"{self.lower}%"
        else:
            self.styles.layout = "vertical"
            upper.styles.width = lower.styles.width = "100%"
            upper.styles.height = "1fr"
            lower.styles.height = "1fr" if zoom is not None else f"{self.lower}%"

    def back(self) -> bool:
        if self.zoomed is not None:
            self.zoomed = None
            self.lay_out()
            return True
        if self.app.focused is not self.list:
            self.list.focus()
            return True
        return False

    def copied(self) -> str:
        """What `y` copies: the field under the cursor, the bytes as hex, or the line."""
        focused = self.app.focused
        if focused is self.details and self.details.node is not None:
            return self.details.node.value or self.details.node.label
        if focused is self.hex:
            start, end = self.hex.span
            return self.hex.shown[start:end].hex(" ") if end > start else self.hex.shown.hex(" ")
        rows = focused if isinstance(focused, RowList) else self.list
        return plain(rows.line(rows.cursor, max(80, rows.size.width))).strip() if rows.count else ""


def plain_text(text: str) -> str:
    return clean(text, 400)


def plain_title(text: str) -> str:
    """A border's title is read as markup: brackets are escaped."""
    return text.replace("[", r"\[")
