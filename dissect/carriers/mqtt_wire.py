"""The fast reading of MQTT that framing and every PUBLISH need. What it reads is what `grammars.mqtt` declares; tests hold the two equal."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from grammars import mqtt as grammar
from grammars.mqtt import LEVEL_5_0, PROTOCOL_NAMES, Kind, PropertyKind

KINDS = ("", *(kind.name for kind in Kind))
"""By control packet type; 0 is none"""
CONNECT, CONNACK, PUBLISH, SUBSCRIBE = int(Kind.CONNECT), int(Kind.CONNACK), int(Kind.PUBLISH), int(Kind.SUBSCRIBE)
MALFORMED = -1
INCOMPLETE = 0

_SHORT = Struct(">H").unpack_from
_LENGTH_AND_NAMES = tuple(len(name).to_bytes(2, "big") + name for name in PROTOCOL_NAMES)
_VARIABLE, _TEXT, _BINARY, _PAIR = -1, -2, -3, -4
_WIDTH_OF_FORMAT = {id(grammar.VARIABLE_INTEGER): _VARIABLE, id(grammar.TEXT): _TEXT, id(grammar.BINARY): _BINARY,
                    id(grammar.PROPERTY_FORMATS[PropertyKind.USER_PROPERTY]): _PAIR}
PROPERTY_WIDTHS: dict[int, int] = {
    int(kind): _WIDTH_OF_FORMAT.get(id(form)) or form.sizeof() for kind, form in grammar.PROPERTY_FORMATS.items()}
"""By identifier: bytes of a fixed format, or which other format"""
PUBLISH_PROPERTIES = frozenset(int(kind) for kind in (
    PropertyKind.PAYLOAD_FORMAT_INDICATOR, PropertyKind.MESSAGE_EXPIRY_INTERVAL, PropertyKind.CONTENT_TYPE, PropertyKind.RESPONSE_TOPIC,
    PropertyKind.CORRELATION_DATA, PropertyKind.SUBSCRIPTION_IDENTIFIER, PropertyKind.TOPIC_ALIAS, PropertyKind.USER_PROPERTY))
"""Properties that a PUBLISH may hold (5.0, 2.2.2.2): tells 5.0 from 3.1.1 where no CONNECT was seen."""
TOPIC_ALIAS, ASSIGNED_CLIENT_IDENTIFIER = int(PropertyKind.TOPIC_ALIAS), int(PropertyKind.ASSIGNED_CLIENT_IDENTIFIER)
Properties = dict[int, object]


class Malformed(Exception):
    """Inside this file and its callers only: the bytes are no packet of the standard."""


Publish = tuple[str, int | None, int | None, bytes, bool]
"""Topic, packet identifier, topic alias, payload, and whether all its properties are such as a PUBLISH may hold. A bare tuple, for speed."""


class Connect(NamedTuple):
    level: int
    client_id: str
    clean: bool
    will: tuple[str, bytes, int, bool] | None
    """topic, payload, quality of service, retain"""


def frame(data: bytes | bytearray, start: int) -> tuple[int, int]:
    """(start of the body, end of the packet) of the packet at *start*; (INCOMPLETE, 0) when its length is not all there, (MALFORMED, 0) for more than
    four bytes of length. The end may lie beyond *data*."""
    size = len(data)
    if start + 1 >= size:
        return INCOMPLETE, 0
    byte = data[start + 1]
    if byte < 0x80:
        return start + 2, start + 2 + byte
    value, place = byte & 0x7F, start + 2
    for shift in (7, 14, 21):
        if place >= size:
            return INCOMPLETE, 0
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return place, place + value
    return MALFORMED, 0


def looks_like_mqtt_connect(data: bytes) -> bool | None:
    """Whether the first bytes of a side are a CONNECT with protocol name MQTT or MQIsdp; None: more bytes are needed."""
    if not data:
        return None
    if data[0] >> 4 != CONNECT:
        return False
    body, _ = frame(data, 0)
    if body == MALFORMED:
        return False
    if body == INCOMPLETE:
        return None
    name = data[body:body + max(map(len, _LENGTH_AND_NAMES))]
    if name.startswith(_LENGTH_AND_NAMES):
        return True
    return None if any(expected.startswith(name) for expected in _LENGTH_AND_NAMES) else False


def _variable(data: bytes, start: int, end: int) -> tuple[int, int]:
    """(value, position behind it)"""
    value = 0
    for shift in (0, 7, 14, 21):
        if start >= end:
            raise Malformed("a variable byte integer goes past its packet")
        byte = data[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, start
    raise Malformed("a variable byte integer of more than four bytes")


def _binary(data: bytes, start: int, end: int) -> tuple[bytes, int]:
    if start + 2 > end:
        raise Malformed("a length goes past its packet")
    stop = start + 2 + _SHORT(data, start)[0]
    if stop > end:
        raise Malformed("a text or binary field goes past its packet")
    return data[start + 2:stop], stop


def _text(data: bytes, start: int, end: int) -> tuple[str, int]:
    raw, stop = _binary(data, start, end)
    try:
        return raw.decode(), stop
    except UnicodeDecodeError:
        raise Malformed("a text is not UTF-8") from None


def _properties(data: bytes, start: int, end: int) -> tuple[Properties, int]:
    """(the properties by identifier, the last of repeated ones; position behind them)"""
    length, start = _variable(data, start, end)
    stop = start + length
    if stop > end:
        raise Malformed("properties go past their packet")
    found: Properties = {}
    while start < stop:
        identifier, start = _variable(data, start, stop)
        width = PROPERTY_WIDTHS.get(identifier)
        if width is None:
            raise Malformed(f"property {identifier} is unknown")
        value: object
        if width > 0:
            if start + width > stop:
                raise Malformed("a property goes past its packet")
            value = int.from_bytes(data[start:start + width], "big")
            start += width
        elif width == _TEXT:
            value, start = _text(data, start, stop)
        elif width == _BINARY:
            value, start = _binary(data, start, stop)
        elif width == _VARIABLE:
            value, start = _variable(data, start, stop)
        else:
            name, start = _text(data, start, stop)
            text, start = _text(data, start, stop)
            value = (name, text)
        found[identifier] = value
    return found, stop


def publish(data: bytes, first: int, start: int, end: int, level: int) -> Publish:
    """The PUBLISH whose first byte is *first* and whose body is data[start:end]. Raises Malformed."""
    if first & 0x06 == 0x06:
        raise Malformed("quality of service 3")
    topic_at = start + 2
    if topic_at > end:
        raise Malformed("a topic goes past its packet")
    place = topic_at + (data[start] << 8 | data[start + 1])
    if place > end:
        raise Malformed("a topic goes past its packet")
    try:
        topic = data[topic_at:place].decode()
    except UnicodeDecodeError:
        raise Malformed("a topic is not UTF-8") from None
    packet_id = None
    if first & 0x06:
        if place + 2 > end:
            raise Malformed("a packet identifier goes past its packet")
        packet_id = data[place] << 8 | data[place + 1]
        place += 2
    if level < LEVEL_5_0:
        return topic, packet_id, None, data[place:end], True
    if place < end and data[place] == 0:
        return topic, packet_id, None, data[place + 1:end], True
    properties, place = _properties(data, place, end)
    alias = properties.get(TOPIC_ALIAS)
    return topic, packet_id, alias if isinstance(alias, int) else None, data[place:end], properties.keys() <= PUBLISH_PROPERTIES


def connect(data: bytes, start: int, end: int) -> Connect:
    """The CONNECT whose body is data[start:end]. Raises Malformed."""
    _, place = _binary(data, start, end)
    if place + 4 > end:
        raise Malformed("a CONNECT ends before its keep alive")
    level, flags = data[place], data[place + 1]
    place += 4
    if level >= LEVEL_5_0:
        _, place = _properties(data, place, end)
    client_id, place = _text(data, place, end)
    will = None
    if flags & 0x04:
        if level >= LEVEL_5_0:
            _, place = _properties(data, place, end)
        topic, place = _text(data, place, end)
        payload, place = _binary(data, place, end)
        will = (topic, payload, flags >> 3 & 3, bool(flags & 0x20))
    for flag, take in ((0x80, _text), (0x40, _binary)):
        if flags & flag and (level > 3 or place < end):  # version 3.1: the remaining length goes before the flags
            _, place = take(data, place, end)
    if place != end:
        raise Malformed("bytes are left behind a CONNECT")
    return Connect(level, client_id, bool(flags & 0x02), will)


def subscribed(data: bytes, start: int, end: int, level: int) -> list[str]:
    """The topic filters of the SUBSCRIBE whose body is data[start:end]. Raises Malformed."""
    place = start + 2
    if level >= LEVEL_5_0:
        _, place = _properties(data, place, end)
    filters: list[str] = []
    while place < end:
        one, place = _text(data, place, end)
        filters.append(one)
        place += 1
    return filters


def assigned_client_id(data: bytes, start: int, end: int) -> str | None:
    """Of the CONNACK (version 5) whose body is data[start:end]. Raises Malformed."""
    if start + 2 > end:
        raise Malformed("a CONNACK of less than two bytes")
    found, place = _properties(data, start + 2, end)
    if place != end:
        raise Malformed("bytes are left behind a CONNACK")
    assigned = found.get(ASSIGNED_CLIENT_IDENTIFIER)
    return assigned if isinstance(assigned, str) else None
