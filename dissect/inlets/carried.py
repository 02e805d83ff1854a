"""Messages in the payloads of MQTT or HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from dissect.carriers.api import StreamCarrier, Unit
from dissect.engine.sessions import SessionState
from dissect.inlets.payload import read_payload
from dissect.inlets.reader import Reader
from dissect.jsontext import decode
from dissect.pairing.topics import LONGEST, covers_many
from dissect.streams.api import Conversation
from grammars.vocabulary import DEVICE, ApplicationProtocol, Classified, Finding, Party

if TYPE_CHECKING:
    from dissect.pipeline import Pipeline

UNITS_IN_VAIN = 256
"""HTTP bodies that are none of ours after which a connection is left alone"""


class CarriedReader(Reader):
    """Messages in the payloads of MQTT or HTTP."""

    def __init__(self, pipeline: Pipeline, conversation: Conversation, carrier: StreamCarrier, name: str) -> None:
        super().__init__(pipeline, conversation)
        self._carrier = carrier
        self._name = name
        self._path = ("tcp/tls/" if conversation.tls else "tcp/") + name
        self._by_protocol: dict[str, SessionState] = {}
        self._in_vain = 0
        self._uids: dict[int, int] = pipeline.unit_uids
        self._topics: set[str] = set()
        self._subscribed = 0
        """topic filters of the device from which its topics were learnt"""

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        for unit in self._carrier.data(side, data, packet, time_ns):
            self._unit(unit)
        if self._carrier.notes:
            self._read_notes()

    def gap(self, side: int, length: int, packet: int, time_ns: int, cut: bool) -> None:
        for unit in self._carrier.gap(side, length, packet, time_ns):
            self._unit(unit)
        self._missing(side, length, packet, time_ns, cut)
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
                sender = protocol.said_by(classified.kind, classified.fields)
            self._topics.add(topic) if len(self._topics) < 4096 and len(topic) <= LONGEST else None
            if session.own and session.device_id is not None:
                legs.learn(topic, session.device_id)
                filters = self._carrier.filters
                if len(filters) > self._subscribed:
                    for one in filters[self._subscribed :]:
                        if len(one) <= LONGEST and not one.startswith("$") and "+" not in one and "#" not in one:
                            legs.learn(one, session.device_id)
                    self._subscribed = len(filters)
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
        speaker = protocol.said_by(classified.kind, classified.fields)
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
            self._engine.name_device(session, names)
        return session

    def _foreign(self, unit: Unit) -> None:
        """A payload that is none of ours; in a place where ours come it is a broken one."""
        payload, carrier = unit.payload, unit.carrier or {}
        topic = carrier.get("topic")
        ours = payload[:1] == b"{" if self._name == "http" else payload and topic in self._topics
        if ours and self.sessions and decode(payload) is None:
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
