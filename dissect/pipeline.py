"""Composition only: the one file to read first.

    capture → packets → streams and datagrams → carrier → framing → message → judged, paired → sink

`analyse` runs a whole capture through; `Pipeline` is the `Listener` of the stream layer, and can be fed batch by batch (live).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dissect import __version__
from dissect.carriers.api import Unit
from dissect.carriers.bounded import make_room
from dissect.carriers.coap import CoapLayer
from dissect.carriers.mqtt import PublishMemory
from dissect.engine.engine import Engine
from dissect.engine.sessions import SessionState
from dissect.inlets import BareReader, LanInlet, TcpInlet, read_payload
from dissect.model import Source, Tool
from dissect.options import Options
from dissect.pairing.legs import BrokerLegs
from dissect.sinks import Sink
from dissect.streams.api import FILE_SHIFT, Conversation, DatagramHandler, StreamHandler
from dissect.text import counted
from dissect.timefmt import format_ns
from grammars.registry import PROTOCOLS
from grammars.vocabulary import PEER, ApplicationProtocol, Finding

if TYPE_CHECKING:
    from dissect.sources import Capture
    from dissect.streams.table import ConversationTable

TOOL = Tool(name="dissect", version=__version__)
UNITS_REMEMBERED = 20_000
DATAGRAM_SESSIONS = 1024
"""in a live capture (`Options.endless`), of sessions of datagrams, which have no end of their own; beyond it those idle longest are closed and counted"""
STREAMS_TOLD = 1000
"""conversations told of such a session in a live capture (`Options.endless`): a device may take a new port for each message"""
FRAGMENTS_REMEMBERED = 4096
LAN = "udp/coap"


class Pipeline:
    """Told of conversations; makes who reads them."""

    def __init__(self, sink: Sink, options: Options) -> None:
        self.engine = Engine(sink, options)
        self.coap = CoapLayer()
        self.legs = BrokerLegs()
        self.publishes = PublishMemory()
        self.unit_uids: dict[int, int] = {}
        """serial of a carrier's unit -> id of the message it became"""
        self.settling: dict[BareReader, None] = {}
        """those in which bytes may wait for more, or for time to tell what they are"""
        self._forced = {(one.transport, one.port): PROTOCOLS[one.protocol] for one in options.decode_as}
        self._coap_uids: dict[int, tuple[int, SessionState]] = {}
        self._addresses: dict[frozenset[str], SessionState] = {}
        self._lan: dict[int, list[SessionState]] = {}
        self._fragments: list[tuple[frozenset[str], tuple[int, ...], int]] = []
        self.truncated_elsewhere = 0
        """packets cut by the snap length in closed conversations that hold no session"""

    # -- Listener --

    def opened(self, conversation: Conversation) -> StreamHandler | DatagramHandler | None:
        transport = conversation.transport
        forced = [self._forced[transport, port] for port in conversation.port if (transport, port) in self._forced]
        if transport == "tcp":
            return TcpInlet(self, conversation, forced)
        return LanInlet(self, conversation)

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None:
        if len(self._fragments) < FRAGMENTS_REMEMBERED:
            self._fragments.append((frozenset(addresses), packets, time_ns))

    def tick(self, time_ns: int) -> None:
        for reader in list(self.settling):
            reader.settle(time_ns)
        self.coap.tick(time_ns)
        if self.coap.notes:
            self.coap_notes()
        self.engine.advance(time_ns)

    # -- carriers --

    def known_payload(self, payload: bytes) -> bool:
        """Whether a PUBLISH found in the middle of a connection is one of ours."""
        return read_payload(payload, "mqtt") is not None

    def remember_unit(self, serial: int, uid: int) -> None:
        make_room(self.unit_uids, UNITS_REMEMBERED)
        self.unit_uids[serial] = uid

    def coap_unit(self, conversation: Conversation, unit: Unit) -> bool:
        """A CoAP payload; whether it is a message of ours."""
        source, target = conversation.address[unit.side], conversation.address[1 - unit.side]
        pair = frozenset((source, target))
        session = self._addresses.get(pair)
        read = read_payload(unit.payload, "coap", (session.protocol.name,) if session is not None else ())
        if read is None:
            if session is not None and unit.repeats is None and _addressed(unit, session.protocol):
                self.engine.malformed(session, self._side(session, source), unit.payload, unit.packets, unit.time_ns, False)
                return True
            return False
        protocol, classified, sent, findings = read
        if session is None or session.closed:
            ports = conversation.port
            ends = ((source, ports[unit.side]), (target, ports[1 - unit.side]))
            session = self.engine.open_session((pair, protocol.name), protocol, LAN, ends, unit.time_ns, unit.packets[0] >> FILE_SHIFT)
            session.device_side = 1 if protocol.said_by(classified.kind, classified.fields) is PEER else 0
            session.first_ns = conversation.first_ns if unit.packets[0] == conversation.first_packet else unit.time_ns
            session.began = session.complete = classified.kind in protocol.opening
            session.connectionless = True
            if not session.began:
                session.midstream_ns = unit.time_ns
            if len(self._addresses) >= DATAGRAM_SESSIONS and self.engine.options.endless:
                self._close_idle()
            self._addresses[pair] = session
            self.engine.session_seen(session)
            if protocol.connection_identity is not None:
                address = session.ends[session.device_side][0]
                self.engine.name_device(session, protocol.connection_identity(address, None, {}))
        beside = self._lan.setdefault(conversation.id, [])
        if session not in beside:
            beside.append(session)
            session.streams.append(conversation.id)
            if len(session.streams) > STREAMS_TOLD and self.engine.options.endless:
                del session.streams[:STREAMS_TOLD // 8]
        duplicate = None
        if unit.repeats is not None:
            earlier = self._coap_uids.get(unit.repeats)
            duplicate = earlier[0] if earlier is not None else None
        uid = self.engine.message(
            session, self._side(session, source), classified.kind, classified.fields if not findings else sent, classified.fields, unit.payload, unit.packets,
            unit.time_ns, findings, unit.carrier, duplicate, None, conversation.id, "coap",
            sender=protocol.said_by(classified.kind, classified.fields) if source == target else None,
        )  # fmt: skip
        session.clock_ns = max(session.clock_ns, unit.time_ns)
        make_room(self._coap_uids, UNITS_REMEMBERED)
        self._coap_uids[unit.serial] = (uid, session)
        return True

    def _close_idle(self) -> None:
        """The eighth of the datagrams' sessions that were idle longest end here."""
        idle = sorted(self._addresses.items(), key=lambda item: item[1].last_ns)
        for pair, session in idle[:DATAGRAM_SESSIONS // 8 + 1]:
            del self._addresses[pair]
            self.engine.totals.limits.streams += 1
            self.engine.close_session(session, session.last_ns)

    @staticmethod
    def _side(session: SessionState, address: str) -> int:
        return 0 if session.ends[0][0] == address else 1

    def coap_notes(self) -> None:
        notes, self.coap.notes = self.coap.notes, []
        for conversation, note in notes:
            about = self._coap_uids.get(note.serial) if note.serial is not None else None
            session = about[1] if about is not None else self._addresses.get(frozenset(conversation.address))
            if session is None:
                continue
            uids = (about[0],) if about is not None else ()
            self.engine.report(session, Finding(note.code, note.text), uids, note.packets, note.time_ns)
            if note.code == "coap.reset" and about is not None:
                self.engine.pairing.reset(about[0], note.time_ns)

    def coap_closed(self, conversation: Conversation) -> None:
        sessions = self._lan.pop(conversation.id, ())
        if not sessions:
            self.truncated_elsewhere += conversation.truncated_packets
        for session in sessions:
            session.truncated += conversation.truncated_packets
            session.last_ns = max(session.last_ns, conversation.last_ns)

    def finish(self, last_ns: int) -> None:
        """After the stream layer's own end."""
        self.coap.finish(last_ns)
        self.coap_notes()
        for addresses, packets, time_ns in self._fragments:
            session = self.engine.between.get(addresses)
            if session is not None:
                self.engine.report(session, Finding("ip.incomplete-fragments", "fragments of a datagram are missing"), (), packets, time_ns)
        self.engine.finish(last_ns)


def analyse(capture: Capture, sink: Sink, options: Options, watch: Callable[[Pipeline], None] | None = None) -> None:
    """Run *capture* through to *sink*.

    *watch* is given the pipeline before the first batch, for whoever looks at it between two.
    """
    from dissect.capture import in_order
    from dissect.streams.policy import ANALYSIS, LIVE
    from dissect.streams.table import ConversationTable

    pipeline = Pipeline(sink, options)
    if watch is not None:
        watch(pipeline)
    engine = pipeline.engine
    engine.digits = capture.digits
    # The tshark engine stands between: it tells of TLS connections in clear.
    table = ConversationTable(capture.listening(pipeline), LIVE if capture.kind == "live" else ANALYSIS)
    sink.source(_source(capture, table))
    last_ns = 0
    for batch in capture:
        if not len(batch):  # a live capture at rest: its clock goes on
            table.tick(capture.clock_ns)
            continue
        table.feed(in_order(batch, capture))
        last_ns = capture.last_ns or last_ns
    table.finish(last_ns)
    pipeline.finish(last_ns)
    _report_damage(capture, engine)
    if pipeline.truncated_elsewhere:
        text = f"{counted(pipeline.truncated_elsewhere, 'packet')} cut by the snap length where no session was found"
        engine.report(None, Finding("capture.truncated-packet", text), (), (), last_ns)
    limits = table.limits
    engine.totals.limits.streams += limits.streams
    engine.totals.limits.bytes_beyond_holes += limits.bytes_beyond_holes
    sink.finish(_source(capture, table), engine.totals)


def _addressed(unit: Unit, protocol: ApplicationProtocol) -> bool:
    """Whether a CoAP payload that is no message stands where one of the protocol's should: it looks like one, or is posted to its path."""
    carrier = unit.carrier or {}
    return unit.payload[:1] == b"{" or (carrier.get("code") == "POST" and carrier.get("uri") in protocol.paths)


def _report_damage(capture: Capture, engine: Engine) -> None:
    for damage in capture.damages:
        packets = (damage.file << FILE_SHIFT | damage.packet,) if damage.packet else ()
        engine.report(None, Finding("capture.damaged-file", damage.text), (), packets, damage.time_ns or capture.last_ns or 0)
    if capture.dropped:
        text = f"{counted(capture.dropped, 'packet')} {'was' if capture.dropped == 1 else 'were'} dropped by the capture"
        engine.report(None, Finding("capture.dropped-packets", text), (), (), capture.last_ns or 0)


def _source(capture: Capture, table: ConversationTable) -> Source:
    digits = max(capture.digits.values(), default=6)
    first, last = capture.first_ns, capture.last_ns
    return Source(
        kind=capture.kind, files=list(capture.files), interface=capture.interface, capture_filter=capture.capture_filter,
        packets=capture.packets, packets_used=table.packets_used,
        packets_dropped=capture.dropped, first_packet=None if first is None else format_ns(first, digits),
        last_packet=None if last is None else format_ns(last, digits),
    )  # fmt: skip


__all__ = ["TOOL", "Pipeline", "analyse"]
