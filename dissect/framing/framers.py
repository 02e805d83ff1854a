"""Cut the bytes of one side of a stream into messages. A framer is fed what comes and gives back whole messages; it raises nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from dissect.framing.buffer import StreamBuffer, Taken
from grammars.vocabulary import Cut, CutKind, Finding, Frames, Framing, Lines, Objects

_NONE: tuple[Finding, ...] = ()
MISSING_TERMINATOR = Finding("framing.missing-terminator", "the last message of the connection does not end with \\n")


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
    idle: bool
    """nothing waits, and the next byte begins a message"""

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]: ...

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        """Bytes are missing here: what waits is torn, and the next message is looked for behind it."""

    def end(self, closed: bool) -> list[Framed]:
        """No more bytes; *closed*: the connection ended here, not only the capture."""

    def settle(self, now_ns: int) -> list[Framed]:
        """The clock went on: bytes that only might have begun something are what they are."""


def framer(framing: Framing, midstream: bool) -> Framer:
    match framing:
        case Lines():
            return LineFramer(framing, midstream)
        case Objects():
            return ObjectFramer(framing)
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
    """One message a line."""

    def __init__(self, framing: Lines, midstream: bool) -> None:
        self._end, self._limit = framing.end, framing.limit
        self._buffer = StreamBuffer()
        self._torn = midstream
        self._searched = 0
        self.idle = not midstream

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]:
        found = self._feed(data, packet, time_ns)
        self.idle = not self._buffer.data and not self._torn
        return found

    def _feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]:
        buffer = self._buffer
        buffer.append(data, packet, time_ns)
        found: list[Framed] = []
        while True:
            at = buffer.data.find(self._end, self._searched)
            if at < 0:
                self._searched = len(buffer.data)
                if self._searched > self._limit:
                    found.append(_malformed(buffer.take(self._searched), self._torn))
                    self._searched = 0
                return found
            taken = buffer.take(at + 1)
            self._searched = 0
            line = taken.data[:-1]
            if line and not line.isspace():
                found.append(Framed(line, taken.packets, taken.time_ns, torn=self._torn))
            self._torn = False

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        self._buffer.take(len(self._buffer))
        self._searched = 0
        self._torn = True
        self.idle = False
        return []

    def end(self, closed: bool) -> list[Framed]:
        taken = self._buffer.take(len(self._buffer))
        self._searched = 0
        if not taken.data or taken.data.isspace():
            return []
        if not closed:
            return [Framed(taken.data, taken.packets, taken.time_ns, torn=True)]
        return [Framed(taken.data, taken.packets, taken.time_ns, (MISSING_TERMINATOR,), torn=self._torn)]

    def settle(self, now_ns: int) -> list[Framed]:
        return []


def _malformed(taken: Taken, torn: bool = False) -> Framed:
    return Framed(taken.data, taken.packets, taken.time_ns, _NONE, True, torn)


_MARK = re.compile(rb'["{}\[\]]')
_STRING_MARK = re.compile(rb'["\\]')


class ObjectFramer:
    """JSON objects one after the other: each ends by its matching brace, outside of strings."""

    def __init__(self, framing: Objects) -> None:
        self._limit, self._depth_limit = framing.limit, framing.depth
        self._buffer = StreamBuffer()
        self._torn = False
        self.idle = True
        self._restart()

    def _restart(self) -> None:
        self._at = 0
        self._depth = 0
        self._in_string = False

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]:
        self._buffer.append(data, packet, time_ns)
        found = list(self._cut())
        self.idle = not self._buffer.data and not self._torn
        return found

    def _cut(self) -> Iterator[Framed]:
        buffer = self._buffer
        while buffer.data:
            if self._at == 0:
                yield from self._to_object()
                if not buffer.data:
                    return
            end = self._scan()
            if end > 0:
                taken = buffer.take(end)
                self._restart()
                yield Framed(taken.data, taken.packets, taken.time_ns)
            elif end < 0 or len(buffer.data) > self._limit:
                yield from self._give_up()
            else:
                return

    def _to_object(self) -> Iterator[Framed]:
        """Pass over what stands before the next object: blanks mean nothing, other bytes are malformed."""
        data = self._buffer.data
        at = data.find(b"{")
        if at == 0:
            return
        taken = self._buffer.take(at if at > 0 else len(data))
        if taken.data.strip(b" \t\r\n\x00") and not self._torn:
            yield _malformed(taken)
        self._torn = self._torn and at < 0

    def _scan(self) -> int:
        """Go on looking for the end of the object: its length, 0 to wait, -1 when it nests too deep."""
        data, at, depth = self._buffer.data, self._at, self._depth
        while True:
            if self._in_string:
                mark = _STRING_MARK.search(data, at)
                if mark is None:
                    self._at, self._depth = len(data), depth
                    return 0
                at = mark.end()
                if data[mark.start()] == 0x5C:
                    if at >= len(data):
                        self._at, self._depth = mark.start(), depth
                        return 0
                    at += 1
                else:
                    self._in_string = False
                continue
            mark = _MARK.search(data, at)
            if mark is None:
                self._at, self._depth = len(data), depth
                return 0
            at = mark.end()
            byte = data[mark.start()]
            if byte == 0x22:
                self._in_string = True
            elif byte == 0x7B or byte == 0x5B:
                depth += 1
                if depth > self._depth_limit:
                    return -1
            else:
                depth -= 1
                if depth <= 0:
                    return at

    def _give_up(self) -> Iterator[Framed]:
        """This brace begins no object: the bytes up to the next candidate are malformed."""
        data = self._buffer.data
        at = data.find(b"{", 1)
        taken = self._buffer.take(at if at > 0 else len(data))
        self._restart()
        if not self._torn:
            yield _malformed(taken)

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        self._buffer.take(len(self._buffer))
        self._restart()
        self._torn = True
        self.idle = False
        return []

    def end(self, closed: bool) -> list[Framed]:
        if not self._buffer.data or not closed:
            return []
        # An object that was never closed hides those behind it: look for them, each start once.
        found: list[Framed] = []
        for _ in range(64):
            if not self._buffer.data:
                break
            found += self._give_up()
            found += self._cut()
        if self._buffer.data:
            found.append(_malformed(self._buffer.take(len(self._buffer))))
        return found

    def settle(self, now_ns: int) -> list[Framed]:
        return []


class FrameFramer:
    """A framing of the protocol's own (`Frames.cut`)."""

    def __init__(self, framing: Frames, midstream: bool) -> None:
        self._cut_at, self._patience_ns = framing.cut, int(framing.patience_s * 1e9)
        self._buffer = StreamBuffer()
        self._boundaries: list[int] = []
        self._torn = midstream
        self._last_ns = 0
        self.idle = not midstream

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]:
        found = self.settle(time_ns) if self._boundaries else []
        self._buffer.append(data, packet, time_ns)
        self._boundaries.append(len(self._buffer))
        self._last_ns = time_ns
        found += self._take(False)
        self.idle = not self._buffer.data and not self._torn
        return found

    def _take(self, ended: bool) -> list[Framed]:
        found: list[Framed] = []
        buffer = self._buffer
        while buffer.data:
            cut: Cut = self._cut_at(buffer.data, ended, self._boundaries, self._torn)
            length = cut.length
            if length <= 0:
                break
            taken = buffer.take(length)
            self._boundaries = [end - length for end in self._boundaries if end > length]
            if cut.kind is CutKind.MESSAGE:
                found.append(Framed(taken.data[cut.start : cut.stop], taken.packets, taken.time_ns, cut.findings))
                self._torn = False
            elif cut.kind is CutKind.MALFORMED:
                found.append(_malformed(taken, self._torn))
        return found

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        self._buffer.take(len(self._buffer))
        self._boundaries = []
        self._torn = True
        self.idle = False
        return []

    def end(self, closed: bool) -> list[Framed]:
        found = self._take(True)
        return found if closed else [one for one in found if not one.malformed]

    def settle(self, now_ns: int) -> list[Framed]:
        """What waited longer than the protocol's patience is decided by what is there, if that is whole."""
        if now_ns - self._last_ns <= self._patience_ns or not self._buffer.data:
            return []
        found: list[Framed] = []
        buffer = self._buffer
        while buffer.data:
            cut: Cut = self._cut_at(buffer.data, True, self._boundaries, self._torn)
            if cut.kind is not CutKind.MESSAGE or cut.length <= 0:
                break
            taken = buffer.take(cut.length)
            self._boundaries = [end - cut.length for end in self._boundaries if end > cut.length]
            found.append(Framed(taken.data[cut.start : cut.stop], taken.packets, taken.time_ns, cut.findings))
        return found
