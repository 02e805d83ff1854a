"""HTTP/1.x over one TCP connection: requests and responses counted as streams.md says, their bodies as units.

A lenient reader of our own: libraries stop at the first oddity of a device. Responses are matched with requests in order, so that a
response to HEAD has no body. Counting of a side ends at malformed bytes or a gap (but for a body of known length, which a gap lies in);
messages are found again at the next segment that begins with a start line.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from enum import Enum, auto

from dissect.carriers.api import Note, Unit
from dissect.carriers.coding import Undecodable, decode
from dissect.carriers.http_head import MAX_HEAD, MAX_LINE, Head, Request, end_of_head, first_line, read_head
from dissect.carriers.inlet import Inlet

MAX_BODY = 16 << 20
"""A longer body is stepped over and gives no unit."""
MAX_PIPELINED = 4096
MAX_NOTES = 64
MAX_WAITING_FOR_CONNECT = 64 << 10


class _Now(Enum):
    """What a side is in."""

    HEAD = auto()
    BODY = auto()
    """of known length"""
    CHUNK_SIZE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILERS = auto()
    UNTIL_CLOSE = auto()
    AFTER_CONNECT = auto()
    """the client's side until the answer to CONNECT tells what follows"""
    OTHER = auto()
    """another protocol, after 101 or CONNECT"""
    LOST = auto()


class _Side:
    """One direction of the connection."""

    __slots__ = ("body", "body_size", "counting", "head", "holed", "inlet", "left", "now", "request", "searched", "status")

    def __init__(self) -> None:
        self.inlet = Inlet()
        self.now = _Now.HEAD
        self.counting = True
        self.searched = 0
        """bytes of the inlet in which no end of a head was found"""
        self.head: Head | None = None
        self.request: Request | None = None
        """the request itself, or the one that the response answers"""
        self.status: int | None = None
        self.left = 0
        self.body = Inlet()
        self.body_size = 0
        self.holed = False
        """bytes of the body are missing"""


