"""Bytes of one side that wait for the rest of a message, and the packets they came in. Appending costs nothing per byte already there."""

from __future__ import annotations


class Inlet:
    """A queue of segments. `front` joins what waits only when asked, so a long message is copied once, not once a segment."""

    __slots__ = ("_marks", "_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._marks: list[tuple[int, int, int]] = []
        # (length, packet, time_ns) of the segments that the waiting bytes came in
        self.size = 0

    def append(self, data: bytes, packet: int, time_ns: int) -> None:
        if data:
            self._parts.append(data)
            self._marks.append((len(data), packet, time_ns))
            self.size += len(data)

    def front(self) -> bytes:
        """All bytes that wait, left in place."""
        if len(self._parts) != 1:
            self._parts = [b"".join(self._parts)] if self._parts else []
        return self._parts[0] if self._parts else b""

    def origin(self, start: int, end: int) -> tuple[tuple[int, ...], int]:
        """The packets that carried the waiting bytes *start* to *end*, each once in order, and the latest of their times (0: none)."""
        packets: list[int] = []
        latest = position = 0
        for length, packet, time_ns in self._marks:
            if position >= end:
                break
            position += length
            if position > start:
                if packet not in packets[-1:]:
                    packets.append(packet)
                latest = max(latest, time_ns)
        return tuple(packets), latest

    def drop(self, count: int) -> None:
        """Take *count* bytes off the front."""
        if count <= 0:
            return
        if count >= self.size:
            self.clear()
            return
        self._parts = [self.front()[count:]]
        self.size -= count
        marks, used = self._marks, 0
        while count > 0:
            length, packet, time_ns = marks[used]
            if length > count:
                marks[used] = (length - count, packet, time_ns)
                break
            count -= length
            used += 1
        del marks[:used]

    def clear(self) -> None:
        self._parts = []
        self._marks = []
        self.size = 0

    def move(self, other: Inlet, count: int) -> None:
        """Hand the first *count* bytes, with their packets, over to *other*."""
        if count >= self.size:
            other._parts += self._parts
            other._marks += self._marks
            other.size += self.size
            self.clear()
            return
        data, left = self.front(), count
        for length, packet, time_ns in self._marks:
            if left <= 0:
                break
            start = count - left
            other.append(data[start:start + min(left, length)], packet, time_ns)
            left -= length
        self.drop(count)
