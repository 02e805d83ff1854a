"""Capture files: formats, compressions, damage, folders, times; and what the writer writes is read again."""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from dissect.capture import Batch, CaptureSource, PacketStore, PcapngWriter, open_capture
from dissect.capture.inflate import ByteSource
from dissect.errors import CaptureError
from grammars.pcapng import SECRETS_TLS_KEY_LOG
from tests.effort import examples
from tests.frames import SECOND, block, pcap

PACKETS = [(SECOND * 1_700_000_000 + number * 1_000_123, bytes([number]) * (10 + number), 10 + number + number % 2) for number in range(20)]


def packets(source: CaptureSource) -> list[tuple[int, bytes, int]]:
    return [(int(batch.time_ns[index]), batch.packet(index), int(batch.origlen[index])) for batch in source for index in range(len(batch))]


def read(tmp_path: Path, content: bytes, **options: Any) -> tuple[CaptureSource, list[tuple[int, bytes, int]]]:
    (tmp_path / "capture").write_bytes(content)
    with open_capture([str(tmp_path / "capture")], **options) as source:
        return source, packets(source)


def micro(rows: list[tuple[int, bytes, int]]) -> list[tuple[int, bytes, int]]:
    return [(time_ns // 1000 * 1000, data, original) for time_ns, data, original in rows]


def pcapng(rows: list[tuple[int, bytes, int]]) -> bytes:
    stream = io.BytesIO()
    writer = PcapngWriter(stream)
    interface = writer.interface(1, "eth0")
    for time_ns, data, original in rows:
        writer.packet(interface, time_ns, data, original)
    return stream.getvalue()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_in_both_units_and_byte_orders(tmp_path: Path, big: bool, nanoseconds: bool) -> None:
    content = pcap(PACKETS, big=big, nanoseconds=nanoseconds)
    source, found = read(tmp_path, content)
    assert found == (PACKETS if nanoseconds else micro(PACKETS))
    one, = source.files
    assert (one.format, one.compression, one.link_types, one.packets, one.bytes, one.truncated_packets, one.damaged) == (
        "pcap-ns" if nanoseconds else "pcap", None, ["ETHERNET"], 20, len(content), 10, False)
    assert source.digits == {0: 9 if nanoseconds else 6}
    assert (source.packets, source.first_ns, source.last_ns) == (20, found[0][0], found[-1][0])


def test_what_the_writer_writes_is_read_again(tmp_path: Path) -> None:
    stream = io.BytesIO()
    writer = PcapngWriter(stream)
    writer.secrets(SECRETS_TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n")
    one, two = writer.interface(1, "eth0"), writer.interface(113)
    assert writer.interface(1, "eth0") == one
    writer.packet(one, PACKETS[0][0], b"first", 9, ["a comment", "another"])
    writer.packet(two, PACKETS[1][0], b"second")
    source, found = read(tmp_path, stream.getvalue())
    assert found == [(PACKETS[0][0], b"first", 9), (PACKETS[1][0], b"second", 6)]
    assert source.secrets == [(SECRETS_TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n")]
    assert (source.files[0].link_types, source.interfaces, source.digits) == (["ETHERNET", "LINUX_SLL"], ["eth0", "LINUX_SLL"], {0: 9})


def section(order: str = "<", major: int = 1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1), order)


def interface(link: int = 1, snap: int = 0, told: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap) + told, order)


def enhanced(data: bytes, ticks: int = 0, number: int = 0, order: str = "<", captured: int | None = None) -> bytes:
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data) if captured is None else captured, len(data))
    return block(6, head + data + bytes(-len(data) % 4), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


RESOLUTIONS: list[Any] = [
    pytest.param(b"", 5, 5000, 6, id="microseconds unless told"),
    pytest.param(option(9, b"\x09"), 5, 5, 9, id="nanoseconds"),
    pytest.param(option(9, b"\x03"), 5, 5_000_000, 6, id="milliseconds"),
    pytest.param(option(9, b"\x0c"), 5000, 5, 9, id="picoseconds"),
    pytest.param(option(9, b"\x8a"), 1024, SECOND, 6, id="1/1024 s"),
    pytest.param(option(14, struct.pack("<q", 100)), 5, 100 * SECOND + 5000, 6, id="offset"),
    pytest.param(option(9, b"\x00"), (1 << 63), (1 << 63) - 1, 6, id="beyond what 64 bits hold"),
]


@pytest.mark.parametrize(("told", "ticks", "expected", "digits"), RESOLUTIONS)
def test_times_follow_the_interface(tmp_path: Path, told: bytes, ticks: int, expected: int, digits: int) -> None:
    source, found = read(tmp_path, section() + interface(told=told) + enhanced(b"data", ticks))
    assert [row[0] for row in found] == [expected]
    assert source.digits == {0: digits}


def test_sections_interfaces_byte_orders_and_block_kinds(tmp_path: Path) -> None:
    obsolete = block(2, struct.pack("<HHIIII", 0, 7, 0, 9, 3, 8) + b"old\0")
    simple = block(3, struct.pack("<I", 6) + b"simp\0\0\0\0")
    statistics = block(5, struct.pack("<III", 0, 0, 0) + option(5, struct.pack("<Q", 42)))
    content = (section() + interface(snap=4) + enhanced(b"one", 5) + obsolete + simple + block(0x0BAD, b"dull") + block(4, b"") + statistics
               + section(">") + interface(113, order=">") + interface(1, order=">") + enhanced(b"two", 7, 1, ">"))
    source, found = read(tmp_path, content)
    assert found == [(5000, b"one", 3), (9000, b"old", 8), (9000, b"simp", 6), (7000, b"two", 3)]
    assert source.files[0].link_types == ["ETHERNET", "LINUX_SLL"]
    assert source.dropped == 42
    assert not source.files[0].damaged


@pytest.mark.parametrize(("counters", "dropped"), [
    ([{}], 0),
    ([{4: 9}], 0),
    ([{5: 3}], 3),
    ([{7: 4}], 4),
    ([{5: 3, 7: 4}], 7),
    ([{5: 3}, {5: 5}], 5),
])
def test_what_the_interface_and_the_system_dropped_counts(tmp_path: Path, counters: list[dict[int, int]], dropped: int) -> None:
    told = [b"".join(option(code, struct.pack("<Q", count)) for code, count in one.items()) for one in counters]
    source, _ = read(tmp_path, section() + interface() + enhanced(b"data", 5) + b"".join(block(5, struct.pack("<III", 0, 0, 0) + one) for one in told))
    assert source.dropped == dropped


_SQUEEZE = zlib.compressobj(wbits=31)
ALL_BUT_LAST = _SQUEEZE.compress(pcap(PACKETS)[:-5]) + _SQUEEZE.flush(zlib.Z_FULL_FLUSH)
"""without the end of the last packet, nor of the gzip data"""

DAMAGED: list[Any] = [  # content, packets found, last packet before the damage
    pytest.param(pcap(PACKETS)[:-3], 19, 19, id="pcap cut in a packet"),
    pytest.param(pcap(PACKETS) + b"\0" * 7, 20, 20, id="pcap cut in a header"),
    pytest.param(pcap(PACKETS) + struct.pack("<IIII", 1, 1, 262_145, 9) + pcap(PACKETS)[24:], 20, 20, id="pcap with an absurd length"),
    pytest.param(section() + interface() + enhanced(b"one") + enhanced(b"cut")[:-5], 1, 1, id="pcapng cut in a block"),
    pytest.param(section() + interface() + enhanced(b"one")[:-4] + b"\0\0\0\1" + enhanced(b"two"), 1, 0, id="lengths differ"),
    pytest.param(section() + interface() + struct.pack("<II", 6, 8) + enhanced(b"two"), 1, 0, id="length under 12"),
    pytest.param(section() + interface() + struct.pack("<II", 6, 33) + enhanced(b"two"), 1, 0, id="length no multiple of 4"),
    pytest.param(section() + interface() + struct.pack("<II", 6, 1 << 20) + enhanced(b"two"), 1, 0, id="length past the end"),
    pytest.param(section() + interface() + enhanced(b"one", number=3) + enhanced(b"two"), 1, 0, id="undeclared interface"),
    pytest.param(section() + interface() + enhanced(b"one", captured=99) + enhanced(b"two"), 1, 0, id="captured length past the block"),
    pytest.param(section() + enhanced(b"one") + section(">") + interface(order=">") + enhanced(b"two", order=">"), 1, 0, id="no interface, next section"),
    pytest.param(section() + interface() + b"\xff" * 5004 + section(">") + interface(order=">") + enhanced(b"two", order=">"), 1, 0, id="rubbish, a section"),
    pytest.param(gzip.compress(pcap(PACKETS))[:-9], 20, 20, id="gzip cut short"),
    pytest.param(gzip.compress(pcap(PACKETS))[:-8] + b"summ" + gzip.compress(pcap(PACKETS))[-4:], 20, 20, id="gzip with a wrong checksum"),
    pytest.param(gzip.compress(pcap(PACKETS), 0)[:600] + b"\xff" + gzip.compress(pcap(PACKETS), 0)[601:-4] + b"size", 20, 20, id="gzip with a byte changed"),
    pytest.param(ALL_BUT_LAST + b"\xff" * 40, 19, 19, id="gzip that ends in rubbish"),
    pytest.param(zstandard.compress(pcap(PACKETS)) + b"more", 20, 20, id="something behind zstd"),
]


@pytest.mark.parametrize(("content", "count", "before"), DAMAGED)
def test_damage_is_told_and_everything_around_it_kept(tmp_path: Path, content: bytes, count: int, before: int) -> None:
    source, found = read(tmp_path, content)
    assert len(found) == count == source.files[0].packets
    assert source.files[0].damaged
    assert source.files[0].bytes == len(content)
    assert source.damages[0].packet == before


NONE: list[Any] = [
    pytest.param(b"", "empty", id="empty"),
    pytest.param(b"GET / HTTP/1.1\r\n" * 3, "neither pcap nor pcapng", id="text"),
    pytest.param(pcap([])[:23], "no whole pcap header", id="23 bytes of pcap"),
    pytest.param(section()[:20], "no whole pcapng section header", id="part of a section header"),
    pytest.param(pcap([], major=3), "version 3.4", id="pcap 3"),
    pytest.param(section(major=2), "version 2.0", id="pcapng 2"),
    pytest.param(pcap([], link=0x00300001), "reserved bits", id="reserved link type bits"),
    pytest.param(b"\x34\xcd\xb2\xa1" + bytes(20), "0xa1b2cd34", id="modified pcap"),
    pytest.param(b"snoop\0\0\0" + bytes(20), "--engine tshark", id="snoop"),
    pytest.param(gzip.compress(b"no capture at all, but gzip"), "neither pcap nor pcapng", id="gzip of something else"),
]


@pytest.mark.parametrize(("content", "says"), NONE)
def test_what_is_no_capture_is_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(CaptureError, match=says) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [pcap([]), section(), section() + interface()])
def test_an_empty_capture_is_one(tmp_path: Path, content: bytes) -> None:
    source, found = read(tmp_path, content)
    assert not found and not source.files[0].damaged and source.first_ns is None


COMPRESSED: list[Any] = [
    pytest.param("gzip", gzip.compress, id="gzip"), pytest.param("zstd", zstandard.compress, id="zstd"), pytest.param("lz4", lz4.frame.compress, id="lz4"),
    pytest.param("gzip", lambda data: gzip.compress(data[:77]) + gzip.compress(data[77:]), id="gzip, two members"),
    pytest.param("zstd", lambda data: zstandard.compress(data[:77]) + zstandard.compress(data[77:]), id="zstd, two frames"),
    pytest.param("zstd", lambda data: b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstandard.compress(data), id="zstd, a skippable frame"),
    pytest.param("lz4", lambda data: lz4.frame.compress(data[:77]) + lz4.frame.compress(data[77:]), id="lz4, two frames"),
]


@pytest.mark.parametrize(("name", "compress"), COMPRESSED)
def test_compression_is_told_by_content(tmp_path: Path, name: str, compress: Any) -> None:
    content = compress(pcap(PACKETS))
    source, found = read(tmp_path, content)
    assert found == micro(PACKETS)
    assert (source.files[0].compression, source.files[0].format, source.files[0].bytes, source.files[0].damaged) == (name, "pcap", len(content), False)


@pytest.mark.parametrize("compress", [lambda data: zlib.compress(data, wbits=31), zstandard.compress, lz4.frame.compress])
@pytest.mark.slow
def test_a_bomb_comes_out_in_pieces(compress: Any) -> None:
    source = ByteSource(io.BytesIO(compress(bytes(200 << 20))), live=False)
    total, largest = 0, 0
    while piece := source.read():
        total, largest = total + len(piece), max(largest, len(piece))
    assert total == 200 << 20
    assert largest <= 66 << 20


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, content: bytes, step: int) -> None:
        self._content, self._step = content, step

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece, self._content = self._content[:self._step], self._content[self._step:]
        return piece


