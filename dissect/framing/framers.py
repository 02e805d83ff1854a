"""Cut the bytes of one side of a stream into messages. A framer is fed what comes and gives back whole messages; it raises nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from dissect.framing.buffer import StreamBuffer, Taken
from grammars.vocabulary import Cut, CutKind, Finding, Frames, Framing, Lines, Objects

_NONE: tuple[Finding, ...] = ()
MISSING_TERMINATOR = Finding("framing.missing-terminator", "the last message of the connection does not end with \\n")
GLUED = Finding("framing.missing-terminator", "objects follow each other without \\n")
PART_BYTES = 64 << 10
BAD_LIMIT = 64 << 10
BAD_PATIENCE_NS = 10**9
"""how long malformed bytes wait for more of their kind"""
INSIDE_LOOKS = 64
INSIDE_BYTES = 64 << 10
"""bounds of looking for a message inside of an object that is not closed"""


class Framed(NamedTuple):
    """A message's own bytes, without line end."""

    data: bytes
    packets: tuple[int, ...]
    time_ns: int
    findings: tuple[Finding, ...] = _NONE
    malformed: bool = False
    torn: bool = False
    """begins or ends where the capture lacks bytes: what is wrong with it is not the sender's fault"""


class Framer(Protocol):
    @property
    def idle(self) -> bool:
        """nothing waits, and the next byte begins a message"""

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]: ...

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        """Bytes are missing here: what waits is torn, and the next message is looked for behind it."""

    def end(self, closed: bool) -> list[Framed]:
        """No more bytes; *closed*: the connection ended here, not only the capture."""

    def settle(self, now_ns: int) -> list[Framed]:
        """The clock went on: bytes that only might have begun something are what they are."""


def framer(framing: Framing, midstream: bool, accept: Callable[[bytes], bool] | None = None) -> Framer:
    """*accept*: whether bytes are a message, for framings that cannot tell by themselves."""
    match framing:
        case Lines():
            return LineFramer(framing, midstream)
        case Objects():
            return ObjectFramer(framing, midstream, accept)
        case Frames():
            return FrameFramer(framing, midstream)


def alone(framing: Framing) -> Callable[[bytes], bytes | None]:
    """A function that tells whether a segment is exactly one message, and gives its bytes without line end (None: a framer has to look)."""
    match framing:
        case Lines():
            return _one_line
        case Objects():
            return _one_object
        case Frames():
            whole = framing.whole
            return lambda data: data if whole(data) else None


def _one_line(data: bytes) -> bytes | None:
    return data[:-1] if data.find(b"\n") == len(data) - 1 else None


def _one_object(data: bytes) -> bytes | None:
    # What decodes as one object is one object.
    return data if data[:1] == b"{" and data[-1:] == b"}" else None


class LineFramer:
    """One message a line; objects that follow each other on one line are messages of their own, each with the packets that brought it."""

    def __init__(self, framing: Lines, midstream: bool) -> None:
        self._end, self._limit = framing.end, framing.limit
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
            at = buffer.data.find(self._end, self._searched)
            if at < 0:
                size = len(buffer.data)
                if (size <= PART_BYTES or size >= 2 * self._tried) and buffer.data.find(b"}{", max(0, self._searched - 1)) >= 0:
                    self._part(size, found)
                    self._tried = len(buffer.data)
                self._searched = len(buffer.data)
                if self._searched > self._limit:
                    found.append(_malformed(buffer.take(self._searched), self._torn))
                    self._searched = 0
                return found
            if buffer.data.find(b"}{", 0, at) >= 0:
                at -= self._part(at, found)
            taken = buffer.take(at + 1)
            self._searched = self._tried = 0
            self._line(taken, found)
            self._torn = False

    def _line(self, taken: Taken, found: list[Framed], findings: tuple[Finding, ...] = _NONE) -> None:
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
        self._line(self._buffer.take(len(self._buffer)), found, (MISSING_TERMINATOR,) if closed else _NONE)
        self._searched = 0
        return found

    def settle(self, now_ns: int) -> list[Framed]:
        return []


def object_length(data: bytes | bytearray, end: int) -> int:
    """Length of the object that *data* begins with, by matching braces outside of strings; 0 when it is not whole before *end* or none."""
    at = depth = 0
    if data[:1] != b"{":
        return 0
    while at < end:
        mark = _MARK.search(data, at, end)
        if mark is None:
            return 0
        at = mark.end()
        byte = data[mark.start()]
        if byte == 0x22:
            while True:
                quote = _STRING_MARK.search(data, at, end)
                if quote is None:
                    return 0
                at = quote.end()
                if data[quote.start()] == 0x22:
                    break
                at += 1
        elif byte == 0x7B or byte == 0x5B:
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return at
    return 0


def _malformed(taken: Taken, torn: bool = False) -> Framed:
    return Framed(taken.data, taken.packets, taken.time_ns, _NONE, True, torn)


