"""Framers: any split, any glue, any hole, any end; what comes out is whole messages with the packets that brought them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.framing.braces import object_length
from dissect.framing.buffer import StreamBuffer
from dissect.framing.framed import Framed, Framer
from dissect.framing.framers import framer
from grammars import camera, fogslink, imei_tcp
from grammars.vocabulary import Framing

IMEI = b"123456787654321"
HT, HT_OK = b"023000" + IMEI + b"HT", b"023200" + IMEI + b"HT"
TN_OK = b"035200" + IMEI + b"TN400-500-5620"
QR_OK = b"054200" + IMEI + b"QRhttp://csgxjk.com/qrcode/dev/16"
SLIP = b"020202" + IMEI + b"ST"
COMMAND = b'command{"imei":"123456787654321","type":"start","long":"0500"}'
LINES, OBJECTS, FRAMES = fogslink.PROTOCOL.framing, camera.PROTOCOL.framing, imei_tcp.PROTOCOL.framing
SECOND = 10**9


def feed(framing: Framing, pieces: list[bytes], midstream: bool = False, closed: bool = True, every_s: float = 0.01) -> list[Framed]:
    one: Framer = framer(framing, midstream)
    found: list[Framed] = []
    for number, piece in enumerate(pieces, 1):
        found += one.feed(piece, number, int(number * every_s * SECOND))
    return found + one.end(closed)


def texts(found: list[Framed]) -> list[tuple[bytes, bool]]:
    """What came out, neighbouring heartbeats joined (protocols.md: split streams are compared by their joined text)."""
    joined: list[tuple[bytes, bool]] = []
    for one in found:
        beat = not one.malformed and len(one.data) <= 3
        if beat and joined and not joined[-1][1] and not joined[-1][0].strip(b" 10AT"):
            joined[-1] = (joined[-1][0] + one.data, False)
        else:
            joined.append((one.data, one.malformed))
    return joined


def pieces_of(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in zip(ends, ends[1:], strict=False)]


STREAM = b"AT" + HT + b" " + HT_OK + TN_OK + b"1" + SLIP + b"006404" + QR_OK + b"0" + HT
MESSAGES = [b"AT", HT, b" ", HT_OK, TN_OK, b"1", SLIP, b"006404", QR_OK, b"0", HT]


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_frames_are_the_same_however_the_stream_is_split(places: list[int]) -> None:
    assert texts(feed(FRAMES, pieces_of(STREAM, places))) == [(one, False) for one in MESSAGES]


def test_frames_byte_by_byte() -> None:
    assert texts(feed(FRAMES, [STREAM[at : at + 1] for at in range(len(STREAM))])) == [(one, False) for one in MESSAGES]


@pytest.mark.parametrize("at", range(1, len(HT_OK)))
@pytest.mark.parametrize("pause_s", [0.01, 5.0])
def test_a_frame_in_two_segments_however_long_the_pause(at: int, pause_s: float) -> None:
    found = feed(FRAMES, [HT_OK[:at], HT_OK[at:]], every_s=pause_s)
    assert [(one.data, one.packets) for one in found] == [(HT_OK, (1, 2))]


@pytest.mark.parametrize("beat", [b" ", b"1", b"0", b"AT", b"10", b"100", b"000", b"1AT", b"AT0", b"  1"])
@pytest.mark.parametrize("frame", [HT, HT_OK, TN_OK, QR_OK, SLIP, b"024000" + IMEI + b"QD5", b"023000" + b"86100000000000X" + b"HT"])
def test_a_heartbeat_glued_before_a_frame(beat: bytes, frame: bytes) -> None:
    assert [one.data for one in feed(FRAMES, [beat + frame])] == [beat, frame]
    assert [one.data for one in feed(FRAMES, [beat, frame])] == [beat, frame]
    assert [one.data for one in feed(FRAMES, [frame + beat, frame])] == [frame, beat, frame]


def test_each_group_of_heartbeat_bytes_is_one_message() -> None:
    assert [one.data for one in feed(FRAMES, [b"AT", b"AT", b"ATAT", b"1 0", b"    "])] == [b"AT", b"AT", b"AT", b"AT", b"1 0", b"   ", b" "]
    assert [one.data for one in feed(FRAMES, [b"A", b"T"])] == [b"AT"]


def test_heartbeats_of_one_digit_that_come_a_minute_apart_are_told_when_they_come() -> None:
    one = framer(FRAMES, False)
    for beat in range(1, 40):
        found = one.feed(b"1", beat, beat * 55 * SECOND)
        found += one.settle(beat * 55 * SECOND + 2 * SECOND)
        assert [(each.data, each.packets) for each in found] == [(b"1", (beat,))]


@pytest.mark.parametrize("frame", [HT, TN_OK, b"024000" + IMEI + b"QD5"])
def test_a_frame_that_the_end_cuts_is_malformed_and_no_heartbeat(frame: bytes) -> None:
    for length in range(2, len(frame)):
        found = feed(FRAMES, [HT + frame[:length]])
        assert [(one.data, one.malformed) for one in found] == [(HT, False), (frame[:length], True)], length


@pytest.mark.parametrize("garbage", [b"garbage", b"!!", b"xyz10", b"GARBAGE0001", b"\x00\xff" * 40, b"hello 023", b"024000AT"])
def test_garbage_is_one_malformed_run_up_to_the_next_frame_however_it_is_split(garbage: bytes) -> None:
    stream = HT + garbage + HT_OK + garbage
    want = [(HT, False), (garbage, True), (HT_OK, False), (garbage, True)]
    assert [(one.data, one.malformed) for one in feed(FRAMES, [stream])] == want
    for at in range(len(HT) + 1, len(stream)):
        found = feed(FRAMES, [stream[:at], stream[at:]])
        assert b"".join(one.data for one in found) == stream
        assert HT_OK in [one.data for one in found if not one.malformed], at


def test_a_length_that_is_too_short_or_too_long() -> None:
    for frame in (b"020000" + IMEI + b"HT", b"021200" + IMEI + b"ST", b"000000" + IMEI + b"HT"):
        found = feed(FRAMES, [frame + HT])
        assert [(one.data, [each.code for each in one.findings]) for one in found] == [(frame, ["framing.length-mismatch"]), (HT, [])]
    frame = b"030000" + IMEI + b"HT"
    found = feed(FRAMES, [frame, HT, TN_OK])
    assert [(one.data, [each.code for each in one.findings]) for one in found] == [(frame, ["framing.length-mismatch"]), (HT, []), (TN_OK, [])]


def test_digits_at_a_midstream_start_belong_to_the_torn_frame() -> None:
    assert [(one.data, one.malformed, one.torn) for one in feed(FRAMES, [b"1" + HT], midstream=True)] == [(b"1", True, True), (HT, False, False)]
    assert [(one.data, one.malformed) for one in feed(FRAMES, [b"54321HT" + HT], midstream=True)] == [(b"54321HT", True), (HT, False)]
    assert [(one.data, one.malformed) for one in feed(FRAMES, [b"100", b"AT", HT], midstream=True)] == [(b"100", True), (b"AT", False), (HT, False)]
    assert [(one.data, one.malformed) for one in feed(FRAMES, [b"AT", HT], midstream=True)] == [(b"AT", False), (HT, False)]
    assert [(one.data, one.malformed) for one in feed(FRAMES, [b" " + HT], midstream=True)] == [(b" ", False), (HT, False)]


@pytest.mark.parametrize("at", range(1, len(HT)))
def test_a_capture_that_starts_inside_a_frame(at: int) -> None:
    for pieces in ([HT[at:] + HT_OK], [HT[at:], HT_OK]):
        found = feed(FRAMES, pieces, midstream=True)
        assert [one.data for one in found if not one.malformed] == [HT_OK]
        assert b"".join(one.data for one in found) == HT[at:] + HT_OK
        assert all(one.torn for one in found if one.malformed)


@pytest.mark.parametrize("at", range(len(HT) + 1))
@pytest.mark.parametrize("length", [1, 5, 23])
def test_a_hole_anywhere_costs_only_the_frames_that_it_touches(at: int, length: int) -> None:
    stream = HT + HT_OK
    one = framer(FRAMES, False)
    found = one.feed(TN_OK + stream[:at], 1, 1)
    found += one.gap(2, 2)
    found += one.feed(stream[at + length :] + TN_OK, 2, 2)
    found += one.end(True)
    whole = [each.data for each in found if not each.malformed]
    assert whole[0] == TN_OK
    assert whole[-1] == TN_OK
    if at in (0, len(HT)) and length == 23:
        assert len(whole) == 3
    assert all(each.torn for each in found if each.malformed)


def test_web_commands_split_and_glued() -> None:
    for at in range(1, len(COMMAND)):
        assert [one.data for one in feed(FRAMES, [COMMAND[:at], COMMAND[at:]])] == [COMMAND]
    assert [one.data for one in feed(FRAMES, [COMMAND + COMMAND])] == [COMMAND, COMMAND]
    spaced = b'command {"imei": "1}", "type": "stop"}'
    assert [one.data for one in feed(FRAMES, [spaced])] == [spaced]
    assert [(one.data, one.malformed) for one in feed(FRAMES, [b"commandeer", COMMAND])] == [(b"commandeer", True), (COMMAND, False)]
    assert feed(FRAMES, [b'command{"imei":"' + b"x" * 9000])[0].malformed


# Lines

L1, L2, L3 = b'{"req001":{"eqSN":"1","eqType":"128"}}', b'{"req200":{"a":"}{","b":["{",{"c":"\\"}{"}]}}', b'{"req100":{"eqSN":"1"}}'
LINE_STREAM = L1 + b"\n" + L2 + b"\r\n\n" + L3 + b"\n"


@given(st.lists(st.integers(0, len(LINE_STREAM)), max_size=20))
def test_lines_are_the_same_however_the_stream_is_split(places: list[int]) -> None:
    assert [(one.data, one.findings) for one in feed(LINES, pieces_of(LINE_STREAM, places))] == [(L1, ()), (L2, ()), (L3, ())]


@pytest.mark.parametrize("pieces", [[L1 + L2 + L3 + b"\n"], [L1, L2, L3, b"\n"], [L1 + L2[:9], L2[9:] + L3 + b"\n"], [L1, L2 + L3 + b"\n"]])
def test_objects_without_a_line_end_between_them_keep_their_own_packets(pieces: list[bytes]) -> None:
    found = feed(LINES, pieces)
    assert [(one.data, [each.code for each in one.findings]) for one in found] == [
        (L1, ["framing.missing-terminator"]), (L2, ["framing.missing-terminator"]), (L3, []),
    ]  # fmt: skip
    assert found[0].packets == (1,)


def test_the_last_line_without_its_end() -> None:
    assert [each.code for each in feed(LINES, [L1])[0].findings] == ["framing.missing-terminator"]
    assert feed(LINES, [L1], closed=False)[0].findings == ()
    assert feed(LINES, [L1 + b"\n"])[0].findings == ()


@pytest.mark.parametrize("at", range(len(L2) + 2))
def test_a_hole_in_lines(at: int) -> None:
    one = framer(LINES, False)
    found = one.feed(L1 + b"\n" + (L2 + b"\n")[:at], 1, 1)
    found += one.gap(2, 2)
    found += one.feed((L2 + b"\n")[at + 1 :] + L3 + b"\n", 2, 2)
    assert found[0] == Framed(L1, (1,), 1)
    assert found[-1].data.endswith(L3)
    assert all(each.torn for each in found[1:] if each.data not in (L3, L2))


def test_many_small_segments_of_one_endless_line_cost_little() -> None:
    one = framer(LINES, False)
    assert not one.feed(b'{"a":"', 0, 0)
    for number in range(20_000):
        assert not one.feed(b"}{" * 16, number + 1, number)
    assert len(one.end(True)) == 1


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10), st.booleans())
@pytest.mark.parametrize("framing", [LINES, OBJECTS, FRAMES])
def test_no_bytes_make_a_framer_fail_or_invent_any(framing: Framing, data: bytes, places: list[int], midstream: bool) -> None:
    given_back = b"".join(one.data for one in feed(framing, pieces_of(data, places), midstream))
    assert len(given_back) <= len(data)
    if framing is FRAMES:
        assert given_back == data


def test_objects_end_by_their_braces() -> None:
    assert object_length(L2 + L3, 1000) == len(L2)
    assert object_length(L2[:-1], 1000) == 0
    assert object_length(b"x" + L2, 1000) == 0
    found = feed(OBJECTS, [L1 + L2[:7], L2[7:] + b" " + L3])
    assert [one.data for one in found] == [L1, L2, L3]
    assert [(one.data, one.malformed) for one in feed(OBJECTS, [b"junk" + L1 + b"x"])] == [(b"junk", True), (L1, False), (b"x", True)]


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=20), st.lists(st.integers(1, 30), max_size=30))
def test_a_buffer_gives_back_what_it_was_given_with_its_packets(chunks: list[bytes], counts: list[int]) -> None:
    buffer = StreamBuffer()
    for number, chunk in enumerate(chunks, 1):
        buffer.append(chunk, number, number)
    stream = b"".join(chunks)
    owner = [number for number, chunk in enumerate(chunks, 1) for _ in chunk]
    at = 0
    for count in counts:
        taken = buffer.take(count)
        assert taken.data == stream[at : at + count]
        assert list(taken.packets) == sorted(set(owner[at : at + count]))
        at += len(taken.data)
    assert bytes(buffer.data) == stream[at:]


def test_thousands_of_malformed_pieces_are_counted_as_they_come() -> None:
    started = time.process_time()
    found = feed(OBJECTS, [b"{" * 60_000])
    assert time.process_time() - started < 6
    assert sum(len(one.data) for one in found) == 60_000 and all(one.malformed for one in found)


def test_tiny_segments_of_a_line_that_never_ends_cost_no_more_the_longer_it_is() -> None:
    started = time.process_time()
    found = feed(LINES, [b"{[[ ", *[b"}{"] * 20_000])
    assert time.process_time() - started < 6
    assert b"".join(one.data for one in found) == b"{[[ " + b"}{" * 20_000
