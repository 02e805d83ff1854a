"""What SYN and SYN/ACK say: where a side's stream begins, who is the client, and whether a new conversation has begun."""

from __future__ import annotations

from dissect.streams.side import FARTHEST, MASK, Flow, Side, signed
from grammars.tcp import ACK, SYN

_MOST_NUMBERS = 8


def begins_anew(side: Side, sequence: int) -> bool:
    """Whether a SYN without ACK from *side* begins a new conversation (streams.md, Ports used again).

    It does when its number differs from the initial one of that side; while that is unknown, when it is not one below the first number
    seen of that side. Nothing was seen of it: the SYN belongs to what the other side sent.
    """
    if side.isn >= 0:
        return sequence != side.isn
    return side.first_seq >= 0 and (sequence + 1) & MASK != side.first_seq


def note_syn(flow: Flow, side: Side, other: Side, sequence: int, flags: int, time_ns: int) -> None:
    """Take in a SYN or SYN/ACK that *side* sent."""
    conversation = side.conversation
    if flags & ACK:
        if conversation.client is None:
            conversation.client = other.side
        if conversation.rtt_ns is None and other.syn_ns is not None and other.isn >= 0:
            conversation.rtt_ns = max(0, time_ns - other.syn_ns)
    else:
        conversation.saw_syn = True
        side.syn_ns = time_ns
        if side.side == 1 and flow.sides[0].isn < 0 and _nothing_handed_out(flow):
            _exchange(flow)
            conversation.client = None
        if conversation.client is None:
            conversation.client = side.side
    if side.isn < 0:
        if side.zero < 0:
            side.isn = sequence
            side.begin((sequence + 1) & MASK)
            side.answered = not flags & ACK
        elif not side.settled and abs(signed(sequence + 1 - side.zero)) <= FARTHEST:
            side.isn = sequence
    elif flags & (SYN | ACK) == SYN | ACK and sequence != side.isn and not side.answered and side.position == side.origin:
        # A second SYN/ACK before the first was answered: the one that is acknowledged will hold.
        if sequence not in side.other_isns and len(side.other_isns) < _MOST_NUMBERS:
            side.other_isns += (sequence,)
        side.settled = False
        side.next = -1


def _nothing_handed_out(flow: Flow) -> bool:
    return all(side.position == side.origin for side in flow.sides)


def _exchange(flow: Flow) -> None:
    """Side a becomes side b: the SYN came later and from the other end."""
    conversation = flow.sides[0].conversation
    flow.sides.reverse()
    flow.flip ^= 1
    for number, side in enumerate(flow.sides):
        side.side = number
    conversation.address = conversation.address[1], conversation.address[0]
    conversation.port = conversation.port[1], conversation.port[0]
    conversation.fin_seen.reverse()
    conversation.missing.reverse()
