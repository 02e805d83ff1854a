"""The pane of details: the tree of one message, linked with its bytes."""

from __future__ import annotations

from tui.model.cells import Line
from tui.model.details import PACKET, Node, at_byte, node_line, visible
from tui.model.glyphs import Glyphs
from tui.widgets.rows import RowList


class DetailsTree(RowList):
    """Nodes of one message. What was closed stays closed from message to message, by its label."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.headed = False
        self.glyphs = glyphs
        self.nodes: list[Node] = []
        self._visible: list[int] = []
        self._shut: set[int] = set()
        self._shut_labels: set[tuple[int, str]] = set()
        self._opened_labels: set[tuple[int, str]] = set()
        self.empty_text = "no message"

    @property
    def node(self) -> Node | None:
        return self.nodes[self._visible[self.cursor]] if self.cursor < len(self._visible) else None

    def show(self, nodes: list[Node]) -> None:
        before = self.node
        self.nodes = nodes
        self._shut = {place for place, node in enumerate(nodes) if node.children and self._is_closed(node)}
        self._layout()
        place = next((place for place, node in enumerate(nodes) if before is not None and (node.label, node.depth, node.tab) ==
                      (before.label, before.depth, before.tab)), None)
        if place is None:
            place = next((place for place, node in enumerate(nodes) if node.tab and node.tab != PACKET), 0)
        self.reveal(place)
        self.scroll_top(max(self.top, min(self.cursor, self._branch_end() - self.page)))

    def _branch_end(self) -> int:
        """The row behind all that the node under the cursor holds."""
        if self.cursor >= len(self._visible):
            return 0
        depth = self.nodes[self._visible[self.cursor]].depth
        behind = range(self.cursor + 1, len(self._visible))
        return next((row for row in behind if self.nodes[self._visible[row]].depth <= depth), len(self._visible))

    def _is_closed(self, node: Node) -> bool:
        key = (node.depth, node.label)
        if key in self._opened_labels:
            return False
        return key in self._shut_labels or (node.tab == PACKET and node.depth == 0)

    def _layout(self) -> None:
        self._visible = visible(self.nodes, frozenset(self._shut))
        self.set_count(len(self._visible))

    def reveal(self, place: int) -> None:
        """Put the cursor on a node, opening what holds it."""
        depth = self.nodes[place].depth if place < len(self.nodes) else 0
        changed = False
        for above in range(place - 1, -1, -1):
            if self.nodes[above].depth < depth:
                depth = self.nodes[above].depth
                if above in self._shut:
                    self._shut.discard(above)
                    changed = True
            if depth == 0:
                break
        if changed:
            self._layout()
        if place in self._visible:
            self.move_to(self._visible.index(place))

    def show_byte(self, tab: str, offset: int) -> Node | None:
        """Select the node that stands for a byte."""
        place = at_byte(self.nodes, tab, offset)
        if place is None:
            return None
        self.reveal(place)
        return self.nodes[place]

    def line(self, row: int, width: int) -> Line:
        place = self._visible[row]
        return node_line(self.nodes[place], place not in self._shut, width, self.glyphs)

    def _set_open(self, place: int, opened: bool) -> None:
        node = self.nodes[place]
        key = (node.depth, node.label)
        if opened:
            self._shut.discard(place)
            self._shut_labels.discard(key)
            self._opened_labels.add(key)
        else:
            self._shut.add(place)
            self._shut_labels.add(key)
            self._opened_labels.discard(key)
        self._layout()

    def action_left(self) -> None:
        if not self._visible:
            return
        place = self._visible[self.cursor]
        if self.nodes[place].children and place not in self._shut:
            self._set_open(place, False)
            return
        for row in range(self.cursor - 1, -1, -1):
            if self.nodes[self._visible[row]].depth < self.nodes[place].depth:
                self.move_to(row)
                return

    def action_right(self) -> None:
        if not self._visible:
            return
        place = self._visible[self.cursor]
        if self.nodes[place].children and place in self._shut:
            self._set_open(place, True)
        else:
            self.move_to(self.cursor + 1)

    def action_open(self) -> None:
        if not self._visible:
            return
        place = self._visible[self.cursor]
        node = self.nodes[place]
        if node.children and not node.size:
            self._set_open(place, place in self._shut)
        elif node.children and place in self._shut:
            self._set_open(place, True)
        else:
            super().action_open()

    def clicked(self, row: int, x: int, times: int) -> None:
        super().clicked(row, x, times)
        if row < len(self._visible) and x <= 2 * self.nodes[self._visible[row]].depth + 1:
            place = self._visible[row]
            if self.nodes[place].children:
                self._set_open(place, place in self._shut)
