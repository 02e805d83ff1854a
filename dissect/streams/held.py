"""Bytes of one side of a connection that wait for others before them, and where the bytes of all sides are kept."""

from __future__ import annotations

import tempfile
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import IO, NamedTuple

_OVERHEAD = 160
# what an object of Python costs beside the bytes in it
GAP = -1
"""The handle of positions that no later packet can bring"""


class ByteStore:
    """Keeps byte strings by handle: in memory up to a bound, in a temporary file beyond it."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._kept: dict[int, bytes] = {}
        self._next = 0
        self._file: IO[bytes] | None = None
        self._file_end = 0
        self._file_live = 0
        self.used = 0
        """bytes of memory, about"""

    def put(self, data: bytes) -> int:
        """A handle: even ones are in memory, odd ones in the file."""
        cost = len(data) + _OVERHEAD
        if self.used + cost <= self._memory:
            self.used += cost
            handle, self._next = self._next, self._next + 2
            self._kept[handle] = data
            return handle
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="dissect-")  # noqa: SIM115  # closed with the store
        self._file.seek(self._file_end)
        self._file.write(data)
        handle = self._file_end << 1 | 1
        self._file_end += len(data)
        self._file_live += len(data)
        return handle

    def get(self, handle: int, length: int) -> bytes:
        if not handle & 1:
            return self._kept[handle]
        assert self._file is not None
        self._file.seek(handle >> 1)
        return self._file.read(length)

    def drop(self, handle: int, length: int) -> None:
        if not handle & 1:
            self.used -= len(self._kept.pop(handle)) + _OVERHEAD
            return
        self._file_live -= length
        if not self._file_live and self._file is not None:
            self._file.truncate(0)
            self._file_end = 0

    def close(self) -> None:
        self._kept.clear()
        if self._file is not None:
            self._file.close()
            self._file = None


class Piece(NamedTuple):
    """Held positions from *start* to before *end*."""

    start: int
    end: int
    packet: int
    time_ns: int
    handle: int


class Held:
    """Pieces that do not overlap, in order of position; about 50 bytes each beside their data."""

    __slots__ = ("_starts", "_rows", "_head", "_ends", "_packets", "_times", "_handles", "size")

    def __init__(self) -> None:
        self._starts, self._rows = array("q"), array("q")
        # in order of position, from `_head` on; the other columns in order of arrival
        self._head = 0
        self._ends, self._packets, self._times, self._handles = array("q"), array("q"), array("q"), array("q")
        self.size = 0
        """positions held"""

    def __len__(self) -> int:
        return len(self._starts) - self._head

    def first(self) -> Piece:
        return self._piece(self._head)

    def _piece(self, index: int) -> Piece:
        row = self._rows[index]
        return Piece(self._starts[index], self._ends[row], self._packets[row], self._times[row], self._handles[row])

    def __iter__(self) -> Iterator[Piece]:
        for index in range(self._head, len(self._starts)):
            yield self._piece(index)

    def pop(self) -> Piece:
        """Take the first piece off."""
        piece = self._piece(self._head)
        self._head += 1
        self.size -= piece.end - piece.start
        if self._head > 64 and self._head * 2 > len(self._starts):
            del self._starts[:self._head], self._rows[:self._head]
            self._head = 0
            if len(self._ends) > 4 * len(self._rows):
                self._forget_rows()
        return piece

    def _forget_rows(self) -> None:
        """Drop the rows of pieces that were taken off: where a hole always stays open, they would be kept for as long."""
        order = sorted(self._rows)
        for name in ("_ends", "_packets", "_times", "_handles"):
            column = getattr(self, name)
            setattr(self, name, array("q", [column[row] for row in order]))
        places = {row: place for place, row in enumerate(order)}
        self._rows = array("q", [places[row] for row in self._rows])

    def _between(self, start: int, end: int) -> range:
        """Indices of the pieces that may hold positions from *start* to before *end*; the first may end before."""
        starts, head = self._starts, self._head
        return range(max(head, bisect_right(starts, start, head) - 1), bisect_left(starts, end, head))

    def overlaps(self, start: int, end: int, most: int) -> list[Piece]:
        """Pieces that hold any of the positions from *start* to before *end*, the first *most* of them."""
        found = (piece for piece in map(self._piece, self._between(start, end)) if piece.end > start)
        return list(islice(found, most))

    def uncovered(self, start: int, end: int, most: int | None = None) -> list[tuple[int, int]]:
        """The runs of positions from *start* to before *end* that no piece holds. *most*: up to the last of so many pieces there."""
        starts, rows, ends = self._starts, self._rows, self._ends
        if not starts or start >= ends[rows[-1]]:
            return [(start, end)]
        found: list[tuple[int, int]] = []
        place = start
        pieces = self._between(start, end)
        if most is not None and len(pieces) > most:
            pieces = pieces[:most]
            end = starts[pieces[-1]]
        for index in pieces:
            low, high = starts[index], ends[rows[index]]
            if low > place:
                found.append((place, low))
            place = max(place, high)
        if place < end:
            found.append((place, end))
        return found

    def insert(self, piece: Piece) -> None:
        """*piece* must overlap nothing."""
        row = len(self._ends)
        self._ends.append(piece.end)
        self._packets.append(piece.packet)
        self._times.append(piece.time_ns)
        self._handles.append(piece.handle)
        starts = self._starts
        if not starts or piece.start > starts[-1]:
            starts.append(piece.start)
            self._rows.append(row)
        else:
            index = bisect_right(starts, piece.start, self._head)
            starts.insert(index, piece.start)
            self._rows.insert(index, row)
        self.size += piece.end - piece.start
