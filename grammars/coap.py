"""CoAP: requests and responses of constrained devices, one message a UDP datagram, port 5683.

Follows RFC 7252, with RFC 7641 (Observe), RFC 7959 (block-wise transfers), RFC 8132 (FETCH, PATCH, iPATCH), RFC 8974 (extended tokens) and the
IANA registry of CoRE parameters for options and codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import Any, NamedTuple

from construct import (
    BitsInteger,
    BitStruct,
    Byte,
    Bytes,
    Check,
    Computed,
    Const,
    FocusedSeq,
    GreedyBytes,
    GreedyRange,
    If,
    Int16ub,
    Select,
    Struct,
    Switch,
    Terminated,
    this,
)

from grammars.vocabulary import Doc

PORT = 5683
VERSION = 1
PAYLOAD_MARKER = b"\xff"
EXTENDED_BYTE, EXTENDED_SHORT, RESERVED_NIBBLE = 13, 14, 15
BYTE_OFFSET, SHORT_OFFSET = 13, 269
"""What a nibble of 13 or 14 adds its extension to (RFC 7252, 3.1; RFC 8974, 2.1 for the token length)."""


class Type(IntEnum):
    """Message types (RFC 7252, 3)."""

    CON = 0
    NON = 1
    ACK = 2
    RST = 3


METHODS = {1: "GET", 2: "POST", 3: "PUT", 4: "DELETE", 5: "FETCH", 6: "PATCH", 7: "iPATCH"}
RESPONSES = frozenset({
    "2.01", "2.02", "2.03", "2.04", "2.05", "2.31", "4.00", "4.01", "4.02", "4.03", "4.04", "4.05", "4.06", "4.08", "4.09", "4.12", "4.13", "4.15",
    "4.22", "4.29", "5.00", "5.01", "5.02", "5.03", "5.04", "5.05", "5.08",
})
"""Response codes of the registry (IANA, CoAP Response Codes)."""


def code_name(code: int) -> str:
    """`POST`, `2.05`, `Empty`: the method's name, else class and detail, assigned or not."""
    return METHODS.get(code) or (f"{code >> 5}.{code & 31:02d}" if code else "Empty")


class Format(Enum):
    """How an option's value is read (RFC 7252, 3.2)."""

    EMPTY = "empty"
    OPAQUE = "opaque"
    UINT = "uint"
    STRING = "string"
    BLOCK = "block"
    """a uint: number, more, size exponent (RFC 7959, 2.2)"""


class Option(NamedTuple):
    name: str
    format: Format
    longest: int
    """bytes"""
    repeatable: bool
    spec: str


