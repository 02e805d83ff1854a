"""Block-wise transfers of CoAP (RFC 7959) put together again, each direction by itself.

A transfer is known by its two addresses, its URI and its option, never by the token: some stacks change the token, or the source port, from
block to block. Among several at once between two addresses the one of the same port goes first, then the one that waits for this block.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from dissect.streams.api import Conversation

MAX_TRANSFER = 8 << 20
MAX_BYTES = 64 << 20
MAX_TRANSFERS = 4096
MAX_ALIKE = 8
"""transfers at once between two addresses with one URI"""
EXCHANGE_LIFETIME_NS = 247_000_000_000
"""RFC 7252, 4.8.2; so long after its last block, a transfer is over"""

Key = tuple[str, str, str | bytes | None, int]
"""client address, server address, URI (a response whose request was not seen: its token), code of the request or 0 for a response"""


class Block(NamedTuple):
    """One block as a message carries it."""

    conversation: Conversation
    side: int
    port: int
    """of the client"""
    offset: int
    more: bool
    payload: bytes
    etag: bytes | None
    packets: tuple[int, ...]
    time_ns: int


class Transfer:
    """Blocks of one payload."""

    __slots__ = ("conversation", "end", "etag", "first_ns", "key", "latest_ns", "next", "packets", "pieces", "port", "reached", "side", "size", "whole")

    def __init__(self, key: Key, block: Block) -> None:
        self.key = key
        self.conversation = block.conversation
        self.side = block.side
        self.port = block.port
        self.etag = block.etag
        self.pieces: dict[int, bytes] = {}
        self.packets: list[int] = []
        self.size = 0
        self.next = 0
        """where the next block in order begins"""
        self.reached = 0
        """up to where blocks follow each other from the beginning without a hole"""
        self.end: int | None = None
        """length of the payload, once its last block came"""
        self.first_ns = self.latest_ns = block.time_ns
        self.whole = False

    def missing(self) -> str:
        """What was not seen, for the user."""
        holes = 0
        position = 0
        for offset in sorted(self.pieces):
            holes += offset > position
            position = max(position, offset + len(self.pieces[offset]))
        if self.end is None:
            return f"its end, and {holes} pieces before" if holes else "its end"
        return f"{holes + (position < self.end)} pieces of {self.end} bytes"


class Whole(NamedTuple):
    payload: bytes
    packets: tuple[int, ...]
    time_ns: int


class Transfers:
    """All block-wise transfers of a capture; `broken` grows with those that will never be whole."""

    def __init__(self) -> None:
        self.broken: list[tuple[Transfer, str, int]] = []
        """(transfer, what is missing, when that was certain)"""
        self._by_key: dict[Key, list[Transfer]] = {}
        self._by_age: dict[int, Transfer] = {}
        self._bytes = 0

    def add(self, key: Key, block: Block) -> Whole | None:
        """The payload, when this block makes it whole."""
        transfer = self._find(key, block)
        self._by_age.pop(id(transfer), None)
        self._by_age[id(transfer)] = transfer
        transfer.latest_ns = max(transfer.latest_ns, block.time_ns)
        if transfer.whole or block.offset in transfer.pieces:
            return None
        transfer.conversation, transfer.side = block.conversation, block.side
        transfer.pieces[block.offset] = block.payload
        transfer.packets += block.packets
        transfer.size += len(block.payload)
        self._bytes += len(block.payload)
        transfer.next = block.offset + len(block.payload)
        if not block.more:
            transfer.end = transfer.next
        while piece := transfer.pieces.get(transfer.reached):
            transfer.reached += len(piece)
        if transfer.end is not None and transfer.end <= transfer.reached:
            whole = Whole(self._joined(transfer), tuple(sorted(set(transfer.packets))), transfer.latest_ns)
            self._empty(transfer)
            transfer.whole = True
            return whole
        if transfer.size > MAX_TRANSFER or self._bytes > MAX_BYTES:
            self._drop(transfer, "room: it grows beyond what is kept", block.time_ns)
        return None

    def _find(self, key: Key, block: Block) -> Transfer:
        """The transfer that a block belongs to; block 0 begins a new one."""
        alike = self._by_key.setdefault(key, [])
        best: Transfer | None = None
        if block.offset == 0:
            for transfer in alike:
                if transfer.port == block.port:
                    first = transfer.pieces.get(0)
                    if not transfer.whole and len(transfer.pieces) == 1 and first == block.payload:
                        return transfer
                    self._drop(transfer, None if transfer.whole else transfer.missing(), block.time_ns)
                    break
        else:
            best = max((transfer for transfer in alike if transfer.etag == block.etag or block.etag is None or transfer.etag is None),
                       key=lambda transfer: self._fit(transfer, block), default=None)
        if best is None:
            best = Transfer(key, block)
            alike = self._by_key.setdefault(key, [])
            if len(alike) >= MAX_ALIKE:
                self._drop(alike[0], None if alike[0].whole else alike[0].missing(), block.time_ns)
                alike = self._by_key.setdefault(key, [])
            alike.append(best)
            self._by_age[id(best)] = best
            if len(self._by_age) > MAX_TRANSFERS:
                for oldest in list(islice(self._by_age.values(), MAX_TRANSFERS // 8)):
                    self._drop(oldest, None if oldest.whole else "room: too many transfers at once", block.time_ns)
        return best

    @staticmethod
    def _fit(transfer: Transfer, block: Block) -> tuple[bool, bool, bool]:
        awaited = not transfer.whole and block.offset not in transfer.pieces
        return awaited and (transfer.port == block.port or transfer.next == block.offset), transfer.port == block.port, awaited

    @staticmethod
    def _joined(transfer: Transfer) -> bytes:
        """The payload: its pieces follow each other up to its end."""
        parts: list[bytes] = []
        position = 0
        while position < (transfer.end or 0):
            piece = transfer.pieces[position]
            parts.append(piece)
            position += len(piece)
        return b"".join(parts)

    def _empty(self, transfer: Transfer) -> None:
        self._bytes -= transfer.size
        transfer.size = 0
        transfer.pieces = {}
        transfer.packets = []

    def _drop(self, transfer: Transfer, missing: str | None, time_ns: int) -> None:
        if missing is not None:
            self.broken.append((transfer, missing, time_ns))
        self._bytes -= transfer.size
        transfer.size = 0
        self._by_age.pop(id(transfer), None)
        alike = self._by_key.get(transfer.key, [])
        if transfer in alike:
            alike.remove(transfer)
        if not alike:
            self._by_key.pop(transfer.key, None)

    def _over(self, now_ns: int) -> Iterator[Transfer]:
        for transfer in self._by_age.values():
            if transfer.latest_ns + EXCHANGE_LIFETIME_NS > now_ns:
                return
            yield transfer

    def tick(self, now_ns: int) -> None:
        """Give up what has had no block for EXCHANGE_LIFETIME_NS."""
        for transfer in list(self._over(now_ns)):
            self._drop(transfer, None if transfer.whole else transfer.missing(), transfer.latest_ns + EXCHANGE_LIFETIME_NS)

    def finish(self, last_ns: int) -> None:
        self.tick(last_ns)
        for transfer in list(self._by_age.values()):
            self._drop(transfer, None if transfer.whole else transfer.missing(), last_ns)
