"""One side of a TCP connection: what it handed out, what it holds, and where it stands. No decisions here (`assembler`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from dissect.streams.api import Conversation
from dissect.streams.held import Held

WRAP = 1 << 32
MASK = WRAP - 1
HALF = 1 << 31
FARTHEST = 1 << 30
"""A segment farther from the furthest position is ignored: one flipped bit must not make a gap of 2 GB"""
RECENT = 256
"""segments that a retransmission is compared with, twice so many where some of them are `older`"""
_CLOSED_HOLES = 64
NOTHING_RECENT: deque[bytes | int] = deque(maxlen=0)
"""shared by all sides that hand out nothing: it takes what it is given and keeps none of it"""


def signed(difference: int) -> int:
    """The difference of two sequence numbers as a distance, from -2^31 to before 2^31."""
    return ((difference + HALF) & MASK) - HALF


class Side:
    """Positions are relative to the sequence number `zero`; the stream begins at position `origin`."""

    __slots__ = ("conversation", "side", "next", "sink", "zero", "origin", "position", "furthest", "settled", "held", "held_since",
                 "first_seq", "isn", "other_isns", "syn_ns", "answered", "fin", "fin_seq", "fin_packet", "fin_given",
                 "first_wire", "first_pushed", "lowest", "behind_first", "acked_first",
                 "pending_since", "segments", "recent", "older", "closed_holes", "notes", "last_packet", "last_ns", "flow")

    def __init__(self, conversation: Conversation, side: int, flow: Flow) -> None:
        self.conversation = conversation
        self.side = side
        self.flow = flow
        self.next = -1
        """sequence number of the next byte to hand out when nothing special is going on, else -1"""
        self.sink: Callable[[int, bytes, int, int], None] | None = None
        """the handler's data()"""
        self.zero = -1
        """sequence number of relative position 0; -1: unknown"""
        self.origin = 0
        self.position = 0
        """before it everything was handed out"""
        self.furthest = 0
        """the end as far as it was seen"""
        self.settled = False
        """where the stream begins is decided"""
        self.held: Held | None = None
        self.held_since = 0
        """time of the first piece held"""
        self.first_seq = -1
        """sequence number of the first packet of this side"""
        self.isn = -1
        self.other_isns: tuple[int, ...] = ()
        """numbers of further SYN/ACKs, before the other side answered one"""
        self.syn_ns: int | None = None
        """time of its latest SYN"""
        self.answered = True
        """False after a SYN/ACK that the other side has not acknowledged yet"""
        self.fin: int | None = None
        """relative position of the FIN"""
        self.fin_seq = -1
        """its sequence number, while relative positions are unknown"""
        self.fin_packet = 0
        self.fin_given = False
        self.first_wire = 0
        self.first_pushed = False
        self.lowest = 0
        """relative position of the lowest data segment"""
        self.behind_first = False
        """a data segment began one position behind a first one"""
        self.acked_first = False
        """the other side acknowledged something beyond the first segment's first byte"""
        self.pending_since = 0
        self.segments = 0
        """data segments while unsettled"""
        self.recent: list[bytes | int] | deque[bytes | int] = NOTHING_RECENT
        """what was handed out last, in order: bytes, or the length of a gap"""
        self.older: list[bytes | int] | deque[bytes | int] | None = None
        self.closed_holes: deque[tuple[int, int]] | None = None
        self.notes = 0
        self.last_packet = 0
        self.last_ns = 0

    def place(self, sequence: int) -> int:
        """Relative position of a sequence number, the one nearest to the furthest position."""
        return self.furthest + signed(sequence - self.zero - self.furthest)

    def begin(self, sequence: int) -> None:
        """The stream begins at *sequence*, and nothing of it was seen yet."""
        self.zero = sequence
        self.origin = self.position = self.furthest = 0
        self.settled = True

    @property
    def pending(self) -> bool:
        """Bytes wait for where the stream begins to be decided, or a SYN/ACK waits to be chosen."""
        return not self.settled and (self.zero >= 0 or bool(self.other_isns))

    @property
    def known(self) -> bool:
        """Where the stream begins needs no further evidence."""
        return self.settled and self.answered

    def remembered(self, start: int, end: int) -> list[tuple[int, bytes]]:
        """(position, bytes) of what was handed out lately and overlaps *start* to *end*."""
        found: list[tuple[int, bytes]] = []
        place = self.position
        for pile in (self.recent, self.older or ()):
            for entry in islice(reversed(pile), RECENT):
                if place <= start:
                    return found
                if isinstance(entry, int):
                    place -= entry
                    continue
                place -= len(entry)
                if place < end:
                    found.append((place, entry))
        return found

    def forget_older(self) -> None:
        """Called now and then: bytes handed out before the last call are forgotten."""
        if self.recent or self.older:
            self.older = self.recent or None
            self.recent = []

    def close_hole(self, length: int) -> None:
        """The next *length* positions are given up."""
        if self.closed_holes is None:
            self.closed_holes = deque(maxlen=_CLOSED_HOLES)
        self.closed_holes.append((self.position, self.position + length))
        self.position += length
        self.recent.append(length)

    def listen(self, sink: Callable[[int, bytes, int, int], None]) -> None:
        """Bytes are handed to *sink* from now on."""
        self.sink = sink
        self.recent = []


class Flow:
    """A pair of ends: the conversation that is open between them, and how packets reach its sides."""

    __slots__ = ("key", "conversation", "flip", "sides", "plain", "watch", "special", "by_end", "wanted")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.conversation: Conversation | None = None
        self.flip = 0
        """which side of the conversation the lower end is"""
        self.sides: list[Side] = []
        """TCP: of a and b"""
        self.by_end: list[Side] = []
        """TCP: of the lower and the higher end"""
        self.plain = False
        """nothing waits to be decided: segments in order can be handed out at once"""
        self.watch = True
        """packets without payload or marks may still tell something"""
        self.special = True
        """packets of this batch are counted one by one"""
        self.wanted = True
        """a handler takes its bytes, or has not been asked for yet"""
