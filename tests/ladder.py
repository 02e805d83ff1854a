"""Conversations as ladder diagrams: who said what, when; and what the pipeline made of it.

    told = ladder(
        up(0.0, ANNOUNCE),
        down(0.1, ANNOUNCED),
        gap("down", 0.2, 40),
        fin("up", 3.0),
        until=100.0,
    )
    assert told.statuses() == ["ok"]

No packets: the steps go through the handlers that the stream layer would call. Every ladder is played twice, once with a clock that follows each
step (a live capture) and once with one that moves at the end alone (a file of one batch); what comes out must be the same both times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dissect.model import Anomaly, Device, Exchange, Message, Session, Source, Totals
from dissect.options import Options
from dissect.pipeline import Pipeline
from dissect.streams.api import Conversation

START_NS = 1_790_000_000 * 10**9
UP, DOWN = "up", "down"


class Step(NamedTuple):
    what: str
    way: str
    at: float
    """seconds since the first step of the ladder"""
    data: bytes = b""
    length: int = 0
    connection: int = 1
    seen_at: float | None = None
    """when the stream layer could hand it out, if later (a hole before it)"""


def up(at: float, *data: bytes, connection: int = 1, seen_at: float | None = None) -> Step:
    """One segment from the client, holding all of *data*."""
    return Step("data", UP, at, b"".join(data), connection=connection, seen_at=seen_at)


def down(at: float, *data: bytes, connection: int = 1, seen_at: float | None = None) -> Step:
    return Step("data", DOWN, at, b"".join(data), connection=connection, seen_at=seen_at)


def gap(way: str, at: float, length: int = 40, connection: int = 1) -> Step:
    return Step("gap", way, at, length=length, connection=connection)


def fin(way: str, at: float, connection: int = 1) -> Step:
    return Step("fin", way, at, connection=connection)


def reset(way: str, at: float, connection: int = 1) -> Step:
    return Step("reset", way, at, connection=connection)


def closed(at: float, connection: int = 1) -> Step:
    """The stream layer gives the connection up (its ports are used anew, or it lingered long enough)."""
    return Step("closed", UP, at, connection=connection)


def silence(at: float, connection: int = 1) -> Step:
    """A packet without payload."""
    return Step("silence", UP, at, connection=connection)


class Told:
    """Everything that came out, in the order of the report."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.exchanges: list[Exchange] = []
        self.anomalies: list[Anomaly] = []
        self.sessions: dict[int, Session] = {}
        self.devices: dict[str, Device] = {}
        self.session_of: dict[int, int] = {}
        self.totals = Totals()

    # dissect.sinks.Sink

    def source(self, source: Source) -> None: ...

    def session(self, session: Session, closed: bool) -> None:
        self.sessions[session.id] = session

    def device(self, device: Device) -> None:
        self.devices[device.id] = device

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        self.messages.append(message)
        self.session_of[message.id] = session

    def attribute(self, message_id: int, device_id: str) -> None: ...

    def exchange(self, exchange: Exchange, session: int) -> None:
        self.exchanges.append(exchange)

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        self.anomalies.append(anomaly)

    def finish(self, source: Source, totals: Totals) -> None: ...

    # what tests ask

    def settle(self) -> Told:
        """In the order of the report: messages by time, exchanges by their request, anomalies by time."""
        self.messages.sort(key=lambda one: (one.time, one.frames, one.id))
        place = {one.id: index for index, one in enumerate(self.messages, 1)}
        self.exchanges.sort(key=lambda one: (place[one.request], one.operation))
        self.anomalies.sort(key=lambda one: (one.time, one.code, one.message))
        self.place = place
        return self

    def types(self) -> list[str | None]:
        return [one.type for one in self.messages]

    def fields(self) -> list[Any]:
        return [one.fields for one in self.messages]

    def said(self) -> list[tuple[str, str | None]]:
        return [(one.direction, one.type) for one in self.messages]

    def codes(self, but: Iterable[str] = ("security.cleartext-credential", "tcp.midstream")) -> dict[str, int]:
        """How often each anomaly was reported, leaving out what every such session has."""
        return dict(Counter(one.code for one in self.anomalies if one.code not in set(but)))

    def statuses(self, operation: str | None = None) -> list[str]:
        return [one.status for one in self.exchanges if operation is None or one.operation == operation]

    def exchange_of(self, operation: str, number: int = 0) -> Exchange:
        return [one for one in self.exchanges if one.operation == operation][number]

    def places(self, ids: Sequence[int | None] | int | None) -> Any:
        """Ids as places in the ladder, from 1."""
        if ids is None or isinstance(ids, int):
            return self.place[ids] if ids is not None else None
        return [self.places(one) for one in ids]

    def legs(self) -> list[tuple[Any, ...]]:
        """Of each exchange: attempts, intermediate, response, acknowledgement (as places), status."""
        return [
            (self.places(one.attempts), self.places(one.intermediate), self.places(one.response), self.places(one.acknowledgement), one.status)
            for one in self.exchanges
        ]

    def unpaired(self) -> list[Message]:
        """Messages in no exchange, not malformed, no duplicates."""
        paired: set[int | None] = set()
        for one in self.exchanges:
            paired |= {one.request, one.response, one.acknowledgement, *one.attempts, *one.intermediate}
        return [one for one in self.messages if one.id not in paired and one.type is not None and one.duplicate_of is None]

    def orphans(self) -> list[Message]:
        named = {uid for one in self.anomalies if one.code == "pair.orphan-response" for uid in one.messages}
        return [one for one in self.messages if one.id in named]

    def outline(self) -> tuple[Any, ...]:
        """All that must not depend on when the clock ticks."""
        return (
            [(one.time, one.frames, one.direction, one.type, one.key, repr(one.fields), one.size, one.raw_b64) for one in self.messages],
            [(*legs, one.operation, one.latency_ms, repr(one.key)) for legs, one in zip(self.legs(), self.exchanges, strict=True)],
            sorted((one.time, one.code, one.message, repr(self.places(one.messages))) for one in self.anomalies),
            [(one.device_id, one.complete, one.first_time, one.last_time) for one in self.sessions.values()],
        )


