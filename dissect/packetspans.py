"""One packet layer by layer, each field with its bytes: link, network, transport, and the carrier where it is CoAP or begins an MQTT packet.

Made for the packet that someone looks at; the readings come from the grammars alone. Raises nothing.
"""

from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple

from construct import Construct

from dissect.layers.link import peel
from grammars import coap, ethernet, ip, linktypes, linux_sll, loopback, mqtt, pppoe, tcp, udp
from grammars.readings import field_table, spans

FIELDS_LIMIT = 2000


class LayerField(NamedTuple):
    name: str
    value: str
    start: int
    """first byte, in the packet"""
    end: int
    meaning: str
    unit: str
    section: str


class Layer(NamedTuple):
    name: str
    summary: str
    start: int
    end: int
    fields: tuple[LayerField, ...]


def layers_of(data: bytes, link: int) -> list[Layer]:
    """The layers of a captured packet of link type *link*, outermost first; what is not read ends the list."""
    peeled = peel(link, data, 0, len(data), len(data))
    found = _link(data, link, peeled[1] if peeled else len(data))
    if peeled is None:
        return found
    kind, place = peeled[:2]
    if kind == ethernet.ETHERTYPE_IPV4:
        header = _layer("IPv4", ip.IPV4, data, place, place + 20)
        size = (data[place] & 15) * 4 if place < len(data) else 20
        protocol, after, fragment = _byte(data, place + 9), place + max(size, 20), (_short(data, place + 6) & 0x1FFF) != 0
    else:
        header = _layer("IPv6", ip.IPV6, data, place, place + 40)
        protocol, after, fragment = _extensions(data, _byte(data, place + 6), place + 40)
    found.append(header._replace(summary=_ends(header)))
    if fragment:
        return found
    if protocol == ip.PROTOCOL_TCP:
        size = (_byte(data, after + 12) >> 4) * 4
        head = _layer("TCP", tcp.TCP, data, after, after + 20)
        found.append(head._replace(summary=_ports(head)))
        found += _mqtt(data, after + max(size, 20), head)
    elif protocol == ip.PROTOCOL_UDP:
        head = _layer("UDP", udp.UDP, data, after, after + 8)
        found.append(head._replace(summary=_ports(head)))
        found += _coap(data, after + 8, head)
    return found


def _byte(data: bytes, place: int) -> int:
    return data[place] if place < len(data) else 0


def _short(data: bytes, place: int) -> int:
    return int.from_bytes(data[place:place + 2], "big")


def _link(data: bytes, link: int, end: int) -> list[Layer]:
    grammars: dict[int, tuple[str, Construct]] = {
        linktypes.ETHERNET: ("Ethernet", ethernet.ETHERNET), linktypes.LINUX_SLL: ("Linux cooked", linux_sll.LINUX_SLL),
        linktypes.LINUX_SLL2: ("Linux cooked 2", linux_sll.LINUX_SLL2), linktypes.NULL: ("Loopback", loopback.LOOPBACK),
        linktypes.LOOP: ("Loopback", loopback.LOOPBACK)}
    if link not in grammars:
        return []
    name, grammar = grammars[link]
    found = [_layer(name, grammar, data, 0, end)]
    place = max((one.end for one in found[0].fields), default=end)
    found[0] = found[0]._replace(end=place)
    kind = _short(data, place - 2)
    while link != linktypes.NULL and kind in ethernet.ETHERTYPE_TAGS and place + 4 <= end:
        found.append(_layer("VLAN", ethernet.VLAN_TAG, data, place, place + 4))
        kind, place = _short(data, place + 2), place + 4
    if kind == ethernet.ETHERTYPE_PPPOE_SESSION and place < end:
        found.append(_layer("PPPoE", pppoe.PPPOE, data, place, end))
    return found


def _extensions(data: bytes, kind: int, place: int) -> tuple[int, int, bool]:
    """Transport protocol, its place, and whether it is a fragment that is not the first."""
    for _ in range(16):
        if kind == ip.FRAGMENT:
            if _short(data, place + 2) >> 3:
                return kind, place, True
            kind, place = _byte(data, place), place + 8
        elif kind == ip.AUTHENTICATION:
            kind, place = _byte(data, place), place + (_byte(data, place + 1) + 2) * 4
        elif kind in ip.EXTENSIONS:
            kind, place = _byte(data, place), place + (_byte(data, place + 1) + 1) * 8
        else:
            break
    return kind, place, False


def _layer(name: str, grammar: Construct, data: bytes, start: int, end: int) -> Layer:
    """*grammar* read at *start*; bytes from *end* on are not its own."""
    part = data[start:end]
    declared = {row.name: row for row in field_table(grammar)}
    fields = []
    for span in spans(grammar, part)[:FIELDS_LIMIT]:
        row = declared.get(span.name)
        fields.append(LayerField(span.name, _value(span.name, span.value), start + span.start, start + span.end, span.doc, row.unit if row else "",
                                 row.spec if row else ""))
    return Layer(name, "", start, min(end, len(data)), tuple(fields))


def _value(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        if len(value) in (4, 16) and name in ("source", "destination"):
            return str(ipaddress.ip_address(value))
        if len(value) == 6 and name in ("source", "destination", "address"):
            return value.hex(":")
        return value[:64].decode("ascii") if value and all(0x20 <= byte < 0x7F for byte in value[:64]) else value[:64].hex(" ")
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items() if not str(key).startswith("_"))
    return str(value)[:2000]


def _ends(layer: Layer) -> str:
    values = {one.name: one.value for one in layer.fields}
    return f"{values.get('source', '?')} > {values.get('destination', '?')}"


def _ports(layer: Layer) -> str:
    values = {one.name: one.value for one in layer.fields}
    return f"{values.get('source_port', '?')} > {values.get('destination_port', '?')}"


def _coap(data: bytes, place: int, head: Layer) -> list[Layer]:
    part = data[place:]
    if len(part) < 4 or part[0] >> 6 != coap.VERSION or str(coap.PORT) not in head.summary.split(" > "):
        return []
    layer = _layer("CoAP", coap.MESSAGE, data, place, len(data))
    return [layer._replace(summary=coap.code_name(part[1]))] if layer.fields else []


def _mqtt(data: bytes, place: int, head: Layer) -> list[Layer]:
    part = data[place:]
    if len(part) < 2 or str(mqtt.PORT) not in head.summary.split(" > "):
        return []
    layer = _layer("MQTT", mqtt.FIXED_HEADER, data, place, len(data))
    if not layer.fields:
        return []
    end = max(one.end for one in layer.fields)
    kind = next((one.value for one in layer.fields if one.name.endswith("kind")), "")
    return [layer._replace(end=end, summary=kind)]
