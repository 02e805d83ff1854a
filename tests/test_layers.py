"""Link and network layers: what reaches a conversation, and columns that say what single packets say."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.capture import Batch
from dissect.layers import Decoder, Row, fragments
from dissect.layers.fragments import LIFETIME_NS, MAXIMUM_DATAGRAMS, FragmentTable
from grammars.ip import AUTHENTICATION, DESTINATION, FRAGMENT, HOP_BY_HOP, PROTOCOL_TCP, PROTOCOL_UDP
from grammars.linktypes import IPV4, IPV6, LINUX_SLL, LINUX_SLL2, LOOP, NULL, RAW
from grammars.tcp import ACK
from tests.effort import examples
from tests.frames import CLIENT, SERVER, batch, ethernet, ipv4, ipv6, ipv6_fragment, tcp, udp

SEGMENT = tcp(4000, 80, 7, b"hello", ACK, 9)
DATAGRAM = udp(5000, 53, b"hello")
PACKET4, PACKET6 = ipv4(SEGMENT), ipv6(SEGMENT)


def decode(frames: list[Any], link: int = 1, *, singly: bool = False) -> list[tuple[bytes, int, Row]]:
    """(payload, index, row) of each row."""
    segments = Decoder(lambda *_: None).decode(batch(frames, link=link), singly=singly)
    columns = [getattr(segments, name).tolist() for name in Row._fields]
    rows = [Row(*values) for values in zip(*columns, strict=True)]
    return [(segments.buffer[row.start:row.start + row.length], index, row._replace(start=0))
            for index, row in zip(segments.index.tolist(), rows, strict=True)]


TAG = b"\x00\x07"
LINKS: list[Any] = [
    pytest.param(1, ethernet(PACKET4), id="ethernet"),
    pytest.param(1, ethernet(PACKET6), id="ethernet, IPv6"),
    pytest.param(1, ethernet(TAG + b"\x08\x00" + PACKET4, 0x8100), id="802.1Q"),
    pytest.param(1, ethernet(TAG + b"\x81\x00" + TAG + b"\x86\xdd" + PACKET6, 0x88A8), id="QinQ"),
    pytest.param(1, ethernet((TAG + b"\x81\x00") * 5 + TAG + b"\x08\x00" + PACKET4, 0x9100), id="six tags"),
    pytest.param(1, ethernet(b"\x11\x00\x00\x01" + (len(PACKET4) + 2).to_bytes(2, "big") + b"\x00\x21" + PACKET4 + b"padding", 0x8864), id="PPPoE, padded"),
    pytest.param(1, ethernet(b"\x11\x00\x00\x01" + (len(PACKET6) + 1).to_bytes(2, "big") + b"\x57" + PACKET6, 0x8864), id="PPPoE, compressed field"),
    pytest.param(LINUX_SLL, bytes(14) + b"\x08\x00" + PACKET4, id="cooked"),
    pytest.param(LINUX_SLL, bytes(14) + b"\x81\x00" + TAG + b"\x08\x00" + PACKET4, id="cooked, tagged"),
    pytest.param(LINUX_SLL2, b"\x86\xdd" + bytes(18) + PACKET6, id="cooked 2"),
    pytest.param(NULL, b"\x02\0\0\0" + PACKET4, id="null, little"),
    pytest.param(NULL, b"\0\0\0\x1e" + PACKET6, id="null, big"),
    pytest.param(LOOP, b"\0\0\0\x18" + PACKET6, id="loop"),
    *(pytest.param(link, PACKET4, id=f"raw {link}") for link in (RAW, 12, 14, IPV4)),
    *(pytest.param(link, PACKET6, id=f"raw {link}, IPv6") for link in (RAW, IPV6)),
]


@pytest.mark.parametrize(("link", "frame"), LINKS)
def test_every_link_layer_leads_to_the_payload(link: int, frame: bytes) -> None:
    for singly in (False, True):
        (payload, _, row), = decode([frame], link, singly=singly)
        assert payload == b"hello" and row.source_port == 4000 and row.sequence == 7 and row.acknowledgement == 9


def chain(*kinds: int, payload: bytes = DATAGRAM, last: int = PROTOCOL_UDP) -> bytes:
    """An IPv6 packet with extension headers of 8 bytes each."""
    following = [*kinds[1:], last]
    heads = b"".join(bytes([after, 0]) + bytes(6) for after in following)
    return ipv6(heads + payload, protocol=kinds[0])


PAYLOADS: list[Any] = [  # frame (original length), payload or None: no conversation; bytes on the wire
    pytest.param(ethernet(PACKET4) + b"pad", b"hello", 5, id="padding is no payload"),
    pytest.param(ethernet(ipv4(SEGMENT, options=b"\1" * 8)), b"hello", 5, id="IP options"),
    pytest.param(ethernet(ipv4(SEGMENT, total=0)), b"hello", 5, id="total length 0"),
    pytest.param(ethernet(ipv4(SEGMENT, total=19)), None, 0, id="total length under the header's"),
    pytest.param(ethernet(ipv4(SEGMENT, total=1500)), b"hello", 5, id="total length above the frame's"),
    pytest.param(ethernet(b"\x44" + PACKET4[1:]), None, 0, id="header length under 20"),
    pytest.param(ethernet(b"\x4f" + PACKET4[1:20]), None, 0, id="header length past the packet"),
    pytest.param(ethernet(b"\x65" + PACKET4[1:], 0x0800), None, 0, id="version 6 in an IPv4 frame"),
    pytest.param(ethernet(ipv4(SEGMENT[:12] + b"\x40" + SEGMENT[13:])), None, 0, id="TCP header under 20"),
    pytest.param(ethernet(ipv4(SEGMENT[:12] + b"\xf0" + SEGMENT[13:])), None, 0, id="TCP header past its segment"),
    pytest.param((ethernet(PACKET4)[:-2], len(ethernet(PACKET4))), b"hel", 5, id="snap length in the payload"),
    pytest.param((ethernet(PACKET4)[:40], len(ethernet(PACKET4))), None, 0, id="snap length in the TCP header"),
    pytest.param(ethernet(ipv4(udp(1, 2, b"hello", 7), protocol=17)), None, 0, id="UDP length under 8"),
    pytest.param(ethernet(ipv4(udp(1, 2, b"hello", 10), protocol=17)), b"he", 2, id="UDP length below what is there"),
    pytest.param(ethernet(ipv4(udp(1, 2, b"hello", 99), protocol=17)), b"hello", 5, id="UDP length above what is there"),
    pytest.param(ethernet(ipv6(SEGMENT, length=0)), b"hello", 5, id="IPv6 payload length 0"),
    pytest.param(ethernet(chain(HOP_BY_HOP, DESTINATION)), b"hello", 5, id="extension headers"),
    pytest.param(ethernet(ipv6(bytes([PROTOCOL_UDP, 1]) + bytes(10) + DATAGRAM, protocol=AUTHENTICATION)), b"hello", 5, id="authentication header"),
    pytest.param(ethernet(ipv6(bytes([PROTOCOL_UDP, 9]) + bytes(6), protocol=HOP_BY_HOP)), None, 0, id="extension header past the packet"),
    pytest.param(ethernet(ipv6_fragment(DATAGRAM)), b"hello", 5, id="atomic fragment"),
    pytest.param(ethernet(ipv4(DATAGRAM, protocol=1)), None, 0, id="ICMP"),
    pytest.param(ethernet(b"\0" * 40, 0x0806), None, 0, id="ARP"),
]


@pytest.mark.parametrize(("frame", "payload", "wire"), PAYLOADS)
def test_what_is_payload_and_what_is_none(frame: Any, payload: bytes | None, wire: int) -> None:
    for singly in (False, True):
        rows = decode([frame], singly=singly)
        assert [(found, row.wire) for found, _, row in rows] == ([] if payload is None else [(payload, wire)])


def test_an_endless_chain_of_headers_ends_with_the_packet() -> None:
    atomic = bytes([FRAGMENT, 0, 0, 0]) + bytes(4)
    assert decode([ethernet(ipv6(atomic * 8000, protocol=FRAGMENT, length=0))]) == []
    assert decode([ethernet((TAG + b"\x81\x00") * 60_000, 0x8100)]) == []


def fragments4(payload: bytes, size: int = 16, identification: int = 5) -> list[bytes]:
    return [ethernet(ipv4(payload[at:at + size], protocol=17, offset=at, more=at + size < len(payload), identification=identification))
            for at in range(0, len(payload), size)]


def fragments6(payload: bytes, size: int = 16) -> list[bytes]:
    return [ethernet(ipv6_fragment(payload[at:at + size], offset=at, more=at + size < len(payload))) for at in range(0, len(payload), size)]


@pytest.mark.parametrize("make", [fragments4, fragments6])
@given(order=st.permutations(range(6)))
def test_fragments_in_any_order_give_the_datagram(make: Any, order: list[int]) -> None:
    content = bytes(range(80))
    pieces = make(udp(1, 2, content))
    assert len(pieces) == 6
    (payload, index, row), = decode([pieces[place] for place in order])
    assert (payload, index, row.source_port) == (content, 5, 1)


def test_fragments_of_two_datagrams_are_not_mixed_and_packets_between_keep_their_place() -> None:
    one, two = fragments4(udp(1, 2, b"a" * 30), identification=1), fragments4(udp(3, 4, b"b" * 30), identification=2)
    rows = decode([one[0], two[0], one[1], ethernet(PACKET4), two[1], one[2], two[2]])
    assert [(payload, index) for payload, index, _ in rows] == [(b"hello", 3), (b"a" * 30, 5), (b"b" * 30, 6)]


def test_the_first_bytes_win_and_identical_duplicates_are_dropped() -> None:
    first, second = b"A" * 16, b"B" * 16
    table = FragmentTable(lambda *_: None)
    key = (0, 0, 1, 0, 2, 17, 5)
    assert table.add(key, 0, True, first, 16, 1, 0) is None
    assert table.add(key, 0, True, first, 16, 2, 0) is None
    assert table.add(key, 8, True, second, 16, 3, 0) is None
    whole = table.add(key, 24, False, b"CC", 2, 4, 0)
    assert whole is not None
    assert (whole.payload, whole.packets) == (first + b"B" * 8 + b"CC", (1, 3, 4))


def test_a_datagram_with_a_hole_is_told_at_its_time_or_at_the_end() -> None:
    told: list[tuple[int, ...]] = []
    table = FragmentTable(lambda key, packets, time_ns: told.append(packets))
    table.add((0, 0, 1, 0, 2, 17, 5), 0, True, b"A" * 8, 8, 1, 0)
    table.add((0, 0, 1, 0, 2, 17, 6), 0, True, b"A" * 8, 8, 2, LIFETIME_NS + 1)
    assert told == [(1,)]
    table.finish()
    assert told == [(1,), (2,)]


def test_fragments_are_bounded_in_number() -> None:
    told: list[tuple[int, ...]] = []
    table = FragmentTable(lambda key, packets, time_ns: told.append(packets))
    for number in range(MAXIMUM_DATAGRAMS + 10):
        table.add((0, 0, 1, 0, 2, 17, number), 0, True, b"A" * 8, 8, number, 0)
    assert len(told) == 10


def test_fragments_of_a_datagram_that_never_is_whole_cost_a_fixed_time_each() -> None:
    table, key = FragmentTable(lambda *_: None), (0, 0, 1, 0, 2, 17, 5)
    table.add(key, 50_000, False, b"x", 1, 1, 0)
    for place in (*range(0, 40_000, 8), *range(51_000, 70_000, 8)):
        assert table.add(key, place, True, b"A" * 8, 8, place, 0) is None
    started = time.process_time()
    for number in range(20_000):
        assert table.add(key, 0, True, b"A" * 8, 8, number, 0) is None
    assert time.process_time() - started < 2


def test_fragments_of_a_byte_each_are_bounded_by_what_they_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAXIMUM_BYTES", 100 * 200)
    told: list[tuple[int, ...]] = []
    table = FragmentTable(lambda key, packets, time_ns: told.append(packets))
    for number in range(300):
        table.add((0, 0, 1, 0, 2, 17, number % 10), 16 * number, True, b"A", 1, number, 0)
    assert 10 <= len(told) <= 25


def test_link_types_that_are_not_read_are_named_and_counted() -> None:
    decoder = Decoder(lambda *_: None)
    assert len(decoder.decode(batch([b"\0" * 40] * 3, link=127))) == 0
    assert decoder.unread_links == {"IEEE802_11_RADIOTAP": 3}


SEEDS = [frame for _, frame in (one.values for one in LINKS)] + [one.values[0] if isinstance(one.values[0], bytes) else one.values[0][0] for one in PAYLOADS]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[bytes, int]:
    """A frame with some bytes changed and its end cut off, and its original length."""
    frame = bytearray(draw(st.sampled_from(SEEDS)))[:400]
    rng = random.Random(draw(st.integers(0, 1 << 30)))
    for _ in range(rng.randrange(4)):
        frame[rng.randrange(min(len(frame), 60))] = rng.randrange(256)
    cut = rng.choice((0, 0, rng.randrange(len(frame))))
    return bytes(frame[:len(frame) - cut]), len(frame) - rng.choice((0, 0, cut))


@given(st.lists(mutated(), min_size=1, max_size=30), st.sampled_from([1, LINUX_SLL, LINUX_SLL2, NULL, RAW]))
@examples(300)
def test_columns_say_what_single_packets_say(frames: list[tuple[bytes, int]], link: int) -> None:
    assert decode(frames, link) == decode(frames, link, singly=True)


@given(st.binary(max_size=4000), st.lists(st.integers(0, 120), min_size=1, max_size=20), st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276, 9]))
def test_noise_is_read_the_same_both_ways_and_raises_nothing(noise: bytes, sizes: list[int], link: int) -> None:
    frames, place = [], 0
    for size in sizes:
        frames.append(noise[place:place + size])
        place += size
    assert decode(frames, link) == decode(frames, link, singly=True)


def test_batches_of_several_link_types_are_read_by_each() -> None:
    one, two = batch([ethernet(PACKET4)]), batch([PACKET6], link=RAW)
    mixed = Batch(one.buffer + two.buffer, np.array([0, len(one.buffer)]), np.concatenate([one.caplen, two.caplen]),
                  np.concatenate([one.origlen, two.origlen]), np.array([1, 2]), np.array([1, RAW]), np.array([1, 2]), 0)
    assert len(Decoder(lambda *_: None).decode(mixed)) == 2
    assert PROTOCOL_TCP == 6 and CLIENT != SERVER
