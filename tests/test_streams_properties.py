"""Reassembly on any segments: what a simple model gives, the books balanced, a file and a live capture alike."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.streams.policy import ANALYSIS, COMPLETE
from dissect.streams.table import ConversationTable
from grammars.tcp import ACK, FIN, PSH, RST, SYN
from tests.effort import examples
from tests.frames import SECOND, batch, segment
from tests.test_streams import KEEPING, OPENING, Everything, run

# -- a model --


def model(segments: list[tuple[int, bytes]]) -> tuple[bytes, int]:
    """Bytes and missing positions of a side without SYN, one position at a time: first bytes win, position 0 is the lowest."""
    seen: dict[int, int] = {}
    for start, data in segments:
        for place, value in enumerate(data, start):
            seen.setdefault(place, value)
    if not seen:
        return b"", 0
    return bytes(seen[place] for place in sorted(seen)), max(seen) + 1 - min(seen) - len(seen)


SEGMENTS = st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=2, max_size=12)), max_size=25)


@given(SEGMENTS, st.integers(0, (1 << 32) - 1), st.booleans(), st.integers(1, 30))
@examples(300)
def test_any_segments_give_what_the_model_gives(segments: list[tuple[int, bytes]], base: int, syn: bool, size: int) -> None:
    frames = [segment(0, base - 1, flags=SYN)] if syn else []
    frames += [segment(0, base + start, data) for start, data in segments]
    if not frames:
        return
    expected, missing = model([(0, b"")] + segments)
    if syn and segments:
        missing += min(start for start, _ in segments)
    parts = [batch(frames[at:at + size], first_number=at + 1) for at in range(0, len(frames), size)]
    table, listener = run(*parts)
    one = table.conversations[0]
    assert (listener.recorders[1].payload[0] if segments else b"") == expected
    assert one.missing[0] == missing
    assert one.packets == len(frames)


@given(st.binary(min_size=1, max_size=200), st.randoms(use_true_random=False), st.integers(0, (1 << 32) - 1), st.booleans())
@examples(200)
def test_any_splitting_order_and_repetition_of_a_stream_gives_it_back(content: bytes, rng: random.Random, base: int, bounded: bool) -> None:
    cuts = sorted({0, len(content), *(rng.randrange(len(content) + 1) for _ in range(8))})
    pieces = [(start, content[start:end]) for start, end in zip(cuts, cuts[1:], strict=False)]
    pieces += [(start, content[start:start + rng.randrange(1, 40)]) for start in (rng.randrange(len(content)) for _ in range(4))]
    rng.shuffle(pieces)
    frames = [segment(0, base - 1, flags=SYN), *(segment(0, base + start, data) for start, data in pieces)]
    table, listener = run(batch(frames), policy=KEEPING if bounded else COMPLETE)
    assert listener.recorders[1].payload[0] == content
    assert not [event for event in listener.recorders[1].events if event[0] in ("note", "gap")]
    assert table.conversations[0].missing == [0, 0]


FLAGS = st.sampled_from([ACK, PSH | ACK, SYN, SYN | ACK, FIN | ACK, RST, RST | ACK, SYN | FIN, 0, 0xFF])


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1 << 32), st.binary(max_size=8), FLAGS, st.integers(0, 1 << 32),
                          st.sampled_from([0, 1_000_000, 20 * SECOND])), min_size=1, max_size=40), st.booleans(), st.integers(1, 40))
@examples(300)
def test_hostile_segments_keep_the_books_balanced(rows: list[tuple[int, int, bytes, int, int, int]], bounded: bool, size: int) -> None:
    frames = [segment(side, sequence % 64 if sequence % 3 else sequence, data, flags, acknowledgement % 64)
              for side, sequence, data, flags, acknowledgement, _ in rows]
    times = []
    now = 0
    for row in rows:
        now += row[5]
        times.append(now)
    parts = [batch(frames[at:at + size], first_number=at + 1, times=times[at:at + size]) for at in range(0, len(frames), size)]
    table, listener = run(*parts, policy=KEEPING if bounded else COMPLETE)
    assert sum(one.packets for one in table.conversations) == len(frames) == table.packets_used
    for one in table.conversations:
        recorder = listener.recorders.get(one.id)
        if recorder is None:
            continue
        assert recorder.events.count(("closed",)) == 1 and recorder.events[-1] == ("closed",)
        for side in (0, 1):
            assert recorder.events.count(("fin", side)) <= 1
            assert sum(event[2] for event in recorder.events if event[:2] == ("gap", side)) == one.missing[side]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 40), st.binary(min_size=1, max_size=8), FLAGS, st.integers(0, 60),
                          st.sampled_from([0, 1_000_000, 400_000_000, 2 * SECOND, 20 * SECOND, 40 * SECOND])), min_size=1, max_size=40))
@examples(300)
def test_a_file_and_a_live_capture_tell_each_conversation_the_same(rows: list[tuple[int, int, int, bytes, int, int, int]]) -> None:
    frames, times, now = [], [], 0
    for flow, side, sequence, data, flags, acknowledgement, pause in rows:
        frames.append(segment(side, sequence, data, flags, acknowledgement, 4000 + flow))
        now += pause
        times.append(now)
    policy = KEEPING._replace(linger_ns=None)
    _, whole = run(batch(frames, times=times), policy=policy)
    _, single = run(*(batch([frame], first_number=at + 1, times=times[at:at + 1]) for at, frame in enumerate(frames)), policy=policy)
    assert {one: recorder.events for one, recorder in whole.recorders.items()} == {one: recorder.events for one, recorder in single.recorders.items()}


CLOSING = [segment(0, 1000, b"ab", FIN | ACK, 5000), segment(1, 5000, b"", FIN | ACK, 1003), segment(0, 1003, b"", ACK, 5001)]


def closed_and_then(*frames: bytes) -> tuple[ConversationTable, Everything]:
    """A connection that closed, and *frames* long after it lingered."""
    whole = batch([*OPENING, *CLOSING])
    late = ANALYSIS.linger_ns or 0
    quiet = [batch([segment(0, 1, b"", ACK, port=9)], first_number=10 + number, times=[number * late]) for number in (1, 2, 3)]
    return run(whole, *quiet, batch(frames, first_number=20, times=[4 * late + place for place in range(len(frames))]), policy=ANALYSIS)


@pytest.mark.parametrize("late", [
    [segment(0, 1000, b"ab")], [segment(0, 1003, b"new")], [segment(1, 5000, b"", FIN | ACK, 1003)], [segment(0, 1003, b"", RST)],
], ids=["again", "new", "FIN", "RST"])  # fmt: skip
def test_what_comes_long_after_the_end_is_counted_and_no_more(late: list[bytes]) -> None:
    table, listener = closed_and_then(*late)
    assert {one: recorder.payload for one, recorder in listener.recorders.items()} == {1: [b"ab", b""]}
    assert listener.recorders[1].events.count(("closed",)) == 1
    assert table.packets_used == 9 + len(late)


def test_ports_are_used_anew_long_after_the_end() -> None:
    anew = [segment(0, 7999, flags=SYN), segment(1, 8999, flags=SYN | ACK, acknowledgement=8000), segment(0, 8000, b"anew", ACK, 9000)]
    _, listener = closed_and_then(segment(0, 1000, b"ab"), *anew, segment(1, 9000, b"well", ACK, 8004))
    assert [recorder.payload for recorder in listener.recorders.values()] == [[b"ab", b""], [b"anew", b"well"]]


def test_flows_that_nobody_hears_make_room_first() -> None:
    """A scan of ports does not push out the sessions that are open."""
    policy = ANALYSIS._replace(most_flows=50)
    scan = [segment(0, 1, flags=SYN, port=10_000 + number) for number in range(500)]
    listener = Everything()
    table = ConversationTable(listener, policy)
    for one in (batch([*OPENING, segment(0, 1000, b"ab")]), *(batch(scan[place:place + 20], first_number=100 + place) for place in range(0, 500, 20)),
                batch([segment(0, 1002, b"cd")], first_number=900)):
        table.feed(one)
    assert table.limits.streams == 0
    assert [recorder.payload[0] for recorder in listener.recorders.values()] == [b"abcd"]
