"""What pairing works with: messages as it sees them, exchanges that are not final, and each kind's place in its protocol's table."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from msgspec import Struct, field

from dissect.engine.sessions import SessionState
from dissect.model import Status
from grammars.vocabulary import ApplicationProtocol, MessageType, Party, Story

GRACE_NS = 60 * 10**9
"""how long after its deadline a request is judged final, and how long an id, an early answer or a refusal is remembered"""


class Role(Enum):
    """What a kind of message is to pairing, read off the table once."""

    NONE = 0
    REQUEST = 1
    ANSWER = 2
    ACKNOWLEDGEMENT = 3
    EITHER = 4
    """an answer of one request and the third leg of another"""
    BOTH = 5
    """an answer where its request is open, else a request"""


class Plan(NamedTuple):
    role: Role
    answers: tuple[tuple[MessageType, bool], ...] = ()
    """requests that it answers, and whether against the document"""
    simple: bool = False
    """one request, session by session, no rule of its own about who is meant: the oldest open one"""


class Seen(Struct, eq=False, gc=False):
    """A message as pairing and rules see it (`Said`)."""

    uid: int
    kind: str
    row: MessageType | None
    fields: Any
    data: Any
    sender: Party
    time_ns: int
    session: SessionState
    packets: tuple[int, ...]
    device_id: str | None
    topic: str | None
    conversation: int
    raw: bytes

    def signature(self) -> int:
        """Equal for two sends of the same request."""
        row = self.row
        if row is None or row.same is None:
            return hash((self.kind, self.raw))
        return hash((self.kind, repr(row.same(self.fields, self.data))))


class Pending(Struct, eq=False, gc=False):
    """An exchange that is not final. When it is, it leaves its session, and with that the only cycle it is in."""

    serial: int
    request: Seen
    row: MessageType
    key: dict[str, Any] | None
    place: tuple[Any, ...]
    limit_ns: int
    last_ns: int
    """time of the last attempt"""
    due_ns: int
    attempts: list[int]
    intermediate: list[int] = field(default_factory=list)
    signature: int | None = None
    response: int | None = None
    response_ns: int = 0
    latency_ns: int | None = None
    answered_by: Seen | None = None
    ack: int | None = None
    ack_place: tuple[Any, ...] | None = None
    status: Status | None = None
    story: Story | None = None
    refused: Seen | None = None
    """fogslink's code 9, waiting for the re-send"""
    retransmissions: int = 0
    again: list[Seen] = field(default_factory=list)
    """its retransmissions since the last answer; one that a hole held up may be older than some of them"""
    resent_ns: int | None = None
    """time of the last re-send after a refusal"""
    sends: int = 1
    """since the last answer"""
    repeats: int = 0
    """answers sent again whose own third leg was not seen"""
    final: bool = False
    closed_ns: int | None = None
    """when the requester's connection ended"""


def plan_of(protocol: ApplicationProtocol, kind: str) -> Plan:
    """Read one kind's place in its protocol's table."""
    rows = protocol.messages
    row = rows[kind]
    answers = [(one, False) for one in rows.values() if kind in one.answered_by]
    answers += [(one, True) for one in rows.values() if kind in one.tolerated]
    acknowledges = any(kind in one.acknowledged_by for one in rows.values())
    if row.answers_open:
        return Plan(Role.BOTH, tuple((rows[one], False) for one in row.answers_open))
    if answers:
        simple = len(answers) == 1 and not (row.ends_oldest or row.across or protocol.self_naming)
        return Plan(Role.EITHER if acknowledges else Role.ANSWER, tuple(answers), simple)
    if acknowledges:
        return Plan(Role.ACKNOWLEDGEMENT)
    return Plan(Role.REQUEST if row.answered_by else Role.NONE)
