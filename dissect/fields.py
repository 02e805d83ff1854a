"""The filter fields: one row a name, derived from the tables of the protocols, and those that every message has.

`dissect protocols`, the filter language and the interface read this; nothing here is typed a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from dissect.model import SEVERITIES, Message, Status
from grammars.registry import PROTOCOLS
from grammars.vocabulary import ApplicationProtocol, Member, Privacy

PROTOCOL_NAMES = tuple(PROTOCOLS)
"""in the order of the registry"""

TYPE_NAMES = {str: "text", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array", type(None): "null"}


class Field(NamedTuple):
    """One name that a filter may use. Arrays are transparent: `fogslink.eqData.eVal` is any entry's."""

    name: str
    types: tuple[str, ...]
    meaning: str
    unit: str = ""
    section: str = ""
    """of the protocol's document"""


GENERAL = (
    Field("frame.number", ("integer",), "Number of the packet that completed the message, in its file"),
    Field("frame.time", ("time",), "Time of that packet"),
    Field("ip.addr", ("address",), "Address of either end"),
    Field("tcp.port", ("integer",), "TCP port of either end"),
    Field("udp.port", ("integer",), "UDP port of either end"),
    Field("session.id", ("integer",), "Number of the session"),
    Field("message.id", ("integer",), "Number of the message in the report"),
    Field("message.type", ("text",), "Type of the message, as in the report"),
    Field("message.name", ("text",), "Name of the message, as in the report"),
    Field("message.direction", ("text",), "up: from the device; down: towards it"),
    Field("message.size", ("integer",), "Bytes of the message itself", "byte"),
    Field("device.id", ("text",), "Device that the message is from or for"),
    Field("exchange.status", ("text",), "How its exchange ended: " + ", ".join(Status)),
    Field("exchange.latency_ms", ("number",), "Time from the last attempt to the response", "ms"),
    Field("exchange.operation", ("text",), "Name of its exchange"),
    Field("anomaly.code", ("text",), "Code of an anomaly that names it"),
    Field("anomaly.severity", ("severity",), "Severity of an anomaly that names it: " + ", ".join(SEVERITIES)),
    Field("mqtt.topic", ("text",), "Topic of the PUBLISH that carried it"),
    Field("mqtt.clientid", ("text",), "Client id of its MQTT connection"),
    Field("coap.token", ("text",), "Token of the CoAP message that carried it"),
    Field("coap.mid", ("integer",), "Message ID of the CoAP message that carried it"),
    Field("http.uri", ("text",), "Target of the HTTP request that carried it"),
    Field("tcp", ("protocol",), "Any message that came over TCP"),
    Field("udp", ("protocol",), "Any message that came over UDP"),
    Field("tls", ("protocol",), "Any message that TLS hid"),
    Field("mqtt", ("protocol",), "Any message that MQTT carried"),
    Field("coap", ("protocol",), "Any message that CoAP carried"),
    Field("http", ("protocol",), "Any message that HTTP carried"),
)
"""what every message has, whatever its protocol"""


def fields_of(protocol: ApplicationProtocol) -> tuple[Field, ...]:
    """The rows of *protocol*, each name once, in the order of its tables."""
    rows: dict[str, Field] = {}
    for name, member in _named(protocol):
        types = tuple(dict.fromkeys(TYPE_NAMES.get(kind, kind.__name__) for kind in member.types))
        before = rows.get(name)
        if before is None:
            rows[name] = Field(name, types, member.meaning, member.unit, member.spec)
        elif not set(types) <= set(before.types):
            rows[name] = before._replace(types=tuple(dict.fromkeys(before.types + types)))
    return tuple(rows.values())


@cache
def all_fields() -> dict[str, Field]:
    """Every field by name: general ones, protocols by their names, and the fields of each protocol."""
    rows = {row.name: row for row in GENERAL}
    for protocol in PROTOCOLS.values():
        for name in (protocol.name, protocol.prefix):
            rows.setdefault(name, Field(name, ("protocol",), f"Any message of {protocol.title}"))
        for row in fields_of(protocol):
            rows.setdefault(row.name, row)
    return rows


