"""Parts of live capture without an interface: the ring of files, what is kept of sessions, blocks of the kernel's ring."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.messages import line
from dissect.analysis import Analysis
from dissect.capture import Batch, open_capture
from dissect.errors import CaptureError
from dissect.live import kept as kept_module
from dissect.live.capture import after
from dissect.live.kept import KeptSessions
from dissect.live.ring import _batch
from dissect.live.saving import Recorder, RingSize, parse_ring
from dissect.model import Source
from dissect.options import Options
from dissect.pipeline import analyse
from dissect.report import write_json
from dissect.streams.api import Listener
from tests.bench.packets import SYN, Flow
from tests.frames import batch
from tests.made_capture import SAID, pcap
from tests.soak.census import Replay
from tests.soak.traffic import SCENES

# -- --ring --


@pytest.mark.parametrize(("text", "found"), [("100MB:10", (100_000_000, 10)), ("1.5kB:1", None), ("64KiB:2", (65536, 2)), ("5000:3", (5000, 3)),
                                             ("1GB:0", None), ("1TB:3", None), ("100MB", None), ("-1MB:2", None), ("1MB:1000000", None)])
def test_ring_sizes(text: str, found: tuple[int, int] | None) -> None:
    if found is None:
        with pytest.raises(ValueError, match="."):
            parse_ring(text)
    else:
        assert parse_ring(text) == found


@given(sizes=st.lists(st.integers(1, 1500), min_size=1, max_size=60), size=st.integers(4096, 9000), files=st.integers(1, 4))
def test_a_ring_holds_the_latest_packets_whole(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], size: int, files: int) -> None:
    folder = tmp_path_factory.mktemp("ring")
    recorder = Recorder(str(folder / "r.pcapng"), "eth0", 1, RingSize(size, files))
    frames = [bytes([number % 256]) * length for number, length in enumerate(sizes)]
    whole = batch(frames)
    told: list[tuple[int, int]] = []
    begin = 0
    while begin < len(whole):
        rest = whole.select(slice_of(whole, begin))
        room = recorder.room(rest)
        part = rest.select(slice_of(rest, 0, room))
        told += [(recorder.file, recorder.next_number + place) for place in range(room)]
        recorder.write(part)
        begin += room
    recorder.close(1)
    names = sorted(folder.glob("r_*.pcapng"))
    assert len(names) <= files and all(name.stat().st_size <= size + 100 for name in names)
    kept: list[bytes] = []
    for name in names:
        with open_capture([str(name)]) as capture:
            found = [one.packet(index) for one in capture for index in range(len(one))]
            assert not capture.damages
        assert [number for file, number in told if file == int(name.stem[2:]) - 1] == list(range(1, len(found) + 1))
        kept += found
    assert kept == frames[len(frames) - len(kept):]


def slice_of(one: Batch, begin: int, end: int | None = None) -> Any:
    import numpy as np

    return np.arange(len(one))[begin:end]


def test_drops_are_told_in_the_file(tmp_path: Path) -> None:
    recorder = Recorder(str(tmp_path / "x.pcapng"), "eth0", 1, None)
    recorder.write(batch([b"a" * 60]))
    recorder.received, recorder.dropped = 1, 7
    recorder.close(5)
    with open_capture([str(tmp_path / "x.pcapng")]) as capture:
        list(capture)
        assert capture.dropped == 7


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    name = str(tmp_path / "x.pcapng")
    first = Recorder(name, "eth0", 1, None)
    first.write(batch([b"a" * 60]))
    with pytest.raises(CaptureError, match="being written by another run of dissect"):
        Recorder(name, "eth0", 1, None)
    first.close(1)
    with open_capture([name]) as capture:
        assert sum(len(one) for one in capture) == 1 and not capture.damages
    Recorder(name, "eth0", 1, None).close(1)
    with open_capture([name]) as capture:
        assert not list(capture) and not capture.damages


def test_packets_go_to_what_is_no_file_too() -> None:
    recorder = Recorder("/dev/null", "eth0", 1, None)
    recorder.write(batch([b"a" * 60]))
    recorder.end()
    assert [one.packets for one in recorder.described()] == [1]


# -- --keep --


def report_of(analysis: Analysis) -> dict[str, Any]:
    import io

    out = io.BytesIO()
    write_json(analysis, out)
    return json.loads(out.getvalue())  # type: ignore[no-any-return]


def three_connections(tmp_path: Path) -> list[str]:
    """The same story three times, from three addresses."""
    names = []
    for number in range(3):
        said = tuple((who, data.replace(b"12345678", b"1234567%d" % number)) for who, data in SAID)
        name = tmp_path / f"{number}.pcap"
        name.write_bytes(pcap(said).replace(bytes((10, 0, 0, 5)), bytes((10, 0, 0, 5 + number))))
        names.append(str(name))
    return names


@pytest.mark.parametrize("keep", [1, 2, 3, 9])
def test_kept_sessions_are_told_as_without_a_limit(keep: int, tmp_path: Path) -> None:
    whole, some = Analysis(), Analysis()
    names = three_connections(tmp_path)
    with open_capture(names) as capture:
        analyse(capture, whole, Options())
    with open_capture(names) as capture:
        kept = KeptSessions(some, keep)
        analyse(capture, kept, Options())
    all_of_it, part = report_of(whole), report_of(some)
    assert len(part["sessions"]) == min(keep, 3) and kept.forgotten == 3 - len(part["sessions"])
    serials = [session["device_id"] for session in part["sessions"]]
    assert [device["id"] for device in part["devices"]] == sorted(serials)
    for session in part["sessions"]:
        other = next(one for one in all_of_it["sessions"] if one["device_id"] == session["device_id"])
        assert [message["fields"] for message in session["messages"]] == [message["fields"] for message in other["messages"]]
        assert [one["status"] for one in session["exchanges"]] == [one["status"] for one in other["exchanges"]]
        assert [one["code"] for one in session["anomalies"]] == [one["code"] for one in other["anomalies"]]
    assert part["totals"]["messages"] == sum(len(session["messages"]) for session in part["sessions"])


def test_what_is_forgotten_gives_its_room_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred connections, of which two are kept: the spool does not grow with those that went."""
    monkeypatch.setattr(kept_module, "SPARE", 1000)
    analysis = Analysis()
    kept = KeptSessions(analysis, 2)
    largest = 0
    replay = Replay(SCENES["churn"], 20, devices=1)
    replay.pipeline.engine.sink = kept
    for _ in range(20):
        replay.feed(600)
        largest = max(largest, len(kept._spool))
    assert kept.forgotten > 50
    live = sum(told.size for told in kept._events.values())
    assert len(kept._spool) <= 2 * live + 1000 + 100_000
    replay.table.finish(2 * 10**18)
    replay.pipeline.finish(2 * 10**18)
    kept.finish(Source(kind="live", files=[]), replay.pipeline.engine.totals)
    report = report_of(analysis)
    assert report["totals"]["messages"] == sum(len(session["messages"]) for session in report["sessions"]) > 0