@given(st.integers(1, 700), st.sampled_from(["pcap", "pcapng", "gzip", "zstd", "damaged"]))
@settings(deadline=None)
def test_any_pieces_of_a_pipe_give_the_same(step: int, kind: str) -> None:
    plain = pcapng(PACKETS)
    content = {"pcap": pcap(PACKETS, nanoseconds=True), "pcapng": plain, "gzip": gzip.compress(plain), "zstd": zstandard.compress(plain),
               "damaged": plain[:-40] + b"\xff" * 44 + pcapng(PACKETS[:2])}[kind]
    expected = PACKETS if kind != "damaged" else PACKETS[:-1] + PACKETS[:2]
    with open_capture(["-"], stdin=Trickle(content, step)) as source:  # type: ignore[arg-type]
        assert packets(source) == expected
        assert source.files[0].name == "-" and source.files[0].bytes == len(content)


def test_a_pipe_hands_out_packets_as_they_come() -> None:
    with open_capture(["-"], stdin=Trickle(pcap(PACKETS), 40)) as source:  # type: ignore[arg-type]
        assert max(len(batch) for batch in source) <= 3


def test_a_folder_is_read_in_order_of_time_and_what_is_no_capture_is_passed_over(tmp_path: Path) -> None:
    for name, rows in (("b.pcap", PACKETS[:5]), ("a.pcap", PACKETS[5:9]), ("c.pcap.gz", PACKETS[9:])):
        content = pcap(rows)
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    (tmp_path / "notes.txt").write_text("no capture")
    (tmp_path / "empty.pcap").write_bytes(pcap([]))
    with open_capture([str(tmp_path)]) as source:
        assert packets(source) == micro(PACKETS)
        assert [Path(one.name).name for one in source.files] == ["b.pcap", "a.pcap", "c.pcap.gz", "empty.pcap"]


