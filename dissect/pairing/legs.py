"""A broker shows a message twice or more: from its publisher to the broker, and from the broker to each subscriber. It is one message.

report.md, "Duplicates": the same payload and topic on another leg within 60 s. Topics also tell which device a message on a platform's
connection is from or for, once the device's own connection used them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from dissect.carriers.bounded import make_room
from dissect.pairing.exchanges import Seen
from grammars.vocabulary import Party

WINDOW_NS = 60 * 10**9
REMEMBERED = 20_000
"""publications remembered at most"""
ALIKE = 256
"""sightings of one topic and payload that a further one is compared with: the latest"""
TOPICS = 20_000
"""whose device is remembered; the one learnt first is forgotten first"""


class _Sighting:
    __slots__ = ("uid", "time_ns", "by_client", "connections", "seen", "sender")

    def __init__(self, uid: int, time_ns: int, by_client: bool, connection: int) -> None:
        self.uid = uid
        self.time_ns = time_ns
        self.by_client = by_client
        """the leg from the publisher was seen"""
        self.connections: tuple[tuple[int, bool], ...] = ((connection, by_client),)
        self.seen: Seen | None = None
        self.sender: Party | None = None


class BrokerLegs:
    def __init__(self) -> None:
        self._sightings: OrderedDict[tuple[str, bytes], list[_Sighting]] = OrderedDict()
        self._topics: dict[str, str | None] = {}

    def earlier(self, topic: str, payload: bytes, time_ns: int, by_client: bool, connection: int) -> _Sighting | None:
        """The first sighting of this message, when this is another one of it.

        Each connection takes a sighting once, so that what is said twice on purpose stays two messages; but a publication that was seen on its
        way to the broker is all there is of it, however often the broker sends it on.
        """
        published: _Sighting | None = None
        for one in self._sightings.get((topic, _fingerprint(payload)), ()):
            if time_ns - one.time_ns > WINDOW_NS:
                continue
            if (connection, by_client) in one.connections:
                if one.by_client and not by_client:
                    published = one
                continue
            if by_client and one.by_client:
                # Two publishers' legs are two messages.
                continue
            one.connections += ((connection, by_client),)
            one.by_client = one.by_client or by_client
            return one
        return published

    def remember(
        self, topic: str, payload: bytes, uid: int, time_ns: int, by_client: bool, connection: int, seen: Seen | None, sender: Party | None
    ) -> None:
        place = (topic, _fingerprint(payload))
        sighting = _Sighting(uid, time_ns, by_client, connection)
        # Kept as long as a later leg may tell whose message it is.
        sighting.seen = seen if seen is not None and seen.device_id is None else None
        sighting.sender = sender
        waiting = self._sightings.setdefault(place, [])
        waiting[:] = [one for one in waiting[1 - ALIKE:] if time_ns - one.time_ns <= WINDOW_NS]
        waiting.append(sighting)
        self._sightings.move_to_end(place)
        while self._sightings:
            oldest = next(iter(self._sightings.values()))
            if len(self._sightings) <= REMEMBERED and oldest and time_ns - oldest[-1].time_ns <= WINDOW_NS:
                break
            if len(self._sightings) == 1:
                break
            self._sightings.popitem(last=False)

    def learn(self, topic: str, device_id: str) -> None:
        """The device's own connection carried this topic."""
        known = self._topics.get(topic, device_id)
        if known != device_id:
            # A topic that several devices use names none of them.
            self._topics[topic] = None
        elif topic not in self._topics:
            make_room(self._topics, TOPICS)
            self._topics[topic] = device_id

    def device_of(self, topic: str) -> str | None:
        return self._topics.get(topic)


def _fingerprint(payload: bytes) -> bytes:
    """Tells payloads apart without keeping them."""
    return hashlib.blake2b(payload, digest_size=16).digest()