@cache
def fields_of_message(protocol: str, type: str | None, name: str | None) -> dict[str, Field]:
    """The fields of one type of message by their full names, as the document describes them there; then those of the whole protocol."""
    declared = PROTOCOLS.get(protocol)
    if declared is None:
        return {}
    rows = {row.name: row for row in fields_of(declared)}
    for message in declared.messages.values():
        if message.type == type and message.name == name:
            tables = ((declared.prefix, message.members), (f"{declared.prefix}.data", message.data or ()))
            for prefix, members in tables:
                for path, member in _paths(prefix, members):
                    types = tuple(TYPE_NAMES.get(kind, kind.__name__) for kind in member.types)
                    rows[path] = Field(path, types, member.meaning, member.unit, member.spec or message.spec)
    return rows


def field_name(protocol: str, type: str | None, path: Iterable[str | int]) -> str:
    """The filter field of a member at *path* in a message as sent: arrays are transparent, an envelope's outer name is no member."""
    declared = PROTOCOLS.get(protocol)
    names = [part for part in path if isinstance(part, str)]
    if names and names[0] == type:
        names = names[1:]
    return ".".join((declared.prefix if declared else protocol, *names))


@cache
def heartbeat_types(protocol: str) -> frozenset[str]:
    """The types of the messages that only keep a session alive, and of their answers."""
    declared = PROTOCOLS.get(protocol)
    if declared is None or declared.heartbeat is None:
        return frozenset()
    beats = [declared.messages[kind] for kind in declared.heartbeat.kinds if kind in declared.messages]
    answers = [declared.messages[kind] for row in beats for kind in row.answered_by if kind in declared.messages]
    return frozenset(row.type for row in (*beats, *answers))


@cache
def id_names(protocol: str) -> frozenset[str]:
    """The members that count requests (packID, msgId), apart from those that name a device."""
    declared = PROTOCOLS.get(protocol)
    return frozenset(row.id for row in declared.messages.values() if row.id is not None) if declared else frozenset()


@cache
def routine_names(protocol: str) -> frozenset[str]:
    """The members that say nothing of what a message is about: the envelope, ids, names of devices, credentials."""
    declared = PROTOCOLS.get(protocol)
    if declared is None:
        return frozenset()
    members = [*declared.envelope, *(member for row in declared.messages.values() for member in row.members)]
    named = {member.name for member in members if member.privacy in (Privacy.DEVICE, Privacy.CREDENTIAL) or member.credential}
    return id_names(protocol) | named | {member.name for member in declared.envelope}


def _named(protocol: ApplicationProtocol) -> Iterator[tuple[str, Member]]:
    yield from _paths(protocol.prefix, (*protocol.envelope, *protocol.extra_fields))
    for message in protocol.messages.values():
        yield from _paths(protocol.prefix, message.members)
        if message.data is not None:
            yield from _paths(f"{protocol.prefix}.data", message.data)


def _paths(prefix: str, members: Iterable[Member]) -> Iterator[tuple[str, Member]]:
    for member in members:
        name = f"{prefix}.{member.name}"
        yield name, member
        yield from _paths(name, member.members)
        if member.item is not None:
            yield from _paths(name, member.item.members)


def message_names() -> dict[str, str]:
    """What each type of message is called, of all protocols."""
    return {row.type: row.name for protocol in PROTOCOLS.values() for row in protocol.messages.values()}


def told_in_words(protocol: str, message: Message) -> str:
    """What the message's data says by codes, as its document reads them; empty: nothing, or nothing that is known. Not escaped."""
    declared = PROTOCOLS.get(protocol)
    row = declared.messages.get(message.type or "") if declared is not None else None
    if row is None or row.in_words is None or not isinstance(message.fields, dict):
        return ""
    opened = message.encryption.data if message.encryption is not None else None
    return row.in_words(message.fields.get("data") if opened is None else opened)