def test_files_keep_their_place_and_are_read_by_time(tmp_path: Path) -> None:
    (tmp_path / "late").write_bytes(pcap(PACKETS[9:]))
    (tmp_path / "early").write_bytes(pcap(PACKETS[:9]))
    with open_capture([str(tmp_path / "late"), str(tmp_path / "early")]) as source:
        order = [batch.file for batch in source]
        assert order == [1, 0]
        assert [Path(one.name).name for one in source.files] == ["late", "early"]


def test_a_folder_without_a_capture_and_a_missing_file_are_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(CaptureError) as caught, open_capture([str(path)]) as source:
            packets(source)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_only_packets_between_two_times_are_handed_out(tmp_path: Path) -> None:
    source, found = read(tmp_path, pcap(PACKETS, nanoseconds=True), from_ns=PACKETS[3][0], to_ns=PACKETS[6][0])
    assert found == PACKETS[3:7]
    assert source.files[0].packets == source.packets == 20
    assert (source.first_ns, source.last_ns) == (PACKETS[3][0], PACKETS[6][0])


def test_packets_of_several_interfaces_are_put_in_order_of_time_on_request(tmp_path: Path) -> None:
    content = section() + interface() + interface() + enhanced(b"late", 9) + enhanced(b"early", 5, 1) + enhanced(b"also", 9, 1)
    _, found = read(tmp_path, content, in_time_order=True)
    assert [data for _, data, _ in found] == [b"early", b"late", b"also"]
    _, found = read(tmp_path, content)
    assert [data for _, data, _ in found] == [b"late", b"early", b"also"]