# -- the queue --


@given(st.lists(st.tuples(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), st.integers(0, 1)), min_size=1, max_size=8),
       st.integers(1, 12))
def test_batches_that_wait_together_are_one(waiting: list[tuple[list[bytes], int]], together: int) -> None:
    """Every packet once, in order, with its number and its file."""
    from collections import deque

    from dissect.live import capture as module

    one = object.__new__(module.LiveCapture)
    one._queue, one._queued = deque(), 0
    expected = []
    file = 0
    for number, (frames, step) in enumerate(waiting):
        file += step
        part = batch(frames, first_number=1 + 10 * number)
        part.file = file
        one._queue.append(part)
        one._queued += len(part.buffer)
        expected += [(file, 1 + 10 * number + place, frame) for place, frame in enumerate(frames)]
    found = []
    before, module.TOGETHER = module.TOGETHER, together
    try:
        while one._queue:
            got = one._next()
            assert len(got) <= max(together, 5)
            found += [(got.file, int(got.number[place]), got.packet(place)) for place in range(len(got))]
    finally:
        module.TOGETHER = before
    assert found == expected and one._queued == 0


# -- the kernel's blocks --


def block_of(packets: list[tuple[bytes, int, int]]) -> bytearray:
    """A TPACKET_V3 block of (data, time in ns, kind of packet)."""
    head = 48
    parts = bytearray(struct.pack("2I4IQ4I", 3, 0, 1, len(packets), head, 0, 1, 0, 0, 0, 0))
    for place, (data, time_ns, kind) in enumerate(packets):
        size = (96 + len(data) + 15) // 16 * 16
        following = size if place + 1 < len(packets) else 0
        header = struct.pack("6I2HIIHH8x", following, time_ns // 10**9, time_ns % 10**9, len(data), len(data) + 5, 0, 96, 110, 0, 0, 0, 0)
        address = struct.pack("HHiHBB8s", 17, 8, 1, 1, kind, 6, bytes(8))
        parts += (header + address).ljust(96, b"\0") + data.ljust(size - 96, b"\0")
    return parts


@given(st.lists(st.tuples(st.binary(min_size=14, max_size=200), st.integers(0, 4 * 10**18), st.integers(0, 4)), min_size=1, max_size=8), st.booleans())
def test_blocks_become_batches(packets: list[tuple[bytes, int, int]], loopback: bool) -> None:
    found = _batch(block_of(packets), 1, loopback)
    expected = [one for one in packets if not (loopback and one[2] == 4)]
    if not expected:
        assert found is None
        return
    assert found is not None
    assert [found.packet(index) for index in range(len(found))] == [data for data, _, _ in expected]
    assert found.time_ns.tolist() == [time_ns for _, time_ns, _ in expected]
    assert found.origlen.tolist() == [len(data) + 5 for data, _, _ in expected]
    assert found.number.tolist() == list(range(1, 1 + len(expected)))


# -- the clock --


@pytest.mark.parametrize(("clock", "now", "found"), [(0, 100, 100), (100, 99.8, 100), (100, 104, 104), (100, 96, 100), (3700, 100, 100), (100, 3700, 3700)])
def test_the_clock_goes_back_when_it_is_set_back(clock: float, now: float, found: float) -> None:
    assert after(int(clock * 10**9), int(now * 10**9)) == int(found * 10**9)


class SetBack:
    """A capture whose clock is set back by an hour; then a request, a rest, and its answer."""

    kind: Literal["live"] = "live"
    interface, capture_filter, files, damages, dropped, packets, first_ns, several_interfaces, store = "eth0", None, (), (), 0, 5, 0, False, None
    secrets: tuple[tuple[int, bytes], ...] = ()

    def __init__(self) -> None:
        self.clock_ns = self.last_ns = 0
        self.digits = {0: 9}
        self.snap_lengths: dict[int, dict[int, int]] = {}

    def listening(self, listener: Listener) -> Listener:
        return listener

    def __iter__(self) -> Iterator[Batch]:
        flow = Flow(bytes((10, 0, 0, 5)), bytes((10, 0, 0, 1)), 40000, 63321, 5)
        begun = 1_795_000_000
        steps = [(begun, 0, b""), (begun + 1, 0, line("req001", eqSN="12345678", eqType="128")),
                 (begun + 1.5, 1, line("res001", eqSN="12345678", code="0", tKey="0123456789abcdef")),
                 (begun - 3600, 0, line("req100", eqSN="12345678", tKey="0123456789abcdef")), (begun - 3598, 1, line("res100", eqSN="12345678", code="0"))]
        for number, (second, side, data) in enumerate(steps, 1):
            at = int(second * 10**9)
            self.last_ns, self.clock_ns = max(self.last_ns, at), after(self.clock_ns, at)
            frame = flow.tcp(side, data, 0x18 if data else SYN)
            yield Batch.of([(at, frame, len(frame))], 1, first_number=number)
            self.clock_ns = after(self.clock_ns, at + 10**9)
            yield Batch.of([], 1)


def test_answers_find_their_requests_after_the_clock_was_set_back() -> None:
    told = Analysis()
    analyse(SetBack(), told, Options())
    exchanges = [exchange for session in report_of(told)["sessions"] for exchange in session["exchanges"]]
    assert [exchange["status"] for exchange in exchanges] == ["ok", "ok"]
