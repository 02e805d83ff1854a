"""Messages of a protocol whose own framing lies right on TCP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dissect.engine.sessions import SessionState
from dissect.framing.framed import Framed, Framer
from dissect.framing.framers import alone, framer
from dissect.framing.lines import GLUED
from dissect.inlets.reader import Reader
from dissect.jsontext import Decoded, decode, decode_part, decode_plain
from dissect.streams.api import Conversation
from grammars.vocabulary import DEVICE, PEER, ApplicationProtocol, Classified, Frames

if TYPE_CHECKING:
    from dissect.pipeline import Pipeline

EARLY_LIMIT = 256
"""messages that are held until one tells which side is the device's"""
SPLIT_EFFORT = 16
"""how often a line's bytes are read at most, on average, to find where its objects end"""
_BETWEEN = re.compile(rb"\}\s*\{")


class BareReader(Reader):
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
        self._missing(side, length, packet, time_ns, cut)

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
        self._framers = [None, None]  # they lead back here

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
            if GLUED.code in [one.code for one in framed.findings]:
                framed = framed._replace(findings=())
            self._engine.malformed(session, side, framed.data, framed.packets, framed.time_ns, framed.torn)
            return
        for place, piece in enumerate(pieces):
            last = place == len(pieces) - 1
            self._framed(side, Framed(piece, framed.packets, framed.time_ns, framed.findings if last else (GLUED,)))

    def _wait(self, side: int, framed: Framed) -> None:
        """Hold what comes until a message tells who is who."""
        assert self._early is not None
        self._early.append((side, framed))
        classified = self._said(framed)
        if (classified is not None and self._tells(side, classified)) or len(self._early) > EARLY_LIMIT:
            self._start(side, classified, framed)

    def _said(self, framed: Framed) -> Classified | None:
        """What a message says that comes before any session."""
        if framed.malformed:
            return None
        decoded = self._decode(framed.data)
        if decoded is None and self._parse is None:
            decoded = next((one for one in map(decode, _split_glued(framed.data)) if one is not None), None)
        return None if decoded is None else self._protocol.classify(decoded.view, None)

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
            self._engine.name_device(session, names)
        else:
            self._opened(session, framed.packets[0], framed.time_ns)
        for early_side, one in early:
            self._framed(early_side, one)


def _split_glued(data: bytes) -> list[bytes]:
    """Objects that follow each other on one line: cut where a brace closes and the next opens, if every piece then is JSON."""
    starts = [0] + [match.end() - 1 for match in _BETWEEN.finditer(data)]
    if len(starts) < 2 or len(starts) > 4096:
        return []
    pieces: list[bytes] = []
    start, allowed = 0, SPLIT_EFFORT * len(data)
    for end in [*starts[1:], len(data)]:
        allowed -= end - start
        if allowed < 0:
            return []
        piece = data[start:end].strip()
        if decode(piece) is not None:
            pieces.append(piece)
            start = end
    return pieces if start == len(data) else []
