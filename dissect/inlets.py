"""What takes the bytes of one conversation: recognises them, reads them through their carrier and framing, and feeds the engine."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from dissect.carriers.api import Note, StreamCarrier, Unit
from dissect.carriers.http import HttpCarrier
from dissect.carriers.mqtt import MqttCarrier
from dissect.framing.framers import Framed, Framer, alone, framer
from dissect.jsontext import Decoded, decode, decode_part, decode_plain, may_be_json
from dissect.recognition import Claim, Recogniser
from dissect.sessions import SessionState
from dissect.streams.api import FILE_SHIFT, Conversation
from dissect.topics import covers_many
from grammars.registry import PROTOCOLS
from grammars.vocabulary import DEVICE, PEER, ApplicationProtocol, Classified, Finding, Frames, Party

if TYPE_CHECKING:
    from dissect.pipeline import Pipeline

HELD_NOTES = 64
EARLY_LIMIT = 256
"""messages that are held until one tells which side is the device's"""
GAPS_TOLD = 64
DATAGRAMS_IN_VAIN = 1 << 16
"""datagrams of CoAP that bring no message of ours after which a conversation is left alone"""
UNITS_IN_VAIN = 256
"""HTTP bodies that are none of ours after which a connection is left alone"""
_GLUED = re.compile(rb"\}\s*\{")
MISSING_TERMINATOR = Finding("framing.missing-terminator", "objects follow each other without \\n")

CARRIED: dict[str, tuple[tuple[ApplicationProtocol, re.Pattern[bytes]], ...]] = {
    carrier: tuple((protocol, re.compile(protocol.signature)) for protocol in PROTOCOLS.values() if carrier in protocol.carriers)
    for carrier in ("http", "mqtt", "coap")
}


