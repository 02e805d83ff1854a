"""Two messages member by member: what only one has, what differs, what is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui.model.cells import Line, cell, fixed
from tui.model.details import DECRYPTED, MESSAGE, Node, nodes_of

if TYPE_CHECKING:
    from tui.model.store import Store


class Difference(NamedTuple):
    name: str
    left: str | None
    """None: it has no such member"""
    right: str | None

    @property
    def sign(self) -> str:
        if self.left == self.right:
            return " "
        return "+" if self.left is None else "-" if self.right is None else "~"


def _members(store: Store, index: int) -> dict[str, str]:
    """Values by path, of the message and of its plaintext, in order."""
    message = store.analysis.message_at(index)
    found: dict[str, str] = {"direction": message.direction, "type": message.type or "malformed", "size": str(message.size)}
    path: list[str] = []
    for node in nodes_of(store, index, []):
        if node.tab in (MESSAGE, DECRYPTED) and node.depth:
            # The envelope is called like the message: a request and its answer are compared by what is in it.
            path[node.depth - 1:] = ["" if node.depth == 1 and node.children and node.label == message.type else node.label]
            name = ".".join(filter(None, path))
            if not node.children:
                found[_free(found, name)] = node.value
        elif isinstance(node, Node):
            path.clear()
    return found


def _free(found: dict[str, str], name: str) -> str:
    """*name*, numbered where a member comes again."""
    number, free = 2, name
    while free in found:
        free = f"{name} ({number})"
        number += 1
    return free


def difference(store: Store, left: int, right: int) -> list[Difference]:
    """In the order of the left message, then what only the right one has."""
    one, other = _members(store, left), _members(store, right)
    names = list(dict.fromkeys([*one, *other]))
    return [Difference(name, one.get(name), other.get(name)) for name in names]


ROLE = {" ": "dim", "~": "warning", "+": "ok", "-": "error"}


def difference_line(row: Difference, width: int) -> Line:
    name = min(40, width // 3)
    side = max(4, (width - name - 6) // 2)
    role = ROLE[row.sign]
    return [cell(f" {row.sign} ", role), fixed(row.name, name, "name"), cell(" "), fixed(row.left if row.left is not None else "", side, role), cell(" "),
            fixed(row.right if row.right is not None else "", side, role)]
