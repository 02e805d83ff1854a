"""What an MQTT connection remembers: of each direction, and of its client beyond the connection."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from dissect.carriers.bounded import make_room
from dissect.carriers.inlet import Inlet

MAX_REMEMBERED_CLIENTS = 2048

Sent = dict[int, tuple[int, int]]
"""packet identifier: (serial, hash of topic and payload) of the PUBLISH that used it last"""


class PublishMemory:
    """What clients and their brokers published under which packet identifier, kept beyond a connection: MQTT repeats a PUBLISH on the next one.

    Share one among the connections of a capture; it also numbers their units. Bounded: the oldest clients and identifiers are forgotten.
    """

    __slots__ = ("_sent", "serials")

    def __init__(self) -> None:
        self.serials: Iterator[int] = count(1)
        self._sent: dict[tuple[str, bool], Sent] = {}

    def sent(self, client_id: str, by_client: bool) -> Sent:
        table = self._sent.pop((client_id, by_client), None)
        if table is None:
            table = {}
            make_room(self._sent, MAX_REMEMBERED_CLIENTS)
        self._sent[client_id, by_client] = table
        return table


class Side:
    """One direction of the connection."""

    __slots__ = ("alias_characters", "aliases", "attempts", "counting", "given_up", "inlet", "lost", "sent", "searched", "scan", "skip", "skip_kind",
                 "total", "waiting")

    def __init__(self) -> None:
        self.inlet = Inlet()
        self.counting = True
        self.lost = False
        self.skip = 0
        """bytes left of a packet that is stepped over, and its type (0: a packet with a hole, not counted)"""
        self.skip_kind = 0
        self.total = 0
        """length of the packet at the front of the inlet; 0 while unknown"""
        self.aliases: dict[int, str] = {}
        self.alias_characters = 0
        self.sent: Sent = {}
        self.scan = 0
        """while lost: how far candidates were looked for in the inlet"""
        self.waiting: list[tuple[int, int]] = []
        """while lost: (start, end) of candidates whose last byte is not there"""
        self.given_up = False
        """while lost: the budget of the search is spent, nothing more is looked at"""
        self.attempts = 0
        self.searched = 0
