"""The fast reading of one CoAP message. What it reads is what `grammars.coap` declares; tests hold the two equal."""

from __future__ import annotations

from typing import NamedTuple

from grammars.coap import METHODS, OPTION_NUMBERS, PAYLOAD_MARKER, RESPONSES, Type, code_name

TYPES = tuple(kind.name for kind in Type)
CON, NON, ACK, RST = range(4)
CODES = tuple(code_name(code) for code in range(256))
"""Names by code; unassigned ones too"""
REGISTERED = frozenset(code for code in range(256) if code in METHODS or CODES[code] in RESPONSES)
"""Request and response codes of the registry"""
ETAG, OBSERVE, URI_PATH, URI_QUERY, BLOCK2, BLOCK1 = (
    OPTION_NUMBERS[name] for name in ("ETag", "Observe", "Uri-Path", "Uri-Query", "Block2", "Block1"))
_KEPT_OPTIONS = 1024
_KEPT_LENGTH = 96


class Options:
    """The options of a message, and what they say where it matters."""

    __slots__ = ("block1", "block2", "etag", "listed", "observe", "uri")

    def __init__(self, listed: tuple[tuple[int, bytes], ...]) -> None:
        self.listed = listed
        """(number, value) in order"""
        self.block1: bytes | None = None
        self.block2: bytes | None = None
        self.etag: bytes | None = None
        self.observe: bytes | None = None
        path = query = ""
        for number, value in listed:
            if number == URI_PATH:
                path += "/" + value.decode("utf-8", "backslashreplace")
            elif number == URI_QUERY:
                query += ("&" if query else "?") + value.decode("utf-8", "backslashreplace")
            elif number == BLOCK1:
                self.block1 = value
            elif number == BLOCK2:
                self.block2 = value
            elif number == ETAG:
                self.etag = value
            elif number == OBSERVE:
                self.observe = value
        self.uri = (path or "/") + query
        """`/path/segments?query&query` of the Uri-Path and Uri-Query options"""


_NONE = Options(())
_KNOWN: dict[bytes, Options] = {}
# Most messages of a device bear the same options, byte for byte. What was read of such bytes up to the payload marker is read again the same way.


class CoapMessage(NamedTuple):
    type: int
    code: int
    message_id: int
    token: bytes
    options: Options
    payload: bytes
    """empty without one"""


class CoapProblem(NamedTuple):
    """A datagram that is no CoAP message."""

    reason: str
    offset: int
    code: int | None
    """when the header could be read and is of version 1"""


def parse(data: bytes) -> CoapMessage | CoapProblem:
    """Read one datagram. Raises nothing."""
    size = len(data)
    if size < 4:
        return CoapProblem("shorter than its header", size, None)
    first, code = data[0], data[1]
    if first >> 6 != 1:
        return CoapProblem(f"version {first >> 6}", 0, None)
    if code == 0:
        if size > 4 or first & 15:
            return CoapProblem("an Empty message of more than four bytes", 4, 0)
        return CoapMessage(first >> 4 & 3, 0, data[2] << 8 | data[3], b"", _NONE, b"")
    place = 4
    length = first & 15
    if length > 8:
        if length == 13 and size > 4:
            length, place = 13 + data[4], 5
        elif length == 14 and size > 5:
            length, place = 269 + (data[4] << 8 | data[5]), 6
        else:
            return CoapProblem(f"a token length of {length}", 0, code)
    start = place
    place += length
    if place > size:
        return CoapProblem("the token goes past the datagram", start, code)
    token = data[start:place]
    begin = place
    marker = data.find(PAYLOAD_MARKER, place)
    if marker >= 0 and marker + 1 < size:
        known = _KNOWN.get(data[place:marker])
        if known is not None:
            return CoapMessage(first >> 4 & 3, code, data[2] << 8 | data[3], token, known, data[marker + 1:])
    listed: list[tuple[int, bytes]] = []
    number = 0
    while place < size:
        head = data[place]
        if head == 0xFF:
            if place + 1 == size:
                return CoapProblem("a payload marker without a payload", place, code)
            options = Options(tuple(listed))
            if place - begin <= _KEPT_LENGTH:
                if len(_KNOWN) >= _KEPT_OPTIONS:
                    _KNOWN.clear()
                _KNOWN[data[begin:place]] = options
            return CoapMessage(first >> 4 & 3, code, data[2] << 8 | data[3], token, options, data[place + 1:])
        start = place
        place += 1
        delta, length = head >> 4, head & 15
        if delta > 12:
            if delta == 15:
                return CoapProblem("a reserved option delta", start, code)
            width = delta - 12
            if place + width > size:
                return CoapProblem("an option goes past the datagram", start, code)
            delta = 13 + data[place] if width == 1 else 269 + (data[place] << 8 | data[place + 1])
            place += width
        if length > 12:
            if length == 15:
                return CoapProblem("a reserved option length", start, code)
            width = length - 12
            if place + width > size:
                return CoapProblem("an option goes past the datagram", start, code)
            length = 13 + data[place] if width == 1 else 269 + (data[place] << 8 | data[place + 1])
            place += width
        end = place + length
        if end > size:
            return CoapProblem("an option goes past the datagram", start, code)
        number += delta
        listed.append((number, data[place:end]))
        place = end
    return CoapMessage(first >> 4 & 3, code, data[2] << 8 | data[3], token, Options(tuple(listed)), b"")
