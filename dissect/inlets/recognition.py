"""What a TCP connection is: told by its bytes, never by its port alone (protocols.md, "Detection is by content first").

`--decode-as` overrides both. What cannot be told within the bounds below is nothing we know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from dissect.carriers.http_head import MAX_LINE, looks_like_http
from dissect.carriers.mqtt_wire import PUBLISH, frame, looks_like_mqtt_connect
from dissect.framing.framers import framer
from dissect.jsontext import FIRST_BYTES, decode, decode_part
from grammars.mqtt import PORT, TLS_PORT
from grammars.registry import PROTOCOLS
from grammars.tls import HANDSHAKE, VERSION_MAJOR
from grammars.vocabulary import ApplicationProtocol, Classified, Frames, Lines

LOOK_BYTES = 64 << 10
"""bytes of both sides that are looked at, unless they hold a protocol's signature"""
LOOK_MORE_BYTES = 12 << 20
"""with a signature: a message may be a picture of some megabytes"""
READ_FREELY, READ_TIMES = 4 << 20, 8
"""bytes that are framed in all to find a message: so many, and each byte of a side so often; a side that brings a brace with each segment and no
message is else read anew with each"""
OBJECTS_LOOKED_AT = 4096
"""of a side, for a PUBLISH around them"""
LOOK_SEGMENTS = 128
TOPIC_LOOK = 512
"""bytes before an object in which a PUBLISH may begin"""
SHORT_BYTES = 64
"""of one side that may be a protocol's small talk, on its own port"""
MQTT_PORTS = frozenset({PORT, TLS_PORT})

_BARE: tuple[tuple[ApplicationProtocol, re.Pattern[bytes]], ...] = tuple(
    (protocol, re.compile(protocol.signature)) for protocol in PROTOCOLS.values() if "tcp" in protocol.carriers
)
_BY_PORT = tuple(protocol for protocol, _ in _BARE if isinstance(protocol.framing, Frames))
_CARRIED = re.compile(b"|".join(sorted({protocol.signature for protocol in PROTOCOLS.values() if "mqtt" in protocol.carriers or "http" in protocol.carriers})))
_TLS = re.compile(re.escape(bytes((HANDSHAKE, VERSION_MAJOR))) + rb"[\x00-\x04]")
_OVERLAP = 32
_FRONT = 2 * MAX_LINE
_TOPIC = re.compile(rb"[^\x00-\x1f\x7f+#]+")


class Claim(Enum):
    HTTP = "http"
    MQTT = "mqtt"
    MQTT_MIDSTREAM = "mqtt seen from its middle"
    BARE = "bare"
    NOTHING = "nothing"


