"""The conversations of a capture: batches in, handlers called (`dissect.streams.api`), figures kept.

    table = ConversationTable(listener, ANALYSIS)
    for batch in capture:
        table.feed(batch)
    table.finish(capture.last_ns)

Packets of conversations that nobody wants are counted by the batch; those in order of wanted ones cost a look-up and a call.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from dissect.capture.batch import Batch, Integers
from dissect.layers.decode import Decoder
from dissect.layers.fragments import Key
from dissect.layers.segments import Segments
from dissect.model import Limits
from dissect.streams.api import FILE_SHIFT, Conversation, DatagramHandler, Listener, StreamHandler
from dissect.streams.assembler import Assembler
from dissect.streams.flows import FLOW_KEY, FlowKey, Groups, address_text, first_rows, group, last_rows
from dissect.streams.handshake import begins_anew, note_syn
from dissect.streams.policy import ANALYSIS, Policy
from dissect.streams.side import MASK, WRAP, Flow, Side
from grammars.tcp import ACK, FIN, PSH, RST, SYN

_MARKS = FIN | SYN | RST
_REMEMBERED = 4 << 20
# bytes handed out after which older ones are no more compared with retransmissions
_SEGMENT_COST = 64
_ENDED_REMEMBERED = 32_768
# flows whose conversation was closed: of them a late packet begins no new one
_NO_SIDES: list[Side] = []
# of every UDP conversation


def _ended(key: FlowKey) -> Flow:
    """A flow whose conversation is over: any SYN begins a new one."""
    flow = Flow(key)
    flow.conversation = Conversation(0, "tcp", ("", ""), (0, 0), 0)
    flow.wanted = flow.watch = flow.special = flow.conversation.wanted = False
    if key:
        flow.sides = flow.by_end = [Side(flow.conversation, 0, flow), Side(flow.conversation, 1, flow)]
        for side in flow.sides:
            side.isn = WRAP
    return flow


def _take_apart(flow: Flow) -> None:
    """Break the circle of a flow that is over, its sides and its conversation: the garbage collector hardly ever runs."""
    if flow.key and flow.conversation is not None:
        flow.conversation = None
        flow.sides = flow.by_end = _NO_SIDES


def _heard(flow: Flow) -> bool:
    """Whether somebody takes its bytes."""
    return flow.wanted and flow.conversation is not None and flow.conversation.handler is not None


class ConversationTable:
    """Feed it batches in order of capture. It raises nothing, whatever the packets hold."""

    def __init__(self, listener: Listener, policy: Policy = ANALYSIS) -> None:
        self.limits = Limits()
        self.policy = policy
        self.conversations: list[Conversation] = []
        """all of them, under a policy that keeps them"""
        self.packets_used = 0
        self.files_read: dict[int, None] = {}
        """indices of the files, in the order in which they were read"""
        self._listener = listener
        self._decoder = Decoder(self._incomplete)
        self._assembler = Assembler(policy, self.limits)
        self._flows: dict[FlowKey, Flow] = {}
        self._opened = 0
        self._since_forgetting = 0
        self._closing: dict[Flow, Conversation] = {}
        self._over = _ended(b"")
        # stands for every flow whose conversation was closed: what still comes of one is only counted
        self._over_keys: deque[FlowKey] = deque()
        self._next_closing = -(1 << 63)

    @property
    def unread_links(self) -> dict[str, int]:
        """Packets of link types that are not read, by name."""
        return dict(self._decoder.unread_links)

    def _incomplete(self, key: Key, packets: tuple[int, ...], time_ns: int) -> None:
        six, source_high, source_low, destination_high, destination_low, _, _ = key
        self._listener.incomplete_fragments(
            (address_text(six, source_high, source_low), address_text(six, destination_high, destination_low)), packets, time_ns)

    def feed(self, batch: Batch) -> None:
        """Take in one batch."""
        if not len(batch):
            return
        self.files_read[batch.file] = None
        segments = self._decoder.decode(batch)
        if len(segments):
            self._feed(batch, segments)
        self.tick(int(batch.time_ns[-1]))

    def tick(self, now: int) -> None:
        """The capture's clock has reached *now*, be it by packets or (live) without any: what is due comes."""
        self._assembler.tick(now)
        self._close_lingering(now)
        self._evict()
        self._listener.tick(now)

    def _feed(self, batch: Batch, segments: Segments) -> None:
        groups = group(segments)
        times = batch.time_ns[segments.index]
        flows = self._count_groups(segments, groups, times)
        rows = self._chosen(segments, groups, flows)
        if len(rows):
            self._since_forgetting += int(segments.length[rows].sum()) + _SEGMENT_COST * len(rows)
            self._run(batch, segments, groups, flows, times, rows)
        if self._since_forgetting > _REMEMBERED:
            self._since_forgetting = 0
            for flow in self._flows.values():
                for side in flow.sides:
                    side.forget_older()

    def _count_groups(self, segments: Segments, groups: Groups, times: Integers) -> list[Flow]:
        """The flows of the groups; figures of those that keep their conversation throughout the batch are brought up to date."""
        number = len(groups.keys)
        weights = np.ones(len(segments), np.int64)
        for row, (packets, _) in segments.fragments.items():
            weights[row] = len(packets)
        self.packets_used += int(weights.sum())
        counts = np.bincount(groups.group, weights, number).astype(np.int64).tolist()
        cut = segments.length < segments.wire
        cuts = np.bincount(groups.group, cut, number).astype(np.int64).tolist() if cut.any() else [0] * number
        latest = times[last_rows(groups.group, number)].tolist()
        fresh = (segments.tcp == 1) & (segments.flags & (SYN | ACK) == SYN)
        renewed = set(groups.group[fresh].tolist())
        firsts: list[int] | None = None
        flows: list[Flow] = []
        known, over = self._flows, self._over
        for index, key in enumerate(groups.keys):
            flow = known.get(key)
            if flow is None:
                flow = known[key] = Flow(key)
            elif flow is over and index in renewed:
                flow = known[key] = _ended(key)
            flows.append(flow)
            conversation = flow.conversation
            if conversation is None or index in renewed:
                flow.special = True
                continue
            flow.special = False
            conversation.packets += counts[index]
            conversation.truncated_packets += cuts[index]
            conversation.last_ns = latest[index]
            if not flow.wanted:
                for end, side in enumerate(flow.by_end):
                    if side.first_seq < 0:
                        firsts = firsts or first_rows(groups.group, groups.direction, number)
                        row = firsts[2 * index + end]
                        side.first_seq = int(segments.sequence[row]) if row >= 0 else -1
        return flows

    @staticmethod
    def _chosen(segments: Segments, groups: Groups, flows: list[Flow]) -> Integers:
        """Rows that must be looked at: new or renewed flows, marks, payload that is wanted, and all of flows where something is open."""
        everything = np.fromiter((flow.special or flow.wanted and flow.watch for flow in flows), np.bool_, len(flows))
        payload = np.fromiter((flow.wanted for flow in flows), np.bool_, len(flows))
        chosen = everything[groups.group] | (payload[groups.group] & (segments.wire > 0)) | (segments.flags & _MARKS != 0)
        return np.flatnonzero(chosen)

    def _run(self, batch: Batch, segments: Segments, groups: Groups, flows: list[Flow], times: Integers, rows: Integers) -> None:
        buffer, over = segments.buffer, self._over
        wholes = {what[0][-1]: what for what in segments.fragments.values()}
        # by the packet that completed the datagram, which is the last of its fragments
        references = batch.references()[segments.index]
        easy = (segments.tcp == 1) & (segments.length == segments.wire) & (segments.length > 0) & (segments.flags & _MARKS == 0)
        columns = (groups.group, groups.direction, easy, segments.tcp, segments.sequence, segments.acknowledgement, segments.flags, segments.start,
                   segments.length, segments.wire, references, times)
        for index, direction, simple, tcp, sequence, acknowledgement, flags, start, length, wire, packet, time_ns in zip(
                *(values[rows].tolist() for values in columns), strict=True):
            flow = flows[index]
            if simple and flow.plain:
                side = flow.by_end[direction]
                if side.next == sequence:
                    side.next = (sequence + length) & MASK
                    side.position += length
                    data = buffer[start:start + length]
                    side.recent.append(data)
                    side.sink(side.side, data, packet, time_ns)
                    if flow.special:
                        self._count(side.conversation, False, 1, time_ns)
                    if not side.conversation.wanted:
                        self._unwant(flow)
                    continue
            if flow is over:
                continue
            if tcp:
                self._segment(flow, direction, sequence, acknowledgement, flags, buffer[start:start + length], wire, packet, time_ns)
            elif flow.special or flow.wanted:
                packets, first_ns = wholes.get(packet) or ((packet,), time_ns)
                self._datagram(flow, direction, buffer[start:start + length], wire - length, packets, first_ns, time_ns)
            if packet in wholes and flow.conversation is not None:
                self._begun(flow.conversation, *wholes[packet])
            if flow.special and flow.conversation is not None:
                self._count(flow.conversation, wire > length, len(wholes[packet][0]) if packet in wholes else 1, time_ns)

    @staticmethod
    def _begun(conversation: Conversation, packets: tuple[int, ...], first_ns: int) -> None:
        """Fragments are of the conversation from the first of them on, though whose they are is known with the last."""
        first, before = packets[0], conversation.first_packet
        if first >> FILE_SHIFT == before >> FILE_SHIFT and first < before:
            conversation.first_packet, conversation.first_ns = first, min(first_ns, conversation.first_ns)

    @staticmethod
    def _count(conversation: Conversation, cut: bool, packets: int, time_ns: int) -> None:
        conversation.packets += packets
        conversation.truncated_packets += cut
        conversation.last_ns = time_ns

    def _open(self, flow: Flow, direction: int, packet: int, time_ns: int, *, backwards: bool) -> Conversation:
        """A new conversation whose first packet went in *direction*; *backwards*: its receiver is side a."""
        tcp, six, *ends = FLOW_KEY.unpack(flow.key)
        lower, higher = (ends[0], ends[1], ends[2]), (ends[3], ends[4], ends[5])
        flow.flip = 0 if lower == higher else direction ^ backwards
        first, second = (higher, lower) if flow.flip else (lower, higher)
        self._opened += 1
        conversation = Conversation(self._opened, "tcp" if tcp else "udp", (address_text(six, *first[:2]), address_text(six, *second[:2])),
                                    (first[2], second[2]), time_ns)
        conversation.first_packet = packet
        flow.conversation, flow.wanted, flow.watch, flow.plain = conversation, True, True, False
        flow.sides = [Side(conversation, 0, flow), Side(conversation, 1, flow)] if tcp else _NO_SIDES
        flow.by_end = [flow.sides[flow.flip], flow.sides[1 - flow.flip]] if tcp else _NO_SIDES
        if self.policy.keeps_conversations:
            self.conversations.append(conversation)
        return conversation

    def _datagram(self, flow: Flow, direction: int, data: bytes, missing: int, packets: tuple[int, ...], first_ns: int,
                  time_ns: int) -> None:
        conversation = flow.conversation or self._open(flow, direction, packets[0], first_ns, backwards=False)
        if not flow.wanted:
            return
        if conversation.handler is None:
            conversation.handler = self._listener.opened(conversation)
        handler: DatagramHandler | None = conversation.handler  # type: ignore[assignment]  # a UDP conversation's is one
        side = direction ^ flow.flip
        conversation.missing[side] += missing
        if handler is None or not conversation.wanted:
            self._unwant(flow)
            return
        handler.datagram(side, data, missing, packets, time_ns)
        if not conversation.wanted:
            self._unwant(flow)

    def _segment(self, flow: Flow, direction: int, sequence: int, acknowledgement: int, flags: int, data: bytes, wire: int, packet: int,
                 time_ns: int) -> None:
        """A TCP segment that wants a look."""
        if flow.sides and (self._assembler.waiting or self._assembler.holes):
            # What is due comes before what this packet brings, wherever batches begin and end.
            self._assembler.give_up_waiting(flow, time_ns)
        if flow.conversation is not None and flags & (SYN | ACK) == SYN and begins_anew(flow.by_end[direction], sequence):
            self._end(flow, time_ns)
            flow.conversation = None
        conversation = flow.conversation or self._open(flow, direction, packet, time_ns, backwards=flags & (SYN | ACK) == SYN | ACK)
        side, other = flow.by_end[direction], flow.by_end[1 - direction]
        if side.next >= 0:
            side.furthest = max(side.furthest, side.position)
        if other.next >= 0:
            other.furthest = max(other.furthest, other.position)
        if side.first_seq < 0:
            side.first_seq = sequence
        if flags & SYN:
            note_syn(flow, side, other, sequence, flags, time_ns)
            if side.fin is None and side.fin_seq >= 0 and side.zero >= 0:
                self._assembler.place_fin(side, packet, time_ns)
            if side.isn == sequence and side.zero >= 0 and not side.settled and not side.other_isns:
                self._assembler.joined_by_syn(side, packet, time_ns)
        elif not conversation.saw_syn and not conversation.midstream and side.isn < 0 and other.isn < 0:
            conversation.midstream = True
        if flow.wanted:
            self._wanted_segment(flow, side, other, sequence, acknowledgement, flags, data, wire, packet, time_ns)
        if flags & FIN and not flags & RST:
            conversation.fin_seen[side.side] = True
            if flow.wanted:
                self._assembler.fin(side, (sequence + (flags & SYN > 0) + wire) & MASK, packet, time_ns)
        if flags & RST:
            conversation.reset_seen = True
            handler: StreamHandler | None = conversation.handler  # type: ignore[assignment]  # a TCP conversation's is one
            if handler is not None and conversation.wanted:
                handler.reset(side.side, packet, time_ns)
        if flags & (FIN | RST) and (conversation.reset_seen or all(conversation.fin_seen)):
            self._closing[flow] = conversation
        self._simplify(flow)

    def _wanted_segment(self, flow: Flow, side: Side, other: Side, sequence: int, acknowledgement: int, flags: int, data: bytes, wire: int,
                        packet: int, time_ns: int) -> None:
        """What a segment tells of the other side's beginning, and its data."""
        assembler = self._assembler
        if flags & (ACK | SYN | RST) == ACK:
            other.answered = True
            if other.pending:
                assembler.acknowledged(other, acknowledgement, packet, time_ns)
        if wire and not flags & RST:
            if side.sink is None and not self._ask(flow):
                return
            assembler.data(side, (sequence + (flags & SYN > 0)) & MASK, data, wire, bool(flags & PSH), packet, time_ns)
            if not side.conversation.wanted:
                self._unwant(flow)

    def _ask(self, flow: Flow) -> bool:
        """Whether there is a handler, asking for one at the first payload."""
        conversation = flow.sides[0].conversation
        if conversation.handler is None:
            conversation.handler = self._listener.opened(conversation)
        handler: StreamHandler | None = conversation.handler  # type: ignore[assignment]  # a TCP conversation's is one
        if handler is None or not conversation.wanted:
            self._unwant(flow)
            return False
        for side in flow.sides:
            side.listen(handler.data)
            self._assembler.quicken(side)
        return True

    def _unwant(self, flow: Flow) -> None:
        """From now on the flow's packets are only counted."""
        flow.wanted = flow.plain = False
        if flow.conversation is not None:
            flow.conversation.wanted = False
        for side in flow.sides:
            self._assembler.release(side)

    def _simplify(self, flow: Flow) -> None:
        """How much of a look the flow's packets need from now on."""
        first, second = flow.sides
        flow.plain = flow.wanted and first.answered and second.answered and not first.pending and not second.pending
        if not self.policy.complete and not (first.held is None and second.held is None):
            flow.plain = False  # a hole may come due
        flow.watch = not (first.settled and second.settled and first.answered and second.answered)
        handler: StreamHandler | None = first.conversation.handler  # type: ignore[assignment]  # a TCP conversation's is one
        if handler is not None and flow.wanted:
            # One that knows its reader by now is spared the way through what it was while it did not.
            first.sink = second.sink = handler.data

    def _end(self, flow: Flow, time_ns: int) -> None:
        """The flow's conversation gets nothing more."""
        conversation = flow.conversation
        self._closing.pop(flow, None)
        if conversation is None:
            return
        if flow.sides:
            self._assembler.finish(flow, time_ns)
        if conversation.handler is not None:
            conversation.handler.closed(time_ns)
            conversation.handler = None
        flow.wanted = flow.plain = conversation.wanted = False

    def _close_lingering(self, now: int) -> None:
        linger = self.policy.linger_ns
        if linger is None or now < self._next_closing:
            return
        self._next_closing = now + linger // 8
        for flow in [flow for flow, conversation in self._closing.items() if now - conversation.last_ns > linger]:
            self._end(flow, now)
            _take_apart(flow)
            self._flows[flow.key] = self._over
            self._over_keys.append(flow.key)
        while len(self._over_keys) > min(_ENDED_REMEMBERED, self.policy.most_flows // 2):
            key = self._over_keys.popleft()
            if self._flows.get(key) is self._over:
                del self._flows[key]

    def _evict(self) -> None:
        """Give up flows when there are too many: first those that nobody wants, the longest idle first; those whose bytes somebody wanted are counted."""
        excess = len(self._flows) - self.policy.most_flows
        if excess <= 0:
            return
        idle = sorted(self._flows.items(), key=lambda item: (_heard(item[1]), item[1].conversation.last_ns if item[1].conversation else 0))
        for key, flow in idle[:excess + self.policy.most_flows // 10]:
            self.limits.streams += _heard(flow)
            self._end(flow, flow.conversation.last_ns if flow.conversation else 0)
            del self._flows[key]
            _take_apart(flow)

    def finish(self, last_ns: int | None) -> None:
        """The capture is over: everything that waits is handed out, every handler closed."""
        now = last_ns or 0
        self._decoder.fragments.finish()
        for flow in self._flows.values():
            self._end(flow, now)
        self._assembler.store.close()
