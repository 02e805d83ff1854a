"""Conversations and reassembly: the rules of streams.md, and a model that any traffic is held against."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dissect.capture import Batch
from dissect.streams.api import Conversation
from dissect.streams.held import Held, Piece
from dissect.streams.listing import list_conversations
from dissect.streams.policy import ANALYSIS, COMPLETE, Policy
from dissect.streams.table import ConversationTable
from grammars.tcp import ACK, FIN, PSH, RST, SYN
from tests.frames import CLIENT, SECOND, SERVER, batch, ethernet, ipv4, segment, tcp, udp


class Recorder:
    """Writes down what a conversation's handler is told."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.payload = [b"", b""]

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        assert data
        self.events.append(("data", side, data))
        self.payload[side] += data

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        assert length > 0
        self.events.append(("gap", side, length))

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        self.events.append(("fin", side))

    def reset(self, side: int, packet: int, time_ns: int) -> None:
        self.events.append(("reset", side))

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None:
        self.events.append(("note", code, side))

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        self.events.append(("datagram", side, data, missing, packets))
        self.payload[side] += data

    def closed(self, time_ns: int) -> None:
        self.events.append(("closed",))


class Everything:
    """A listener that wants all, or what *wants* says."""

    def __init__(self, wants: bool = True) -> None:
        self.wants = wants
        self.recorders: dict[int, Recorder] = {}
        self.incomplete: list[tuple[int, ...]] = []

    def opened(self, conversation: Conversation) -> Recorder | None:
        if not self.wants:
            return None
        self.recorders[conversation.id] = Recorder()
        return self.recorders[conversation.id]

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None:
        self.incomplete.append(packets)

    def tick(self, time_ns: int) -> None:
        pass


KEEPING = ANALYSIS._replace(keeps_conversations=True)


def run(*batches: Batch, policy: Policy = COMPLETE, wants: bool = True) -> tuple[ConversationTable, Everything]:
    listener = Everything(wants)
    table = ConversationTable(listener, policy)
    for one in batches:
        table.feed(one)
    table.finish(int(batches[-1].time_ns[-1]))
    return table, listener


def payloads(*frames: bytes, policy: Policy = COMPLETE) -> list[tuple[bytes, bytes]]:
    table, listener = run(batch(frames), policy=policy)
    return [both(listener.recorders[one.id]) if one.id in listener.recorders else (b"", b"") for one in table.conversations]


def both(recorder: Recorder) -> tuple[bytes, bytes]:
    return recorder.payload[0], recorder.payload[1]


OPENING = [segment(0, 999, flags=SYN), segment(1, 4999, flags=SYN | ACK, acknowledgement=1000), segment(0, 1000, acknowledgement=5000)]

