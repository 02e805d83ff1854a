"""Sessions and devices while they are open: who talks to whom, and what the protocol's rules remember of them."""

from __future__ import annotations

from typing import Any

from dissect.model import Device, Endpoint, Session
from dissect.streams.api import Conversation
from dissect.timefmt import format_ns
from grammars.vocabulary import DEVICE, PEER, ApplicationProtocol, Party

_ONCE_LIMIT = 4096


class SessionState:
    """One session; it is also the `Situation` that rules see."""

    __slots__ = (
        "id", "protocol", "carrier", "ends", "device_side", "device_id", "client_id", "streams", "first_ns", "last_ns", "complete", "began", "conversation",
        "midstream_ns", "clear", "facts", "shared", "speaker", "retained", "once", "own", "digits", "closed", "clock_ns",
        "beat_ns", "beat_reported", "broker_leg", "truncated", "opened_line", "key", "ended", "connectionless", "messages", "beat_due_ns",
        "open", "ended_ns",
    )  # fmt: skip

    def __init__(self, ident: int, protocol: ApplicationProtocol, carrier: str, ends: tuple[tuple[str, int], tuple[str, int]], first_ns: int) -> None:
        self.id = ident
        self.protocol = protocol
        self.carrier = carrier
        self.ends = ends
        """(address, port) of side 0 and side 1 of the conversation it began in"""
        self.device_side = 0
        self.device_id: str | None = None
        self.client_id: str | None = None
        self.streams: list[int] = []
        self.first_ns = first_ns
        self.last_ns = first_ns
        self.complete = False
        self.began = True
        """it was seen from its first message"""
        self.conversation: Conversation | None = None
        """that carries it alone, bytes of which may be missing"""
        self.midstream_ns: int | None = None
        """time of the first message of a session that was joined in its middle"""
        self.clear = True
        self.facts: dict[str, Any] = {}
        self.shared: dict[str, Any] = {}
        """of the message's device, set before its rules run"""
        self.retained = False
        """the message at hand is a broker's retained one"""
        self.speaker = ""
        """which device of several behind this connection the message is from, set with `shared`"""
        self.once: set[str] = set()
        """what was told, and is told once"""
        self.own = True
        """the device's own connection: its address is learnt here"""
        self.broker_leg = False
        self.digits = 6
        self.closed = False
        self.clock_ns = first_ns
        self.beat_ns: int | None = None
        self.beat_reported = False
        self.truncated = 0
        self.opened_line = False
        self.ended = False
        self.ended_ns: int | None = None
        """when a RST or a new connection of the same ports ended it; bytes that a hole held up may still come"""
        self.messages = 0
        self.open: dict[int, Any] = {}
        """its exchanges that are not final (`dissect.pairing.pairing.Pending`), oldest first"""
        self.beat_due_ns = 0
        """from when on a message makes the engine look for a missing heartbeat"""
        self.connectionless = False
        """datagrams: the end of the capture, not of a connection, is what ends it"""
        self.key: tuple[Any, ...] = ()

    @property
    def from_start(self) -> bool:
        """Everything that was said before the message at hand was seen."""
        return self.began and (self.conversation is None or self.conversation.whole)

    def party(self, side: int) -> Party:
        return DEVICE if side == self.device_side else PEER

    def first_time(self, token: str) -> bool:
        """Whether *token* is told for the first time in this session."""
        if token in self.once:
            return False
        if len(self.once) < _ONCE_LIMIT:
            self.once.add(token)
        return True

    def forget(self) -> None:
        """It is closed and told: who still names it asks for none of what the rules remembered."""
        self.facts, self.shared, self.once = {}, {}, set()
        self.conversation = None

    def as_model(self) -> Session:
        device, peer = self.ends[self.device_side], self.ends[1 - self.device_side]
        return Session(
            id=self.id, protocol=self.protocol.name, carrier=self.carrier, device=Endpoint(*device), peer=Endpoint(*peer), device_id=self.device_id,
            client_id=self.client_id, streams=list(self.streams), first_time=format_ns(self.first_ns, self.digits),
            last_time=format_ns(self.last_ns, self.digits), complete=self.complete,
        )  # fmt: skip


class DeviceState:
    __slots__ = ("id", "protocol", "identity", "addresses", "sessions", "facts", "beat_ns", "beat_reported")

    def __init__(self, ident: str, protocol: str, identity: dict[str, Any]) -> None:
        self.id = ident
        self.protocol = protocol
        self.identity = identity
        self.addresses: dict[str, None] = {}
        """in order of appearance"""
        self.sessions: dict[int, None] = {}
        self.facts: dict[str, Any] = {}
        """what the protocol's rules remember of it"""
        self.beat_ns: int | None = None
        self.beat_reported = False

    def as_model(self) -> Device:
        return Device(id=self.id, protocol=self.protocol, identity=self.identity, addresses=list(self.addresses), sessions=list(self.sessions))
