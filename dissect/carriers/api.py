"""What a carrier (MQTT, HTTP, CoAP, or none) hands up: units of payload, and notes about its own format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Unit(NamedTuple):
    """One carried payload: a PUBLISH's, an HTTP body (after its content coding), a CoAP payload put together."""

    side: int
    """who sent it (the conversation's side)"""
    payload: bytes
    packets: tuple[int, ...]
    """packet references of the packets that carried it, each once, in order"""
    time_ns: int
    """the latest of those packets'"""
    carrier: dict[str, object] | None
    """the report's `carrier` of the message: MQTT topic, qos, retain, dup, packet_id; CoAP type, code, message_id, token, uri;
    HTTP method, target, status"""
    serial: int = 0
    """CoAP and MQTT: numbers units, so that repeats and resets can name them; 0: none"""
    repeats: int | None = None
    """Serial of the unit that this one repeats (CoAP: same endpoint and message ID within 247 s; MQTT: DUP and the same packet id)"""


class Note(NamedTuple):
    """Something about the carrier worth an anomaly."""

    code: str
    """of the catalogue: coap.*, mqtt.malformed, http.malformed"""
    side: int
    text: str
    packets: tuple[int, ...]
    time_ns: int
    serial: int | None = None
    """CoAP: the unit it is about"""


class StreamCarrier(Protocol):
    """A carrier over one TCP connection. Fed in order of position; raises nothing, whatever the bytes."""

    name: str
    """mqtt or http"""
    kinds: Counter[str]
    """messages counted by kind, as streams.md says"""
    client_id: str | None
    """MQTT: of the CONNECT (or as assigned in the CONNACK)"""
    client: int | None
    """the side that acts as client, when known"""
    filters: list[str]
    """MQTT: topic filters that the client subscribed to"""
    notes: list[Note]
    """grown by the carrier, emptied by whoever reads it"""

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> Iterable[Unit]: ...

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> Iterable[Unit]: ...

    def end(self, side: int, time_ns: int) -> Iterable[Unit]:
        """FIN, RST or the end of the capture on *side*: what lasts until close is complete now."""