LADDERS: list[Any] = [  # what arrives, and the bytes of each conversation's sides
    pytest.param([*OPENING, segment(0, 1000, b"ab"), segment(0, 1002, b"cd"), segment(1, 5000, b"xy")], [(b"abcd", b"xy")], id="in order"),
    pytest.param([*OPENING, segment(0, 1002, b"cd"), segment(0, 1000, b"ab")], [(b"abcd", b"")], id="out of order"),
    pytest.param([*OPENING, segment(0, 1000, b"abc"), segment(0, 1001, b"XYd"), segment(0, 1000, b"ZZZZe")], [(b"abcde", b"")], id="first bytes win"),
    pytest.param([*OPENING, segment(0, 1004, b"ef"), segment(0, 1000, b"ab")], [(b"abef", b"")], id="a hole adds nothing"),
    pytest.param([*OPENING, segment(0, 1000, b"ab"), segment(0, 999, b"\0"), segment(0, 1002, b"c")], [(b"abc", b"")], id="a keepalive before position 0"),
    pytest.param([*OPENING, segment(0, 1000, b"ab"), segment(0, 1002, b"why", RST | ACK)], [(b"ab", b"")], id="data in a RST is none"),
    pytest.param([*OPENING, segment(0, 1000, b"ab", FIN | ACK), segment(0, 1003, b"c")], [(b"abc", b"")], id="data after the FIN counts"),
    pytest.param([segment(0, 999, b"fast", SYN), *OPENING[1:], segment(0, 1004, b"er")], [(b"faster", b"")], id="data in the SYN"),
    pytest.param([segment(0, 0xFFFFFFFE, b"ab"), segment(0, 0, b"cd"), segment(0, 2, b"ef")], [(b"abcdef", b"")], id="sequence numbers wrap, midstream"),
    pytest.param([segment(0, 0xFFFFFFFC, flags=SYN), segment(0, 1, b"cd"), segment(0, 0xFFFFFFFD, b"zyab")], [(b"zyabcd", b"")], id="wrap, after a SYN"),
    pytest.param([segment(0, 102, b"cd"), segment(0, 104, b"ef"), segment(0, 100, b"ab")], [(b"abcdef", b"")], id="a lower segment comes later, midstream"),
    pytest.param([segment(0, 99, b"\0"), segment(1, 7, flags=ACK, acknowledgement=100), segment(0, 100, b"abc")], [(b"abc", b"")], id="midstream keepalive"),
    pytest.param([segment(0, 99, b"Z", PSH | ACK), segment(1, 7, flags=ACK, acknowledgement=100), segment(0, 100, b"abc")], [(b"Zabc", b"")],
                 id="a pushed byte is no keepalive"),
    pytest.param([segment(0, 99, b"Z"), segment(0, 100, b"abc")], [(b"Zabc", b"")], id="an unacknowledged byte is no keepalive"),
    pytest.param([*OPENING, segment(0, 1000, b"ab"), segment(0, 8999, flags=SYN), segment(0, 9000, b"new")], [(b"ab", b""), (b"new", b"")],
                 id="ports used again"),
    pytest.param([*OPENING, segment(0, 1000, b"ab"), segment(0, 999, flags=SYN), segment(0, 1002, b"cd")], [(b"abcd", b"")], id="a repeated SYN"),
    pytest.param([segment(0, 1000, b"ab"), segment(0, 999, flags=SYN), segment(0, 1002, b"cd")], [(b"abcd", b"")], id="the SYN after its data"),
    pytest.param([segment(0, 1000, b"ab"), segment(0, 4000, flags=SYN), segment(0, 4001, b"cd")], [(b"ab", b""), (b"cd", b"")], id="a SYN of other numbers"),
    pytest.param([segment(0, 999, flags=SYN), segment(1, 4999, flags=SYN | ACK, acknowledgement=1000), segment(1, 7999, flags=SYN | ACK, acknowledgement=1000),
                  segment(0, 1000, acknowledgement=8000), segment(1, 8000, b"second")], [(b"", b"second")], id="two SYN/ACKs, the second acknowledged"),
    pytest.param([segment(0, 999, flags=SYN), segment(1, 4999, flags=SYN | ACK, acknowledgement=1000), segment(1, 7999, flags=SYN | ACK, acknowledgement=1000),
                  segment(0, 1000, acknowledgement=5000), segment(1, 5000, b"first")], [(b"", b"first")], id="two SYN/ACKs, the first acknowledged"),
    pytest.param([segment(1, 4999, flags=SYN | ACK, acknowledgement=1000), segment(1, 5000, b"hi"), segment(0, 1000, b"yo")], [(b"yo", b"hi")],
                 id="a begins as receiver of the SYN/ACK"),
    pytest.param([segment(1, 5000, b"late"), segment(0, 999, flags=SYN), segment(0, 1000, b"yo")], [(b"yo", b"late")],
                 id="a SYN of the other side comes later"),
    pytest.param([*OPENING, segment(0, 1000, b"ab"), segment(0, 1000 + (1 << 31) - 9, b"far"), segment(0, 1002, b"c")], [(b"abc", b"")],
                 id="far out of the window"),
    pytest.param([*OPENING], [(b"", b"")], id="without payload"),
]


@pytest.mark.parametrize("policy", [pytest.param(COMPLETE, id="complete")])
@pytest.mark.parametrize(("frames", "expected"), LADDERS)
def test_the_bytes_of_a_stream(frames: list[bytes], expected: list[tuple[bytes, bytes]], policy: Policy) -> None:
    assert payloads(*frames, policy=policy) == expected


