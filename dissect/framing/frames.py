"""Messages in frames of the protocol's own."""

from __future__ import annotations

from dissect.framing.buffer import StreamBuffer, Taken
from dissect.framing.framed import BAD_LIMIT, Framed, joined, malformed_run
from grammars.vocabulary import Cut, CutKind, Frames


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
        self._bad_size = 0
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
                self._bad_size += length
                self._torn_bytes = 0 if whole or not self._boundaries else self._boundaries[0]
                if self._bad_size > BAD_LIMIT:
                    self._flush(found)

    def _flush(self, found: list[Framed]) -> None:
        """The malformed bytes so far are one message."""
        bad = self._bad
        if bad:
            found.append(malformed_run(joined(bad), self._excused))
            self._bad, self._bad_size = [], 0

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
