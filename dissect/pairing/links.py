"""Messages that make another session's messages happen: a web command and the start or stop that it causes on a device's connection.

protocols.md, imei-tcp, "The web side": the command is the request, the frame sent to the device the response, the device's result the
acknowledgement; `timeout` when nothing follows. As any request it is final 60 s after its deadline, until then what follows is late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from dissect.engine.sessions import SessionState
from dissect.model import Exchange, Status
from dissect.pairing.exchanges import GRACE_NS, Seen
from grammars.vocabulary import Cause, Finding

WAITING_LIMIT = 10_000
SAME_KEY_LIMIT = 256
"""commands for one device that an effect is compared with"""


class _Link:
    __slots__ = ("cause", "request", "key", "place", "effect", "deadline_ns", "gone")

    def __init__(self, cause: Cause, request: Seen, key: dict[str, Any] | None, deadline_ns: int) -> None:
        self.cause = cause
        self.request = request
        self.key = key
        self.place = (request.session.protocol.name, cause.kind, *cause.key)
        self.effect: Seen | None = None
        self.deadline_ns = deadline_ns
        self.gone = False
        """no more among those that wait"""


class Links:
    def __init__(self, report: Callable[[Seen, Finding, int], None], give_out: Callable[[Exchange, SessionState], None], number: Callable[[], int]) -> None:
        self._report, self._give_out, self._number = report, give_out, number
        self.waiting: dict[tuple[Any, ...], list[_Link]] = {}
        """causes whose effect was not seen, by protocol, kind and key of the effect; the oldest first"""
        self._queue: deque[_Link] = deque()
        """the same in order of time, with some that wait no more"""
        self.caused: dict[int, _Link] = {}
        """by the effect's message id: effects whose own exchange is not final"""
        self.limit_ns: Mapping[str, int] = {}

    def message(self, seen: Seen, key: dict[str, Any] | None) -> None:
        row = seen.row
        assert row is not None
        if row.causes is not None:
            cause = row.causes(seen.fields)
            if cause is not None:
                self._expect(_Link(cause, seen, key, seen.time_ns + self.limit_ns[seen.session.protocol.name]))
            return
        if key is None:
            return
        name, values = seen.session.protocol.name, tuple(key.values())
        for length in range(len(values) + 1):
            for link in self.waiting.get((name, row.kind, *values[:length]), ())[:SAME_KEY_LIMIT]:
                request = link.request
                if request.time_ns <= seen.time_ns <= link.deadline_ns + GRACE_NS and link.cause.matches(seen.fields):
                    self._drop(link)
                    link.effect = seen
                    self.caused[seen.uid] = link
                    return

    def _expect(self, link: _Link) -> None:
        self.waiting.setdefault(link.place, []).append(link)
        self._queue.append(link)
        while self._queue and (self._queue[0].gone or len(self._queue) > WAITING_LIMIT):
            oldest = self._queue.popleft()
            if not oldest.gone:
                self._give_up(oldest, link.request.time_ns)

    def _drop(self, link: _Link) -> None:
        link.gone = True
        waiting = self.waiting[link.place]
        waiting.remove(link)
        if not waiting:
            del self.waiting[link.place]

    def exchange_final(self, exchange: Exchange) -> None:
        """The effect's own exchange is final: so is the link. Two commands for the same may have caused two sends of one exchange."""
        for attempt in exchange.attempts:
            link = self.caused.pop(attempt, None)
            if link is None or link.effect is None:
                continue
            effect, status = link.effect, exchange.status
            if effect.time_ns > link.deadline_ns:
                late_s = (effect.time_ns - link.request.time_ns) / 1e9
                self._report(effect, Finding("pair.late", f"{link.cause.operation}: followed after {late_s:.1f} s"), effect.time_ns)
                status = Status.LATE.value if status == Status.OK.value else status
            self._give(link, effect.uid, exchange.response, status, effect.time_ns - link.request.time_ns)

    def advance(self, now_ns: int) -> None:
        while self._queue and (self._queue[0].gone or self._queue[0].deadline_ns + GRACE_NS < now_ns):
            link = self._queue.popleft()
            if not link.gone:
                self._give_up(link, now_ns)

    def finish(self, last_ns: int) -> None:
        for link in self._queue:
            if not link.gone:
                self._give_up(link, last_ns)
        self._queue.clear()

    def _give_up(self, link: _Link, now_ns: int) -> None:
        self._drop(link)
        if now_ns > link.deadline_ns:
            self._report(link.request, Finding("pair.timeout", f"{link.cause.operation}: no {link.cause.kind} to the device followed"), link.deadline_ns)
            self._give(link, None, None, Status.TIMEOUT.value, None)
        else:
            self._give(link, None, None, Status.PENDING.value, None)

    def _give(self, link: _Link, response: int | None, acknowledgement: int | None, status: str, latency_ns: int | None) -> None:
        request = link.request
        self._give_out(Exchange(
            id=self._number(), operation=link.cause.operation, key=link.key, request=request.uid, response=response, acknowledgement=acknowledgement,
            attempts=[request.uid], intermediate=[], status=status, latency_ms=None if latency_ns is None else latency_ns / 1e6,
        ), request.session)  # fmt: skip
