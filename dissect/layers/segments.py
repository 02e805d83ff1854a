"""What the layers below TCP and UDP make of a batch: columns, one row for each packet or reassembled datagram of a conversation."""

from __future__ import annotations

from typing import NamedTuple

from dissect.capture.batch import Integers


class Row(NamedTuple):
    """One segment or datagram. Addresses are integers; `high` is the upper half of an IPv6 address, 0 for IPv4."""

    six: int
    """1: IPv6, 0: IPv4"""
    source_high: int
    source_low: int
    destination_high: int
    destination_low: int
    source_port: int
    destination_port: int
    tcp: int
    """1: TCP, 0: UDP"""
    sequence: int
    acknowledgement: int
    flags: int
    start: int
    """where the payload begins in the buffer"""
    length: int
    """payload bytes that were captured"""
    wire: int
    """payload bytes that were sent"""


class Segments:
    """Columns of rows in order of the packets that completed them; `index` is the packet's place in its batch."""

    __slots__ = ("buffer", "index", "fragments", *Row._fields)

    buffer: bytes
    index: Integers
    fragments: dict[int, tuple[tuple[int, ...], int]]
    """row → packet references of the fragments it was put together from, and the time of the first of them"""
    six: Integers
    source_high: Integers
    source_low: Integers
    destination_high: Integers
    destination_low: Integers
    source_port: Integers
    destination_port: Integers
    tcp: Integers
    sequence: Integers
    acknowledgement: Integers
    flags: Integers
    start: Integers
    length: Integers
    wire: Integers

    def __len__(self) -> int:
        return len(self.index)