_MARK = re.compile(rb'["{}\[\]]')
_STRING_MARK = re.compile(rb'["\\]')


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
        if sum(len(one.data) for one in self._bad) > BAD_LIMIT:
            self._flush(found)

    def _flush(self, found: list[Framed]) -> None:
        if self._bad:
            found.append(_malformed(_joined(self._bad)))
            self._bad = []

    def _scan(self, data: bytes | bytearray, at: int, depth: int, in_string: bool) -> tuple[int, int, bool, int]:
        """Go on looking for the end of the object: where and how deep it has come, in a string or not, and the object's length, 0 to wait, -1 when it
        nests too deep."""
        while True:
            if in_string:
                mark = _STRING_MARK.search(data, at)
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
            mark = _MARK.search(data, at)
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


def _joined(bad: list[Taken]) -> Taken:
    packets = tuple(dict.fromkeys(packet for one in bad for packet in one.packets))
    return Taken(b"".join(one.data for one in bad), packets, max(one.time_ns for one in bad))


class FrameFramer:
    """A framing of the protocol's own (`Frames.cut`)."""

    def __init__(self, framing: Frames, midstream: bool) -> None:
        self._cut_at, self._patience_ns = framing.cut, int(framing.patience_s * 1e9)
        self._buffer = StreamBuffer()
        self._boundaries: list[int] = []
        self._begins_torn = midstream
        """the next segment begins where bytes are missing"""
        self._torn_bytes = 0
        """so many bytes at the front belong to the segment that was torn, or to one that held garbage"""
        self._excused = midstream
        """what is malformed before the next message is not the sender's fault"""
        self._bad: list[Taken] = []
        """malformed bytes that the next message or the end of patience will close"""
        self._last_ns = 0

    @property
    def idle(self) -> bool:
        return not self._buffer.data and not self._begins_torn and not self._bad and not self._excused

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]:
        if not self._buffer.data and not self._begins_torn and not self._bad:
            cut = self._cut_at(data, False, (len(data),), False)
            if cut.length == len(data) and cut.kind is CutKind.MESSAGE:
                self._excused = False
                return [Framed(data[cut.start : cut.stop], (packet,), time_ns, cut.findings)]
        found = self.settle(time_ns, data)
        self._buffer.append(data, packet, time_ns)
        if self._begins_torn:
            self._begins_torn, self._torn_bytes = False, len(self._buffer)
        self._boundaries.append(len(self._buffer))
        self._last_ns = time_ns
        self._take(False, found)
        return found

    def _take(self, ended: bool, found: list[Framed]) -> None:
        buffer = self._buffer
        while buffer.data:
            cut: Cut = self._cut_at(bytes(buffer.data), ended, self._boundaries, self._torn_bytes > 0)
            length = cut.length
            if length <= 0:
                return
            taken = buffer.take(length)
            whole = length in self._boundaries
            self._boundaries = [end - length for end in self._boundaries if end > length]
            if cut.kind is CutKind.MESSAGE:
                self._flush(found)
                found.append(Framed(taken.data[cut.start : cut.stop], taken.packets, taken.time_ns, cut.findings))
                self._excused = False
                self._torn_bytes = 0
            else:
                self._bad.append(taken)
                self._torn_bytes = 0 if whole or not self._boundaries else self._boundaries[0]
                if sum(len(one.data) for one in self._bad) > BAD_LIMIT:
                    self._flush(found)

    def _flush(self, found: list[Framed]) -> None:
        """The malformed bytes so far are one message."""
        bad = self._bad
        if bad:
            found.append(_malformed(_joined(bad), self._excused))
            self._bad = []

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        found: list[Framed] = []
        self._flush(found)
        self._excused = True
        self._take(True, found)
        self._flush(found)
        self._boundaries = []
        self._begins_torn, self._torn_bytes, self._excused = True, 0, True
        return found

    def end(self, closed: bool) -> list[Framed]:
        found: list[Framed] = []
        self._excused = self._excused or not closed
        self._take(True, found)
        self._flush(found)
        return found

    def settle(self, now_ns: int, behind: bytes = b"") -> list[Framed]:
        """What waited longer than the protocol's patience is decided by what is there, if that is whole; *behind*: what comes now, which may still
        complete it."""
        found: list[Framed] = []
        if now_ns - self._last_ns <= self._patience_ns:
            return found
        if not self._buffer.data:
            self._flush(found)
            return found
        waiting = bytes(self._buffer.data)
        if behind:
            cut = self._cut_at(waiting + behind, False, [*self._boundaries, len(waiting) + len(behind)], self._torn_bytes > 0)
            if cut.kind is CutKind.MESSAGE and cut.length > len(waiting):
                return found
        if self._settles(waiting):
            self._take(True, found)
            self._flush(found)
        return found

    def _settles(self, data: bytes) -> bool:
        """Whether nothing but whole messages (behind torn bytes) waits."""
        boundaries, torn = self._boundaries, self._torn_bytes
        while data:
            cut = self._cut_at(data, True, boundaries, torn > 0)
            if cut.length <= 0 or (cut.kind is CutKind.MALFORMED and cut.length > torn):
                return False
            data = data[cut.length :]
            boundaries = [end - cut.length for end in boundaries if end > cut.length]
            torn = 0 if cut.kind is CutKind.MESSAGE else torn - cut.length
        return True
