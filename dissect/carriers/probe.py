"""Which carrier a conversation has, and how many messages of it by kind (streams.md, Carriers). A conversation that has none soon costs nothing."""

from __future__ import annotations

from collections import Counter

from dissect.carriers.coap_wire import CODES, REGISTERED, CoapMessage, parse
from dissect.carriers.http import HttpCarrier
from dissect.carriers.http_head import first_line
from dissect.carriers.mqtt import MqttCarrier
from dissect.carriers.mqtt_wire import looks_like_mqtt_connect
from dissect.streams.api import Conversation
from grammars.coap import PORT as COAP_PORT
from grammars.mqtt import PORT as MQTT_PORT

MAX_UNDECIDED = 128 << 10
"""Bytes kept of both sides while their carrier is open."""


class _Front:
    """The first bytes of a side, until they tell."""

    __slots__ = ("begun", "connect", "data", "line")

    def __init__(self) -> None:
        self.data = b""
        self.begun = False
        """bytes of it came"""
        self.line: str | None = None
        """request, status, or empty for neither; None while open"""
        self.connect: bool | None = None

    @property
    def open(self) -> bool:
        return self.line is None or self.connect is None

    def add(self, data: bytes) -> None:
        self.begun = True
        self.data += data
        if self.line is None:
            found = first_line(self.data)
            if found is not None:
                self.line = found[0]
        if self.connect is None:
            self.connect = looks_like_mqtt_connect(self.data)
        if not self.open:
            self.data = b""

    def broken(self) -> None:
        """A hole: what is open stays unknown."""
        self.begun = True
        self.line = self.line or ""
        self.connect = bool(self.connect)
        self.data = b""


class CarrierProbe:
    """A `StreamHandler` and `DatagramHandler` for one conversation; ask `carrier` and `messages` at its end."""

    __slots__ = ("_chosen", "_dropped", "_events", "_fronts", "_guesses", "_kept", "_registered", "_statuses", "_udp", "_well_known", "done")

    def __init__(self, conversation: Conversation) -> None:
        self.done = False
        """it has no carrier, or nothing more will be counted"""
        self._fronts = (_Front(), _Front())
        self._chosen: HttpCarrier | MqttCarrier | None = None
        self._statuses: HttpCarrier | None = None
        """counts what holds only if the other side stays silent"""
        self._guesses: tuple[MqttCarrier, MqttCarrier] | None = None
        """port 1883 without CONNECT: each side framed by itself"""
        self._events: list[tuple[int, bytes, int, int]] = []
        self._kept = 0
        self._dropped = [False, False]
        self._udp: Counter[str] | None = None
        self._registered = False
        self._well_known = (COAP_PORT if conversation.transport == "udp" else MQTT_PORT) in conversation.port
        if conversation.transport == "tcp" and self._well_known:
            self._guesses = MqttCarrier(units=False), MqttCarrier(units=False)

    @property
    def carrier(self) -> str | None:
        """mqtt, http, coap or None, by what came so far."""
        if self._udp is not None:
            return "coap" if self._well_known or self._registered else None
        if self._chosen is not None:
            return self._chosen.name
        if self._statuses is not None and not all(front.begun for front in self._fronts):
            return "http"
        if self._guesses is not None and all(guess.kinds and not guess.notes for guess in self._guesses):
            return "mqtt"
        return None

    @property
    def messages(self) -> dict[str, int]:
        """Messages by kind; empty without a carrier."""
        carrier = self.carrier
        if carrier is None:
            return {}
        if self._udp is not None:
            counted = self._udp
        elif self._chosen is not None:
            counted = self._chosen.kinds
        elif carrier == "http" and self._statuses is not None:
            counted = self._statuses.kinds
        else:
            counted = Counter()
            for guess in self._guesses or ():
                counted += guess.kinds
        return {kind: counted[kind] for kind in sorted(counted)}

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        if self.done:
            return
        if self._chosen is not None:
            self._feed(self._chosen, side, data, packet, time_ns)
            return
        front = self._fronts[side]
        was_open = front.open
        if was_open:
            front.add(data)
        if was_open or self._kept + len(data) <= MAX_UNDECIDED:
            self._kept += len(data)
            self._events.append((side, data, packet, time_ns))
        else:
            self._dropped[side] = True
        guesses, statuses = self._guesses, self._statuses
        if guesses is not None:
            guesses[side].data(side, data, packet, time_ns)
        if statuses is not None:
            self._feed(statuses, side, data, packet, time_ns)
        if was_open or guesses is not None:
            self._decide()

    def _decide(self) -> None:
        fronts = self._fronts
        if any(front.line == "request" for front in fronts):
            self._choose(HttpCarrier(units=False))
        elif any(front.connect for front in fronts):
            self._choose(MqttCarrier(units=False))
        elif self._statuses is None and any(front.line == "status" for front in fronts) and not all(front.begun for front in fronts):
            self._statuses = HttpCarrier(units=False)
            for side, data, packet, time_ns in self._events:
                self._feed(self._statuses, side, data, packet, time_ns)
        elif not any(front.open for front in fronts) and (
                self._guesses is None or any(guess.notes for guess in self._guesses)):
            self._give_up()

    def _choose(self, carrier: HttpCarrier | MqttCarrier) -> None:
        """*carrier* it is: hand it what came so far."""
        events, self._events = self._events, []
        asking = next((side for side, front in enumerate(self._fronts) if front.line == "request" or front.connect), 0)
        if self._statuses is not None and self._dropped[1 - asking]:
            # the answering side has been counted already and is not kept: only what asks is new
            carrier = self._statuses
            events = [event for event in events if event[0] == asking]
        elif self._statuses is not None:
            events.sort(key=lambda event: event[0] != asking)  # requests first: whom a response answers decides whether it has a body
        self._chosen = carrier
        for side, data, packet, time_ns in events:
            self._feed(carrier, side, data, packet, time_ns)
        for side, dropped in enumerate(self._dropped):
            if dropped and carrier is not self._statuses:
                carrier.gap(side, 1 << 62, 0, 0)
        self._statuses = self._guesses = None

    def _feed(self, carrier: HttpCarrier | MqttCarrier, side: int, data: bytes, packet: int, time_ns: int) -> None:
        carrier.data(side, data, packet, time_ns)
        carrier.notes.clear()

    def _give_up(self) -> None:
        self.done = True
        self._events.clear()
        self._statuses = self._guesses = self._udp = None

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        if self.done:
            return
        if self._chosen is not None:
            self._chosen.gap(side, length, packet, time_ns)
            return
        self._fronts[side].broken()
        if self._guesses is not None:
            self._guesses[side].gap(side, length, packet, time_ns)
        if self._statuses is not None:
            self._statuses.gap(side, length, packet, time_ns)
        self._decide()

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        """The counts do not depend on it."""

    def reset(self, side: int, packet: int, time_ns: int) -> None:
        """The counts do not depend on it."""

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None:
        """The counts do not depend on it."""

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        if self.done:
            return
        read = parse(data)
        if self._udp is None:
            if not isinstance(read, CoapMessage):
                self._give_up()
                return
            self._udp = Counter()
        if isinstance(read, CoapMessage):
            self._udp[CODES[read.code]] += 1
            self._registered = self._registered or read.code in REGISTERED
        elif not self._well_known:
            self._give_up()
        elif read.code == 0:
            self._udp[CODES[0]] += 1  # an Empty message of more than four bytes

    def closed(self, time_ns: int) -> None:
        self._events.clear()
