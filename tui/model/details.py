"""The tree of one message: packet layers, carrier, fields as sent with meaning, unit and section, decrypted data, anomalies.

Every node that stands for bytes knows them: which tab of the bytes pane, from where to where.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dissect.catalogue import CATALOGUE
from dissect.fields import Field, field_name, fields_of_message
from dissect.jsonwrite import encode
from dissect.packetspans import Layer
from dissect.show.lines import kind_and_name
from dissect.spans import Part, json_parts, message_parts, value_text
from tui.model.cells import Cell, Line, cell
from tui.model.columns import SEVERITY_LETTER, SEVERITY_ROLE
from tui.model.times import latency

if TYPE_CHECKING:
    from dissect.model import Message
    from tui.model.glyphs import Glyphs
    from tui.model.store import Store

PACKET, MESSAGE, DECRYPTED = "Packet", "Message", "Decrypted"
TABS = (PACKET, MESSAGE, DECRYPTED)
NODES_LIMIT = 20_000
VALUE_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the tree."""

    depth: int
    label: str
    value: str = ""
    tab: str = ""
    """which bytes it stands for: PACKET, MESSAGE, DECRYPTED, or none"""
    start: int = 0
    end: int = 0
    children: bool = False
    field: str = ""
    """the name that a filter calls it by"""
    meaning: str = ""
    unit: str = ""
    section: str = ""
    role: str = ""
    goto: int | None = None
    """a message (index) that it points to"""

    @property
    def size(self) -> int:
        return self.end - self.start


def nodes_of(store: Store, index: int, layers: list[Layer]) -> list[Node]:
    """The tree of the message at *index*, depth first. *layers*: those of the packet that the bytes pane shows."""
    message = store.analysis.message_at(index)
    session = store.session_of(index)
    raw, plaintext = store.analysis.raw(index) or b"", store.analysis.plaintext(index)
    nodes: list[Node] = []
    for layer in layers:
        nodes += _layer(layer)
    nodes += _carrier(message)
    nodes += _message(session.protocol, message, raw)
    nodes += _encryption(session.protocol, message, plaintext)
    nodes += _exchange(store, index)
    nodes += _anomalies(store, index)
    if len(nodes) > NODES_LIMIT:
        left = len(nodes) - NODES_LIMIT
        return [*nodes[:NODES_LIMIT], Node(0, f"({left:,} more nodes are not shown)", role="warning")]
    return nodes


def _layer(layer: Layer) -> list[Node]:
    top = Node(0, layer.name, layer.summary, PACKET, layer.start, layer.end, bool(layer.fields), role="title")
    return [top, *(Node(1 + one.name.count("."), one.name.rpartition(".")[2], one.value, PACKET, one.start, one.end, meaning=one.meaning, unit=one.unit,
                        section=one.section) for one in layer.fields)]


def _carrier(message: Message) -> list[Node]:
    if not message.carrier:
        return []
    children = [Node(1, name, _shown(value)) for name, value in message.carrier.items() if value is not None]
    return [Node(0, "Carrier", children=True, role="title"), *children]


def _shown(value: Any) -> str:
    return "true" if value is True else "false" if value is False else str(value)[:VALUE_LIMIT]


def _message(protocol: str, message: Message, raw: bytes) -> list[Node]:
    if message.raw_b64 is not None:
        return [Node(0, "Malformed", f"{message.size} bytes that are no message", MESSAGE, 0, len(raw), role="error")]
    title = f"{protocol} {kind_and_name(message)}"
    nodes = [Node(0, title, "", MESSAGE, 0, len(raw), children=True, role="title")]
    known = fields_of_message(protocol, message.type, message.name)
    if not raw and message.fields:
        return nodes + _values(message.fields, lambda path: field_name(protocol, message.type, path), known)
    nodes += _parts(message_parts(protocol, raw), raw, MESSAGE, lambda path: field_name(protocol, message.type, path), known)
    return nodes


def _encryption(protocol: str, message: Message, plaintext: bytes | None) -> list[Node]:
    encryption = message.encryption
    if encryption is None:
        return []
    how = [("key", encryption.key), ("exchange", encryption.exchange), ("iv", encryption.iv), ("key form", encryption.key_form)]
    told = ", ".join(f"{name} {value}" for name, value in how if value is not None)
    role = "title" if encryption.status in ("decrypted", "plaintext") else "warning"
    size = len(plaintext) if plaintext is not None else 0
    nodes = [Node(0, f"Encryption {encryption.status}", told, DECRYPTED if size else "", 0, size, children=bool(size), role=role)]
    if plaintext is not None:
        known = fields_of_message(protocol, message.type, message.name)
        nodes += _parts(json_parts(plaintext), plaintext, DECRYPTED, lambda path: field_name(protocol, None, ("data", *path)), known)
    elif encryption.data is not None:
        known = fields_of_message(protocol, message.type, message.name)
        nodes += _values(encryption.data, lambda path: field_name(protocol, None, ("data", *path)), known)
    return nodes