class TcpInlet:
    """A `StreamHandler`: holds what comes until it is recognised, then hands it to a reader."""

    __slots__ = ("_pipeline", "_conversation", "_recogniser", "_held", "_notes", "reader", "_fins", "_reset", "data")

    def __init__(self, pipeline: Pipeline, conversation: Conversation, forced: list[ApplicationProtocol]) -> None:
        self._pipeline = pipeline
        self._conversation = conversation
        midstream = not conversation.saw_syn or conversation.midstream
        self._recogniser: Recogniser | None = Recogniser(midstream, conversation.port, forced)
        self._held: list[tuple[str, tuple[Any, ...]]] = []
        self._notes: list[tuple[Finding, tuple[int, ...], int]] = []
        self.reader: BareReader | CarriedReader | None = None
        self._fins = [False, False]
        self._reset = False
        self.data: Callable[[int, bytes, int, int], None] = self._undecided
        """the reader's own, as soon as there is one"""

    def _undecided(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        if self.reader is not None:
            self.reader.data(side, data, packet, time_ns)
            return
        if self._recogniser is None:
            return
        self._held.append(("data", (side, data, packet, time_ns)))
        claim = self._recogniser.look(side, data)
        if claim is not None:
            self._claimed(claim)

    def _claimed(self, claim: Claim) -> None:
        recogniser, conversation = self._recogniser, self._conversation
        assert recogniser is not None
        self._recogniser = None
        held, self._held = self._held, []
        if claim is Claim.NOTHING:
            conversation.wanted = False
            self._notes.clear()
            return
        midstream = not conversation.saw_syn or conversation.midstream
        if claim is Claim.BARE:
            assert recogniser.protocol is not None
            self.reader = BareReader(self._pipeline, conversation, recogniser.protocol, midstream)
        elif claim is Claim.HTTP:
            self.reader = CarriedReader(self._pipeline, conversation, HttpCarrier(), "http")
            if recogniser.from_segment:
                held = held[-1:]
        else:
            carrier = MqttCarrier(claim is Claim.MQTT_MIDSTREAM, self._pipeline.known_payload, self._pipeline.publishes)
            self.reader = CarriedReader(self._pipeline, conversation, carrier, "mqtt")
        for name, arguments in held:
            getattr(self.reader, name)(*arguments)
        self.data = self.reader.data
        for note in self._notes:
            self.reader.transport(*note)
        self._notes.clear()

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        cut = self._conversation.gap_is_cut
        if self.reader is not None:
            self.reader.gap(side, length, packet, time_ns, cut)
        elif self._recogniser is not None:
            self._held.append(("gap", (side, length, packet, time_ns, cut)))

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        self._fins[side] = True
        if self._recogniser is not None and self.reader is None:
            claim = self._recogniser.ended(side)
            if claim is not None:
                self._claimed(claim)
        if self.reader is not None:
            self.reader.fin(side, packet, time_ns)
            if all(self._fins):
                self.reader.ended(time_ns)
        elif self._recogniser is not None:
            self._held.append(("fin", (side, packet, time_ns)))

    def reset(self, side: int, packet: int, time_ns: int) -> None:
        finding = Finding("tcp.reset", f"{self._conversation.address[side]} ended the connection by RST")
        if self._reset or all(self._conversation.fin_seen):
            return
        self._reset = True
        if self.reader is not None:
            # What is held behind a hole comes later: requests are judged with the last of it (`closed`).
            self.reader.transport(finding, (packet,), time_ns)
            self.reader.reset(time_ns)
        elif self._recogniser is not None and len(self._notes) < HELD_NOTES:
            self._notes.append((finding, (packet,), time_ns))

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None:
        finding = Finding(code, text)
        if self.reader is not None:
            self.reader.transport(finding, (packet,), time_ns)
        elif self._recogniser is not None and len(self._notes) < HELD_NOTES:
            self._notes.append((finding, (packet,), time_ns))

    def closed(self, time_ns: int) -> None:
        if self.reader is None and self._recogniser is not None:
            for side in (0, 1):
                claim = self._recogniser.ended(side) if self._recogniser is not None else None
                if claim is not None:
                    self._claimed(claim)
        if self.reader is not None:
            self.reader.closed(time_ns, self._fins, self._reset)


class _Reader:
    """What both kinds of reader share: sessions of one TCP connection."""

    def __init__(self, pipeline: Pipeline, conversation: Conversation) -> None:
        self._pipeline = pipeline
        self._engine = pipeline.engine
        self._conversation = conversation
        self.sessions: list[SessionState] = []
        self._waiting: list[tuple[Finding, tuple[int, ...], int]] = []
        """findings of the transport before there was a session"""

    def _open(self, protocol: ApplicationProtocol, carrier: str, device_side: int, own: bool, time_ns: int, packet: int) -> SessionState:
        conversation = self._conversation
        ends = ((conversation.address[0], conversation.port[0]), (conversation.address[1], conversation.port[1]))
        session = self._engine.open_session((conversation.id, protocol.name), protocol, carrier, ends, conversation.first_ns, packet >> FILE_SHIFT)
        session.device_side, session.own = device_side, own
        session.streams.append(conversation.id)
        session.clear = not conversation.tls
        session.from_start = conversation.saw_syn and not conversation.midstream
        session.clock_ns = conversation.last_ns
        self.sessions.append(session)
        if not session.from_start:
            session.midstream_ns = time_ns
        return session

    def _opened(self, session: SessionState, packet: int, time_ns: int) -> None:
        """All that can be known at its start is known: tell of it, and of what happened before it was one."""
        self._engine.session_seen(session)
        if not session.from_start:
            self._engine.report(session, Finding("tcp.midstream", "the capture starts inside the connection"), (), (packet,), time_ns)
        if len(self.sessions) == 1:
            waiting, self._waiting = self._waiting, []
            for finding in waiting:
                self.transport(*finding)

    def transport(self, finding: Finding, packets: tuple[int, ...], time_ns: int) -> None:
        if self.sessions:
            self._engine.report(self.sessions[0], finding, (), packets, time_ns)
        elif len(self._waiting) < HELD_NOTES:
            self._waiting.append((finding, packets, time_ns))

    def _missing(self, side: int, length: int, packet: int, time_ns: int) -> None:
        sender = self._conversation.address[side]
        self.transport(Finding("tcp.missing-bytes", f"{length} bytes of {sender} are missing before this packet"), (packet,), time_ns)

    def reset(self, time_ns: int) -> None:
        for session in self.sessions:
            session.connection_closing = True
            session.ended_ns = time_ns

    def ended(self, time_ns: int) -> None:
        for session in self.sessions:
            session.connection_closing = True
            self._engine.connection_ended(session, time_ns)

    def _close_sessions(self, fins: list[bool], reset: bool, time_ns: int) -> None:
        conversation = self._conversation
        ended = all(fins) or reset
        for session in self.sessions:
            session.complete = conversation.saw_syn and (any(fins) or reset)
            session.truncated = conversation.truncated_packets if session is self.sessions[0] else 0
            session.connectionless = not ended
            if not ended:
                # Its ports are used anew, or the capture is over.
                session.ended_ns = time_ns
            self._engine.close_session(session, conversation.last_ns)


class BareReader(_Reader):
    """A protocol's own framing right on TCP."""

    def __init__(self, pipeline: Pipeline, conversation: Conversation, protocol: ApplicationProtocol, midstream: bool) -> None:
        super().__init__(pipeline, conversation)
        self._protocol = protocol
        self._framers: list[Framer | None] = [None, None]
        # made for a side when a segment of it is not one whole message: most connections never need them
        if midstream:
            self._framers = [framer(protocol.framing, True, self._accepts), framer(protocol.framing, True, self._accepts)]
        self._parse: Callable[[bytes], dict[str, Any]] | None = protocol.framing.parse if isinstance(protocol.framing, Frames) else None
        self._json_part = protocol.framing.json_part if isinstance(protocol.framing, Frames) else None
        self._alone = alone(protocol.framing)
        self._early: list[tuple[int, Framed]] | None = []
        self._session: SessionState | None = None
        self._carrier = "tcp/tls" if conversation.tls else "tcp"

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        other = self._framers[1 - side]
        if other is not None and not other.idle:
            # A heartbeat that waits there was said before this.
            for framed in other.settle(time_ns):
                self._framed(1 - side, framed)
        waiting = self._framers[side]
        session = self._session
        if waiting is None or (session is not None and waiting.idle):
            # Nearly every segment brings one whole message: no buffer, no framing, one decoding.
            raw = self._alone(data)
            if raw is not None:
                value = self._parse(raw) if self._parse is not None else decode_plain(raw)
                if value is not None:
                    classified = self._protocol.classify(value, None if session is None else DEVICE if side == session.device_side else PEER)
                    if classified is not None:
                        if session is None:
                            self._wait(side, Framed(raw, (packet,), time_ns))
                            return
                        fields = classified[1]
                        self._engine.message(session, side, classified[0], fields, fields, raw, (packet,), time_ns, classified[2])
                        return
        for framed in self._framer(side).feed(data, packet, time_ns):
            self._framed(side, framed)
        if self._parse is not None:
            self._pipeline.settling[self] = None

    def _framer(self, side: int) -> Framer:
        made = self._framers[side]
        if made is None:
            made = self._framers[side] = framer(self._protocol.framing, False, self._accepts)
        return made

    def gap(self, side: int, length: int, packet: int, time_ns: int, cut: bool) -> None:
        for framed in self._framer(side).gap(packet, time_ns):
            self._framed(side, framed)
        if not cut:  # those are told as capture.truncated-packet, once
            self._missing(side, length, packet, time_ns)

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        self._end(side, True)

    def _end(self, side: int, closed: bool) -> None:
        made = self._framers[side]
        if made is not None:
            for framed in made.end(closed):
                self._framed(side, framed)

    def settle(self, now_ns: int) -> None:
        """The clock went on; called while bytes of a side may wait for more (`Pipeline.settling`)."""
        idle = True
        for side, made in enumerate(self._framers):
            if made is not None:
                for framed in made.settle(now_ns):
                    self._framed(side, framed)
                idle = idle and made.idle
        if idle:
            self._pipeline.settling.pop(self, None)

    def closed(self, time_ns: int, fins: list[bool], reset: bool) -> None:
        for side in (0, 1):
            if not fins[side]:
                self._end(side, reset)
        if self._early:
            self._start(0, None, self._early[0][1])
        self._close_sessions(fins, reset, time_ns)
        self._pipeline.settling.pop(self, None)

    def _framed(self, side: int, framed: Framed) -> None:
        session = self._session
        if session is None:
            self._wait(side, framed)
            return
        if framed.malformed:
            self._engine.malformed(session, side, framed.data, framed.packets, framed.time_ns, framed.torn)
            return
        decoded = self._decode(framed.data)
        if decoded is None:
            self._unread(side, framed, session)
            return
        value, view = decoded.value, decoded.view
        findings = framed.findings + decoded.findings
        classified = self._protocol.classify(view, session.party(side))
        if classified is None:
            self._engine.malformed(session, side, framed.data, framed.packets, framed.time_ns, framed.torn)
            return
        fields = classified.fields
        sent = fields
        if view is not value:
            # Blanks around names: rules see them trimmed, the report as sent.
            again = self._protocol.classify(value, session.party(side))
            sent = again.fields if again is not None else value
        self._engine.message(session, side, classified.kind, sent, fields, framed.data, framed.packets, framed.time_ns, findings + classified.findings,
                             conversation=self._conversation.id)  # fmt: skip

    def _accepts(self, data: bytes) -> bool:
        """Whether bytes are a message of the protocol."""
        decoded = self._decode(data)
        return decoded is not None and self._protocol.classify(decoded.view, None) is not None

    def _decode(self, data: bytes) -> Decoded | None:
        return decode(data) if self._parse is None else decode_part(self._parse(data), self._json_part)

    def _unread(self, side: int, framed: Framed, session: SessionState) -> None:
        """A line that is no JSON: perhaps several objects that nothing parts, else malformed."""
        pieces = [] if self._parse is not None else _split_glued(framed.data)
        if len(pieces) < 2:
            if MISSING_END in [one.code for one in framed.findings]:
                framed = framed._replace(findings=())
            self._engine.malformed(session, side, framed.data, framed.packets, framed.time_ns, framed.torn)
            return
        for place, piece in enumerate(pieces):
            last = place == len(pieces) - 1
            self._framed(side, Framed(piece, framed.packets, framed.time_ns, framed.findings if last else (MISSING_TERMINATOR,)))

    def _wait(self, side: int, framed: Framed) -> None:
        """Hold what comes until a message tells who is who."""
        assert self._early is not None
        self._early.append((side, framed))
        if framed.malformed:
            return
        decoded = self._decode(framed.data)
        if decoded is None and self._parse is None:
            decoded = next((one for one in map(decode, _split_glued(framed.data)) if one is not None), None)
        if decoded is None:
            return
        classified = self._protocol.classify(decoded.view, None)
        if classified is not None and self._tells(side, classified) or len(self._early) > EARLY_LIMIT:
            self._start(side, classified, framed)

    def _tells(self, side: int, classified: Classified) -> bool:
        """Whether the message tells who is who. Bytes of a heartbeat may be those of a torn frame: they do where the connection was seen to open."""
        protocol = self._protocol
        if classified.kind not in protocol.messages:
            return False
        beat = protocol.heartbeat is not None and classified.kind in protocol.heartbeat.kinds and isinstance(protocol.framing, Frames)
        return not beat or self._conversation.client == side

    def _start(self, side: int, classified: Classified | None, framed: Framed) -> None:
        protocol, conversation = self._protocol, self._conversation
        row = protocol.messages.get(classified.kind) if classified is not None else None
        if classified is not None and classified.kind in protocol.server_kinds:
            device_side, own = 1 - side, False
        else:
            own = True
            by_port = [place for place in (0, 1) if conversation.port[place] in protocol.ports]
            if protocol.client_is_device is not None and conversation.client is not None:
                device_side = conversation.client if protocol.client_is_device else 1 - conversation.client
            elif len(by_port) == 1:
                device_side = 1 - by_port[0]
            elif row is not None:
                device_side = side if row.sender is DEVICE else 1 - side
            else:
                device_side = conversation.client or 0
        session = self._session = self._open(protocol, self._carrier, device_side, own, framed.time_ns, framed.packets[0])
        early, self._early = self._early or [], None
        if protocol.connection_identity is not None:
            names = protocol.connection_identity(session.ends[device_side][0], None, {})
            self._opened(session, framed.packets[0], framed.time_ns)
            self._engine.name_device(session, names, framed.time_ns)
        else:
            self._opened(session, framed.packets[0], framed.time_ns)
        for early_side, one in early:
            self._framed(early_side, one)


MISSING_END = "framing.missing-terminator"


def _split_glued(data: bytes) -> list[bytes]:
    """Objects that follow each other on one line: cut where a brace closes and the next opens, if every piece then is JSON."""
    starts = [0] + [match.end() - 1 for match in _GLUED.finditer(data)]
    if len(starts) < 2 or len(starts) > 4096:
        return []
    pieces: list[bytes] = []
    start = 0
    for end in [*starts[1:], len(data)]:
        piece = data[start:end].strip()
        if decode(piece) is not None:
            pieces.append(piece)
            start = end
    return pieces if start == len(data) else []


class CarriedReader(_Reader):
    """Messages in the payloads of MQTT or HTTP."""

    def __init__(self, pipeline: Pipeline, conversation: Conversation, carrier: StreamCarrier, name: str) -> None:
        super().__init__(pipeline, conversation)
        self._carrier = carrier
        self._name = name
        self._path = ("tcp/tls/" if conversation.tls else "tcp/") + name
        self._by_protocol: dict[str, SessionState] = {}
        self._in_vain = 0
        self._uids: OrderedDict[int, int] = pipeline.unit_uids
        self._topics: set[str] = set()

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        for unit in self._carrier.data(side, data, packet, time_ns):
            self._unit(unit)
        if self._carrier.notes:
            self._read_notes()

    def gap(self, side: int, length: int, packet: int, time_ns: int, cut: bool) -> None:
        for unit in self._carrier.gap(side, length, packet, time_ns):
            self._unit(unit)
        if not cut:  # those are told as capture.truncated-packet, once
            self._missing(side, length, packet, time_ns)
        self._read_notes()

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        for unit in self._carrier.end(side, time_ns):
            self._unit(unit)
        self._read_notes()

    def closed(self, time_ns: int, fins: list[bool], reset: bool) -> None:
        for side in (0, 1):
            if not fins[side]:
                for unit in self._carrier.end(side, time_ns):
                    self._unit(unit)
        self._read_notes()
        for session in self.sessions:
            session.client_id = self._carrier.client_id
        self._close_sessions(fins, reset, time_ns)

    def _read_notes(self) -> None:
        notes = self._carrier.notes
        for note in notes:
            self.transport(Finding(note.code, note.text), note.packets, note.time_ns)
        notes.clear()

    def _unit(self, unit: Unit) -> None:
        payload = unit.payload
        read = read_payload(payload, self._name, self._by_protocol)
        if read is None:
            self._foreign(unit)
            return
        protocol, classified, sent, findings = read
        fields: Any = classified.fields
        carrier = unit.carrier
        query: dict[str, Any] = {}
        if self._name == "http" and protocol.extra_fields and carrier is not None and carrier.get("status") is None:
            target = carrier.get("target")
            query = _query(target)
            if query or (isinstance(target, str) and target.split("?", 1)[0] in protocol.paths):
                fields, sent = {**fields, "query": query}, {**sent, "query": query}
        session = self._by_protocol.get(protocol.name)
        if session is None:
            session = self._begin(protocol, classified, unit, query)
        kind, now = classified.kind, unit.time_ns
        topic = carrier.get("topic") if carrier is not None else None
        duplicate: int | None = None
        hint: str | None = None
        quiet = False
        legs = self._pipeline.legs
        by_client = unit.side == self._client()
        sender: Party | None = None
        if unit.repeats is not None:
            duplicate = self._uids.get(unit.repeats)
        if isinstance(topic, str):
            if not session.own and not by_client:
                # The broker hands on what devices say, and to whoever watches also what platforms say.
                sender = self._speaker(protocol, classified)
            self._topics.add(topic) if len(self._topics) < 4096 else None
            if session.own and session.device_id is not None:
                legs.learn(topic, session.device_id)
            else:
                hint = legs.device_of(topic)
            if duplicate is None:
                earlier = legs.earlier(topic, payload, now, by_client, self._conversation.id)
                if earlier is not None:
                    duplicate = earlier.uid
                    sender = earlier.sender
                    if session.own and session.device_id is not None and earlier.seen is not None and earlier.seen.device_id is None:
                        earlier.seen.device_id = session.device_id
                        self._engine.sink.attribute(earlier.uid, session.device_id)
            quiet = bool(carrier and carrier.get("retain")) and not by_client
        self._engine.last_seen = None
        uid = self._engine.message(session, unit.side, kind, sent, fields, payload, unit.packets, now, findings, carrier, duplicate, hint,
                                   self._conversation.id, self._name, quiet, sender)  # fmt: skip
        if unit.serial:
            self._pipeline.remember_unit(unit.serial, uid if duplicate is None else duplicate)
        if isinstance(topic, str) and duplicate is None:
            said_by = sender if sender is not None else session.party(unit.side)
            legs.remember(topic, payload, uid, now, by_client, self._conversation.id, self._engine.last_seen, said_by)

    @staticmethod
    def _speaker(protocol: ApplicationProtocol, classified: Classified) -> Party | None:
        """Who says such a message; None when neither the table nor the message tells."""
        row = protocol.messages.get(classified.kind)
        if row is not None:
            return row.sender
        return protocol.speaker(classified.kind, classified.fields) if protocol.speaker is not None else None

    def _client(self) -> int:
        """The side that acts as client: the broker or server is the other one."""
        if self._carrier.client is not None:
            return self._carrier.client
        if self._conversation.client is not None:
            return self._conversation.client
        ports = self._conversation.port
        return 0 if ports[0] > ports[1] else 1

    def _begin(self, protocol: ApplicationProtocol, classified: Classified, unit: Unit, query: dict[str, Any]) -> SessionState:
        client = self._client()
        speaker = self._speaker(protocol, classified)
        if speaker is None:
            device_side = client
        else:
            device_side = unit.side if speaker is DEVICE else 1 - unit.side
        topic = unit.carrier.get("topic") if unit.carrier is not None else None
        if isinstance(topic, str) and unit.side != client and any(covers_many(one, topic) for one in self._carrier.filters):
            # Who listens to all devices is none of them, whatever the first message says.
            device_side = 1 - client
        own = self._name != "mqtt" or device_side == client
        session = self._by_protocol[protocol.name] = self._open(protocol, self._path, device_side, own, unit.time_ns, unit.packets[0])
        session.client_id = self._carrier.client_id
        session.broker_leg = self._name == "mqtt"
        self._opened(session, unit.packets[0], unit.time_ns)
        if own and protocol.connection_identity is not None:
            names = protocol.connection_identity(session.ends[device_side][0], session.client_id, query)
            self._engine.name_device(session, names, unit.time_ns)
        return session

    def _foreign(self, unit: Unit) -> None:
        """A payload that is none of ours; in a place where ours come it is a broken one."""
        payload, carrier = unit.payload, unit.carrier or {}
        topic = carrier.get("topic")
        if payload[:1] == b"{" and self.sessions and (self._name == "http" or topic in self._topics) and decode(payload) is None:
            session = self.sessions[0]
            duplicate = self._uids.get(unit.repeats) if unit.repeats is not None else None
            legs, by_client = self._pipeline.legs, unit.side == self._client()
            if isinstance(topic, str) and duplicate is None:
                earlier = legs.earlier(topic, payload, unit.time_ns, by_client, self._conversation.id)
                duplicate = earlier.uid if earlier is not None else None
            uid = self._engine.malformed(session, unit.side, payload, unit.packets, unit.time_ns, False, duplicate, unit.carrier)
            if unit.serial:
                self._pipeline.remember_unit(unit.serial, uid if duplicate is None else duplicate)
            if isinstance(topic, str) and duplicate is None:
                legs.remember(topic, payload, uid, unit.time_ns, by_client, self._conversation.id, None, session.party(unit.side))
            return
        self._in_vain += 1
        if self._name == "http" and not self.sessions and self._in_vain > UNITS_IN_VAIN:
            self._conversation.wanted = False


def _query(target: object) -> dict[str, Any]:
    """The parameters of a URL; of a name twice, the last."""
    if not isinstance(target, str):
        return {}
    try:
        return dict(parse_qsl(urlsplit(target).query, keep_blank_values=True, max_num_fields=64))
    except ValueError:
        return {}


Read = tuple[ApplicationProtocol, Classified, Any, tuple[Finding, ...]]


def read_payload(payload: bytes, carrier: str, known: Iterable[str] = ()) -> Read | None:
    """A carried payload as a message: (protocol, kind and fields, fields as sent, findings). The first of a protocol on its conversation must be plain:
    a kind of the table with at most one member of the envelope missing."""
    if not may_be_json(payload):
        return None
    candidates = [protocol for protocol, signature in CARRIED[carrier] if signature.search(payload)]
    if not candidates:
        return None
    decoded = decode(payload)
    if decoded is None or type(decoded.view) is not dict:
        return None
    for protocol in candidates:
        classified = protocol.classify(decoded.view, None)
        if classified is None:
            continue
        if protocol.name not in known:
            missing = len(protocol.required_on_bare_tcp - decoded.view.keys())
            if missing > 1 or (missing and classified.kind not in protocol.messages):
                continue
        return protocol, classified, decoded.value, decoded.findings + classified.findings
    return None


class LanInlet:
    """A `DatagramHandler`: CoAP datagrams of one UDP conversation, read by the capture's one CoAP layer."""

    __slots__ = ("_pipeline", "_conversation", "_ours", "_datagrams", "_known_port", "_truncated")

    def __init__(self, pipeline: Pipeline, conversation: Conversation) -> None:
        self._pipeline = pipeline
        self._conversation = conversation
        self._ours = False
        self._datagrams = 0
        self._known_port = 5683 in conversation.port

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        if not data or data[0] >> 6 != 1:
            if not self._known_port and not self._ours:
                self._conversation.wanted = False
            return
        self._datagrams += 1
        pipeline = self._pipeline
        for unit in pipeline.coap.datagram(self._conversation, side, data, packets, time_ns, missing > 0):
            if pipeline.coap_unit(self._conversation, unit):
                self._ours = True
        broken = False
        if pipeline.coap.notes:
            broken = any(note.code == "coap.malformed" for _, note in pipeline.coap.notes)
            pipeline.coap_notes()
        # A message may come in hundreds of blocks, each with its acknowledgement, and from a port of its own.
        if not self._ours and (self._datagrams > DATAGRAMS_IN_VAIN or (broken and not self._known_port)):
            self._conversation.wanted = False

    def closed(self, time_ns: int) -> None:
        self._pipeline.coap_closed(self._conversation)


__all__ = ["BareReader", "CarriedReader", "LanInlet", "Note", "TcpInlet", "read_payload"]