@pytest.mark.parametrize(("milliseconds", "one_clock", "order"), [
    ([0, 10, 20], True, [1, 2, 3]),
    ([0, 900, 20, 910], True, [1, 3, 2, 4]),
    ([5000, 5010, 1000, 1020, 1010], True, [1, 2, 3, 5, 4]),
    ([5000, 5010, 1000, 1020, 1010], False, [3, 5, 4, 1, 2]),
])
def test_nothing_is_moved_across_a_clock_that_was_set_back(milliseconds: list[int], one_clock: bool, order: list[int]) -> None:
    batch = Batch.of([(time * 10**6, b"x", 1) for time in milliseconds], 1)
    assert batch.in_time_order(one_clock).number.tolist() == order


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_single_packets_are_given_back(tmp_path: Path, compress: Any) -> None:
    (tmp_path / "capture").write_bytes(compress(pcap(PACKETS, nanoseconds=True)))
    with open_capture([str(tmp_path / "capture")], keep=True) as source:
        references = np.concatenate([batch.references() for batch in source]).tolist()
        store = source.store
        assert isinstance(store, PacketStore)
        found = [store.packet(reference) for reference in references]
        assert [(one.time_ns, one.data, one.original_length, one.link) for one in found if one] == [(*row, 1) for row in PACKETS]
        assert store.packet(21) is None and store.packet(1 << 40 | 1) is None


@given(st.binary(max_size=400), st.sampled_from([b"", section(), section() + interface(), section(">") + interface(order=">"), pcap([]), pcap([], big=True)]))
@examples(200)
def test_noise_ends_in_packets_or_one_line(noise: bytes, front: bytes) -> None:
    try:
        with open_capture(["-"], stdin=io.BytesIO(front + noise)) as source:
            found = packets(source)
            assert source.files[0].packets == len(found)
            assert source.files[0].bytes == len(front + noise)
    except CaptureError as error:
        assert "\n" not in str(error)


@pytest.mark.slow
def test_wireshark_reads_what_the_writer_writes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    writer = PcapngWriter(stream)
    writer.packet(writer.interface(1, "eth0"), PACKETS[3][0], bytes(60), 99, ["why"])
    (tmp_path / "written.pcapng").write_bytes(stream.getvalue())
    told = subprocess.run(["tshark", "-r", str(tmp_path / "written.pcapng"), "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.comment",
                           "-e", "frame.interface_name"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.split() == [f"{PACKETS[3][0] // SECOND}.{PACKETS[3][0] % SECOND:09d}", "99", "why", "eth0"]