def _values(value: Any, name_of: Any, known: dict[str, Field]) -> list[Node]:
    """Members whose bytes are not kept (`--redact`)."""
    data = encode(value)
    return [replace(node, tab="", start=0, end=0) for node in _parts(json_parts(data), data, MESSAGE, name_of, known)]


def _parts(parts: list[Part], data: bytes, tab: str, name_of: Any, known: dict[str, Field]) -> list[Node]:
    nodes = []
    for part in parts:
        if not part.path:
            continue
        last = part.path[-1]
        name = name_of(part.path)
        row = known.get(name)
        container = part.kind in ("object", "array")
        value = "" if container else value_text(part, data, VALUE_LIMIT)
        if not container and part.end - part.value_start > VALUE_LIMIT:
            value += f"... ({part.end - part.value_start:,} bytes)"
        nodes.append(Node(part.depth, f"[{last}]" if isinstance(last, int) else last, value, tab, part.start, part.end, container, name,
                          part.meaning or (row.meaning if row else ""), part.unit or (row.unit if row else ""),
                          part.section or (row.section if row else "")))
    return nodes


def _exchange(store: Store, index: int) -> list[Node]:
    exchange = store.exchange_of(index)
    row = store.exchange_row(index)
    if exchange is None or row is None:
        return []
    told = f"{exchange.operation}: {exchange.status}" + (f" in {latency(exchange.latency_ms)}" if exchange.latency_ms is not None else "")
    nodes = [Node(0, "Exchange", told, children=True, role="title" if exchange.status in ("ok", "pending") else "warning")]
    for name in ("request", "response", "acknowledgement"):
        ident = getattr(exchange, name)
        if ident is not None:
            nodes.append(Node(1, name, str(ident), field="", goto=row[name]))
    if len(exchange.attempts) > 1:
        nodes.append(Node(1, "attempts", ", ".join(map(str, exchange.attempts))))
    if exchange.intermediate:
        nodes.append(Node(1, "intermediate", ", ".join(map(str, exchange.intermediate))))
    return nodes


def _anomalies(store: Store, index: int) -> list[Node]:
    found = [store.analysis.anomaly_at(at) for at in store.analysis.anomalies_of(index)]
    if not found:
        return []
    worst = max(store.severity(index), 1)
    nodes = [Node(0, f"Anomalies {len(found)}", children=True, role=SEVERITY_ROLE[worst])]
    for anomaly in found:
        kind = CATALOGUE.get(anomaly.code)
        role = SEVERITY_ROLE[kind.severity] if kind else "warning"
        nodes.append(Node(1, f"{SEVERITY_LETTER[kind.severity] if kind else '?'} {anomaly.code}", anomaly.message, role=role,
                          meaning=kind.meaning if kind else "", section=anomaly.reference or "", field="anomaly.code"))
    return nodes


def visible(nodes: list[Node], closed: frozenset[int]) -> list[int]:
    """Positions of the nodes that are not below a closed one (*closed*: positions)."""
    shown: list[int] = []
    hidden_below: int | None = None
    for position, node in enumerate(nodes):
        if hidden_below is not None and node.depth > hidden_below:
            continue
        hidden_below = node.depth if position in closed else None
        shown.append(position)
    return shown


def at_byte(nodes: list[Node], tab: str, offset: int) -> int | None:
    """The narrowest node that stands for a byte of *tab*."""
    best: int | None = None
    for position, node in enumerate(nodes):
        if node.tab == tab and node.start <= offset < node.end and (best is None or node.size <= nodes[best].size):
            best = position
    return best


def node_line(node: Node, opened: bool, width: int, glyphs: Glyphs) -> Line:
    """One line: fold mark, label, value, and on the right the place of its bytes."""
    fold = (glyphs.opened if opened else glyphs.closed) if node.children else " "
    place = f" [{node.size} B @ {node.start}]" if node.size else ""
    line: Line = [Cell(" " * min(2 * node.depth, 24)), Cell(fold + " ", "dim"), cell(node.label, node.role or "name", 200)]
    if node.value:
        line += [Cell(": " if not node.role else "  "), cell(node.value, "value" if not node.role else "", 1000)]
    if node.unit:
        line.append(cell(f" {node.unit}", "dim"))
    from tui.model.cells import fit

    return [*fit(line, max(0, width - len(place))), Cell(place, "dim")]


def explanation(node: Node) -> str:
    """What the document says of a node, in a line."""
    parts = [node.field, node.meaning, f"in {node.unit}" if node.unit else "", node.section]
    return "  ".join(part for part in parts if part)
