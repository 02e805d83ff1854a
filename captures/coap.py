"""CoAP messages (RFC 7252) as small devices send them, block by block where they are large (RFC 7959); built with the grammar."""

from __future__ import annotations

from dataclasses import dataclass

from grammars.coap import CONTENT_FORMATS, OPTION_NUMBERS, Type, build

__all__ = ["CHANGED", "CONTINUE", "EMPTY", "POST", "Block", "Type", "message"]

EMPTY = 0x00
POST = 0x02
CHANGED = 0x44
CONTINUE = 0x5F
JSON_FORMAT = bytes([next(number for number, name in CONTENT_FORMATS.items() if name == "application/json")])


@dataclass(frozen=True)
class Block:
    """A Block1 option: *number* of the block, whether *more* follow, and its size."""

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
    options = [(OPTION_NUMBERS["Uri-Path"], part.encode()) for part in path]
    if payload:
        options.append((OPTION_NUMBERS["Content-Format"], JSON_FORMAT))
    if block1 is not None:
        options.append((OPTION_NUMBERS["Block1"], block1.encode()))
    return build(kind, code, message_id, token, options, payload)
