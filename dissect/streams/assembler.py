"""TCP reassembly: puts the segments of a side in order and hands them to the conversation's handler (streams.md, Bytes of a stream)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dissect.streams.held import GAP, ByteStore, Held, Piece
from dissect.streams.policy import Policy
from dissect.streams.side import FARTHEST, MASK, NOTHING_RECENT, Flow, Side, signed

if TYPE_CHECKING:
    from dissect.model import Limits
    from dissect.streams.api import StreamHandler

MOST_COMPARED = 64
"""held pieces that one segment is compared with; a segment over more of them is made to cost time"""
MOST_NOTES = 100
"""of one side; further ones are as little news as the hundredth"""


class Assembler:
    """Works on the sides of flows whose conversation has a handler."""

    def __init__(self, policy: Policy, limits: Limits) -> None:
        self.policy = policy
        self.limits = limits
        self.store = ByteStore(policy.held_bytes if policy.complete else 1 << 62)
        self.holes: dict[Side, None] = {}
        """sides that hold bytes behind a hole (bounded policy)"""
        self.waiting: dict[Side, None] = {}
        """sides whose beginning is open (bounded policy)"""

    def data(self, side: Side, sequence: int, data: bytes, wire: int, pushed: bool, packet: int, time_ns: int) -> None:
        """A segment of *wire* > 0 bytes, of which *data* was captured."""
        if side.zero < 0:
            side.zero, side.first_wire, side.first_pushed, side.pending_since = sequence, wire, pushed, time_ns
            if not self.policy.complete:
                self.waiting[side] = None
            if side.fin_seq >= 0:
                self.place_fin(side, packet, time_ns)
        start = side.place(sequence)
        if not -FARTHEST <= start - side.furthest <= FARTHEST:
            self.note(side, "tcp.out-of-window", f"a segment {abs(start - side.furthest)} bytes from the furthest position", packet, time_ns)
            return
        side.last_packet, side.last_ns = packet, time_ns
        end = start + wire
        if not side.settled:
            self._before_start(side, start, data, end, packet, time_ns)
            return
        side.furthest = max(side.furthest, end)
        if start < side.origin:
            start, data = self._clip_start(side, start, data)
        if data:
            if start == side.position and side.held is None:
                self._hand_out(side, data, packet, time_ns)
            else:
                self._place(side, start, data, packet, time_ns)
        if len(data) < end - start and self.policy.hole_bytes is not None:
            # The snap length cut it: that hole will not fill.
            self._place_gap(side, max(start + len(data), side.position), end, packet, time_ns)
        self._go_on(side, packet, time_ns)

    def _clip_start(self, side: Side, start: int, data: bytes) -> tuple[int, bytes]:
        """Bytes before position 0 do not count."""
        before = min(len(data), side.origin - start)
        if side.isn < 0:
            self.limits.bytes_beyond_holes += before
        return (side.origin, data[before:]) if before < len(data) else (side.origin, b"")

    def _hand_out(self, side: Side, data: bytes, packet: int, time_ns: int) -> None:
        side.position += len(data)
        side.recent.append(data)
        if side.sink is not None and side.conversation.wanted:
            side.sink(side.side, data, packet, time_ns)

    def _gap(self, side: Side, length: int, packet: int, time_ns: int, cut: bool = False) -> None:
        side.conversation.missing[side.side] += length
        side.conversation.gap_is_cut = cut
        side.close_hole(length)
        handler = stream_handler(side)
        if handler is not None and side.conversation.wanted:
            handler.gap(side.side, length, packet, time_ns)

    def _place(self, side: Side, start: int, data: bytes, packet: int, time_ns: int) -> None:
        """Keep what of *data* is new; hand out what can be."""
        end = start + len(data)
        again = False
        if start < side.position:
            again = self._seen(side, start, data, min(end, side.position), packet, time_ns)
            if end <= side.position:
                side.conversation.retransmissions += again
                return
            start, data = side.position, data[side.position - start:]
        again = self._hold(side, start, data, packet, time_ns) or again
        side.conversation.retransmissions += again

    def _seen(self, side: Side, start: int, data: bytes, end: int, packet: int, time_ns: int) -> bool:
        """*data* from *start* to *end* was passed already; whether any of it had been there."""
        late = sum(max(0, min(end, stop) - max(start, first)) for first, stop in side.closed_holes or ())
        self.limits.bytes_beyond_holes += late
        if late == end - start:
            return False
        for place, kept in side.remembered(start, end):
            self._compare(side, place, kept, start, data, packet, time_ns)
        return True

    def _compare(self, side: Side, place: int, kept: bytes, start: int, data: bytes, packet: int, time_ns: int) -> None:
        if len(data) == 1 and start + 1 == max(side.furthest, side.position):
            return  # a keepalive: its one byte is garbage and repeats nothing (RFC 9293 3.8.4)
        low, high = max(place, start), min(place + len(kept), start + len(data))
        if low < high and kept[low - place:high - place] != data[low - start:high - start]:
            self.note(side, "tcp.conflicting-bytes", f"other bytes at positions {low - side.origin} to {high - side.origin - 1} than before", packet, time_ns)

    def _hold(self, side: Side, start: int, data: bytes, packet: int, time_ns: int) -> bool:
        """Put aside what of *data* is new; whether any of it was there already."""
        held = side.held
        if held is None:
            held = side.held = Held()
            side.held_since = time_ns
            side.conversation.holes |= 1 << side.side
        end = start + len(data)
        fresh = held.uncovered(start, end)
        if fresh == [(start, end)]:
            self._keep(held, start, data, packet, time_ns)
            return False
        for piece in held.overlaps(start, end, MOST_COMPARED):
            if piece.handle != GAP:
                self._compare(side, piece.start, self.store.get(piece.handle, piece.end - piece.start), start, data, packet, time_ns)
        for low, high in fresh:
            self._keep(held, low, data[low - start:high - start], packet, time_ns)
        return True

    def _keep(self, held: Held, start: int, data: bytes, packet: int, time_ns: int) -> None:
        held.insert(Piece(start, start + len(data), packet, time_ns, self.store.put(data)))

    def _place_gap(self, side: Side, start: int, end: int, packet: int, time_ns: int) -> None:
        if start >= end:
            return
        held = side.held
        if held is None:
            if start == side.position:
                self._gap(side, end - start, packet, time_ns, True)
                return
            held = side.held = Held()
            side.held_since = time_ns
        # A cut segment says of any number of positions that they will not come, and costs its sender nothing.
        for low, high in held.uncovered(start, end, MOST_COMPARED):
            held.insert(Piece(low, high, packet, time_ns, GAP))

    def _before_start(self, side: Side, start: int, data: bytes, end: int, packet: int, time_ns: int) -> None:
        """Data of a side whose beginning is open."""
        side.furthest = max(side.furthest, end)
        side.segments += 1
        side.lowest = min(side.lowest, start)
        side.behind_first |= start == 1
        if start == 0 and end > 1:
            side.first_wire = max(side.first_wire, end)
        if data:
            side.conversation.retransmissions += self._hold(side, start, data, packet, time_ns)
        if self.policy.complete:
            return
        if side.isn < 0 and side.segments > 1 or self._too_much(side):
            self.settle(side, packet, time_ns)
        elif side.held is not None:
            self.holes[side] = None  # it counts among what is held of all sides

    def acknowledged(self, side: Side, number: int, packet: int, time_ns: int) -> None:
        """The other side of a side that is `pending` acknowledged everything before sequence number *number*."""
        if side.other_isns:
            self._choose(side, number)
            self.settle(side, packet, time_ns)
            return
        reach = signed(number - side.zero)
        side.acked_first |= reach > 0
        if not self.policy.complete and side.first_wire <= reach <= FARTHEST and not self.may_be_keepalive(side):
            self.settle(side, packet, time_ns)

    @staticmethod
    def _choose(side: Side, number: int) -> None:
        """Of several SYN/ACKs, the one that is acknowledged holds; until then the first."""
        numbers = [side.isn, *side.other_isns]
        chosen = min(numbers, key=lambda isn: (signed(number - isn - 1) != 0, not 0 <= signed(number - isn - 1) <= FARTHEST))
        side.other_isns = ()
        if chosen == side.isn:
            return
        shift = signed(chosen - side.isn)
        side.isn = chosen
        if side.held is None:
            side.begin((chosen + 1) & MASK)
            side.settled = False
        else:
            side.origin = shift
            side.position = shift

    @staticmethod
    def may_be_keepalive(side: Side) -> bool:
        return side.first_wire == 1 and not side.first_pushed and side.isn < 0

    def settle(self, side: Side, packet: int, time_ns: int) -> None:
        """Decide where the side begins, with what was seen of it."""
        self.waiting.pop(side, None)
        if side.settled or side.zero < 0:
            return
        if side.isn < 0:
            keepalive = side.lowest == 0 and self.may_be_keepalive(side) and side.behind_first and side.acked_first
            side.origin = side.position = 1 if keepalive else side.lowest
        side.other_isns = ()
        side.settled = True
        self._drop_before_origin(side)
        side.furthest = max(side.furthest, side.origin)
        self._go_on(side, packet, time_ns)

    def _drop_before_origin(self, side: Side) -> None:
        held = side.held
        while held is not None and len(held) and held.first().start < side.origin:
            piece = held.pop()
            data = self.store.get(piece.handle, piece.end - piece.start)
            self.store.drop(piece.handle, piece.end - piece.start)
            if piece.end > side.origin:
                self._keep(held, side.origin, data[side.origin - piece.start:], piece.packet, piece.time_ns)
        if held is not None and not len(held):
            side.held = None
            self.holes.pop(side, None)

    def joined_by_syn(self, side: Side, packet: int, time_ns: int) -> None:
        """A SYN or SYN/ACK of a side of which data was seen already: the stream begins behind it."""
        side.origin = side.place((side.isn + 1) & MASK)
        side.position = side.origin
        self.settle(side, packet, time_ns)

    def _go_on(self, side: Side, packet: int, time_ns: int) -> None:
        """Hand out what is whole now, close what has waited long enough, and tell of the FIN when it is reached."""
        if side.held is not None:
            self.drain(side)
            self._bound(side, time_ns)
        self._give_fin(side, packet, time_ns)
        self.quicken(side)

    def drain(self, side: Side) -> None:
        """Hand out held pieces up to the next hole."""
        held = side.held
        while held is not None and len(held) and held.first().start == side.position:
            self._hand_out_piece(side, held.pop())
        if held is not None and not len(held):
            side.held = None
            side.conversation.holes &= ~(1 << side.side)
            self.holes.pop(side, None)

    def _hand_out_piece(self, side: Side, piece: Piece) -> None:
        length = piece.end - piece.start
        if piece.handle == GAP:
            self._gap(side, length, piece.packet, piece.time_ns, True)
            return
        data = self.store.get(piece.handle, length)
        self.store.drop(piece.handle, length)
        self._hand_out(side, data, piece.packet, piece.time_ns)

    def _bound(self, side: Side, time_ns: int) -> None:
        policy = self.policy
        if policy.hole_ns is None:
            return
        while side.held is not None and (self._too_much(side) or time_ns - side.held_since > policy.hole_ns):
            self.close_hole(side)
        if side.held is not None:
            self.holes[side] = None

    def _too_much(self, side: Side) -> bool:
        """Whether a side holds more than the policy lets it."""
        policy, held = self.policy, side.held
        return held is not None and policy.hole_bytes is not None and policy.hole_segments is not None and (
            held.size >= policy.hole_bytes or len(held) >= policy.hole_segments)

    def close_hole(self, side: Side) -> None:
        """Give up the first hole: what lies behind it is handed out up to the next one."""
        held = side.held
        if held is None:
            self.holes.pop(side, None)
            return
        piece = held.first()
        if piece.start > side.position:
            self._gap(side, piece.start - side.position, piece.packet, piece.time_ns)
        self.drain(side)
        if side.held is not None:
            side.held_since = side.held.first().time_ns

    def fin(self, side: Side, sequence: int, packet: int, time_ns: int) -> None:
        """A FIN whose place is *sequence*; the first one holds."""
        if side.fin is not None or side.fin_seq >= 0:
            return
        side.fin_seq, side.fin_packet = sequence, packet
        if side.zero >= 0:
            self.place_fin(side, packet, time_ns)
        self.quicken(side)

    def place_fin(self, side: Side, packet: int, time_ns: int) -> None:
        """The position of a FIN that came, once it can be told."""
        place = side.place(side.fin_seq)
        if abs(place - side.furthest) <= FARTHEST:
            side.fin = place
            side.furthest = max(side.furthest, place)
        else:
            side.fin_seq = -1
        if side.settled:
            self._give_fin(side, packet, time_ns)

    def _give_fin(self, side: Side, packet: int, time_ns: int) -> None:
        if side.fin is not None and not side.fin_given and side.position >= side.fin:
            side.fin_given = True
            handler = stream_handler(side)
            if handler is not None and side.conversation.wanted:
                handler.fin(side.side, packet, time_ns)

    def quicken(self, side: Side) -> None:
        """Let the side take segments in order without further looks, when nothing special is going on."""
        ready = side.settled and side.held is None and side.sink is not None and (side.fin is None or side.fin_given) and side.position >= side.origin
        side.next = (side.zero + side.position) & MASK if ready and side.conversation.wanted else -1

    def note(self, side: Side, code: str, text: str, packet: int, time_ns: int) -> None:
        handler = stream_handler(side)
        side.notes += 1
        if handler is not None and side.notes <= MOST_NOTES:
            handler.note(code, side.side, text, packet, time_ns)

    def finish(self, flow: Flow, time_ns: int) -> None:
        """Hand out all that waits, of both sides in order of capture; then what is missing behind it, and FINs that were not reached."""
        for side in flow.sides:
            self.settle(side, side.last_packet, time_ns)
        queues = [self._leftovers(side) for side in flow.sides]
        heads = [next(queue, None) for queue in queues]
        while any(head is not None for head in heads):
            index = min((place for place in (0, 1) if heads[place] is not None), key=lambda place: heads[place] or (0, 0))
            heads[index] = next(queues[index], None)
        for side in flow.sides:
            if side.settled and side.furthest > side.position:
                packet = side.fin_packet if side.fin is not None and side.fin >= side.furthest else side.last_packet
                self._gap(side, side.furthest - side.position, packet, time_ns)
            self._give_fin(side, side.fin_packet, time_ns)
            self.release(side)

    def _leftovers(self, side: Side) -> Iterator[tuple[int, int]]:
        """Tells before each held piece when and with which packet it could be handed out at the earliest, and hands it out when asked on."""
        latest = (0, 0)
        while side.held is not None and len(side.held):
            piece = side.held.first()
            latest = max(latest, (piece.time_ns, piece.packet))
            yield latest
            if piece.start > side.position:
                self._gap(side, piece.start - side.position, piece.packet, piece.time_ns)
            self._hand_out_piece(side, side.held.pop())
        side.held = None

    def release(self, side: Side) -> None:
        """Forget the bytes of a side that nobody wants any more."""
        for piece in side.held or ():
            if piece.handle != GAP:
                self.store.drop(piece.handle, piece.end - piece.start)
        side.held = None
        side.next = -1
        side.sink = None
        side.recent = NOTHING_RECENT
        side.older = None
        self.holes.pop(side, None)
        self.waiting.pop(side, None)

    def give_up_waiting(self, flow: Flow, time_ns: int) -> None:
        """Settle beginnings and close holes of the flow's sides whose time has come, in the order in which it came."""
        while True:
            due, _, side = min((self._due(side), side.side, side) for side in flow.sides)
            if due >= time_ns:
                return
            if side in self.waiting:
                self.settle(side, side.last_packet, side.last_ns)
            else:
                self.close_hole(side)
                self._go_on(side, side.last_packet, side.last_ns)

    def _due(self, side: Side) -> int:
        """Until when the side may wait; forever, when it does not."""
        policy = self.policy
        if policy.start_ns is not None and side in self.waiting and not self.may_be_keepalive(side):
            return side.pending_since + policy.start_ns
        if policy.hole_ns is not None and side in self.holes and side.settled:
            return side.held_since + policy.hole_ns
        return 1 << 63

    def tick(self, time_ns: int) -> None:
        """Close holes and settle beginnings that have waited long enough; keep the sum of what is held within its bound."""
        for flow in dict.fromkeys(side.flow for side in (*self.waiting, *self.holes)):
            self.give_up_waiting(flow, time_ns)
        policy = self.policy
        while self.store.used > policy.held_bytes and self.holes:
            side = next(iter(self.holes))
            if not side.settled:
                self.settle(side, side.last_packet, side.last_ns)
            self.close_hole(side)
            self._go_on(side, side.last_packet, side.last_ns)


def stream_handler(side: Side) -> StreamHandler | None:
    return side.conversation.handler  # type: ignore[return-value]  # sides exist for TCP alone