class HttpCarrier:
    """A `StreamCarrier`; *units* False counts only. *midstream*: a side may begin inside a message, whose rest is none that is broken."""

    name = "http"

    def __init__(self, units: bool = True, midstream: bool = False) -> None:
        self._midstream = midstream
        self.kinds: Counter[str] = Counter()
        self.client_id: str | None = None
        self.client: int | None = None
        self.filters: list[str] = []
        self.notes: list[Note] = []
        self.switched = False
        """after 101, or a 2xx to CONNECT: nothing of the connection is HTTP any more"""
        self.oversized = 0
        """bodies over MAX_BODY, given up"""
        self._units = units
        self._asked: deque[tuple[Request, bool]] = deque()
        """requests that wait for their answer; False: found again after a loss, so that which answer is theirs is a guess"""
        self._sides = (_Side(), _Side())

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> Iterable[Unit]:
        state = self._sides[side]
        units: list[Unit] = []
        now = state.now
        if now is _Now.OTHER or self.switched:
            return units
        if now is _Now.BODY and len(data) < state.left and not state.inlet.size:
            # Most segments of foreign traffic lie inside a body.
            state.left -= len(data)
            state.inlet.append(data, packet, time_ns)
            self._keep(state, len(data))
            return units
        if now is _Now.LOST:
            if not self._units or not (first_line(data) or ("",))[0]:
                return units
            self._found(side, state)
        elif now is _Now.AFTER_CONNECT and state.inlet.size + len(data) > MAX_WAITING_FOR_CONNECT:
            state.now = _Now.OTHER
            state.inlet.clear()
            return units
        state.inlet.append(data, packet, time_ns)
        self._advance(side, state, units, packet, time_ns)
        if self._sides[1 - side].now is _Now.AFTER_CONNECT and state.now is not _Now.AFTER_CONNECT:
            self._decide_connect(1 - side, units, packet, time_ns)
        return units

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> Iterable[Unit]:
        state = self._sides[side]
        units: list[Unit] = []
        if self.switched or state.now is _Now.OTHER:
            return units
        if state.now is _Now.UNTIL_CLOSE:
            state.holed = True
        elif state.now is _Now.BODY and length <= state.left:
            state.holed = True
            state.body.clear()
            state.left -= length
            if not state.left:
                # nothing of the body behind the hole shows that it ends there: reading goes on, counting does not
                state.counting = False
                self._complete(side, state, units)
        else:
            self._lose(state)
        return units

    def end(self, side: int, time_ns: int) -> Iterable[Unit]:
        state = self._sides[side]
        units: list[Unit] = []
        if state.now is _Now.UNTIL_CLOSE:
            self._complete(side, state, units)
        state.inlet.clear()
        state.body.clear()
        state.now = _Now.OTHER
        return units

    def _lose(self, state: _Side) -> None:
        state.counting = False
        state.now = _Now.LOST
        state.inlet.clear()
        state.body.clear()

    def _found(self, side: int, state: _Side) -> None:
        """A segment begins with a start line: messages, no counts, from here on."""
        state.now = _Now.HEAD
        state.searched = 0
        if side != self.client:
            while len(self._asked) > 1:
                self._asked.popleft()  # answers were lost; without pipelining only the last request still waits

    def _malformed(self, side: int, state: _Side, text: str, packet: int, time_ns: int) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(Note("http.malformed", side, text, (packet,), time_ns))
        self._lose(state)

    def _advance(self, side: int, state: _Side, units: list[Unit], packet: int, time_ns: int) -> None:
        """Read as far as the bytes go."""
        inlet = state.inlet
        while inlet.size:
            now = state.now
            if now is _Now.HEAD:
                if not self._head(side, state, units, packet, time_ns):
                    return
            elif now is _Now.BODY or now is _Now.CHUNK:
                size = min(state.left, inlet.size)
                self._keep(state, size)
                state.left -= size
                if state.left:
                    return
                if now is _Now.CHUNK:
                    state.now = _Now.CHUNK_END
                else:
                    self._complete(side, state, units)
            elif now is _Now.UNTIL_CLOSE:
                self._keep(state, inlet.size)
            elif now is _Now.AFTER_CONNECT:
                return
            elif now is _Now.OTHER or now is _Now.LOST:
                inlet.clear()
            elif not self._line(side, state, units, packet, time_ns):
                return

    def _keep(self, state: _Side, size: int) -> None:
        """Move *size* bytes from the inlet to the body."""
        inlet = state.inlet
        state.body_size += size
        if not self._units or state.holed:
            inlet.drop(size)
            return
        if state.body_size > MAX_BODY:
            if not state.holed:
                self.oversized += 1
            state.holed = True
            state.body.clear()
            inlet.drop(size)
            return
        inlet.move(state.body, size)

    def _line(self, side: int, state: _Side, units: list[Unit], packet: int, time_ns: int) -> bool:
        """One line of the chunked coding (RFC 9112, 7.1). False: it is not all there."""
        data = state.inlet.front()
        end = data.find(b"\n")
        if end < 0:
            if len(data) > MAX_LINE:
                self._malformed(side, state, "a line of the chunked coding without an end", packet, time_ns)
                return True
            if state.now is _Now.CHUNK_END and data != b"\r":
                self._malformed(side, state, "a chunk is longer than its size", packet, time_ns)
                return True
            return False
        line = data[:end].rstrip(b"\r")
        state.inlet.drop(end + 1)
        if state.now is _Now.CHUNK_END:
            if line:
                self._malformed(side, state, "a chunk is longer than its size", packet, time_ns)
            else:
                state.now = _Now.CHUNK_SIZE
        elif state.now is _Now.TRAILERS:
            if not line:
                self._complete(side, state, units)
        else:
            digits = line.split(b";")[0].strip()
            if not digits or len(digits) > 15 or digits.strip(b"0123456789abcdefABCDEF"):
                self._malformed(side, state, "a chunk size that is no number", packet, time_ns)
            else:
                state.left = int(digits, 16)
                state.now = _Now.CHUNK if state.left else _Now.TRAILERS
        return True

    def _head(self, side: int, state: _Side, units: list[Unit], packet: int, time_ns: int) -> bool:
        """A start line and its fields. False: they are not all there."""
        inlet = state.inlet
        if not state.searched:
            data = inlet.front()
            inlet.drop(len(data) - len(data.lstrip(b"\r\n")))  # RFC 9112, 2.2: empty lines before a request line are ignored
            data = inlet.front()
            found = first_line(data)
            if not data or found is None:
                return False
            if not found[0]:
                if self._midstream and state.head is None:
                    self._lose(state)
                    return True
                self._malformed(side, state, "neither a request line nor a status line of HTTP/1", packet, time_ns)
                return True
        data = inlet.front()
        end = end_of_head(data, max(0, state.searched - 3))
        if end < 0:
            state.searched = len(data)
            if len(data) > MAX_HEAD:
                self._malformed(side, state, f"a head of more than {MAX_HEAD} bytes", packet, time_ns)
                return True
            return False
        state.searched = 0
        head = read_head(data[:end])
        inlet.drop(end)
        if head is None:
            self._malformed(side, state, "neither a request line nor a status line of HTTP/1", packet, time_ns)
            return True
        state.head = head
        state.body_size, state.holed = 0, False
        state.body.clear()
        if head.request is not None:
            self._request(side, state, head, head.request, units)
        elif head.status is not None:
            self._response(side, state, head, head.status, units)
        if head.fault is not None and state.now is _Now.BODY:
            self._malformed(side, state, head.fault, packet, time_ns)
        return True

    def _request(self, side: int, state: _Side, head: Head, request: Request, units: list[Unit]) -> None:
        self.client = side
        if state.counting:
            self.kinds[request.method] += 1
        state.request, state.status = request, None
        if len(self._asked) < MAX_PIPELINED:
            self._asked.append((request, state.counting))
        if head.fault is None and not head.chunked and not head.length:
            state.now = _Now.AFTER_CONNECT if request.method == "CONNECT" else _Now.HEAD
            return
        self._body(side, state, head, units)

    def _response(self, side: int, state: _Side, head: Head, status: int, units: list[Unit]) -> None:
        if self.client is None:
            self.client = 1 - side
        if state.counting:
            self.kinds[str(status)] += 1
        if 100 <= status < 200 and status != 101:
            return
        request, certain = self._asked.popleft() if self._asked and side != self.client else (None, False)
        state.request, state.status = request, status
        asked_by = request.method if request is not None and certain else None
        connected = asked_by == "CONNECT" and 200 <= status < 300
        if status == 101 or connected:
            self.switched = True
            for other in self._sides:
                other.now = _Now.OTHER
                other.inlet.clear()
            return
        if status in (204, 304) or asked_by == "HEAD":
            state.now = _Now.HEAD
            return
        if head.fault is None and not head.chunked and head.length is None:
            state.now = _Now.UNTIL_CLOSE
            return
        self._body(side, state, head, units)

    def _body(self, side: int, state: _Side, head: Head, units: list[Unit]) -> None:
        if head.chunked:
            state.now = _Now.CHUNK_SIZE
            return
        state.now = _Now.BODY
        state.left = head.length or 0
        if not state.left and head.fault is None:
            self._complete(side, state, units)

    def _decide_connect(self, side: int, units: list[Unit], packet: int, time_ns: int) -> None:
        """The other side went on: if CONNECT was refused, what the client sent behind it is HTTP."""
        state = self._sides[side]
        if any(request.method == "CONNECT" for request, _ in self._asked):
            return
        state.now = _Now.HEAD
        self._advance(side, state, units, packet, time_ns)

    def _complete(self, side: int, state: _Side, units: list[Unit]) -> None:
        """The body has ended."""
        state.now = _Now.HEAD
        body = state.body
        if not body.size or state.holed or state.head is None:
            body.clear()
            return
        packets, latest = body.origin(0, body.size)
        payload = body.front()
        body.clear()
        if state.head.codings:
            try:
                payload = decode(payload, state.head.codings)
            except Undecodable as problem:
                if len(self.notes) < MAX_NOTES:
                    self.notes.append(Note("http.malformed", side, f"a body that cannot be decoded: {problem}", packets, latest))
        request = state.request
        carrier: dict[str, object] = {"method": request.method if request else None, "target": request.target if request else None,
                                      "status": state.status}
        if payload:
            units.append(Unit(side, payload, packets, latest, carrier))
