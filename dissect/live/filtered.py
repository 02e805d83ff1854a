"""`--filter` on a stream of lines: a sink before another that tells what a filter keeps, as soon as it can be known.

What is kept is what a filter keeps of a file (cli.md): the matching messages, every exchange and anomaly that names one, and the other
messages those name. A filter that asks for messages alone is decided with each message. One that asks for exchanges or anomalies is decided
when the message's exchange is final, or when none can come any more. What did not match waits as long as something kept may name it; of that
there is a bound, and exchanges that name what went are counted as requests given up.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from dissect.analysis import Analysis
from dissect.carriers.bounded import make_room
from dissect.filter.view import View
from dissect.model import Anomaly, Device, Exchange, Limits, Message, ProtocolTotals, Session, Source, Totals
from dissect.pairing.exchanges import GRACE_NS
from dissect.sinks import Sink

if TYPE_CHECKING:
    from dissect.filter import Filter

HELD = 20_000
"""messages that wait"""
REMEMBERED = 100_000
"""messages that were told, by id; a chain may end long after its first message"""
SESSIONS, DEVICES = 20_000, 20_000
"""that closed, and that were named, of which nothing was told so far"""
LONGEST_CHAIN = 2
"""legs that each have a deadline: an answer, and its acknowledgement"""


Noted = tuple[Anomaly, int | None, int]
"""an anomaly, its session and time"""


class _Held(Struct):
    """A message that waits, or was told a short while ago."""

    message: Message
    session: int
    opened: Session
    """as it was told last when the message came"""
    time_ns: int
    raw: bytes
    plaintext: bytes | None
    decided: bool = False
    exchanges: list[tuple[Exchange, int]] = field(default_factory=list)
    anomalies: list[Noted] = field(default_factory=list)


class FilteredLines:
    """A `dissect.sinks.Sink`. `settle` is called now and then, and tells *inner* what is kept by then."""

    def __init__(self, inner: Sink, chosen: Filter, deadline_s: float = 10.0) -> None:
        """*deadline_s*: the longest of all protocols."""
        self._inner = inner
        self._chosen = chosen
        late = any(name.startswith(("exchange.", "anomaly.")) for name in chosen.fields_used)
        self._at_once = not late or chosen.predicate.rising
        """a message is asked about as it comes; else when its exchange is final, or nothing more can come of it"""
        self._again = late
        """what comes to name it may make it match"""
        self._alone = any(name.startswith("anomaly.") for name in chosen.fields_used)
        self._patience_ns = LONGEST_CHAIN * (int(deadline_s * 1e9) + GRACE_NS)
        self._held: dict[int, _Held] = {}
        self._fresh: dict[int, None] = {}
        """messages to ask about next time"""
        self._matching: dict[int, None] = {}
        self._told: dict[int, None] = {}
        self._to_tell: set[int] = set()
        self._exchanges: dict[int, tuple[Exchange, int]] = {}
        self._anomalies: dict[int, Noted] = {}
        """that came since the last time, by id"""
        self._open: dict[int, Session] = {}
        self._closed: dict[int, Session] = {}
        self._told_sessions: dict[int, str] = {}
        """and their protocols"""
        self._devices: dict[str, Device] = {}
        self._told_devices: dict[str, None] = {}
        self.totals = Totals(limits=Limits())
        """of what was told"""

    # -- what the pipeline calls --

    def source(self, source: Source) -> None:
        self._inner.source(source)

    def session(self, session: Session, closed: bool) -> None:
        if closed:
            # A message of it may still wait.
            self._open.pop(session.id, None)
            make_room(self._closed, SESSIONS)
            self._closed[session.id] = session
        else:
            self._open[session.id] = session
        if session.id in self._told_sessions:
            self._inner.session(session, closed)

    def device(self, device: Device) -> None:
        if device.id in self._told_devices:
            self._inner.device(device)
            return
        make_room(self._devices, DEVICES)
        self._devices[device.id] = device

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        self._held[message.id] = _Held(message, session, self._open[session], time_ns, raw, plaintext)
        if self._at_once:
            self._fresh[message.id] = None

    def attribute(self, message_id: int, device_id: str) -> None:
        held = self._held.get(message_id)
        if held is not None and message_id not in self._told:
            held.message = replace(held.message, device_id=device_id)

    def exchange(self, exchange: Exchange, session: int) -> None:
        self._exchanges[exchange.id] = exchange, session
        for ident in exchange.messages():
            held = self._held.get(ident)
            if held is not None:
                held.exchanges.append((exchange, session))
                if self._again:
                    self._fresh[ident] = None

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        noted = self._anomalies[anomaly.id] = anomaly, session, time_ns
        for ident in anomaly.messages:
            held = self._held.get(ident)
            if held is not None:
                held.anomalies.append(noted)
                if self._again and (self._at_once or held.decided):
                    self._fresh[ident] = None

    def finish(self, source: Source, totals: Totals) -> None:
        self._fresh.update((ident, None) for ident, held in self._held.items() if not held.decided)
        self._decide()
        self._tell()
        limits = totals.limits
        self.totals.limits = replace(limits, open_requests=limits.open_requests + self.totals.limits.open_requests)
        self._inner.finish(source, self.totals)

    # -- deciding --

    def settle(self, now_ns: int) -> None:
        """The capture's clock stands at *now_ns*."""
        over = list(islice(self._held, max(0, len(self._held) - HELD)))
        for ident, held in islice(self._held.items(), len(over), None):
            if held.time_ns + self._patience_ns >= now_ns:
                break
            over.append(ident)
        self._fresh.update((ident, None) for ident in over if not self._held[ident].decided)
        self._decide()
        self._tell()
        for ident in over:
            del self._held[ident]

    def _decide(self) -> None:
        """Ask the filter about the messages of which something is new."""
        import numpy

        asked = sorted(ident for ident in self._fresh if ident in self._held and ident not in self._matching)
        self._fresh.clear()
        if not asked:
            return
        analysis = self._as_analysis(asked)
        for ident, matches in zip(asked, self._chosen.mask(analysis, numpy.arange(len(asked))).tolist(), strict=True):
            held = self._held[ident]
            held.decided = True
            if matches:
                make_room(self._matching, REMEMBERED)
                self._matching[ident] = None
                self._to_tell.add(ident)
                self._exchanges.update((one[0].id, one) for one in held.exchanges)
                self._anomalies.update((one[0].id, one) for one in held.anomalies)
        analysis.close()

    def _as_analysis(self, idents: list[int]) -> Analysis:
        """These messages, and all that is known of them."""
        analysis = Analysis()
        exchanges: dict[int, tuple[Exchange, int]] = {}
        anomalies: dict[int, Noted] = {}
        for ident in idents:
            held = self._held[ident]
            analysis.session(self._known(held.session) or held.opened, False)
            analysis.message(replace(held.message, duplicate_of=None), held.session, held.time_ns, b"", None)
            exchanges.update((one[0].id, one) for one in held.exchanges)
            anomalies.update((one[0].id, one) for one in held.anomalies)
        known = frozenset(idents)
        for exchange, session in exchanges.values():
            named = [ident for ident in exchange.messages() if ident in known]
            # Whatever part a message has in it: what the exchange says of itself is what is asked.
            analysis.exchange(replace(exchange, request=named[0], response=None, acknowledgement=None, attempts=[named[0]], intermediate=named[1:]), session)
        for anomaly, of, time_ns in anomalies.values():
            analysis.anomaly(replace(anomaly, messages=[ident for ident in anomaly.messages if ident in known]), of, time_ns)
        return analysis

    def _known(self, ident: int) -> Session | None:
        return self._open.get(ident) or self._closed.get(ident)

    def _asks_for(self, anomaly: Anomaly, session: int | None, time_ns: int) -> bool:
        """Whether the filter keeps an anomaly that names no message."""
        if not self._alone:
            return False
        analysis = Analysis()
        known = None if session is None else self._known(session)
        if known is not None:
            analysis.session(known, False)
        analysis.anomaly(anomaly, session, time_ns)
        view = View(analysis)
        found = self._chosen.predicate.holds(lambda source: source.values_of_anomaly(view, 0))
        analysis.close()
        return found

    # -- telling --

    def _tell(self) -> None:
        """What matches, what names it, and what that names: messages first, in order of arrival."""
        exchanges = [one for _, one in sorted(self._exchanges.items()) if any(uid in self._matching for uid in one[0].messages())]
        anomalies = [one for _, one in sorted(self._anomalies.items())
                     if any(uid in self._matching for uid in one[0].messages) or (not one[0].messages and self._asks_for(*one))]
        wanted, self._to_tell = self._to_tell, set()
        self._exchanges, self._anomalies = {}, {}
        wanted.update(uid for exchange, _ in exchanges for uid in exchange.messages())
        wanted.update(uid for anomaly, _, _ in anomalies for uid in anomaly.messages)
        for uid in sorted(wanted):
            if uid not in self._told and uid in self._held:
                self._tell_message(self._held[uid])
        for exchange, session in exchanges:
            if not all(uid in self._told for uid in exchange.messages()):
                self.totals.limits.open_requests += 1
                continue
            self.totals.exchanges += 1
            self._counted(session).exchanges += 1
            self._inner.exchange(exchange, session)
        for anomaly, of, time_ns in anomalies:
            self.totals.anomalies[anomaly.severity] += 1
            if of is not None:
                self._counted(of).anomalies += 1
            self._inner.anomaly(replace(anomaly, messages=[uid for uid in anomaly.messages if uid in self._told]), of, time_ns)

    def _tell_message(self, held: _Held) -> None:
        message = held.message
        make_room(self._told, REMEMBERED)
        self._told[message.id] = None
        self.totals.messages += 1
        self._counted(held.session, held.opened).messages += 1
        device = self._devices.pop(message.device_id, None) if message.device_id is not None else None
        if device is not None:
            make_room(self._told_devices, DEVICES)
            self._told_devices[device.id] = None
            self._inner.device(device)
        self._inner.message(message, held.session, held.time_ns, held.raw, held.plaintext)

    def _counted(self, ident: int, opened: Session | None = None) -> ProtocolTotals:
        """The totals of a session's protocol; the session is told before the first of what it holds."""
        protocol = self._told_sessions.get(ident)
        if protocol is None:
            session = self._known(ident) or opened
            if session is None:
                return ProtocolTotals()  # it closed so long ago that nothing of it is known
            protocol = session.protocol
            make_room(self._told_sessions, REMEMBERED)
            self._told_sessions[ident] = protocol
            self.totals.sessions += 1
            self.totals.protocols.setdefault(protocol, ProtocolTotals()).sessions += 1
            self._inner.session(session, ident in self._closed)
        return self.totals.protocols[protocol]