@pytest.mark.parametrize(("frames", "expected"), LADDERS)
def test_one_packet_a_batch_gives_the_same(frames: list[bytes], expected: list[tuple[bytes, bytes]]) -> None:
    table, listener = run(*(batch([frame], first_number=number) for number, frame in enumerate(frames, 1)))
    assert [tuple(listener.recorders[one.id].payload) if one.id in listener.recorders else (b"", b"") for one in table.conversations] == expected
    whole, _ = run(batch(frames))
    assert [(one.packets, one.last_ns, one.missing, one.retransmissions, one.address) for one in table.conversations] == [
        (one.packets, one.last_ns, one.missing, one.retransmissions, one.address) for one in whole.conversations]


def test_missing_positions_are_those_up_to_the_furthest_segment_or_fin() -> None:
    table, listener = run(batch([*OPENING, segment(0, 1004, b"ef"), segment(0, 1010, flags=FIN | ACK)]))
    assert table.conversations[0].missing == [8, 0]
    assert listener.recorders[1].events == [("gap", 0, 4), ("data", 0, b"ef"), ("gap", 0, 4), ("fin", 0), ("closed",)]


@pytest.mark.parametrize("policy", [COMPLETE, KEEPING])
def test_a_fin_captured_before_the_synack_is_reached_all_the_same(policy: Policy) -> None:
    opening, synack, acknowledged = OPENING
    for rest in ([], [segment(1, 5000, b"ab")]):
        table, listener = run(batch([opening, segment(1, 5004, flags=FIN | ACK), synack, acknowledged, *rest, segment(0, 1000, b"x")]), policy=policy)
        assert table.conversations[0].missing == [0, 2 if rest else 4]
        assert ("fin", 1) in listener.recorders[1].events


def test_a_cut_segment_counts_what_was_captured_and_misses_the_rest() -> None:
    frame = segment(0, 1000, b"abcdef")
    for policy in (COMPLETE, KEEPING):
        table, listener = run(batch([*OPENING, (frame[:-2], len(frame)), segment(0, 1006, b"gh")]), policy=policy)
        assert listener.recorders[1].payload[0] == b"abcdgh"
        assert table.conversations[0].missing == [2, 0]
        assert table.conversations[0].truncated_packets == 1


def test_conflicting_bytes_are_told_whether_handed_out_or_held() -> None:
    _, listener = run(batch([*OPENING, segment(0, 1000, b"abc"), segment(0, 1000, b"abX"), segment(0, 1005, b"fgh"), segment(0, 1005, b"fgX"),
                             segment(0, 1000, b"abc")]))
    assert listener.recorders[1].events.count(("note", "tcp.conflicting-bytes", 0)) == 2


@pytest.mark.parametrize(("again", "told"), [
    ([segment(0, 1002, b"\0"), segment(0, 1002, b"\0")], 0),
    ([segment(0, 1001, b"\0")], 1),
    ([segment(0, 1001, b"\0\0")], 1),
    ([segment(0, 1002, b"\0"), segment(0, 1003, b"de"), segment(0, 1002, b"\0")], 1),
])
def test_a_keepalives_garbage_byte_conflicts_with_nothing(again: list[bytes], told: int) -> None:
    _, listener = run(batch([*OPENING, segment(0, 1000, b"abc"), *again]))
    assert listener.recorders[1].events.count(("note", "tcp.conflicting-bytes", 0)) == told


def test_a_far_segment_is_told_and_takes_no_memory() -> None:
    table, listener = run(batch([*OPENING, segment(0, 1000, b"a"), segment(0, 1000 + (1 << 30) + 9, b"far")]))
    assert ("note", "tcp.out-of-window", 0) in listener.recorders[1].events
    assert table.conversations[0].missing == [0, 0]


def test_the_handshake_gives_client_and_round_trip() -> None:
    table, _ = run(batch(OPENING))
    one = table.conversations[0]
    assert (one.client, one.saw_syn, one.midstream, one.rtt_ns, one.packets) == (0, True, False, 1_000_000, 3)


def test_both_ends_the_same_is_one_conversation_with_all_bytes_from_a_to_b() -> None:
    def land(sequence: int, payload: bytes, flags: int) -> bytes:
        return ethernet(ipv4(tcp(80, 80, sequence, payload, flags), CLIENT, CLIENT))
    assert payloads(land(99, b"", SYN), land(100, b"abc", ACK)) == [(b"abc", b"")]


