"""Messages that are lines."""

from __future__ import annotations

from dissect.framing.braces import object_length
from dissect.framing.buffer import StreamBuffer, Taken
from dissect.framing.framed import NO_FINDINGS, Framed, malformed_run
from grammars.vocabulary import Finding, Lines

MISSING_TERMINATOR = Finding("framing.missing-terminator", "the last message of the connection does not end with \\n")
GLUED = Finding("framing.missing-terminator", "objects follow each other without \\n")
PART_BYTES = 4 << 10
"""of a line without its end in which whole objects are looked for with each segment; in a longer one when it has doubled"""


class LineFramer:
    """One message a line; objects that follow each other on one line are messages of their own, each with the packets that brought it."""

    def __init__(self, framing: Lines, midstream: bool) -> None:
        self._limit = framing.limit
        self._buffer = StreamBuffer()
        self._torn = midstream
        self._searched = 0
        self._tried = 0
        # size at which whole objects were last looked for in vain: a long one is not read anew with each segment

    @property
    def idle(self) -> bool:
        return not self._buffer.data and not self._torn

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]:
        buffer = self._buffer
        if not buffer.data and not self._torn and data.find(b"\n") == len(data) - 1 and b"}{" not in data:
            line = data[:-2] if data[-2:-1] == b"\r" else data[:-1]
            return [Framed(line, (packet,), time_ns)] if line and not line.isspace() else []
        buffer.append(data, packet, time_ns)
        found: list[Framed] = []
        while True:
            at = buffer.data.find(b"\n", self._searched)
            if at < 0:
                size = len(buffer.data)
                if (size <= PART_BYTES or size >= 2 * self._tried) and buffer.data.find(b"}{", max(0, self._searched - 1)) >= 0:
                    self._part(size, found)
                    self._tried = len(buffer.data)
                self._searched = len(buffer.data)
                if self._searched > self._limit:
                    found.append(malformed_run(buffer.take(self._searched), self._torn))
                    self._searched = 0
                return found
            if buffer.data.find(b"}{", 0, at) >= 0:
                at -= self._part(at, found)
            taken = buffer.take(at + 1)
            self._searched = self._tried = 0
            self._line(taken, found)
            self._torn = False

    def _line(self, taken: Taken, found: list[Framed], findings: tuple[Finding, ...] = NO_FINDINGS) -> None:
        line = taken.data.removesuffix(b"\n").removesuffix(b"\r")
        if line and not line.isspace():
            found.append(Framed(line, taken.packets, taken.time_ns, findings, torn=self._torn))

    def _part(self, end: int, found: list[Framed]) -> int:
        """Take off whole objects behind which the next one begins without a line's end; how many bytes they were."""
        taken = 0
        while True:
            length = object_length(self._buffer.data, end - taken)
            if not length or self._buffer.data[length : length + 1] != b"{":
                return taken
            self._line(self._buffer.take(length), found, (GLUED,))
            self._torn = False
            taken += length

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        found: list[Framed] = []
        self._torn = True
        self._line(self._buffer.take(len(self._buffer)), found)
        self._searched = 0
        return found

    def end(self, closed: bool) -> list[Framed]:
        found: list[Framed] = []
        self._torn = self._torn or not closed
        self._line(self._buffer.take(len(self._buffer)), found, (MISSING_TERMINATOR,) if closed else NO_FINDINGS)
        self._searched = 0
        return found

    def settle(self, now_ns: int) -> list[Framed]:
        return []
