"""From a framed message to what is told of it: decrypted, checked, judged, paired, and handed to the sink.

The engine knows no protocol: everything it does is written in the protocol's declaration (`grammars.vocabulary.ApplicationProtocol`).
Time is the capture's; nothing here reads a clock.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from dissect.carriers.bounded import make_room
from dissect.catalogue import CATALOGUE
from dissect.engine.checks import Row, check_data, check_secrets, check_text, rules_for
from dissect.engine.heartbeats import Heartbeats
from dissect.engine.media import summarise
from dissect.engine.sessions import DeviceState, SessionState
from dissect.engine.unsealing import Unsealing
from dissect.engine.validation import check, clean, compile_members
from dissect.jsontext import look_again
from dissect.model import Anomaly, Encryption, Exchange, Limits, Message, Outcome, ProtocolTotals, Totals
from dissect.options import Options
from dissect.pairing.exchanges import Role, Seen
from dissect.pairing.links import Links
from dissect.pairing.pairing import Pairing
from dissect.pairing.topics import stem
from dissect.sinks import Sink
from dissect.streams.api import FILE_SHIFT, NUMBER_MASK
from dissect.text import counted
from dissect.timefmt import format_ns
from grammars.registry import PROTOCOLS
from grammars.vocabulary import DEVICE, PEER, ApplicationProtocol, Finding, Party

if TYPE_CHECKING:
    from dissect.crypto.decryptor import Opened

RAW_LIMIT = 64 << 10
"""bytes of a malformed message that are kept"""
ADDRESSES_REMEMBERED = 10_000
"""pairs of addresses whose latest session is remembered"""
DEVICES_REMEMBERED = 4096
SESSIONS_TOLD = 1000
"""of a device; both bounds hold in a live capture (`Options.endless`): devices without a session are forgotten, the latest sessions told"""
FACTS_LIMIT = 4096
"""facts of a connection behind which are many devices; those of the ones that spoke first are forgotten"""


class Engine:
    """One for each analysis."""

    def __init__(self, sink: Sink, options: Options) -> None:
        self.sink = sink
        self.options = options
        self.pairing = Pairing(self._found, self._exchange)
        self.links = Links(self._found, self._linked, self.pairing.next_exchange)
        self.sessions: dict[tuple[Any, ...], SessionState] = {}
        self.between: dict[frozenset[str], SessionState] = {}
        """a session between two addresses, also when it is closed: whom lost fragments concern"""
        self.devices: dict[str, DeviceState] = {}
        self.totals = Totals(limits=Limits())
        for name in PROTOCOLS:
            self.totals.protocols[name] = ProtocolTotals()
        self._rows: dict[str, dict[str, Row]] = {}
        for protocol in PROTOCOLS.values():
            self.pairing.knows(protocol, options.deadlines_s.get(protocol.name, protocol.deadline_s))
            self._rows[protocol.name] = {kind: Row(row, protocol) for kind, row in protocol.messages.items()}
        self._envelopes = {protocol.name: compile_members(protocol.envelope) for protocol in PROTOCOLS.values()}
        self.links.limit_ns = self.pairing.deadlines_ns
        self._uid = 0
        self._anomaly = 0
        self._session = 0
        self.unsealing = Unsealing(options, self._found)
        self._heartbeats = Heartbeats(self.devices, self.report)
        self.digits: Mapping[int, int] = {}
        """file -> digits of its times"""
        self.now_ns = 0
        self._mismatched = False
        """the message at hand names another device than its request"""
        self.last_seen: Seen | None = None
        """the latest message that was paired"""

    # -- sessions --

    def open_session(
        self, key: tuple[Any, ...], protocol: ApplicationProtocol, carrier: str, ends: tuple[tuple[str, int], tuple[str, int]], first_ns: int, file: int
    ) -> SessionState:
        self._session += 1
        session = SessionState(self._session, protocol, carrier, ends, first_ns)
        session.digits = self.digits.get(file, 6)
        session.key = key
        self.sessions[key] = session
        pair = frozenset((ends[0][0], ends[1][0]))
        self.between.pop(pair, None)
        make_room(self.between, DEVICES_REMEMBERED if self.options.endless else ADDRESSES_REMEMBERED)
        self.between[pair] = session
        self.totals.sessions += 1
        self.totals.protocols[protocol.name].sessions += 1
        return session

    def session_seen(self, session: SessionState) -> None:
        """Tell the sink of it, before its first message."""
        session.opened_line = True
        self.sink.session(session.as_model(), False)

    def bytes_missing(self, session: SessionState, side: int, time_ns: int) -> None:
        """A hole in what *side* of a session sent, before *time_ns*."""
        if side == session.device_side:
            self._heartbeats.interrupted(session, time_ns)

    def connection_ended(self, session: SessionState, time_ns: int) -> None:
        """FIN of both sides, or RST: what is open of it will not be answered. Its last packets may still come."""
        if not session.ended:
            session.ended = True
            self.pairing.session_closed(session, time_ns)

    def close_session(self, session: SessionState, time_ns: int) -> None:
        """Nothing more will come of it; *time_ns*: of its last packet."""
        if session.closed:
            return
        session.closed = True
        session.last_ns = max(session.last_ns, time_ns)
        if session.ended or not session.connectionless:
            self.connection_ended(session, time_ns)
        self._heartbeats.overdue(session, session, None, time_ns)
        if session.truncated:
            text = f"{counted(session.truncated, 'packet')} cut by the snap length"
            self.report(session, Finding("capture.truncated-packet", text), (), (), session.last_ns)
        self.unsealing.close(session.id)
        self.sessions.pop(session.key, None)
        self._count(session)
        self.sink.session(session.as_model(), True)
        session.forget()

    def _count(self, session: SessionState) -> None:
        """Its messages join the totals."""
        self.totals.messages += session.messages
        self.totals.protocols[session.protocol.name].messages += session.messages
        session.messages = 0

    def name_device(self, session: SessionState, identity: dict[str, Any]) -> DeviceState:
        """The device that *identity* names; on its own connection the session and its address become the device's."""
        protocol = session.protocol
        address = session.ends[session.device_side][0]
        ident = f"{protocol.name}:{protocol.device_id(identity, address)}"
        device = self.devices.get(ident)
        new = device is None
        if device is None:
            if len(self.devices) >= DEVICES_REMEMBERED and self.options.endless:
                self._forget_devices()
            device = self.devices[ident] = DeviceState(ident, protocol.name, identity)
        changed = new
        if session.own and (session.device_id is None or protocol.self_naming):
            session.device_id = session.device_id or ident
            if address not in device.addresses:
                device.addresses[address] = None
                changed = True
            if session.id not in device.sessions:
                device.sessions[session.id] = None
                changed = True
        for name, value in identity.items():
            if device.identity.get(name) is None and value is not None:
                device.identity = {**device.identity, name: value}
                changed = True
        if changed:
            if self.options.endless:
                make_room(device.addresses, SESSIONS_TOLD)
                make_room(device.sessions, SESSIONS_TOLD)
            self.sink.device(device.as_model())
        return device

    def _forget_devices(self) -> None:
        """The eighth that was named first, but for those that have a session."""
        present = {session.device_id for session in self.sessions.values()}
        for ident in list(islice((ident for ident in self.devices if ident not in present), DEVICES_REMEMBERED // 8 + 1)):
            del self.devices[ident]

    # -- messages --

    def malformed(
        self, session: SessionState, side: int, data: bytes, packets: tuple[int, ...], time_ns: int, torn: bool, duplicate_of: int | None = None,
        carrier: dict[str, Any] | None = None,
    ) -> int:  # fmt: skip
        """Bytes that are no message. *torn*: the capture lacks what would make them one. *duplicate_of*: they were seen on another leg before."""
        self._uid += 1
        uid = self._uid
        session.last_ns = max(session.last_ns, time_ns)
        file = packets[-1] >> FILE_SHIFT
        direction = "up" if session.party(side) is DEVICE else "down"
        message = Message(
            id=uid, time=format_ns(time_ns, session.digits), frames=[packet & NUMBER_MASK for packet in packets], file=file, direction=direction, type=None,
            name=None, key=None, fields=None, encryption=None, size=len(data), device_id=session.device_id, carrier=carrier, duplicate_of=duplicate_of,
            raw_b64=base64.b64encode(data[:RAW_LIMIT]).decode(),
        )  # fmt: skip
        self._hand_out(message, session, time_ns, data, None)
        if not torn and duplicate_of is None:
            text = f"{counted(len(data), 'byte')} that {'is' if len(data) == 1 else 'are'} no message of {session.protocol.title}"
            self.report(session, Finding("framing.malformed", text), (uid,), packets, time_ns)
        return uid

    def message(
        self, session: SessionState, side: int, kind: str, fields: Any, view: Any, raw: bytes, packets: tuple[int, ...], time_ns: int,
        findings: tuple[Finding, ...] = (), carrier: dict[str, Any] | None = None, duplicate_of: int | None = None, device_hint: str | None = None,
        conversation: int = 0, carrier_name: str = "", quiet: bool = False, sender: Party | None = None,
    ) -> int:  # fmt: skip
        """A message of *kind*; *view* is what rules look at, *fields* what was sent. Returns its id.

        *duplicate_of*: it was seen before, so nothing is judged. *quiet*: it opens no exchange (a retained delivery). *sender*: where the side
        does not tell, since a broker hands on what both say.
        """
        protocol = session.protocol
        if time_ns > session.last_ns:
            session.last_ns = time_ns
        if sender is None:
            sender = DEVICE if side == session.device_side else PEER
        row = self._rows[protocol.name].get(kind)
        self._uid = uid = self._uid + 1
        encryption: Encryption | None = None
        opened: Opened | None = None
        data: Any = None
        if protocol.sealed is not None:
            value = view.get("data")
            if type(value) is str:
                opened = self.unsealing.open(session, protocol, kind, value, view)
                encryption = opened.encryption()
                data = opened.data
                if opened.plaintext is not None:
                    _, data, inside = look_again(data, opened.plaintext)
                    findings += inside
            elif value is not None:
                data = value
                encryption = _PLAINTEXT
        names = row.key_names if row is not None else protocol.default_key
        key = _key_of(names, view, protocol.number_keys) if names and type(view) is dict else None
        device_id = session.device_id
        identity: dict[str, Any] | None = None
        if device_id is None or protocol.self_naming:
            identity = protocol.identity(kind, view) if row is not None else None
            device_id = self._named(session, identity, sender, row) if identity is not None else device_id or device_hint
        message = Message(
            id=uid, time=format_ns(time_ns, session.digits), frames=[packets[0] & NUMBER_MASK] if len(packets) == 1 else [one & NUMBER_MASK for one in packets],
            file=packets[-1] >> FILE_SHIFT, direction="up" if sender is DEVICE else "down", type=row.type.type if row is not None else kind,
            name=row.type.name if row is not None else None, key=key,
            fields=summarise(fields, row.embedded) if row is not None and row.embedded else fields, encryption=encryption, size=len(raw), device_id=device_id,
            carrier=carrier, duplicate_of=duplicate_of, raw_b64=None,
        )  # fmt: skip
        if not session.opened_line:
            self.session_seen(session)
        session.messages += 1
        self.sink.message(message, session.id, time_ns, raw, opened.plaintext if opened is not None else None)
        if duplicate_of is not None:
            return uid
        topic: Any = carrier.get("topic") if carrier is not None else None
        seen = Seen(uid, kind, row.type if row is not None else None, view, data, sender, time_ns, session, packets, device_id, topic, conversation, raw)
        for finding in findings:
            self._found(seen, finding, time_ns)
        wrong_way = row is not None and row.sender is not sender
        if row is None or not clean(row.members, view):
            self._check_members(seen, row, protocol)
        if row is not None:
            if row.data is not None:
                for finding in check_data(row, view, data):
                    self._found(seen, finding, time_ns)
            if not row.plain:
                for finding in check_secrets(row, session, view, data):
                    self._found(seen, finding, time_ns)
        if encryption is not None:
            self.unsealing.judge(seen, session, protocol, opened, carrier_name)
        if b"\\" in raw or not raw.isascii() or b"\x7f" in raw or opened is not None or (protocol.raw_text and _CONTROL(raw)):
            for finding in check_text(view, data):
                self._found(seen, finding, time_ns)
        if not protocol.shared_memory:
            session.shared = session.facts
        else:
            device = self.devices.get(device_id) if device_id else None
            # Behind a platform's connection are many devices: the topic tells them apart until their own connections do.
            speaker = "" if session.own else device_id or (" ".join(stem(topic)) if type(topic) is str else "")
            session.shared = device.facts if device is not None else session.facts.setdefault(f"shared {speaker}", {})
            if len(session.facts) > FACTS_LIMIT:
                _forget_speakers(session.facts)
            session.speaker = speaker if sender is DEVICE else ""
            session.retained = quiet
        for rule in row.rules if row is not None else rules_for(protocol, kind):
            for finding in rule(seen, session):
                wrong_way = wrong_way and finding.code != "schema.wrong-direction"
                if finding.once is None or session.first_time(finding.once):
                    self._found(seen, finding, time_ns)
        if protocol.key_event is not None and data is not None:
            self.unsealing.learn(seen, session, protocol)
        if row is None or quiet:
            return uid
        if row.sender is not sender:
            if wrong_way and (session.own or not protocol.server_kinds):
                text = f"{row.type.type} is said by the {row.sender.value}'s side, the {sender.value}'s side sent it"
                self._found(seen, Finding("schema.wrong-direction", text), time_ns)
            return uid
        self.last_seen = seen
        self._mismatched = False
        if row.links or self.links.waiting:
            self.links.message(seen, key)
        self.pairing.message(seen, key, row.plan)
        if identity is not None and protocol.self_naming and device_id not in self.devices and sender is DEVICE and not self._mismatched:
            self.name_device(session, identity)
        # Only the device's own words tell that it is silent: a hole may hold up its heartbeats while the other side goes on.
        if row.beats or (time_ns > session.beat_due_ns and (sender is DEVICE or not session.beat_due_ns)):
            self._heartbeats.message(seen, session, protocol)
        return uid

    def _check_members(self, seen: Seen, row: Row | None, protocol: ApplicationProtocol) -> None:
        """What `clean` was not content with; of an unknown kind, the envelope."""
        if row is None:
            self._found(seen, Finding("schema.unknown-type", f"{seen.kind!r:.40} is none of the document's"), seen.time_ns)
        members = row.members if row is not None else self._envelopes[protocol.name]
        if type(seen.fields) is dict:
            for finding in check(members, seen.fields):
                self._found(seen, finding, seen.time_ns)

    def _named(self, session: SessionState, identity: dict[str, Any], sender: Party, row: Row | None) -> str:
        """The id of the device that *identity* names. An answer may name another than was asked: it makes no device before it is paired."""
        protocol = session.protocol
        asks = row is not None and row.plan.role is Role.REQUEST
        if session.own and session.device_id is None and (sender is DEVICE or (protocol.self_naming and asks)):
            return self.name_device(session, identity).id
        if not protocol.self_naming:
            return session.device_id or f"{protocol.name}:{protocol.device_id(identity, session.ends[session.device_side][0])}"
        if sender is DEVICE and asks:
            return self.name_device(session, identity).id
        named = f"{protocol.name}:{protocol.device_id(identity, session.ends[session.device_side][0])}"
        return named if named in self.devices or not session.own else session.device_id or named

    def _hand_out(self, message: Message, session: SessionState, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        if not session.opened_line:
            self.session_seen(session)
        session.messages += 1
        self.sink.message(message, session.id, time_ns, raw, plaintext)

    # -- what comes out --

    def _found(self, seen: Seen, finding: Finding, time_ns: int) -> None:
        if finding.code == "pair.identity-mismatch":
            self._mismatched = True
        self.report(seen.session, finding, (seen.uid,), seen.packets, time_ns, seen.session.protocol.reference(seen.kind))

    def report(
        self, session: SessionState | None, finding: Finding, messages: tuple[int, ...], packets: tuple[int, ...], time_ns: int, reference: str | None = None
    ) -> None:
        """An anomaly."""
        kind = CATALOGUE[finding.code]
        severity = kind.severity.label
        self._anomaly += 1
        self.totals.anomalies[severity] += 1
        if session is not None:
            self.totals.protocols[session.protocol.name].anomalies += 1
        digits = session.digits if session is not None else 6
        anomaly = Anomaly(
            id=self._anomaly, code=finding.code, severity=severity, time=format_ns(time_ns, digits), message=finding.text, messages=list(messages),
            file=packets[-1] >> FILE_SHIFT if packets else 0, frames=[one & NUMBER_MASK for one in packets], reference=kind.reference or reference,
        )  # fmt: skip
        self.sink.anomaly(anomaly, session.id if session is not None else None, time_ns)

    def _exchange(self, exchange: Exchange, session: SessionState) -> None:
        self.totals.exchanges += 1
        self.totals.protocols[session.protocol.name].exchanges += 1
        self.sink.exchange(exchange, session.id)
        if self.links.caused:
            self.links.exchange_final(exchange)

    def _linked(self, exchange: Exchange, session: SessionState) -> None:
        self.totals.exchanges += 1
        self.totals.protocols[session.protocol.name].exchanges += 1
        self.sink.exchange(exchange, session.id)

    def advance(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.pairing.advance(now_ns)
        if self.links.waiting:
            self.links.advance(now_ns)

    def finish(self, last_ns: int) -> None:
        """The capture ended at *last_ns*: all that waits is judged."""
        for session in list(self.sessions.values()):
            self.close_session(session, session.clock_ns)
        self.pairing.finish(last_ns)
        self.links.finish(last_ns)
        self.totals.limits.open_requests += self.pairing.evicted


def _forget_speakers(facts: dict[str, Any]) -> None:
    """What is remembered of single devices behind a connection has a blank in its name; what is remembered of the connection stays."""
    for name in list(islice((name for name in facts if " " in name), FACTS_LIMIT // 2)):
        del facts[name]


_CONTROL = re.compile(rb"[\x00-\x1f]").search
_PLAINTEXT = Encryption(status=Outcome.PLAINTEXT.value)


def _key_of(names: tuple[str, ...], view: Any, numbers: frozenset[str]) -> dict[str, Any] | None:
    """The members that pair it; None when one of them is not there."""
    key: dict[str, Any] = {}
    for name in names:
        value = view.get(name)
        if value is None or type(value) is dict or type(value) is list:
            return None
        if name in numbers and type(value) is str and value.isascii() and value.isdigit():
            value = int(value[:18])
        key[name] = value
    return key
