"""MQTT: control packets of a publish/subscribe protocol over TCP 1883 (8883 with TLS), versions 3.1, 3.1.1 and 5.0.

Follows OASIS MQTT 3.1.1 and 5.0 (cited as 3.1.1 and 5.0 with their section) and IBM MQTT 3.1. What a packet holds depends on the
connection's protocol level: give it as `PACKET.parse(data, level=5)`; 3 is version 3.1, 4 is 3.1.1, 5 is 5.0.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from construct import (
    BitsInteger,
    BitStruct,
    Byte,
    Check,
    Computed,
    Construct,
    Error,
    FixedSized,
    Flag,
    FocusedSeq,
    GreedyBytes,
    GreedyRange,
    If,
    IfThenElse,
    Int16ub,
    Int32ub,
    IntegerError,
    PascalString,
    Prefixed,
    Rebuild,
    Select,
    Struct,
    Switch,
    Terminated,
    this,
)
from construct import Optional as Maybe

from grammars.vocabulary import Doc

LEVEL_3_1, LEVEL_3_1_1, LEVEL_5_0 = 3, 4, 5
PORT, TLS_PORT = 1883, 8883
PROTOCOL_NAMES = (b"MQTT", b"MQIsdp")
VARIABLE_INTEGER_BYTES = 4
"""5.0, 1.5.5: "The maximum number of bytes in the Variable Byte Integer field is four." """


class Kind(IntEnum):
    """Control packet types (5.0, 2.1.2)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class PropertyKind(IntEnum):
    """Properties (5.0, 2.2.2.2)."""

    PAYLOAD_FORMAT_INDICATOR = 0x01
    MESSAGE_EXPIRY_INTERVAL = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_IDENTIFIER = 0x0B
    SESSION_EXPIRY_INTERVAL = 0x11
    ASSIGNED_CLIENT_IDENTIFIER = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTHENTICATION_METHOD = 0x15
    AUTHENTICATION_DATA = 0x16
    REQUEST_PROBLEM_INFORMATION = 0x17
    WILL_DELAY_INTERVAL = 0x18
    REQUEST_RESPONSE_INFORMATION = 0x19
    RESPONSE_INFORMATION = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28
    SUBSCRIPTION_IDENTIFIER_AVAILABLE = 0x29
    SHARED_SUBSCRIPTION_AVAILABLE = 0x2A


class VariableInteger(Construct):
    """Seven bits a byte, least significant first, at most four bytes (5.0, 1.5.5). Construct's own VarInt has no bound."""

    def _parse(self, stream: Any, context: Any, path: str) -> int:
        value = 0
        for place in range(VARIABLE_INTEGER_BYTES):
            byte: int = Byte._parsereport(stream, context, path)
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value
        raise IntegerError("variable byte integer of more than four bytes", path=path)

    def _build(self, obj: int, stream: Any, context: Any, path: str) -> int:
        if not 0 <= obj < 1 << 7 * VARIABLE_INTEGER_BYTES:
            raise IntegerError(f"{obj} is no variable byte integer", path=path)
        rest = obj
        while rest >= 0x80:
            stream.write(bytes((rest & 0x7F | 0x80,)))
            rest >>= 7
        stream.write(bytes((rest,)))
        return obj


VARIABLE_INTEGER = VariableInteger()
TEXT = PascalString(Int16ub, "utf8")
BINARY = Prefixed(Int16ub, GreedyBytes)

