"""Packets in batches: one buffer and numpy columns beside it, no object per packet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dissect.streams.api import FILE_SHIFT, packet_ref

if TYPE_CHECKING:
    from dissect.sources import Capture

Integers = npt.NDArray[np.int64]
CLOCK_SET_NS = 10**9
"""a step back from one packet of an interface to its next that no reordering explains"""


class Batch:
    """Some packets of one file in order of the file (or of time, `in_time_order`). Column i describes packet i."""

    __slots__ = ("buffer", "offset", "caplen", "origlen", "time_ns", "link", "number", "file")

    def __init__(self, buffer: bytes, offset: Integers, caplen: Integers, origlen: Integers, time_ns: Integers, link: Integers, number: Integers,
                 file: int) -> None:
        self.buffer = buffer
        """holds the packets' bytes, and whatever of the file stood between them"""
        self.offset = offset
        """where a packet's first byte is in the buffer"""
        self.caplen = caplen
        self.origlen = origlen
        """length on the wire; never below caplen"""
        self.time_ns = time_ns
        self.link = link
        """number of the link type (grammars.linktypes)"""
        self.number = number
        """1-based, in its file"""
        self.file = file

    def __len__(self) -> int:
        return len(self.offset)

    def references(self) -> Integers:
        """Packet references as in `dissect.streams.api`."""
        return self.number + (self.file << FILE_SHIFT)

    def reference(self, index: int) -> int:
        return packet_ref(self.file, int(self.number[index]))

    def packet(self, index: int) -> bytes:
        """The captured bytes of one packet."""
        start = int(self.offset[index])
        return self.buffer[start:start + int(self.caplen[index])]

    def select(self, chosen: npt.NDArray[np.bool_] | Integers) -> Batch:
        """The packets that a mask keeps, or those of an array of indices in its order; the buffer is shared."""
        return Batch(self.buffer, self.offset[chosen], self.caplen[chosen], self.origlen[chosen], self.time_ns[chosen], self.link[chosen],
                     self.number[chosen], self.file)

    def in_time_order(self, one_clock: bool = False) -> Batch:
        """Itself when times never go back, else its packets in stable order of time.

        *one_clock*: the packets come from one interface, so a time that goes back by more than a second is a clock that was set: nothing is moved
        across it.
        """
        back = self.time_ns[1:] < self.time_ns[:-1]
        if not bool(back.any()):
            return self
        steps = self.time_ns[1:] < self.time_ns[:-1] - CLOCK_SET_NS
        if not one_clock or not bool(steps.any()):
            return self.select(np.argsort(self.time_ns, kind="stable").astype(np.int64))
        epoch = np.concatenate((np.zeros(1, np.int64), np.cumsum(steps)))
        return self.select(np.lexsort((self.time_ns, epoch)).astype(np.int64))

    @classmethod
    def of(cls, packets: Sequence[tuple[int, bytes, int]], link: int, *, file: int = 0, first_number: int = 1) -> Batch:
        """From (time_ns, captured bytes, original length) of packets of one link type, as a live capture brings them."""
        lengths = np.fromiter((len(data) for _, data, _ in packets), np.int64, len(packets))
        offset = np.zeros(len(packets), np.int64)
        np.cumsum(lengths[:-1], out=offset[1:])
        original = np.fromiter((length for _, _, length in packets), np.int64, len(packets))
        return cls(b"".join(data for _, data, _ in packets), offset, lengths, np.maximum(original, lengths),
                   np.fromiter((time_ns for time_ns, _, _ in packets), np.int64, len(packets)), np.full(len(packets), link, np.int64),
                   np.arange(first_number, first_number + len(packets), dtype=np.int64), file)


def in_order(batch: Batch, capture: Capture) -> Batch:
    """The packets of a batch of *capture* in the order in which they are looked at, here and wherever conversations are told apart again."""
    return batch.in_time_order(one_clock=not capture.several_interfaces)


def column(buffer: bytes, places: Integers, offset: int, code: str) -> Integers:
    """The integers of struct format *code* at *places* + *offset*; all of them must lie in the buffer."""
    kind = np.dtype(code)
    if not len(places):
        return np.zeros(0, np.int64)
    view: npt.NDArray[np.generic] = np.ndarray((len(buffer) - kind.itemsize + 1,), kind, buffer, strides=(1,))
    return view[places + offset].astype(np.int64)