class Recogniser:
    """Looks at the first bytes of a connection's sides as they come."""

    def __init__(self, midstream: bool, ports: tuple[int, int], forced: Sequence[ApplicationProtocol]) -> None:
        self._midstream, self._ports, self._forced = midstream, ports, tuple(forced)
        self._bytes = [bytearray(), bytearray()]
        self._segments = 0
        self._searched = [0, 0]
        self._signed: tuple[set[str], set[str]] = (set(), set())
        """protocols whose signature each side bore"""
        self._read = [0, 0]
        """bytes that were framed to find a message"""
        self._strange: set[tuple[int, str]] = set()
        """sides whose first LOOK_SEGMENTS messages are none of a protocol's, as it frames them: more bytes change nothing"""
        self._objects = [0, 0]
        """up to where objects were looked at for a PUBLISH around them"""
        self._looks = [0, 0]
        """and how many were"""
        self.protocol: ApplicationProtocol | None = None
        """with BARE"""
        self.from_segment = False
        """with HTTP: it begins at the latest segment, what came before belongs to a torn message"""

    def look(self, side: int, data: bytes) -> Claim | None:
        """What the connection is, now that *side* brought *data*; None while it cannot be told."""
        self._segments += 1
        held = self._bytes[side]
        before = len(held)
        held += data
        waiting = False
        front = bytes(held[:_FRONT])
        for carrier, tell in ((Claim.HTTP, looks_like_http), (Claim.MQTT, looks_like_mqtt_connect)):
            told = tell(front)
            if told:
                return carrier
            waiting = waiting or told is None
        if self._midstream and before and looks_like_http(data):
            self.from_segment = True
            return Claim.HTTP
        if self._forced:
            return self._forced_claim(held)
        if self._midstream and not MQTT_PORTS.isdisjoint(self._ports):
            return Claim.MQTT_MIDSTREAM
        claim = self._bare(side, held, data)
        if claim is not None:
            return claim
        return None if waiting and self._segments < LOOK_SEGMENTS else self._give_up(held)

    def ended(self, side: int) -> Claim | None:
        """No more bytes of *side*: what waited for more is told by what there is."""
        held = self._bytes[side]
        bare = [protocol for protocol in self._forced if "tcp" in protocol.carriers]
        if held and bare:
            self.protocol = bare[0]
            return Claim.BARE
        for protocol, signature in _BARE:
            if held and signature.search(held) and self._shows(side, protocol, held, True):
                self.protocol = protocol
                return Claim.BARE
        return None

    def _forced_claim(self, held: bytearray) -> Claim | None:
        """`--decode-as`: the carrier is still told by the bytes; without one the protocol is bare on the connection."""
        front = bytes(held[:_FRONT])
        if looks_like_http(front) is None or looks_like_mqtt_connect(front) is None:
            return None
        bare = [protocol for protocol in self._forced if "tcp" in protocol.carriers]
        if not bare:
            return Claim.MQTT_MIDSTREAM if self._midstream else None
        self.protocol = bare[0]
        return Claim.BARE

    def _bare(self, side: int, held: bytearray, data: bytes) -> Claim | None:
        start = self._searched[side]
        self._searched[side] = max(0, len(held) - _OVERLAP)
        if held[0] not in FIRST_BYTES and (self._signed[side] or _CARRIED.search(held, start)) and self._published(side, held):
            return Claim.MQTT_MIDSTREAM
        for protocol, signature in _BARE:
            if protocol.name in self._signed[side] or signature.search(held, start):
                self._signed[side].add(protocol.name)
                # JSON can only be whole where something ends: a picture of thousands of segments is not read anew with each.
                whole = isinstance(protocol.framing, Frames) or b"}" in data or b"\n" in data
                if whole and self._affords(side, protocol) and self._shows(side, protocol, held, False):
                    self.protocol = protocol
                    return Claim.BARE
        if len(held) <= SHORT_BYTES:
            for protocol in _BY_PORT:
                if not set(protocol.ports).isdisjoint(self._ports) and self._fits(protocol, held):
                    self.protocol = protocol
                    return Claim.BARE
        return None

    def _published(self, side: int, held: bytearray) -> bool:
        """Whether an object lies in a PUBLISH: its CONNECT is not in the capture, whatever the port."""
        place = self._objects[side]
        for _ in range(min(LOOK_SEGMENTS, OBJECTS_LOOKED_AT - self._looks[side])):
            self._looks[side] += 1
            place = held.find(b"{", place)
            if place < 0:
                self._objects[side] = len(held)
                return False
            if _in_publish(held, place):
                return True
            place += 1
        self._objects[side] = place
        return False

    def _affords(self, side: int, protocol: ApplicationProtocol) -> bool:
        """Whether the bytes of *side* may be framed once more; if so, they are counted."""
        size = len(self._bytes[side])
        if (side, protocol.name) in self._strange or self._read[side] > READ_FREELY + READ_TIMES * size:
            return False
        self._read[side] += size
        return True

    def _shows(self, side: int, protocol: ApplicationProtocol, held: bytearray, ended: bool) -> bool:
        """Whether *held* holds a message that only this protocol has."""
        framing = protocol.framing
        cutter = framer(framing, self._midstream)
        found = cutter.feed(bytes(held), 0, 0)
        if ended or (isinstance(framing, Lines) and b"}{" in held):
            found = found + cutter.end(True)
        for framed in found[:LOOK_SEGMENTS]:
            if framed.malformed:
                continue
            if isinstance(framing, Frames):
                parts = decode_part(framing.parse(framed.data), framing.json_part)
                classified = protocol.classify(parts.view, None) if parts is not None else None
            else:
                classified = self._first_object(protocol, framed.data)
            if classified is not None and _proves(protocol, classified):
                return True
        if len(found) >= LOOK_SEGMENTS:
            self._strange.add((side, protocol.name))
        return False

    @staticmethod
    def _fits(protocol: ApplicationProtocol, held: bytearray) -> bool:
        """Whether *held* is nothing but messages of the protocol, such as heartbeats, which prove little without its port."""
        cutter = framer(protocol.framing, False)
        found = cutter.feed(bytes(held), 0, 0) + cutter.end(True)
        return bool(found) and not any(one.malformed for one in found)

    def _first_object(self, protocol: ApplicationProtocol, data: bytes) -> Classified | None:
        decoded = decode(data)
        if decoded is None and b"}{" in data:
            decoded = decode(data[: data.index(b"}{") + 1]) or decode(data[data.index(b"}{") + 1 :])
        if decoded is None or (protocol.required_on_bare_tcp and not (type(decoded.view) is dict and protocol.required_on_bare_tcp <= decoded.view.keys())):
            return None
        return protocol.classify(decoded.view, None)

    def _give_up(self, held: bytearray) -> Claim | None:
        if not self._midstream and _TLS.match(held):
            return Claim.NOTHING
        size = len(self._bytes[0]) + len(self._bytes[1])
        signed = bool(self._signed[0] or self._signed[1])
        if size > (LOOK_MORE_BYTES if signed else LOOK_BYTES) or (self._segments > LOOK_SEGMENTS and not signed):
            return Claim.NOTHING
        return None


def _in_publish(held: bytearray, payload: int) -> bool:
    """Whether the bytes before *payload* are the front of a PUBLISH whose payload begins there and whose length fits."""
    for start in range(payload - 4, max(-1, payload - TOPIC_LOOK), -1):
        if held[start] >> 4 != PUBLISH or held[start] & 6 == 6:
            continue
        body, end = frame(held, start)
        if body < 1 or end <= payload or body + 2 >= payload:
            continue
        behind = body + 2 + (held[body] << 8 | held[body + 1])
        topic = held[body + 2 : behind]
        behind += 2 if held[start] & 6 else 0
        if behind > payload or not topic or not _TOPIC.fullmatch(topic):
            continue
        # MQTT 5 has a length and its properties between.
        if behind == payload or behind + 1 + held[behind] == payload:
            return True
    return False


def _proves(protocol: ApplicationProtocol, classified: Classified) -> bool:
    if protocol.proof is not None:
        return protocol.proof(classified.kind, classified.fields)
    return classified.kind in protocol.messages