PROPERTY_FORMATS: dict[int, Any] = {
    PropertyKind.PAYLOAD_FORMAT_INDICATOR: Byte,
    PropertyKind.MESSAGE_EXPIRY_INTERVAL: Int32ub,
    PropertyKind.CONTENT_TYPE: TEXT,
    PropertyKind.RESPONSE_TOPIC: TEXT,
    PropertyKind.CORRELATION_DATA: BINARY,
    PropertyKind.SUBSCRIPTION_IDENTIFIER: VARIABLE_INTEGER,
    PropertyKind.SESSION_EXPIRY_INTERVAL: Int32ub,
    PropertyKind.ASSIGNED_CLIENT_IDENTIFIER: TEXT,
    PropertyKind.SERVER_KEEP_ALIVE: Int16ub,
    PropertyKind.AUTHENTICATION_METHOD: TEXT,
    PropertyKind.AUTHENTICATION_DATA: BINARY,
    PropertyKind.REQUEST_PROBLEM_INFORMATION: Byte,
    PropertyKind.WILL_DELAY_INTERVAL: Int32ub,
    PropertyKind.REQUEST_RESPONSE_INFORMATION: Byte,
    PropertyKind.RESPONSE_INFORMATION: TEXT,
    PropertyKind.SERVER_REFERENCE: TEXT,
    PropertyKind.REASON_STRING: TEXT,
    PropertyKind.RECEIVE_MAXIMUM: Int16ub,
    PropertyKind.TOPIC_ALIAS_MAXIMUM: Int16ub,
    PropertyKind.TOPIC_ALIAS: Int16ub,
    PropertyKind.MAXIMUM_QOS: Byte,
    PropertyKind.RETAIN_AVAILABLE: Byte,
    PropertyKind.USER_PROPERTY: Struct(
        "name" / TEXT * Doc("Name of a user property; the same name may come more than once", spec="5.0, 2.2.2.2"),
        "value" / TEXT * Doc("Its value", spec="5.0, 2.2.2.2"),
    ),
    PropertyKind.MAXIMUM_PACKET_SIZE: Int32ub,
    PropertyKind.WILDCARD_SUBSCRIPTION_AVAILABLE: Byte,
    PropertyKind.SUBSCRIPTION_IDENTIFIER_AVAILABLE: Byte,
    PropertyKind.SHARED_SUBSCRIPTION_AVAILABLE: Byte,
}

PROPERTY = Struct(
    "identifier" / VARIABLE_INTEGER * Doc("What the property says (PropertyKind)", spec="5.0, 2.2.2.2"),
    "value" / Switch(this.identifier, PROPERTY_FORMATS, default=Error)
    * Doc("The property's value, in the format of its identifier", spec="5.0, 2.2.2.2"),
)


def whole(repeated: Any) -> Any:
    """GreedyRange stops silently at what it cannot read; nothing may be left behind it."""
    return FocusedSeq("entries", "entries" / GreedyRange(repeated), Terminated)


PROPERTY_LIST = Prefixed(VARIABLE_INTEGER, whole(PROPERTY))
IN_VERSION_5 = this._params.level >= LEVEL_5_0
PROPERTIES = "properties" / If(IN_VERSION_5, PROPERTY_LIST) * Doc("Properties, in the order sent, repeated ones kept", spec="5.0, 2.2.2")
PACKET_IDENTIFIER = "packet_identifier" / Int16ub * Doc("Pairs a packet with its acknowledgement", spec="5.0, 2.2.1")