OPTIONS: dict[int, Option] = {
    1: Option("If-Match", Format.OPAQUE, 8, True, "RFC 7252, 5.10.8.1"),
    3: Option("Uri-Host", Format.STRING, 255, False, "RFC 7252, 5.10.1"),
    4: Option("ETag", Format.OPAQUE, 8, True, "RFC 7252, 5.10.6"),
    5: Option("If-None-Match", Format.EMPTY, 0, False, "RFC 7252, 5.10.8.2"),
    6: Option("Observe", Format.UINT, 3, False, "RFC 7641, 2"),
    7: Option("Uri-Port", Format.UINT, 2, False, "RFC 7252, 5.10.1"),
    8: Option("Location-Path", Format.STRING, 255, True, "RFC 7252, 5.10.7"),
    9: Option("OSCORE", Format.OPAQUE, 255, False, "RFC 8613, 2"),
    11: Option("Uri-Path", Format.STRING, 255, True, "RFC 7252, 5.10.1"),
    12: Option("Content-Format", Format.UINT, 2, False, "RFC 7252, 5.10.3"),
    14: Option("Max-Age", Format.UINT, 4, False, "RFC 7252, 5.10.5"),
    15: Option("Uri-Query", Format.STRING, 255, True, "RFC 7252, 5.10.1"),
    16: Option("Hop-Limit", Format.UINT, 1, False, "RFC 8768, 3"),
    17: Option("Accept", Format.UINT, 2, False, "RFC 7252, 5.10.4"),
    19: Option("Q-Block1", Format.BLOCK, 3, False, "RFC 9177, 4"),
    20: Option("Location-Query", Format.STRING, 255, True, "RFC 7252, 5.10.7"),
    21: Option("EDHOC", Format.EMPTY, 0, False, "RFC 9668, 3.1"),
    23: Option("Block2", Format.BLOCK, 3, False, "RFC 7959, 2.1"),
    27: Option("Block1", Format.BLOCK, 3, False, "RFC 7959, 2.1"),
    28: Option("Size2", Format.UINT, 4, False, "RFC 7959, 4"),
    31: Option("Q-Block2", Format.BLOCK, 3, True, "RFC 9177, 4"),
    35: Option("Proxy-Uri", Format.STRING, 1034, False, "RFC 7252, 5.10.2"),
    39: Option("Proxy-Scheme", Format.STRING, 255, False, "RFC 7252, 5.10.2"),
    60: Option("Size1", Format.UINT, 4, False, "RFC 7252, 5.10.9"),
    252: Option("Echo", Format.OPAQUE, 40, False, "RFC 9175, 2.2.1"),
    258: Option("No-Response", Format.UINT, 1, False, "RFC 7967, 2"),
    292: Option("Request-Tag", Format.OPAQUE, 8, True, "RFC 9175, 3.2.1"),
}
"""The registry of options (IANA, CoAP Option Numbers)."""
OPTION_NUMBERS = {option.name: number for number, option in OPTIONS.items()}

CONTENT_FORMATS = {0: "text/plain", 40: "application/link-format", 41: "application/xml", 42: "application/octet-stream", 47: "application/exi",
                   50: "application/json", 60: "application/cbor", 110: "application/senml+json", 112: "application/senml+cbor",
                   11542: "application/vnd.oma.lwm2m+tlv", 11543: "application/vnd.oma.lwm2m+json"}


def option_value(number: int, value: bytes) -> str | int | bytes | tuple[int, bool, int] | None:
    """An option's value by its registered format: text, number, (block number, more, block size), bytes; None for an empty format.
    Text that is not UTF-8, and numbers of unregistered options, stay bytes."""
    option = OPTIONS.get(number)
    match option.format if option else Format.OPAQUE:
        case Format.UINT:
            return int.from_bytes(value, "big")
        case Format.BLOCK:
            block = int.from_bytes(value, "big")
            return block >> 4, bool(block & 8), 16 << (block & 7)
        case Format.STRING:
            try:
                return value.decode()
            except UnicodeDecodeError:
                return value
        case Format.EMPTY:
            return None
        case _:
            return value


def _extended(nibble: Any) -> Any:
    return Switch(nibble, {EXTENDED_BYTE: Byte, EXTENDED_SHORT: Int16ub})


def _sum(nibble: int, extension: int | None) -> int:
    return nibble + (extension or 0) if nibble < EXTENDED_SHORT else SHORT_OFFSET + (extension or 0)


OPTION = Struct(
    "head" / BitStruct(
        "delta" / BitsInteger(4) * Doc("Option number less the one before; 13 and 14: extended", spec="RFC 7252, 3.1"),
        "length" / BitsInteger(4) * Doc("Length of the value; 13 and 14: extended", unit="byte", spec="RFC 7252, 3.1"),
    ),
    # RFC 7252, 3.1: "15: Reserved for the Payload Marker ... it MUST be processed as a message format error."
    Check((this.head.delta != RESERVED_NIBBLE) & (this.head.length != RESERVED_NIBBLE)),
    "delta_extension" / _extended(this.head.delta) * Doc("Delta less 13 (one byte) or 269 (two)", spec="RFC 7252, 3.1"),
    "length_extension" / _extended(this.head.length) * Doc("Length less 13 (one byte) or 269 (two)", unit="byte", spec="RFC 7252, 3.1"),
    "delta" / Computed(lambda context: _sum(context.head.delta, context.delta_extension)),
    "length" / Computed(lambda context: _sum(context.head.length, context.length_extension)),
    "value" / Bytes(this.length) * Doc("The option's value, by the format of its number (OPTIONS)", spec="RFC 7252, 3.2"),
)

