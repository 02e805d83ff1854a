"""Exchanges that are open: how long they wait, what it means when nothing came, and how they are given out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from dissect.engine.sessions import SessionState
from dissect.model import Exchange, Status
from dissect.pairing.exchanges import Pending, Seen
from grammars.vocabulary import ApplicationProtocol, Finding

MEMBERS_LIMIT = 10_000
"""messages of one exchange; one that reaches it is given out as it stands and counted"""
SENDS_IN_VAIN = 3
RESETS_LOOK_BACK = 1024
"""a RST answers one of the latest messages"""
TIMERS_SPARE = 4096
"""timers of exchanges that are final, which are kept while none before them is"""
RESEND = -1
"""key of the timers of refusals"""

Report = Callable[[Seen, Finding, int], None]
"""(about which message, what, its time in ns)"""


class Waiting:
    """The queues and their time. What messages do to them is a subclass's (`dissect.pairing.pairing.Pairing`)."""

    def __init__(self, report: Report, give_out: Callable[[Exchange, SessionState], None]) -> None:
        self._report, self._give_out = report, give_out
        self._open: dict[tuple[Any, ...], list[Pending]] = {}
        self._acks: dict[tuple[Any, ...], list[Pending]] = {}
        self._pending: dict[int, Pending] = {}
        self._timers: dict[int, deque[tuple[int, int]]] = {RESEND: deque()}
        """for each length of waiting, what falls due, in order of time"""
        self._exchange = 0
        self._now = 0
        self.evicted = 0
        self.deadlines_ns: dict[str, int] = {}

    def knows(self, protocol: ApplicationProtocol, deadline_s: float) -> None:
        """How long the protocol's requests may take."""
        limit = int(deadline_s * 1e9)
        self.deadlines_ns[protocol.name] = limit
        self._timers.setdefault(limit, deque())

    # -- time --

    def _wait(self, pending: Pending) -> None:
        self._timers[pending.limit_ns].append((pending.due_ns, pending.serial))

    def advance(self, now_ns: int) -> None:
        """The clock has reached *now_ns*: judge what has waited long enough."""
        if now_ns > self._now:
            self._now = now_ns
        for timers in self._timers.values():
            if len(timers) > TIMERS_SPARE + 2 * len(self._pending):
                # One that waits long keeps those behind it, most of which were answered.
                waiting = [one for one in timers if one[1] in self._pending]
                timers.clear()
                timers.extend(waiting)
            # Most are answered long before they are due: those are not kept until then.
            while timers and (timers[0][0] < now_ns or timers[0][1] not in self._pending):
                due, serial = timers.popleft()
                pending = self._pending.get(serial)
                if pending is not None and pending.due_ns <= due:
                    self._judge(pending, now_ns)

    def _judge(self, pending: Pending, now_ns: int) -> None:
        """No answer came, or no third leg, or no re-send: what that means at *now_ns*, when no more is awaited."""
        if pending.story is not None and pending.response is not None:
            return
        ended_ns = pending.closed_ns if pending.closed_ns is not None else pending.request.session.ended_ns
        until_ns = now_ns if ended_ns is None else min(now_ns, ended_ns)
        if pending.refused is not None:
            self._respond(pending, pending.refused)
            text = f"{pending.row.name} refused: {said_code(pending.refused)}, and not sent again"
            self._report(pending.refused, Finding("pair.refused", text), pending.refused.time_ns)
            self._finish(pending, now_ns, Status.ERROR)
            return
        if pending.response is not None:
            deadline = pending.response_ns + pending.limit_ns
            if until_ns > deadline and pending.answered_by is not None and pending.ack is None:
                text = f"no {pending.row.acknowledged_by[0]} within {pending.limit_ns / 1e9:g} s"
                self._report(pending.answered_by, Finding("pair.timeout", text), deadline)
            self._finish(pending, now_ns, pending.status or Status.OK)
            return
        deadline = pending.last_ns + pending.limit_ns
        if until_ns <= deadline:
            self._finish(pending, now_ns, Status.PENDING)
            return
        if not pending.row.quiet:
            if pending.sends >= SENDS_IN_VAIN:
                finding = Finding("pair.retries-exhausted", f"{pending.row.name} sent {pending.sends} times without an answer")
            else:
                finding = Finding("pair.timeout", f"{pending.row.name}: no answer within {pending.limit_ns / 1e9:g} s")
            self._report(pending.request, finding, deadline)
        self._finish(pending, now_ns, Status.TIMEOUT)

    def overdue(self, now_ns: int) -> set[int]:
        """Requests that at *now_ns* wait beyond their deadline and may still be answered (late), by the uids of all their sends."""
        return {uid for pending in self._pending.values()
                if pending.response is None and pending.refused is None and not pending.row.quiet and now_ns > pending.last_ns + pending.limit_ns
                for uid in pending.attempts}

    def session_closed(self, session: SessionState, time_ns: int) -> None:
        """Its connection ended at *time_ns*: nothing of it is answered any more."""
        for pending in list(session.open.values()):
            if session.broker_leg:
                # The broker may still pass an answer on, to another connection of the same client.
                pending.closed_ns = time_ns
                continue
            self._judge(pending, time_ns)
            if not pending.final:
                self._break_off(pending, time_ns)

    def _break_off(self, pending: Pending, time_ns: int) -> None:
        if pending.story is not None:
            for finding in pending.story.broken_off():
                self._report(pending.answered_by or pending.request, finding, time_ns)
        self._finish(pending, time_ns, Status.PENDING if pending.story is not None or pending.status is None else pending.status)

    def reset(self, uid: int, time_ns: int) -> None:
        """The message was refused by a CoAP RST: its exchange ends as error."""
        for pending in list(islice(reversed(self._pending.values()), RESETS_LOOK_BACK)):
            if uid in pending.attempts and pending.response is None:
                self._finish(pending, time_ns, Status.ERROR)
                return

    def finish(self, last_ns: int) -> None:
        """The capture ended at *last_ns*."""
        self.advance(last_ns)
        for pending in list(self._pending.values()):
            self._judge(pending, last_ns)
            if not pending.final:
                self._break_off(pending, last_ns)

    # -- giving out --

    def _respond(self, pending: Pending, seen: Seen) -> None:
        """The response and its latency, late or not."""
        pending.response, pending.response_ns, pending.answered_by = seen.uid, seen.time_ns, seen
        pending.latency_ns = seen.time_ns - pending.last_ns
        if pending.latency_ns > pending.limit_ns:
            pending.status = Status.LATE
            text = f"answered after {pending.latency_ns / 1e9:.1f} s, the deadline is {pending.limit_ns / 1e9:g} s"
            self._report(seen, Finding("pair.late", text), seen.time_ns)

    def _bound(self, pending: Pending) -> None:
        """One more message of it is known: nothing may be sent again, or tell of its progress, for ever."""
        if len(pending.attempts) + len(pending.intermediate) >= MEMBERS_LIMIT:
            self._give_up(pending)

    def _give_up(self, pending: Pending) -> None:
        self.evicted += 1
        self._finish(pending, self._now, pending.status or Status.PENDING)

    def _leave(self, pending: Pending) -> None:
        waiting = self._open.get(pending.place)
        if waiting is None:
            return
        if len(waiting) == 1 and waiting[0] is pending:
            del self._open[pending.place]
        elif pending in waiting:
            waiting.remove(pending)

    def _finish(self, pending: Pending, now_ns: int, status: Status) -> None:
        if pending.final:
            return
        pending.final = True
        self._leave(pending)
        if pending.ack_place is not None:
            acks = self._acks.get(pending.ack_place)
            if acks is not None and pending in acks:
                acks.remove(pending)
                if not acks:
                    del self._acks[pending.ack_place]
        del self._pending[pending.serial]
        session = pending.request.session
        session.open.pop(pending.serial, None)
        if pending.retransmissions:
            text = f"{pending.row.name} sent again {pending.retransmissions} time{'s' if pending.retransmissions > 1 else ''} before its answer"
            self._report(pending.request, Finding("pair.retransmission", text), pending.last_ns)
        self._exchange += 1
        latency = None if pending.latency_ns is None else pending.latency_ns / 1e6
        self._give_out(Exchange(
            id=self._exchange, operation=pending.row.operation or pending.row.name, key=pending.key, request=pending.attempts[0], response=pending.response,
            acknowledgement=pending.ack, attempts=pending.attempts, intermediate=pending.intermediate, status=status._value_, latency_ms=latency,
        ), session)  # fmt: skip

    def next_exchange(self) -> int:
        """An id for an exchange that is made elsewhere (web commands)."""
        self._exchange += 1
        return self._exchange


def said_code(seen: Seen) -> str:
    """How an answer says that it went."""
    protocol = seen.session.protocol
    for name in protocol.results:
        if name in seen.fields:
            more = seen.fields.get(protocol.result_text) if protocol.result_text is not None else None
            return f"{name} {seen.fields[name]}" + (f" {more!r:.60}" if more else "")
    return seen.kind
