"""Messages that are JSON objects one after the other."""

from __future__ import annotations

from collections.abc import Callable

from dissect.framing.braces import MARK, STRING_MARK
from dissect.framing.buffer import StreamBuffer, Taken
from dissect.framing.framed import BAD_LIMIT, Framed, joined, malformed_run
from grammars.vocabulary import Objects

BAD_PATIENCE_NS = 10**9
"""how long malformed bytes wait for more of their kind"""
INSIDE_LOOKS = 64
INSIDE_BYTES = 64 << 10
"""bounds of looking for a message inside of an object that is not closed"""


class ObjectFramer:
    """JSON objects one after the other: each ends by its matching brace, outside of strings.

    *accept* tells whether an object is a message. What is none, up to the next message, is one malformed run; behind missing bytes it is
    what the hole left of a message, and told of by the hole alone. An object that is never closed hides those behind it: they are looked for inside.
    """

    def __init__(self, framing: Objects, midstream: bool = False, accept: Callable[[bytes], bool] | None = None) -> None:
        self._limit, self._depth_limit = framing.limit, framing.depth
        self._accept = accept
        self._buffer = StreamBuffer()
        self._torn = midstream and accept is not None
        self._bad: list[Taken] = []
        """malformed bytes that the next message or the end of patience will close"""
        self._bad_size = 0
        self._last_ns = 0
        self.idle = not self._torn
        self._restart()

    def _restart(self) -> None:
        self._at = 0
        self._depth = 0
        self._in_string = False
        self._looked = 1
        """inside of an object that is not closed: up to where others were looked for"""

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]:
        found = self.settle(time_ns)
        self._buffer.append(data, packet, time_ns)
        self._last_ns = time_ns
        self._cut(found)
        self.idle = not self._buffer.data and not self._torn and not self._bad
        return found

    def _cut(self, found: list[Framed]) -> None:
        buffer = self._buffer
        while buffer.data:
            if self._at == 0:
                self._to_object(found)
                if not buffer.data:
                    return
            self._at, self._depth, self._in_string, end = self._scan(buffer.data, self._at, self._depth, self._in_string)
            if end > 0:
                self._object(buffer.take(end), found)
                self._restart()
            elif end < 0 or len(buffer.data) > self._limit:
                at = buffer.data.find(b"{", 1)
                self._bad_bytes(buffer.take(at if at > 0 else len(buffer.data)), found)
                self._restart()
            elif not self._inside(found):
                return

    def _object(self, taken: Taken, found: list[Framed]) -> None:
        if (self._torn or self._bad) and self._accept is not None and not self._accept(taken.data):
            self._bad_bytes(taken, found)
            return
        self._flush(found)
        self._torn = False
        found.append(Framed(taken.data, taken.packets, taken.time_ns))

    def _to_object(self, found: list[Framed]) -> None:
        """Pass over what stands before the next object: blanks mean nothing, other bytes are malformed."""
        at = self._buffer.data.find(b"{")
        if at != 0:
            taken = self._buffer.take(at if at > 0 else len(self._buffer.data))
            if taken.data.strip(b" \t\r\n\x00"):
                self._bad_bytes(taken, found)

    def _bad_bytes(self, taken: Taken, found: list[Framed]) -> None:
        if self._torn:
            return
        self._bad.append(taken)
        self._bad_size += len(taken.data)
        if self._bad_size > BAD_LIMIT:
            self._flush(found)

    def _flush(self, found: list[Framed]) -> None:
        if self._bad:
            found.append(malformed_run(joined(self._bad)))
            self._bad, self._bad_size = [], 0

    def _scan(self, data: bytes | bytearray, at: int, depth: int, in_string: bool) -> tuple[int, int, bool, int]:
        """Go on looking for the end of the object: where and how deep it has come, in a string or not, and the object's length, 0 to wait, -1 when it
        nests too deep."""
        while True:
            if in_string:
                mark = STRING_MARK.search(data, at)
                if mark is None:
                    return len(data), depth, True, 0
                at = mark.end()
                if data[mark.start()] == 0x5C:
                    if at >= len(data):
                        return mark.start(), depth, True, 0
                    at += 1
                else:
                    in_string = False
                continue
            mark = MARK.search(data, at)
            if mark is None:
                return len(data), depth, False, 0
            at = mark.end()
            byte = data[mark.start()]
            if byte == 0x22:
                in_string = True
            elif byte == 0x7B or byte == 0x5B:
                depth += 1
                if depth > self._depth_limit:
                    return at, depth, False, -1
            else:
                depth -= 1
                if depth <= 0:
                    return at, 0, False, at

    def _inside(self, found: list[Framed]) -> bool:
        """Whether a whole message stands inside of the object that waits for its end: what lies before it then is malformed."""
        if self._accept is None:
            return False
        data = self._buffer.data
        place = self._looked
        waiting = False
        for _ in range(INSIDE_LOOKS):
            start = data.find(b"{", place)
            if start < 0:
                self._looked = self._looked if waiting else len(data)
                return False
            front = bytes(data[start : start + INSIDE_BYTES])
            end = self._scan(front, 0, 0, False)[3]
            place = start + 1
            if end > 0 and self._accept(front[:end]):
                self._bad_bytes(self._buffer.take(start), found)
                self._restart()
                return True
            # What is not closed either is looked at again when more has come.
            waiting = waiting or (end == 0 and len(front) < INSIDE_BYTES)
            self._looked = self._looked if waiting else place
        self._looked = place
        return False

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        found: list[Framed] = []
        self._flush(found)
        self._buffer.take(len(self._buffer))
        self._restart()
        self._torn = True
        self.idle = False
        return found

    def end(self, closed: bool) -> list[Framed]:
        found: list[Framed] = []
        for _ in range(INSIDE_LOOKS if closed else 0):
            if not self._buffer.data:
                break
            at = self._buffer.data.find(b"{", 1)
            self._bad_bytes(self._buffer.take(at if at > 0 else len(self._buffer.data)), found)
            self._restart()
            self._cut(found)
        if closed and self._buffer.data:
            self._bad_bytes(self._buffer.take(len(self._buffer)), found)
        self._flush(found)
        return found

    def settle(self, now_ns: int) -> list[Framed]:
        found: list[Framed] = []
        if self._bad and now_ns - self._last_ns > BAD_PATIENCE_NS:
            self._flush(found)
            self.idle = not self._buffer.data and not self._torn
        return found
