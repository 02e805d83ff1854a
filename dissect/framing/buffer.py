"""Bytes of one side of a stream that wait to be framed, with the packets that carried them."""

from __future__ import annotations

from typing import NamedTuple

LARGE = 64 << 10
"""bytes beyond which taking a message off the front must not copy the rest"""


class Taken(NamedTuple):
    """Bytes taken off the front, and where they came from."""

    data: bytes
    packets: tuple[int, ...]
    """packet references in order of position, each once"""
    time_ns: int
    """the latest time among those packets"""


class StreamBuffer:
    """Append what comes, take whole messages off the front. Provenance costs one list entry a segment, none a byte."""

    __slots__ = ("data", "_marks")

    def __init__(self) -> None:
        self.data: bytes | bytearray = b""
        """what waits; a bytearray once it came in several segments or is large, so that adding a small one to many does not copy them"""
        self._marks: list[tuple[int, int, int]] = []
        # (length, packet, time_ns) of the segments that the waiting bytes came in

    def __len__(self) -> int:
        return len(self.data)

    def append(self, data: bytes, packet: int, time_ns: int) -> None:
        if not self.data:
            self.data = data if len(data) <= LARGE else bytearray(data)
        elif type(self.data) is bytearray:
            self.data += data
        else:
            self.data = bytearray(self.data) + data
        self._marks.append((len(data), packet, time_ns))

    def take(self, count: int) -> Taken:
        """The first *count* bytes (all there are, if fewer)."""
        held = self.data
        if count >= len(held):
            data, self.data = bytes(held), b""
        else:
            data = bytes(held[:count])
            if type(held) is bytearray:
                del held[:count]
            else:
                self.data = held[count:]
        marks, left, used = self._marks, len(data), 0
        packets: list[int] = []
        latest = 0
        while left > 0:
            length, packet, time_ns = marks[used]
            if packet not in packets[-1:]:
                packets.append(packet)
            latest = max(latest, time_ns)
            if length > left:
                marks[used] = (length - left, packet, time_ns)
                break
            left -= length
            used += 1
        del marks[:used]
        return Taken(data, tuple(packets), latest)