def test_udp_keeps_order_and_duplicates_and_one_conversation_whatever_the_pause() -> None:
    def one(side: int, payload: bytes) -> bytes:
        ends = (CLIENT, SERVER) if side == 0 else (SERVER, CLIENT)
        return ethernet(ipv4(udp(*((5000, 6000) if side == 0 else (6000, 5000)), payload), *ends, protocol=17))
    times = [1 * SECOND, 2 * SECOND, 900 * SECOND, 9_000 * SECOND]
    table, listener = run(batch([one(0, b"a"), one(1, b"x"), one(0, b"a"), one(0, b"")], times=times))
    assert listener.recorders[1].payload == [b"aa", b"x"]
    assert table.conversations[0].packets == 4


def _halves(payload: bytes, protocol: int, identification: int, source: str = CLIENT, destination: str = SERVER) -> list[bytes]:
    """A datagram in two fragments."""
    return [ethernet(ipv4(payload[:16], source, destination, protocol=protocol, identification=identification, more=True)),
            ethernet(ipv4(payload[16:], source, destination, protocol=protocol, identification=identification, offset=16))]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("protocol", [6, 17])
def test_conversations_stand_in_order_of_their_first_packet_fragments_included(protocol: int, known: bool) -> None:
    first, last = _halves(tcp(1, 2, 100, b"abcd", SYN) if protocol == 6 else udp(1, 2, b"abcdefghijkl"), protocol, 7)
    whole = ethernet(ipv4(tcp(1, 2, 100, flags=SYN) if protocol == 6 else udp(1, 2, b"x"), protocol=protocol))
    other = ethernet(ipv4(udp(3, 4, b"between"), protocol=17))
    listed = list_conversations([batch([first, other, *([whole] if known else []), last])]).conversations
    assert [(one["a"], one["packets"]) for one in listed] == [(f"{CLIENT}:1", 3 if known else 2), (f"{CLIENT}:3", 1)]


# -- the bounded policy --


def test_a_request_is_handed_out_before_its_response_also_midstream() -> None:
    _, listener = run(batch([segment(0, 100, b"ask", PSH | ACK, 500), segment(1, 500, b"answer", PSH | ACK, 103), segment(0, 103, b"next", PSH | ACK, 506)]),
                      policy=KEEPING)
    assert [event[:2] for event in listener.recorders[1].events if event[0] == "data"] == [("data", 0), ("data", 1), ("data", 0)]


def test_a_midstream_beginning_waits_a_second_of_the_capture_and_no_more() -> None:
    listener = Everything()
    table = ConversationTable(listener, ANALYSIS)
    table.feed(batch([segment(0, 100, b"abc", PSH | ACK)], times=[0]))
    assert listener.recorders[1].events == []
    other = ethernet(ipv4(udp(1, 2, b"x"), protocol=17))
    table.feed(batch([other], first_number=2, times=[2 * SECOND]))
    assert listener.recorders[1].events == [("data", 0, b"abc")]


def test_lower_bytes_that_come_too_late_are_counted() -> None:
    table, listener = run(batch([segment(0, 100, b"abc"), segment(0, 103, b"def"), segment(0, 90, b"0123456789")]), policy=KEEPING)
    assert listener.recorders[1].payload[0] == b"abcdef"
    assert table.limits.bytes_beyond_holes == 10


def test_a_hole_is_closed_after_thirty_seconds_and_late_bytes_are_counted() -> None:
    frames = [*OPENING, segment(0, 1004, b"ef"), segment(0, 1006, b"gh"), segment(0, 1000, b"abcd")]
    table, listener = run(batch(frames, times=[0, 1, 2, 3, 40 * SECOND, 41 * SECOND]), policy=KEEPING)
    assert listener.recorders[1].events[:3] == [("gap", 0, 4), ("data", 0, b"ef"), ("data", 0, b"gh")]
    assert table.limits.bytes_beyond_holes == 4
    assert table.conversations[0].missing == [4, 0]


def test_a_hole_is_closed_when_a_mebibyte_is_held() -> None:
    frames = [*OPENING, *(segment(0, 1001 + 1000 * index, b"z" * 1000) for index in range(1100))]
    listener = Everything()
    table = ConversationTable(listener, ANALYSIS)
    table.feed(batch(frames))
    assert ("gap", 0, 1) in listener.recorders[1].events
    assert len(listener.recorders[1].payload[0]) == 1_100_000


