"""MQTT 3.1, 3.1.1 and 5.0 over one TCP connection: control packets counted as streams.md says, PUBLISH payloads as units.

Counting of a side ends at malformed bytes or a gap. Messages do not: a side that lost its place looks for the next PUBLISH whose length
fits and whose payload is a known message (`accept`), within a budget, and goes on from there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from dissect.carriers.api import Note, Unit
from dissect.carriers.bounded import make_room
from dissect.carriers.mqtt_state import PublishMemory, Side
from dissect.carriers.mqtt_wire import (
    CONNACK,
    CONNECT,
    INCOMPLETE,
    KINDS,
    MALFORMED,
    PUBLISH,
    SUBSCRIBE,
    Malformed,
    Publish,
    assigned_client_id,
    frame,
    subscribed,
)
from dissect.carriers.mqtt_wire import connect as read_connect
from dissect.carriers.mqtt_wire import publish as read_publish
from grammars.mqtt import LEVEL_5_0, RESERVED_FLAGS

MAX_PACKET = 16 << 20
"""A longer packet is counted and stepped over, its payload is not kept."""
MAX_NOTES = 64
MAX_FILTERS = 256
MAX_FILTER_CHARACTERS = 4096
MAX_ALIAS_CHARACTERS = 1 << 20
MAX_REMEMBERED_PACKETS = 256
"""identifiers of a direction: more than a client has on their way at once"""
SEARCH_ATTEMPTS = 4096
SEARCH_BYTES = 64 << 20
SEARCH_WAITING = 16
SEARCH_PACKET = 1 << 20
SEARCH_COPY_COST = 16
"""Bounds of looking for the next PUBLISH: candidates read, bytes read in all (a byte copied costs a sixteenth), incomplete
candidates kept at a time, and the longest packet that is waited for."""

__all__ = ["MqttCarrier", "PublishMemory"]
_NO_UNITS: tuple[Unit, ...] = ()
_PUBLISH_START = re.compile(rb"[\x30-\x35\x38-\x3d]")
_UNLIKELY_TOPIC = re.compile(r"[\x00-\x1f\x7f+#\ufffe\uffff]")
_UNLIKELY_TOPIC_BYTES = re.compile(rb"[\x00-\x1f\x7f+#\xc0\xc1\xf5-\xff]")
_FROM_CLIENT = frozenset(KINDS.index(kind) for kind in ("CONNECT", "SUBSCRIBE", "UNSUBSCRIBE", "PINGREQ"))
_FROM_SERVER = frozenset(KINDS.index(kind) for kind in ("CONNACK", "SUBACK", "UNSUBACK", "PINGRESP"))
_RESERVED_FLAGS = {int(kind): flags for kind, flags in RESERVED_FLAGS.items()}


class MqttCarrier:
    """A `StreamCarrier`. *midstream*: the connection is not seen from its start, so every side begins by looking for a PUBLISH (and its packets
    are counted as if framed from the first byte); *accept* tells a known message; *units* False counts only."""

    name = "mqtt"

    def __init__(self, midstream: bool = False, accept: Callable[[bytes], bool] | None = None, memory: PublishMemory | None = None,
                 units: bool = True) -> None:
        self.kinds: Counter[str] = Counter()
        self.client_id: str | None = None
        self.client: int | None = None
        self.notes: list[Note] = []
        self.filters: list[str] = []
        self.level: int | None = None
        """protocol level 3, 4 or 5; None while it is not known"""
        self.oversized = 0
        """PUBLISH packets over MAX_PACKET, whose payload was given up"""
        self.failed = [False, False]
        """malformed bytes ended the counting of this side"""
        self._accept = accept
        self._units = units
        self._memory = memory if memory is not None else PublishMemory()
        self._sides = (Side(), Side())
        self._counters = (MqttCarrier(units=False), MqttCarrier(units=False)) if midstream and units else None
        if self._counters:
            for side, counter in zip(self._sides, self._counters, strict=True):
                side.counting, side.lost, counter.kinds = False, True, self.kinds

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> Iterable[Unit]:
        state = self._sides[side]
        if self._counters:
            self._count_beside(side, data, packet, time_ns)
        if state.skip:
            if len(data) < state.skip:
                state.skip -= len(data)
                return _NO_UNITS
            data = data[state.skip:]
            state.skip = 0
            if state.skip_kind and state.counting:
                self.kinds[KINDS[state.skip_kind]] += 1
        inlet = state.inlet
        if not inlet.size and not state.lost:
            units = self._packets(side, state, data, (packet,), time_ns, False)
            if not state.lost:
                return units
        elif state.given_up:
            return _NO_UNITS
        else:
            inlet.append(data, packet, time_ns)
            if inlet.size < state.total:
                return _NO_UNITS
            units = [] if state.lost else self._packets(side, state, inlet.front(), (), 0, True)
        while state.lost and self._found(state):
            units += self._packets(side, state, inlet.front(), (), 0, True)
        return units

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> Iterable[Unit]:
        state = self._sides[side]
        if self._counters:
            self._counters[side].gap(side, length, packet, time_ns)
        state.counting = False
        if not state.lost:
            if not state.skip and state.total:
                state.skip = state.total - state.inlet.size
                state.inlet.clear()
                state.total = 0
            if length <= state.skip:
                state.skip -= length
                state.skip_kind = 0
                return _NO_UNITS
        state.inlet.clear()
        self._lose(state)
        return _NO_UNITS

    def end(self, side: int, time_ns: int) -> Iterable[Unit]:
        self._sides[side].inlet.clear()
        self._sides[side].waiting = []
        self._sides[side].total = self._sides[side].scan = 0
        return _NO_UNITS

    def _count_beside(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        """Midstream: framing from the first byte, for the counts alone."""
        assert self._counters is not None
        counter = self._counters[side]
        counter.data(side, data, packet, time_ns)
        if counter.client is not None:
            self.client = counter.client
        if counter.notes:
            # what looks malformed from a connection's middle is a torn packet, not a fault of the sender
            counter.notes.clear()
        self.failed[side] = counter.failed[side]

    def _lose(self, state: Side) -> None:
        """The place in the stream is lost."""
        state.counting = False
        state.lost = True
        state.skip = state.skip_kind = state.total = state.scan = 0
        state.waiting = []

    def _note(self, side: int, text: str, packets: tuple[int, ...], time_ns: int) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(Note("mqtt.malformed", side, text, packets, time_ns))

    def _packets(self, side: int, state: Side, data: bytes, packets: tuple[int, ...], time_ns: int, held: bool) -> list[Unit]:
        """Cut whole packets off *data*; *held*: it is the front of the inlet, else one segment alone. Leaves in the inlet what is not yet whole,
        or, with the place lost, what lies behind the malformed bytes."""
        units: list[Unit] = []
        position, size = 0, len(data)
        state.total = 0
        kinds = self.kinds
        counting = state.counting
        while position < size:
            kind = data[position] >> 4
            if position + 1 < size and data[position + 1] < 0x80:
                body = position + 2
                end = body + data[position + 1]
            else:
                body, end = frame(data, position)
            if kind == 0 or body == MALFORMED:
                self._malformed(side, state, kind, packets or state.inlet.origin(position, size)[0][:1], time_ns)
                position += 1
                break
            if body == INCOMPLETE:
                break
            if end > size:
                if kind not in (CONNECT, CONNACK, PUBLISH) or end - position > MAX_PACKET or not self._units and kind == PUBLISH:
                    state.skip, state.skip_kind = end - size, kind
                    self.oversized += kind == PUBLISH and self._units
                    position = size
                else:
                    state.total = end - position
                break
            if counting:
                kinds[KINDS[kind]] += 1
            if held:
                packets, time_ns = state.inlet.origin(position, end)
            if kind != PUBLISH:
                self._other(side, kind, data, position, body, end, packets, time_ns)
            elif self._units:
                unit = self._publish(side, state, data, position, body, end, packets, time_ns)
                if unit is not None:
                    units.append(unit)
            position = end
        if held:
            state.inlet.drop(position)
        elif position < size:
            state.inlet.append(data[position:] if position else data, packets[0], time_ns)
        return units

    def _malformed(self, side: int, state: Side, kind: int, packets: tuple[int, ...], time_ns: int) -> None:
        if not self.failed[side]:
            self._note(side, "a packet of type 0" if kind == 0 else "a remaining length of more than four bytes", packets, time_ns)
        self.failed[side] = True
        self._lose(state)

    def _publish(self, side: int, state: Side, data: bytes, position: int, body: int, end: int, packets: tuple[int, ...],
                 time_ns: int) -> Unit | None:
        first = data[position]
        try:
            level = self.level
            topic, packet_id, alias, payload, _ = read_publish(data, first, body, end, level) if level else self._guess(data, first, body, end)
        except Malformed as problem:
            self._note(side, f"PUBLISH: {problem}", packets, time_ns)
            return None
        if alias is not None:
            topic = self._aliased(state, topic, alias)
        if not payload:
            return None  # nothing is carried: an empty retained message only clears its topic
        serial = 0  # one without identifier cannot be told again
        repeats = None
        dup = first & 8 != 0
        if packet_id is not None:
            serial = next(self._memory.serials)
            mark = hash((topic, payload))
            earlier = state.sent.get(packet_id)
            if dup and earlier is not None and earlier[1] == mark:
                repeats = earlier[0]
            else:
                if len(state.sent) >= MAX_REMEMBERED_PACKETS:
                    make_room(state.sent, MAX_REMEMBERED_PACKETS)
                state.sent[packet_id] = (serial, mark)
        carrier: dict[str, object] = {"topic": topic, "qos": first >> 1 & 3, "retain": first & 1 != 0, "dup": dup, "packet_id": packet_id}
        return Unit(side, payload, packets, time_ns, carrier, serial, repeats)

    def _aliased(self, state: Side, topic: str, alias: int) -> str:
        """The topic that an alias stands for (5.0, 3.3.2.3.4), each direction with its own; empty when it was set before the capture."""
        if not topic:
            return state.aliases.get(alias, "")
        grown = len(topic) - len(state.aliases.get(alias, ""))
        if state.alias_characters + grown <= MAX_ALIAS_CHARACTERS:
            state.alias_characters += grown
            state.aliases[alias] = topic
        return topic

    def _guess(self, data: bytes, first: int, body: int, end: int) -> Publish:
        """Read a PUBLISH of an unknown protocol level: the reading that gives a known message holds for the connection. Raises Malformed."""
        plain = read_publish(data, first, body, end, 4)
        if self._accept is not None and self._accept(plain[3]):
            self.level = 4
            return plain
        try:
            fifth = read_publish(data, first, body, end, LEVEL_5_0)
        except Malformed:
            return plain
        alias, only_its_own = fifth[2], fifth[4]
        if not only_its_own:
            return plain
        if self._accept is not None and self._accept(fifth[3]):
            self.level = LEVEL_5_0
            return fifth
        # an MQTT 5 PUBLISH nearly always begins its payload's place with a property length of 0, which no text does
        return fifth if plain[3][:1] == b"\0" or alias is not None else plain

    def _other(self, side: int, kind: int, data: bytes, position: int, body: int, end: int, packets: tuple[int, ...], time_ns: int) -> None:
        """What a packet other than PUBLISH tells of the connection."""
        if data[position] & 15 != _RESERVED_FLAGS[kind]:
            self._note(side, f"{KINDS[kind]}: reserved flags are {data[position] & 15}", packets, time_ns)
        if self.client is None:
            if kind in _FROM_CLIENT:
                self.client = side
            elif kind in _FROM_SERVER:
                self.client = 1 - side
        try:
            if kind == CONNECT:
                asked = read_connect(data, body, end)
                self.client, self.level = side, asked.level
                if asked.client_id:
                    self._identify(asked.client_id)
            elif kind == SUBSCRIBE and self._units:
                asked_for = subscribed(data, body, end, self.level or 4)
                self.filters += [one for one in asked_for[:MAX_FILTERS - len(self.filters)] if len(one) <= MAX_FILTER_CHARACTERS]
            elif kind == CONNACK:
                if self.level is None:
                    self.level = 4 if end - body == 2 else LEVEL_5_0
                if self.level >= LEVEL_5_0:
                    assigned = assigned_client_id(data, body, end)
                    if assigned:
                        self._identify(assigned)
        except Malformed as problem:
            self._note(side, f"{KINDS[kind]}: {problem}", packets, time_ns)

    def _identify(self, client_id: str) -> None:
        self.client_id = client_id
        if self._units and self.client is not None:
            for side, state in enumerate(self._sides):
                state.sent = self._memory.sent(client_id, side == self.client)

    def _found(self, state: Side) -> bool:
        """Look for the next PUBLISH of a side that lost its place; True: the inlet begins with one. Each position is read once, within a budget."""
        inlet = state.inlet
        if not self._units:
            state.given_up = True
        due = [start for start, end in state.waiting if end <= inlet.size]
        everything = inlet.front() if due or state.scan < inlet.size else b""
        state.searched += len(everything) // SEARCH_COPY_COST
        found = next((start for start in due if self._likely(state, everything, start)), None)
        state.waiting = [(start, end) for start, end in state.waiting if end > inlet.size]
        if found is None:
            found = self._scan(state, everything)
        if state.given_up:
            inlet.clear()
            return False
        if found is None:
            self._forget(state)
            return False
        inlet.drop(found)
        state.lost, state.scan, state.waiting = False, 0, []
        return True

    def _scan(self, state: Side, everything: bytes) -> int | None:
        """The start of the first likely PUBLISH behind what was scanned before, or None."""
        size = len(everything)
        for match in _PUBLISH_START.finditer(everything, state.scan):
            start = match.start()
            body, end = frame(everything, start)
            if body == INCOMPLETE or body != MALFORMED and body + 2 > size:
                state.scan = start
                return None
            if body == MALFORMED or end - start > SEARCH_PACKET or body + 2 + (everything[body] << 8 | everything[body + 1]) > end:
                continue
            if end > size:
                topic = everything[body + 2:body + 2 + (everything[body] << 8 | everything[body + 1])]
                if len(state.waiting) < SEARCH_WAITING and not _UNLIKELY_TOPIC_BYTES.search(topic):
                    state.waiting.append((start, end))
            elif self._likely(state, everything, start):
                return start
        state.scan = size
        return None

    def _forget(self, state: Side) -> None:
        """Let go of what no candidate needs."""
        keep = min([state.scan, *(start for start, _ in state.waiting)])
        if keep and (keep >= state.inlet.size >> 1 or not state.waiting):
            state.inlet.drop(keep)
            state.scan -= keep
            state.waiting = [(start - keep, end - keep) for start, end in state.waiting]

    def _likely(self, state: Side, everything: bytes, start: int) -> bool:
        """A whole PUBLISH with a topic such as people use and a known message (without `accept`: with something behind it that frames)."""
        body, end = frame(everything, start)
        state.attempts += 1
        state.searched += end - start
        if state.attempts > SEARCH_ATTEMPTS or state.searched > SEARCH_BYTES:
            state.given_up = True
            return False
        first = everything[start]
        try:
            read = read_publish(everything, first, body, end, self.level) if self.level else self._guess(everything, first, body, end)
        except Malformed:
            return False
        topic, _, alias, payload, _ = read
        if not topic and alias is None or _UNLIKELY_TOPIC.search(topic):
            return False
        if self._accept is not None:
            return self._accept(payload)
        return end == len(everything) or everything[end] >> 4 == PUBLISH or everything[end] & 15 == _RESERVED_FLAGS.get(everything[end] >> 4)
