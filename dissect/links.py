"""Messages that make another session's messages happen: a web command and the start or stop that it causes on a device's connection.

protocols.md, imei-tcp, "The web side": the command is the request, the frame sent to the device the response, the device's result the
acknowledgement; `timeout` when nothing follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dissect.model import Exchange, Status
from dissect.pairing import Seen
from dissect.sessions import SessionState
from grammars.vocabulary import Cause, Finding

WAITING_LIMIT = 10_000


class _Link:
    __slots__ = ("cause", "request", "key", "effect_uid", "effect_ns", "due_ns")

    def __init__(self, cause: Cause, request: Seen, key: dict[str, Any] | None, due_ns: int) -> None:
        self.cause = cause
        self.request = request
        self.key = key
        self.effect_uid: int | None = None
        self.effect_ns = 0
        self.due_ns = due_ns


class Links:
    def __init__(self, report: Callable[[Seen, Finding, int], None], give_out: Callable[[Exchange, SessionState], None], number: Callable[[], int]) -> None:
        self._report, self._give_out, self._number = report, give_out, number
        self.waiting: list[_Link] = []
        """causes whose effect was not seen"""
        self.caused: dict[int, _Link] = {}
        """by the effect's message id: effects whose own exchange is not final"""
        self.limit_ns: Mapping[str, int] = {}

    def message(self, seen: Seen, key: dict[str, Any] | None) -> None:
        row = seen.row
        assert row is not None
        if row.causes is not None:
            cause = row.causes(seen.fields)
            if cause is not None:
                self.waiting.append(_Link(cause, seen, key, seen.time_ns + self.limit_ns[seen.session.protocol.name]))
                if len(self.waiting) > WAITING_LIMIT:
                    self._give_up(self.waiting.pop(0), seen.time_ns)
            return
        for place, link in enumerate(self.waiting):
            cause = link.cause
            if cause.kind == row.kind and key is not None and tuple(key.values())[: len(cause.key)] == cause.key and cause.matches(seen.fields):
                if seen.time_ns < link.request.time_ns:
                    continue
                del self.waiting[place]
                link.effect_uid, link.effect_ns = seen.uid, seen.time_ns
                self.caused[seen.uid] = link
                return

    def exchange_final(self, exchange: Exchange) -> None:
        """The effect's own exchange is final: so is the link."""
        link = self.caused.pop(exchange.request, None)
        if link is None:
            return
        latency = link.effect_ns - link.request.time_ns
        self._give(link, link.effect_uid, exchange.response, exchange.status, latency)

    def advance(self, now_ns: int) -> None:
        while self.waiting and self.waiting[0].due_ns < now_ns:
            self._give_up(self.waiting.pop(0), now_ns)

    def finish(self, last_ns: int) -> None:
        for link in self.waiting:
            self._give_up(link, last_ns)
        self.waiting = []

    def _give_up(self, link: _Link, now_ns: int) -> None:
        if now_ns > link.due_ns:
            self._report(link.request, Finding("pair.timeout", f"{link.cause.operation}: no {link.cause.kind} to the device followed"), link.due_ns)
            self._give(link, None, None, Status.TIMEOUT.value, None)
        else:
            self._give(link, None, None, Status.PENDING.value, None)

    def _give(self, link: _Link, response: int | None, acknowledgement: int | None, status: str, latency_ns: int | None) -> None:
        request = link.request
        self._give_out(Exchange(
            id=self._number(), operation=link.cause.operation, key=link.key, request=request.uid, response=response, acknowledgement=acknowledgement,
            attempts=[request.uid], intermediate=[], status=status, latency_ms=None if latency_ns is None else latency_ns / 1e6,
        ), request.session)  # fmt: skip