def test_what_nobody_wants_is_counted_all_the_same() -> None:
    frames = [*OPENING, segment(0, 1000, b"ab"), segment(1, 5000, b"xy"), segment(0, 1002, flags=FIN | ACK), segment(0, 7000, flags=SYN),
              segment(0, 7001, b"again")]
    for parts in ([batch(frames)], [batch([frame], first_number=number) for number, frame in enumerate(frames, 1)]):
        table, _ = run(*parts, policy=KEEPING, wants=False)
        assert [(one.packets, one.fin_seen) for one in table.conversations] == [(6, [True, False]), (2, [False, False])]
        assert table.packets_used == 8


def test_flows_beyond_the_bound_are_given_up_and_counted() -> None:
    policy = KEEPING._replace(most_flows=10)
    table, listener = run(*(batch([segment(0, 1, b"x", port=1000 + number)], first_number=number + 1) for number in range(40)), policy=policy)
    assert table.limits.streams > 0
    assert all(recorder.events[-1] == ("closed",) for recorder in listener.recorders.values())


def test_bytes_held_for_a_syn_ack_that_another_replaces_are_let_go() -> None:
    frames = [segment(1, 99, flags=SYN | ACK), segment(1, 105, b"held"), segment(1, 199, flags=SYN | ACK), segment(0, 1, acknowledgement=200),
              segment(1, 200, b"new"), segment(0, 1, acknowledgement=203)]
    _, listener = run(*(batch([frame], first_number=at + 1, times=[at * 20 * SECOND]) for at, frame in enumerate(frames)), policy=KEEPING)
    assert listener.recorders[1].events == [("data", 1, b"new"), ("closed",)]


def test_a_stream_that_outgrows_memory_goes_through_a_file() -> None:
    policy = COMPLETE._replace(held_bytes=2000)
    pieces = [(index * 50, bytes([index % 256]) * 50) for index in range(100)]
    frames = [segment(0, 1000, flags=SYN), *(segment(0, 1001 + start, data) for start, data in reversed(pieces))]
    table, listener = run(batch(frames), policy=policy)
    assert listener.recorders[1].payload[0] == b"".join(data for _, data in pieces)


def test_the_listing_has_every_member_of_the_contract() -> None:
    listing = list_conversations([batch([*OPENING, segment(0, 1000, b"ab"), segment(0, 1000, b"ab")])])
    assert listing.conversations == [{
        "id": 1, "transport": "tcp", "a": f"{CLIENT}:4000", "b": f"{SERVER}:80", "protocol": None, "reason": None, "carrier": None, "packets": 5,
        "bytes_a_b": 2, "bytes_b_a": 0, "missing_a_b": 0, "missing_b_a": 0,
        "sha256_a_b": "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603",
        "sha256_b_a": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "carrier_messages": {}, "retransmissions": 1, "rtt_ms": 1.0}]


def test_bytes_held_while_no_syn_ack_is_answered_are_bounded() -> None:
    table = ConversationTable(Everything(), KEEPING)
    table.feed(batch([segment(1, 99, flags=SYN | ACK), segment(1, 199, flags=SYN | ACK)]))
    for part in range(3):
        first = 105 + part * 700_000
        table.feed(batch([segment(1, first + at, b"x" * 1400) for at in range(0, 700_000, 1400)], first_number=10 + part * 500))
        assert table._assembler.store.used < 1.5 * (1 << 20)


def test_what_is_kept_of_pieces_does_not_grow_while_a_hole_stays_open() -> None:
    held = Held()
    for number in range(50_000):
        held.insert(Piece(2 * number + 1, 2 * number + 2, number, number, number))
        if len(held) > 100:
            assert held.pop() == Piece(2 * number - 199, 2 * number - 198, number - 100, number - 100, number - 100)
    assert len(held._ends) < 1000
    assert [piece.packet for piece in held] == list(range(49_900, 50_000))


def test_cut_segments_over_thousands_of_pieces_cost_no_more_than_over_a_few() -> None:
    table = ConversationTable(Everything(), KEEPING)
    table.feed(batch([*OPENING, *(segment(0, 1011 + 2 * index, b"x") for index in range(4000))]))
    side = next(side for flow in table._flows.values() for side in flow.sides if side.held)
    started = time.process_time()
    for packet in range(2000):
        table._assembler.data(side, 1005, b"x", 60_000, False, packet, 0)
    assert time.process_time() - started < 1
