"""Which answer belongs to which request: a queue of open exchanges for each key, oldest first; nothing is overwritten.

What pairs with what, by which members, who acknowledges, what an answer means: all of it stands in the protocols' tables (`MessageType`).
Rules followed: protocols.md (the tables' last columns), report.md (`status`), anomalies.md (`pair.*` and "More rules").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from dissect.engine.sessions import SessionState
from dissect.model import Exchange, Status
from dissect.pairing.early import EarlyAnswers
from dissect.pairing.exchanges import GRACE_NS, Pending, Plan, Role, Seen
from dissect.pairing.meant import choose, same_device, scope_of
from dissect.pairing.reuse import RecentIds
from dissect.pairing.waiting import RESEND, Report, Waiting, said_code
from grammars.vocabulary import Finding, MessageType, Verdict

OPEN_LIMIT = 50_000
"""open exchanges; beyond, the oldest is given out as it stands and counted"""
LOOK_BACK = 64
"""open requests of the same key that are compared with a new one"""
CANDIDATES = 256


# Looking a member up in its Enum costs as much as a call.
_REQUEST, _ANSWER = Role.REQUEST, Role.ANSWER
_GOOD, _OK = Verdict.GOOD, Status.OK


class Pairing(Waiting):
    """Fed every message that is no duplicate, in order; gives out exchanges when they are final and findings when they are known."""

    def __init__(self, report: Report, give_out: Callable[[Exchange, SessionState], None]) -> None:
        super().__init__(report, give_out)
        self._recent = RecentIds()
        self._serial = 0
        self._early = EarlyAnswers(self._tell_orphan)

    # -- time --

    def advance(self, now_ns: int) -> None:
        """The clock has reached *now_ns*: judge what has waited long enough."""
        self._early.advance(now_ns)
        super().advance(now_ns)

    def session_closed(self, session: SessionState, time_ns: int) -> None:
        """Its connection ended at *time_ns*: nothing of it is answered any more."""
        self._early.settle(session.id)
        super().session_closed(session, time_ns)

    def finish(self, last_ns: int) -> None:
        """The capture ended at *last_ns*."""
        self.advance(last_ns)
        self._early.finish()
        super().finish(last_ns)

    # -- messages --

    def message(self, seen: Seen, key: dict[str, Any] | None, plan: Plan) -> None:
        role = plan.role
        if role is _REQUEST:
            self._request(seen, key)
        elif role is _ANSWER:
            if not self._answer(seen, key, plan) and not self._disowned(seen, plan):
                self._orphan(seen, key, plan)
        elif role is Role.BOTH:
            if key is not None and not self._answer(seen, key, plan) and not self._repeats_answer(seen, key):
                self._request(seen, key)
        elif role is Role.EITHER:
            if not self._acknowledge(seen, key, plan) and not self._answer(seen, key, plan):
                self._orphan(seen, key, plan)
        elif role is Role.ACKNOWLEDGEMENT and not self._acknowledge(seen, key, plan):
            self._orphan(seen, key, plan)

    def _place(self, kind: str, row: MessageType, seen: Seen, key: dict[str, Any] | None) -> tuple[Any, ...]:
        session = seen.session
        scope = session.id if not (row.across or session.broker_leg or session.protocol.self_naming) else scope_of(seen)
        if row.in_order or key is None:
            return scope, kind
        # A number that is sent as one here and as text there is the same.
        return scope, kind, *map(str, key.values())

    def _request(self, seen: Seen, key: dict[str, Any] | None) -> None:
        row = seen.row
        assert row is not None
        if key is None and not row.in_order:
            return
        place = self._place(row.kind, row, seen, key)
        waiting = self._open.get(place)
        rival = False
        if waiting:
            for pending in list(islice(reversed(waiting), LOOK_BACK)):
                if pending.due_ns < seen.time_ns and pending.response is None:
                    self._judge(pending, seen.time_ns)
                    continue
                if pending.request.sender is not seen.sender or not same_device(pending.request, seen):
                    continue
                if pending.refused is not None:
                    pending.attempts.append(seen.uid)
                    pending.intermediate.append(pending.refused.uid)
                    pending.refused = None
                    pending.signature = seen.signature()
                    pending.sends = 1
                    pending.again.clear()
                    pending.resent_ns = seen.time_ns
                    self._again(pending, seen)
                    self._bound(pending)
                    return
                if pending.response is not None:
                    continue
                if pending.signature is None:
                    pending.signature = pending.request.signature()
                if pending.signature == seen.signature() or (row.same is None and pending.request.fields == seen.fields):
                    pending.attempts.append(seen.uid)
                    pending.again.append(seen)
                    del pending.again[:-LOOK_BACK]
                    pending.retransmissions += 1
                    pending.sends += 1
                    self._again(pending, seen)
                    self._bound(pending)
                    return
                rival = True
            waiting = self._open.get(place)
        if row.id is not None and key is not None:
            text = self._recent.used(seen, row.id, key, rival)
            if text is not None:
                self._report(seen, Finding("pair.id-reuse", text), seen.time_ns)
        self._serial += 1
        limit = self.deadlines_ns[seen.session.protocol.name]
        now = seen.time_ns
        pending = Pending(self._serial, seen, row, key, place, limit, now, now + limit + GRACE_NS, [seen.uid])
        if row.story is not None:
            pending.story = row.story(seen.fields, seen.data)
        if waiting is None:
            self._open[place] = [pending]
        else:
            waiting.append(pending)
        self._pending[pending.serial] = pending
        seen.session.open[pending.serial] = pending
        self._wait(pending)
        if len(self._pending) > OPEN_LIMIT:
            self._give_up(next(iter(self._pending.values())))
        if self._early.waiting:
            early = self._early.take(seen, key, row.answered_by + row.tolerated, now)
            if early is not None:
                self._answered(pending, early, early.kind in row.tolerated)

    def _again(self, pending: Pending, seen: Seen) -> None:
        pending.last_ns = seen.time_ns
        pending.due_ns = seen.time_ns + pending.limit_ns + GRACE_NS
        self._wait(pending)

    def _candidates(self, seen: Seen, key: dict[str, Any] | None, answers: Iterable[tuple[MessageType, bool]]) -> list[tuple[Pending, bool]]:
        found: list[tuple[Pending, bool]] = []
        for row, wrong in answers:
            waiting = self._open.get(self._place(row.kind, row, seen, key))
            if waiting:
                open_ones = (one for one in islice(waiting, CANDIDATES) if one.response is None or one.story is not None)
                found += [(one, wrong) for one in open_ones if one.request.sender is not seen.sender and one.request.time_ns <= seen.time_ns]
        return found

    def _answer(self, seen: Seen, key: dict[str, Any] | None, plan: Plan) -> bool:
        row = seen.row
        assert row is not None
        if plan.simple and not seen.session.broker_leg:
            asked = plan.answers[0][0]
            if key is None and not asked.in_order:
                return False
            pending = self._oldest_open(self._place(asked.kind, asked, seen, key), seen.time_ns)
            if pending is None:
                return False
            self._answered(pending, seen, plan.answers[0][1])
            return True
        if row.ends_oldest is not None:
            if not row.ends_oldest(seen.session):
                return False
            kinds = {asked.kind for asked, _ in plan.answers}
            open_ones = (one for one in list(seen.session.open.values()) if one.row.kind in kinds and one.response is None)
            candidates = [(one, False) for one in islice(open_ones, 1)]
        elif key is None and not row.in_order:
            return False
        else:
            candidates = self._candidates(seen, key, plan.answers)
        for pending, _ in candidates:
            if pending.due_ns < seen.time_ns and pending.response is None:
                self._judge(pending, seen.time_ns)
        chosen = choose([one for one in candidates if not one[0].final], seen)
        if chosen is None:
            return False
        pending, wrong = chosen
        self._answered(pending, seen, wrong)
        return True

    def _disowned(self, seen: Seen, plan: Plan) -> bool:
        """An answer that says that its request named another device."""
        row = seen.row
        if row is None or row.disowns is None or not row.disowns(seen.fields):
            return False
        kinds = {asked.kind for asked, _ in plan.answers}
        for pending in islice(seen.session.open.values(), CANDIDATES):
            request = pending.request
            if pending.row.kind not in kinds or pending.response is not None or request.sender is seen.sender:
                continue
            if request.time_ns <= seen.time_ns <= pending.due_ns:
                self._check_identity(pending, seen)
                self._answered(pending, seen, False)
                return True
        return False

    def _oldest_open(self, place: tuple[Any, ...], now_ns: int) -> Pending | None:
        """The first that is not overdue at *now_ns*; those that are, are judged. None also if it was sent later: a hole held the answer up."""
        waiting = self._open.get(place)
        while waiting:
            pending = waiting[0]
            if now_ns <= pending.due_ns or pending.response is not None:
                return pending if pending.request.time_ns <= now_ns else None
            self._judge(pending, now_ns)
            waiting = self._open.get(place)
        return None

    def _answered(self, pending: Pending, seen: Seen, wrong: bool) -> None:
        later = [one for one in pending.again if one.time_ns > seen.time_ns] if pending.again and pending.last_ns > seen.time_ns else ()
        if later:
            # A hole held the answer up; what was sent after it is another exchange.
            self._forget_sends(pending, len(later))
        self._settle(pending, seen, wrong)
        for one in later:
            self._request(one, pending.key)

    @staticmethod
    def _forget_sends(pending: Pending, count: int) -> None:
        """Take the last *count* sends of a request off it."""
        del pending.again[-count:]
        del pending.attempts[-count:]
        pending.retransmissions -= count
        pending.sends -= count
        if pending.again:
            pending.last_ns = pending.again[-1].time_ns
        else:
            pending.last_ns = pending.request.time_ns if pending.resent_ns is None else pending.resent_ns

    def _settle(self, pending: Pending, seen: Seen, wrong: bool) -> None:
        """What the answer *seen* makes of its exchange."""
        row = seen.row
        assert row is not None
        request = pending.request
        for rule in seen.session.protocol.answer_rules:
            for finding in rule(request, seen, seen.session):
                self._report(seen, finding, seen.time_ns)
        if pending.row.in_order and row.in_order:
            self._check_identity(pending, seen)
        if wrong:
            self._report(seen, Finding("pair.wrong-answer", f"{request.kind} is answered by {row.kind}, not {pending.row.answered_by[0]}"), seen.time_ns)
        if pending.story is not None:
            self._told(pending, seen)
            return
        verdict = row.verdict(seen.fields, seen.data) if row.verdict else _GOOD
        if pending.refused is not None:
            # Answered once more without a re-send between: the refusal was to an earlier attempt.
            pending.intermediate.append(pending.refused.uid)
            pending.refused = None
        if verdict is Verdict.RESEND:
            pending.refused = seen
            pending.due_ns = seen.time_ns + GRACE_NS
            self._timers[RESEND].append((pending.due_ns, pending.serial))
            return
        self._respond(pending, seen)
        if verdict is _GOOD:
            pending.status = _OK if pending.status is None else pending.status
        else:
            pending.status = Status.ERROR
            code = {Verdict.LOGIN_FAILED: "state.authentication-failed", Verdict.FAILED: "pair.refused"}.get(verdict)
            if code is not None:
                self._report(seen, Finding(code, f"{pending.row.name} refused: {said_code(seen)}"), seen.time_ns)
        acks = pending.row.acknowledged_by
        if acks and not (row.ends_oldest is not None):
            ack_row = seen.session.protocol.messages[acks[0]]
            # The third leg is about the answer, whose names are not the request's where it disowns it.
            named = pending.key if row.disowns is None or pending.key is None else {name: seen.fields.get(name, told) for name, told in pending.key.items()}
            pending.ack_place = self._place(acks[0], ack_row, seen, named)
            self._leave(pending)
            self._acks.setdefault(pending.ack_place, []).append(pending)
            pending.due_ns = seen.time_ns + pending.limit_ns + GRACE_NS
            self._wait(pending)
            if self._early.waiting:
                early = self._early.take(seen, named, acks, seen.time_ns)
                if early is not None:
                    pending.ack = early.uid
                    self._finish(pending, seen.time_ns, pending.status)
            return
        self._finish(pending, seen.time_ns, pending.status)

    def _check_identity(self, pending: Pending, seen: Seen) -> None:
        if pending.key is None or seen.row is None:
            return
        for name, asked in pending.key.items():
            told = seen.fields.get(name)
            if told is not None and told != asked and told not in seen.row.slips:
                self._report(seen, Finding("pair.identity-mismatch", f"the request's {name} is {asked!r:.40}, the answer's {told!r:.40}"), seen.time_ns)

    def _told(self, pending: Pending, seen: Seen) -> None:
        """One answer of a story."""
        assert pending.story is not None
        verdict, findings = pending.story.answer(seen.fields, seen.data)
        for finding in findings:
            self._report(seen, finding, seen.time_ns)
        if pending.response is None:
            self._respond(pending, seen)
        else:
            pending.intermediate.append(seen.uid)
        if verdict is not Verdict.UNDERWAY:
            status = Status.ERROR if verdict in (Verdict.SILENT, Verdict.FAILED) else pending.status or Status.OK
            self._finish(pending, seen.time_ns, status)
        else:
            self._bound(pending)

    def _acknowledge(self, seen: Seen, key: dict[str, Any] | None, plan: Plan) -> bool:
        """A third leg; where the same kind could also answer an open request, the one within its deadline is meant, else the older."""
        row = seen.row
        assert row is not None
        if key is None:
            return False
        waiting = [
            one
            for one in islice(self._acks.get(self._place(row.kind, row, seen, key), ()), CANDIDATES)
            if one.request.sender is seen.sender and seen.time_ns <= one.due_ns
        ]
        if not waiting:
            return False
        chosen = choose([(one, False) for one in waiting], seen)
        if chosen is None:
            return False
        pending = chosen[0]
        rival = choose(self._candidates(seen, key, [one for one in plan.answers if not one[1]]), seen)
        if rival is not None:
            asked, now = rival[0], seen.time_ns
            if (now - asked.last_ns > asked.limit_ns, asked.request.time_ns) < (now - pending.response_ns > pending.limit_ns, pending.response_ns):
                return False
        if pending.ack is None:
            pending.ack = seen.uid
            waited = seen.time_ns - pending.response_ns
            if waited > pending.limit_ns:
                text = f"came after {waited / 1e9:.1f} s, the deadline is {pending.limit_ns / 1e9:g} s"
                self._report(seen, Finding("pair.late", text), seen.time_ns)
        else:
            pending.intermediate.append(seen.uid)
            pending.repeats -= 1
        if pending.repeats <= 0:
            self._finish(pending, seen.time_ns, pending.status or Status.OK)
        return True

    def _repeats_answer(self, seen: Seen, key: dict[str, Any] | None) -> bool:
        """A 2006 again for a chain that waits for its third leg."""
        row = seen.row
        if row is None or key is None:
            return False
        for kind in row.answered_by:
            for pending in islice(self._acks.get(self._place(kind, row, seen, key), ()), CANDIDATES):
                answer = pending.answered_by
                if answer is not None and answer.sender is seen.sender and answer.signature() == seen.signature():
                    pending.intermediate.append(seen.uid)
                    pending.repeats += 1
                    self._bound(pending)
                    return True
        return False

    def _orphan(self, seen: Seen, key: dict[str, Any] | None, plan: Plan) -> None:
        row = seen.row
        assert row is not None
        if row.unasked:
            return
        if row.across and key is not None and any(self._recent.known(seen, asked, key) for asked, _ in plan.answers):
            return  # another APP's answer to the same broadcast
        if row.across or (key is None and not row.in_order):
            self._tell_orphan(seen)
            return
        self._early.add(seen, key)

    def _tell_orphan(self, seen: Seen) -> None:
        session, row = seen.session, seen.row
        assert row is not None
        limit = self.deadlines_ns[session.protocol.name]
        if session.midstream_ns is not None and seen.time_ns - session.midstream_ns <= limit:
            return
        self._report(seen, Finding("pair.orphan-response", f"{row.name} to nothing that was asked"), seen.time_ns)