PAYLOAD = FocusedSeq(
    "payload",
    Const(PAYLOAD_MARKER),
    "payload" / GreedyBytes,
    # RFC 7252, 3: "The presence of a marker followed by a zero-length payload MUST be processed as a message format error."
    Check(lambda context: len(context.payload) > 0),
)

HEADER = Struct(
    "first_byte" / BitStruct(
        "version" / BitsInteger(2) * Doc("1", spec="RFC 7252, 3"),
        "type" / BitsInteger(2) * Doc("0 CON, 1 NON, 2 ACK, 3 RST", spec="RFC 7252, 3"),
        "token_length" / BitsInteger(4) * Doc("Length of the token; 13 and 14: extended", unit="byte", spec="RFC 7252, 3; RFC 8974, 2.1"),
    ),
    "code" / Byte * Doc("Class (3 bits) and detail (5): method, response or 0.00 Empty", spec="RFC 7252, 12.1"),
    "message_id" / Int16ub * Doc("Matches ACK and RST, and tells repetitions", spec="RFC 7252, 3"),
)

MESSAGE = Struct(
    "first_byte" / HEADER.first_byte,
    Check(this.first_byte.version == VERSION),
    # RFC 7252, 3: "Lengths 9-15 are reserved"; RFC 8974, 2.1 gives 13 and 14 a meaning.
    Check(lambda context: context.first_byte.token_length in (*range(9), EXTENDED_BYTE, EXTENDED_SHORT)),
    "code" / HEADER.code,
    "message_id" / HEADER.message_id,
    # RFC 7252, 4.1: "An Empty message has the Code field set to 0.00. The Token Length field MUST be set to 0 and bytes of data MUST NOT be
    # present after the Message ID field."
    If(this.code == 0, Struct(Check(this._.first_byte.token_length == 0), Terminated)),
    "token_length_extension" / _extended(this.first_byte.token_length) * Doc("Token length less 13 or 269", unit="byte", spec="RFC 8974, 2.1"),
    "token" / Bytes(lambda context: _sum(context.first_byte.token_length, context.token_length_extension))
    * Doc("Matches a response with its request", spec="RFC 7252, 5.3.1"),
    "options" / GreedyRange(OPTION) * Doc("In order of their numbers, each as the difference from the one before", spec="RFC 7252, 3.1"),
    "payload" / Select(PAYLOAD, Terminated) * Doc("Behind the marker 0xFF; None without one", spec="RFC 7252, 3"),
)

CARRIER = MESSAGE


def _nibble(value: int) -> tuple[int, int | None]:
    if value < BYTE_OFFSET:
        return value, None
    return (EXTENDED_BYTE, value - BYTE_OFFSET) if value < SHORT_OFFSET else (EXTENDED_SHORT, value - SHORT_OFFSET)


def build(type: Type, code: int, message_id: int, token: bytes = b"", options: Iterable[tuple[int, bytes]] = (), payload: bytes = b"") -> bytes:
    """A message's bytes; *options*: (number, value), in any order of numbers; a token of 9 to 12 bytes cannot be told."""
    listed = []
    before = 0
    for number, value in sorted(options, key=lambda option: option[0]):
        delta, delta_extension = _nibble(number - before)
        length, length_extension = _nibble(len(value))
        before = number
        listed.append({"head": {"delta": delta, "length": length}, "delta_extension": delta_extension, "length_extension": length_extension,
                       "value": value})
    token_length, extension = _nibble(len(token))
    built: bytes = MESSAGE.build({
        "first_byte": {"version": VERSION, "type": type, "token_length": token_length},
        "code": code, "message_id": message_id, "token_length_extension": extension, "token": token, "options": listed, "payload": payload or None})
    return built