CONNECT = Struct(
    "protocol_name" / Prefixed(Int16ub, GreedyBytes) * Doc("MQTT, or MQIsdp in version 3.1", spec="5.0, 3.1.2.1"),
    "protocol_level" / Byte * Doc("3: version 3.1; 4: 3.1.1; 5: 5.0", spec="5.0, 3.1.2.2"),
    "connect_flags" / BitStruct(
        "user_name" / Flag * Doc("A user name follows", spec="5.0, 3.1.2.8"),
        "password" / Flag * Doc("A password follows", spec="5.0, 3.1.2.9"),
        "will_retain" / Flag * Doc("The will is published as retained", spec="5.0, 3.1.2.7"),
        "will_qos" / BitsInteger(2) * Doc("Quality of service of the will", spec="5.0, 3.1.2.6"),
        "will" / Flag * Doc("A will follows", spec="5.0, 3.1.2.5"),
        "clean_start" / Flag * Doc("Session state of before is discarded (clean session until 3.1.1)", spec="5.0, 3.1.2.4"),
        "reserved" / Flag * Doc("Zero", spec="5.0, 3.1.2.3"),
    ),
    "keep_alive" / Int16ub * Doc("Longest silence of the client; 0 turns it off", unit="second", spec="5.0, 3.1.2.10"),
    "properties" / If(this.protocol_level >= LEVEL_5_0, PROPERTY_LIST) * Doc("Properties of the connection", spec="5.0, 3.1.2.11"),
    "client_identifier" / TEXT * Doc("Name of the client; empty: the server assigns one", spec="5.0, 3.1.3.1"),
    "will_properties" / If(this.connect_flags.will & (this.protocol_level >= LEVEL_5_0), PROPERTY_LIST)
    * Doc("Properties of the will", spec="5.0, 3.1.3.2"),
    "will_topic" / If(this.connect_flags.will, TEXT) * Doc("Topic of the will", spec="5.0, 3.1.3.3"),
    "will_payload" / If(this.connect_flags.will, BINARY) * Doc("What the server publishes when the client vanishes", spec="5.0, 3.1.3.4"),
    # Version 3.1 lets a client that sets these flags leave the fields out: "for compatibility ... the Remaining length field takes precedence".
    "user_name_text" / If(this.connect_flags.user_name, IfThenElse(this.protocol_level > LEVEL_3_1, TEXT, Select(TEXT, Terminated)))
    * Doc("User name", spec="5.0, 3.1.3.5"),
    "password_bytes" / If(this.connect_flags.password, IfThenElse(this.protocol_level > LEVEL_3_1, BINARY, Select(BINARY, Terminated)))
    * Doc("Password, in clear", spec="5.0, 3.1.3.6"),
    Terminated,
)

CONNACK = Struct(
    "acknowledge_flags" / Byte * Doc("Bit 0: the server has session state of this client", spec="5.0, 3.2.2.1"),
    "reason_code" / Byte * Doc("0: accepted", spec="5.0, 3.2.2.2"),
    PROPERTIES,
    Terminated,
)

PUBLISH = Struct(
    "topic" / TEXT * Doc("What the message is about; empty where a topic alias stands for it", spec="5.0, 3.3.2.1"),
    "packet_identifier" / If(this._.flags.qos > 0, Int16ub) * Doc("Of the delivery, with quality of service 1 and 2", spec="5.0, 3.3.2.2"),
    PROPERTIES,
    "payload" / GreedyBytes * Doc("The message itself", spec="5.0, 3.3.3"),
)

ACKNOWLEDGEMENT = Struct(
    PACKET_IDENTIFIER,
    # 5.0, 3.4.2.1: "The Reason Code and Property Length can be omitted if the Reason Code is 0x00 (Success) and there are no Properties."
    "reason_code" / If(IN_VERSION_5, Maybe(Byte)) * Doc("0: success; absent means success", spec="5.0, 3.4.2.1"),
    "properties" / If(this.reason_code != None, Maybe(PROPERTY_LIST)) * Doc("Properties of the acknowledgement", spec="5.0, 3.4.2.2"),  # noqa: E711
    Terminated,
)

SUBSCRIBE = Struct(
    PACKET_IDENTIFIER,
    PROPERTIES,
    "subscriptions" / whole(Struct(
        "topic_filter" / TEXT * Doc("Topics asked for; + and # are wildcards", spec="5.0, 3.8.3"),
        "options" / Byte * Doc("Bits 0-1: highest quality of service; further options in version 5", spec="5.0, 3.8.3.1"),
    )) * Doc("Topic filters with their options", spec="5.0, 3.8.3"),
)

SUBACK = Struct(
    PACKET_IDENTIFIER,
    PROPERTIES,
    "reason_codes" / GreedyRange(Byte) * Doc("One for each topic filter: granted quality of service, or 0x80 and above: refused", spec="5.0, 3.9.3"),
)

