"""CoAP messages (RFC 7252) as small devices send them, block by block where they are large (RFC 7959)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Type(IntEnum):
    CON = 0
    NON = 1
    ACK = 2
    RST = 3


EMPTY = 0x00
POST = 0x02
CHANGED = 0x44
CONTENT = 0x45
CONTINUE = 0x5F

URI_PATH = 11
CONTENT_FORMAT = 12
BLOCK2 = 23
BLOCK1 = 27
JSON_FORMAT = 50


@dataclass(frozen=True)
class Block:
    """A Block1 or Block2 option: *number* of the block, whether *more* follow, and its size."""

    number: int
    more: bool
    size: int

    def encode(self) -> bytes:
        exponent = self.size.bit_length() - 5
        value = self.number << 4 | self.more << 3 | exponent
        return value.to_bytes((value.bit_length() + 7) // 8, "big")


def message(kind: Type, code: int, message_id: int, token: bytes = b"", *, path: tuple[str, ...] = (), block1: Block | None = None,
            payload: bytes = b"") -> bytes:
    """One CoAP message; a payload is announced as JSON."""
    options = [(URI_PATH, part.encode()) for part in path]
    if payload:
        options.append((CONTENT_FORMAT, bytes([JSON_FORMAT])))
    if block1 is not None:
        options.append((BLOCK1, block1.encode()))
    out = bytearray([0x40 | kind << 4 | len(token), code])
    out += message_id.to_bytes(2, "big") + token
    before = 0
    for number, value in options:
        delta, delta_more = _nibble(number - before)
        length, length_more = _nibble(len(value))
        out += bytes([delta << 4 | length]) + delta_more + length_more + value
        before = number
    if payload:
        out += b"\xff" + payload
    return bytes(out)


def _nibble(value: int) -> tuple[int, bytes]:
    """3.1: 13 and 14 say that one or two bytes more carry the rest."""
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, (value - 269).to_bytes(2, "big")
