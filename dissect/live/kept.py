"""`--keep N`: a sink before an `Analysis` that remembers the sessions that are open and the N closed last, and forgets the others."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import msgspec

from dissect.model import Anomaly, Device, Exchange, Message, Session, Source, Totals
from dissect.sinks import Sink


class _Event(NamedTuple):
    order: int
    call: str
    arguments: tuple[Any, ...]


class KeptSessions:
    """A `dissect.sinks.Sink`; at `finish` it tells *sink* what is kept. What names a forgotten message is forgotten with it."""

    def __init__(self, sink: Sink, keep: int) -> None:
        self._sink = sink
        self._keep = keep
        self._order = 0
        self._events: dict[int, list[_Event]] = {}
        self._heads: dict[int, Session] = {}
        self._closed: deque[int] = deque()
        self._of_none: deque[_Event] = deque(maxlen=max(keep, 1))
        self._devices: dict[str, Device] = {}
        self.forgotten = 0
        """sessions"""

    def _remember(self, session: int | None, call: str, *arguments: Any) -> None:
        self._order += 1
        event = _Event(self._order, call, arguments)
        if session is None:
            self._of_none.append(event)
        elif session in self._heads:
            self._events.setdefault(session, []).append(event)

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
            self._events.pop(oldest, None)
            self.forgotten += 1
            if head.device_id is not None and not any(one.device_id == head.device_id for one in self._heads.values()):
                self._devices.pop(head.device_id, None)

    def device(self, device: Device) -> None:
        self._devices[device.id] = device

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        self._remember(session, "message", message, session, time_ns, raw, plaintext)

    def attribute(self, message_id: int, device_id: str) -> None:
        self._remember(None, "attribute", message_id, device_id)

    def exchange(self, exchange: Exchange, session: int) -> None:
        self._remember(session, "exchange", exchange, session)

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        self._remember(session, "anomaly", anomaly, session, time_ns)

    def finish(self, source: Source, totals: Totals) -> None:
        sink = self._sink
        for ident in sorted(self._heads):
            sink.session(self._heads[ident], ident in self._closed)
        events = sorted([*self._of_none, *(event for events in self._events.values() for event in events)])
        known = {event.arguments[0].id for event in events if event.call == "message"}
        for _, call, arguments in events:
            if call == "message":
                message = arguments[0]
                if message.duplicate_of not in known:
                    message = msgspec.structs.replace(message, duplicate_of=None)
                sink.message(message, *arguments[1:])
            elif call == "attribute":
                if arguments[0] in known:
                    sink.attribute(*arguments)
            elif call == "exchange":
                self._tell_exchange(arguments[0], arguments[1], known)
            else:
                anomaly = arguments[0]
                sink.anomaly(msgspec.structs.replace(anomaly, messages=[one for one in anomaly.messages if one in known]), *arguments[1:])
        for device in self._devices.values():
            sink.device(msgspec.structs.replace(device, sessions=[one for one in device.sessions if one in self._heads]))
        sink.finish(source, totals)

    def _tell_exchange(self, exchange: Exchange, session: int, known: set[int]) -> None:
        if all(one in known for one in (exchange.request, exchange.response, exchange.acknowledgement, *exchange.attempts, *exchange.intermediate)
               if one is not None):
            self._sink.exchange(exchange, session)
