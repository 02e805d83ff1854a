"""IP fragments put together, of both versions, in any order. The first bytes seen win where fragments overlap."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

MAXIMUM_DATAGRAMS = 4096
MAXIMUM_BYTES = 32 << 20
FRAGMENT_COST = 160
"""what one costs beside its bytes, which may be few"""
MAXIMUM_FRAGMENTS = 8192
"""of one datagram: as many as 65,535 bytes have places"""
MAXIMUM_SIZE = 65_535 + 8 * 8191
LIFETIME_NS = 60_000_000_000
"""RFC 791, 3.2 and RFC 8200, 4.5: 60 seconds"""

Key = tuple[int, int, int, int, int, int, int]
"""six, source (high, low), destination (high, low), protocol, identification"""


class Whole(NamedTuple):
    """A datagram's payload and what it came in."""

    payload: bytes
    packets: tuple[int, ...]
    first_ns: int


class _Datagram:
    __slots__ = ("starts", "pieces", "total", "have", "packets", "first_ns", "reach", "_joined")

    def __init__(self, first_ns: int) -> None:
        self.starts: list[int] = []
        self.pieces: list[bytes] = []
        self.total: int | None = None
        self.have = 0
        self.packets: list[int] = []
        self.first_ns = first_ns
        self.reach = 0
        """before it no place is empty"""
        self._joined = 0
        # pieces that lie before it

    def insert(self, offset: int, data: bytes) -> int:
        """Keep the bytes of places that have none yet; gives how many."""
        added, position, end = 0, offset, offset + len(data)
        index = bisect_right(self.starts, position) - 1
        if index >= 0:
            position = max(position, self.starts[index] + len(self.pieces[index]))
        index += 1
        while position < end:
            stop = min(end, self.starts[index]) if index < len(self.starts) else end
            if stop > position:
                self.starts.insert(index, position)
                self.pieces.insert(index, data[position - offset:stop - offset])
                added += stop - position
                index += 1
            if index >= len(self.starts):
                break
            position = max(position, self.starts[index] + len(self.pieces[index]))
            index += 1
        self.have += added
        while self._joined < len(self.starts) and self.starts[self._joined] <= self.reach:
            self.reach = self.starts[self._joined] + len(self.pieces[self._joined])
            self._joined += 1
        return added


class FragmentTable:
    """*incomplete(key, packets, time_ns)* is told of datagrams that never were whole."""

    def __init__(self, incomplete: Callable[[Key, tuple[int, ...], int], None]) -> None:
        self._incomplete = incomplete
        self._datagrams: dict[Key, _Datagram] = {}
        self._bytes = 0

    def add(self, key: Key, offset: int, more: bool, data: bytes, wire: int, packet: int, time_ns: int) -> Whole | None:
        """One fragment of *wire* bytes of which *data* was captured; the datagram, when it is whole now."""
        self.expire(time_ns)
        datagram = self._datagrams.get(key)
        if datagram is None:
            if len(self._datagrams) >= MAXIMUM_DATAGRAMS:
                self._give_up(next(iter(self._datagrams)))
            datagram = self._datagrams[key] = _Datagram(time_ns)
        if offset + wire > MAXIMUM_SIZE or len(datagram.packets) >= MAXIMUM_FRAGMENTS:
            self._give_up(key)
            return None
        if not more and datagram.total is None:
            datagram.total = offset + wire
            news = True
        else:
            news = not datagram.packets
        added = datagram.insert(offset, data)
        self._bytes += added
        if added or news:
            datagram.packets.append(packet)
            self._bytes += FRAGMENT_COST
        # Bytes behind the end count for nothing.
        if datagram.total is not None and datagram.reach >= datagram.total:
            self._forget(key)
            return Whole(b"".join(datagram.pieces)[:datagram.total], tuple(datagram.packets), datagram.first_ns)
        while self._bytes > MAXIMUM_BYTES:
            self._give_up(next(iter(self._datagrams)))
        return None

    def expire(self, time_ns: int) -> None:
        """Give up what is older than its lifetime."""
        while self._datagrams:
            key = next(iter(self._datagrams))
            if time_ns - self._datagrams[key].first_ns <= LIFETIME_NS:
                return
            self._give_up(key)

    def finish(self) -> None:
        for key in list(self._datagrams):
            self._give_up(key)

    def _forget(self, key: Key) -> _Datagram:
        datagram = self._datagrams.pop(key)
        self._bytes -= datagram.have + len(datagram.packets) * FRAGMENT_COST
        return datagram

    def _give_up(self, key: Key) -> None:
        datagram = self._forget(key)
        self._incomplete(key, tuple(datagram.packets), datagram.first_ns)
