"""`--keep N`: a sink before an `Analysis` that remembers the sessions that are open and the N closed last, and forgets the others.

What is remembered lies in a spool, which is made anew when most of it was forgotten: a session may stay open for days.
"""

from __future__ import annotations

import pickle
from array import array
from collections import deque
from typing import Any

import msgspec

from dissect.analysis.spool import MEMORY_LIMIT, Spool
from dissect.model import Anomaly, Device, Exchange, Message, Session, Source, Totals
from dissect.sinks import Sink

SPARE = 64 << 20
"""bytes forgotten that the spool may hold"""


class _Told:
    """What was told of one session: rows of order, message id (0: none), offset and length in the spool."""

    __slots__ = ("rows", "size")

    def __init__(self) -> None:
        self.rows = array("q")
        self.size = 0

    def add(self, order: int, message: int, offset: int, length: int) -> None:
        self.rows.extend((order, message, offset, length))
        self.size += length

    def __iter__(self) -> Any:
        rows = self.rows
        return zip(rows[::4], rows[1::4], rows[2::4], rows[3::4], strict=True)


class KeptSessions:
    """A `dissect.sinks.Sink`; at `finish` it tells *sink* what is kept. What names a forgotten message is forgotten with it.

    Methods raise DissectError when the temporary file cannot be written.
    """

    def __init__(self, sink: Sink, keep: int, memory_limit: int = MEMORY_LIMIT) -> None:
        self._sink = sink
        self._keep = keep
        self._order = 0
        self._memory_limit = memory_limit
        self._spool = Spool(memory_limit)
        self._forgotten_size = 0
        self._events: dict[int, _Told] = {}
        self._heads: dict[int, Session] = {}
        self._closed: deque[int] = deque()
        self._of_none: deque[tuple[int, bytes]] = deque(maxlen=max(keep, 1))
        self._devices: dict[str, Device] = {}
        self.forgotten = 0
        """sessions"""

    def _remember(self, session: int | None, message: int, call: str, *arguments: Any) -> None:
        self._order += 1
        if session is not None and session not in self._heads:
            return
        # Read by nobody but us, and from our own temporary file.
        data = pickle.dumps((call, arguments), pickle.HIGHEST_PROTOCOL)
        if session is None:
            self._of_none.append((self._order, data))
            return
        told = self._events.get(session)
        if told is None:
            told = self._events[session] = _Told()
        told.add(self._order, message, self._spool.append(data), len(data))

    def _forget(self, session: int) -> None:
        told = self._events.pop(session, None)
        if told is None:
            return
        self._forgotten_size += told.size
        if self._forgotten_size > max(SPARE, len(self._spool) // 2):
            self._spool_anew()

    def _spool_anew(self) -> None:
        """Copy what is kept, and give the rest back."""
        fresh, old = Spool(self._memory_limit), self._spool
        for told in self._events.values():
            copy = _Told()
            for order, message, offset, length in told:
                copy.add(order, message, fresh.append(old.read(offset, length)), length)
            told.rows = copy.rows
        self._spool, self._forgotten_size = fresh, 0
        old.close()

    def source(self, source: Source) -> None:
        self._sink.source(source)

    def session(self, session: Session, closed: bool) -> None:
        if closed and session.id not in self._heads:
            return
        self._heads[session.id] = session
        if closed:
            self._closed.append(session.id)
        while len(self._closed) > self._keep:
            oldest = self._closed.popleft()
            head = self._heads.pop(oldest)
            self._forget(oldest)
            self.forgotten += 1
            if head.device_id is not None and not any(one.device_id == head.device_id for one in self._heads.values()):
                self._devices.pop(head.device_id, None)

    def device(self, device: Device) -> None:
        self._devices[device.id] = device

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        self._remember(session, message.id, "message", message, session, time_ns, raw, plaintext)

    def attribute(self, message_id: int, device_id: str) -> None:
        self._remember(None, 0, "attribute", message_id, device_id)

    def exchange(self, exchange: Exchange, session: int) -> None:
        self._remember(session, 0, "exchange", exchange, session)

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        self._remember(session, 0, "anomaly", anomaly, session, time_ns)

    def finish(self, source: Source, totals: Totals) -> None:
        sink = self._sink
        for ident in sorted(self._heads):
            sink.session(self._heads[ident], ident in self._closed)
        known = {message for told in self._events.values() for _, message, _, _ in told if message}
        loose = dict(self._of_none)
        events = [(order, offset, length) for told in self._events.values() for order, _, offset, length in told]
        for order, offset, length in sorted([*events, *((order, 0, 0) for order in loose)]):
            call, arguments = pickle.loads(loose[order] if order in loose else self._spool.read(offset, length))
            self._tell(call, arguments, known)
        self._spool.close()
        for device in self._devices.values():
            sink.device(msgspec.structs.replace(device, sessions=[one for one in device.sessions if one in self._heads]))
        sink.finish(source, totals)

    def _tell(self, call: str, arguments: tuple[Any, ...], known: set[int]) -> None:
        if call == "message":
            message = arguments[0]
            if message.duplicate_of not in known:
                message = msgspec.structs.replace(message, duplicate_of=None)
            self._sink.message(message, *arguments[1:])
        elif call == "attribute":
            if arguments[0] in known:
                self._sink.attribute(*arguments)
        elif call == "exchange":
            self._tell_exchange(arguments[0], arguments[1], known)
        else:
            anomaly = arguments[0]
            self._sink.anomaly(msgspec.structs.replace(anomaly, messages=[one for one in anomaly.messages if one in known]), *arguments[1:])

    def _tell_exchange(self, exchange: Exchange, session: int, known: set[int]) -> None:
        if known.issuperset(exchange.messages()):
            self._sink.exchange(exchange, session)