class _Stage:
    """The stream layer's part, played from steps."""

    def __init__(self, steps: Sequence[Step], follow: bool, options: Options, port: int, midstream: bool, client_port: int) -> None:
        self.told = Told()
        self.pipeline = Pipeline(self.told, options)
        self._follow = follow
        self._conversations: dict[int, Conversation] = {}
        self._port, self._midstream, self._client_port = port, midstream, client_port
        self._last: dict[int, float] = {}
        for step in steps:
            self._last[step.connection] = max(self._last.get(step.connection, step.at), step.at, step.seen_at or 0)
        self._closed: set[int] = set()

    def _conversation(self, step: Step) -> Conversation:
        conversation = self._conversations.get(step.connection)
        if conversation is None:
            now = _ns(step.at)
            client = f"10.0.0.{step.connection + 4}"
            conversation = Conversation(step.connection, "tcp", (client, "203.0.113.1"), (self._client_port, self._port), now)
            conversation.saw_syn = not self._midstream
            conversation.midstream = self._midstream
            conversation.client = None if self._midstream else 0
            self._conversations[step.connection] = conversation
        return conversation

    def play(self, number: int, step: Step) -> None:
        conversation = self._conversation(step)
        now = _ns(step.at)
        clock = now if step.seen_at is None else _ns(step.seen_at)
        side = 0 if step.way == UP else 1
        if self._follow:
            self.pipeline.tick(clock)
            conversation.last_ns = max(conversation.last_ns, clock)
        else:
            conversation.last_ns = _ns(self._last[step.connection])
        conversation.packets += 1
        if conversation.handler is None and step.what in ("data", "gap") and step.connection not in self._closed:
            conversation.handler = self.pipeline.opened(conversation)
        handler: Any = conversation.handler
        if step.what == "fin":
            conversation.fin_seen[side] = True
        if handler is None or not conversation.wanted:
            return
        match step.what:
            case "data":
                handler.data(side, step.data, number, now)
            case "gap":
                handler.gap(side, step.length, number, now)
            case "fin":
                handler.fin(side, number, now)
            case "reset":
                handler.reset(side, number, now)
            case "closed":
                self._close(step.connection, now)

    def _close(self, connection: int, now: int) -> None:
        conversation = self._conversations[connection]
        handler: Any = conversation.handler
        self._closed.add(connection)
        conversation.handler = None
        if handler is not None:
            handler.closed(now)

    def end(self, last: float) -> Told:
        now = _ns(last)
        self.pipeline.tick(now)
        for connection in list(self._conversations):
            self._close(connection, now)
        self.pipeline.finish(now)
        self.told.totals = self.pipeline.engine.totals
        return self.told.settle()


def _ns(seconds: float) -> int:
    return START_NS + round(seconds * 1e6) * 1000


def ladder(
    *steps: Step, until: float | None = None, port: int = 63321, midstream: bool = False, options: Options | None = None, client_port: int = 40000
) -> Told:
    """Play *steps* twice and give what was told, having checked that both times it was the same and that the counts balance.

    *until*: when the capture ends (its last packet is another conversation's); otherwise with the last step.
    """
    last = max([step.at for step in steps] + ([until] if until is not None else []))
    plays: list[Told] = []
    for follow in (True, False):
        stage = _Stage(steps, follow, options or Options(), port, midstream, client_port)
        for number, step in enumerate(steps, 1):
            stage.play(number, step)
        plays.append(stage.end(last))
    live, file = plays
    assert live.outline() == file.outline()
    check_balance(file)
    return file


def check_balance(told: Told) -> None:
    """report.md: messages = in an exchange + owed no answer + orphan + malformed + duplicate; and totals are what was handed out."""
    paired: list[int] = []
    for one in told.exchanges:
        assert one.request == one.attempts[0]
        if not one.operation.startswith("web-"):
            paired += [*one.attempts, *one.intermediate, *(uid for uid in (one.response, one.acknowledgement) if uid is not None)]
    assert len(paired) == len(set(paired)), "a message stands in two exchanges"
    orphans = {one.id for one in told.orphans()}
    assert not orphans & set(paired), "an orphan stands in an exchange"
    assert all(uid in told.place for uid in paired)
    assert told.totals.messages == len(told.messages)
    assert told.totals.exchanges == len(told.exchanges)
    assert told.totals.anomalies == {
        severity: sum(one.severity == severity for one in told.anomalies) for severity in ("error", "warning", "note")
    }
    assert len({one.id for one in told.messages}) == len(told.messages)
    assert len({one.id for one in told.exchanges}) == len(told.exchanges)


def cuts(data: bytes, *places: int) -> list[bytes]:
    """*data* cut at *places*."""
    ends = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in zip(ends, ends[1:], strict=False) if end > start]


def every_cut(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for at in range(1, len(data)):
        yield data[:at], data[at:]