UNSUBSCRIBE = Struct(
    PACKET_IDENTIFIER,
    PROPERTIES,
    "topic_filters" / whole(TEXT) * Doc("Topic filters given up", spec="5.0, 3.10.3"),
)

UNSUBACK = Struct(
    PACKET_IDENTIFIER,
    PROPERTIES,
    "reason_codes" / GreedyRange(Byte) * Doc("One for each topic filter, in version 5; none before", spec="5.0, 3.11.3"),
)

PING = Struct(Terminated)

ENDING = Struct(
    "reason_code" / If(IN_VERSION_5, Maybe(Byte)) * Doc("Why; absent means 0, normal", spec="5.0, 3.14.2.1"),
    "properties" / If(this.reason_code != None, Maybe(PROPERTY_LIST)) * Doc("Properties of the ending or authentication", spec="5.0, 3.14.2.2"),  # noqa: E711
    Terminated,
)

BODIES: dict[int, Any] = {
    Kind.CONNECT: CONNECT,
    Kind.CONNACK: CONNACK,
    Kind.PUBLISH: PUBLISH,
    Kind.PUBACK: ACKNOWLEDGEMENT,
    Kind.PUBREC: ACKNOWLEDGEMENT,
    Kind.PUBREL: ACKNOWLEDGEMENT,
    Kind.PUBCOMP: ACKNOWLEDGEMENT,
    Kind.SUBSCRIBE: SUBSCRIBE,
    Kind.SUBACK: SUBACK,
    Kind.UNSUBSCRIBE: UNSUBSCRIBE,
    Kind.UNSUBACK: UNSUBACK,
    Kind.PINGREQ: PING,
    Kind.PINGRESP: PING,
    Kind.DISCONNECT: ENDING,
    Kind.AUTH: ENDING,
}
_BODY = Switch(this.kind, BODIES, default=Error)


def _body_size(context: Any) -> int:
    return len(_BODY.build(context.body, kind=context.kind, flags=context.flags, **context._params))


FIXED_HEADER = Struct(
    "first_byte" / BitStruct(
        "kind" / BitsInteger(4) * Doc("Control packet type (Kind)", spec="5.0, 2.1.2"),
        "flags" / Struct(
            "dup" / Flag * Doc("PUBLISH: sent before", spec="5.0, 3.3.1.1"),
            "qos" / BitsInteger(2) * Doc("PUBLISH: quality of service, 0 to 2", spec="5.0, 3.3.1.2"),
            "retain" / Flag * Doc("PUBLISH: to be kept, or kept and now delivered", spec="5.0, 3.3.1.3"),
        ),
    ),
    "remaining_length" / VARIABLE_INTEGER * Doc("Bytes that follow in this packet", unit="byte", spec="5.0, 2.1.4"),
)
"""What framing reads: any four-bit type, any flags."""

PACKET = Struct(
    "first_byte" / FIXED_HEADER.first_byte,
    "kind" / Computed(this.first_byte.kind),
    "flags" / Computed(this.first_byte.flags),
    # 5.0, 3.3.1.2: "A PUBLISH Packet MUST NOT have both QoS bits set to 1."
    Check(lambda context: context.kind != Kind.PUBLISH or context.flags.qos < 3),
    "remaining_length" / Rebuild(FIXED_HEADER.remaining_length, _body_size),
    "body" / FixedSized(this.remaining_length, _BODY) * Doc("Variable header and payload", spec="5.0, 2.2, 2.3"),
)

RESERVED_FLAGS = {kind: 2 if kind in (Kind.PUBREL, Kind.SUBSCRIBE, Kind.UNSUBSCRIBE) else 0 for kind in Kind if kind != Kind.PUBLISH}
"""The lower four bits of the first byte of every packet but PUBLISH (5.0, 2.1.3)."""

CARRIER = PACKET
