"""The packets that came last: given back byte for byte while they are kept, bounded in number and size."""

from __future__ import annotations

import numpy as np
import pytest

from dissect.capture import Batch
from tui.recent import RecentPackets


def batch(first: int, sizes: list[int], file: int = 0) -> Batch:
    """Packets whose bytes are their number's last digit, with other bytes before and between them, as a ring's block has."""
    data, offsets = b"head", []
    for place, size in enumerate(sizes):
        offsets.append(len(data))
        data += bytes([(first + place) % 256]) * size + b"--"
    count = len(sizes)
    return Batch(data, np.array(offsets, np.int64), np.array(sizes, np.int64), np.array([size + 1 for size in sizes], np.int64),
                 np.arange(first, first + count, dtype=np.int64) * 1000, np.ones(count, np.int64), np.arange(first, first + count, dtype=np.int64), file)


def test_packets_are_given_back_and_the_oldest_go() -> None:
    recent = RecentPackets(segments=3, segment_bytes=500, segment_packets=10)
    for first in range(1, 101, 4):
        recent.add(batch(first, [10, 0, 30, 7]))
    kept = [number for number in range(1, 101) if recent.packet(0, number) is not None]
    assert kept == list(range(101 - len(kept), 101)) and 8 <= len(kept) <= 30 and recent.dropped == 100 - len(kept)
    for number in kept:
        record = recent.packet(0, number)
        assert record is not None
        size = [10, 0, 30, 7][(number - 1) % 4]
        assert record == (bytes([number]) * size, size + 1, number * 1000, 1)
    recent.close()
    assert recent.packet(0, 100) is None


@pytest.mark.parametrize("number", [0, -1, 5, 1 << 40])
def test_what_never_came_is_not_there(number: int) -> None:
    recent = RecentPackets()
    recent.add(batch(1, [3, 3]))
    recent.add(batch(1, [4], file=1))
    assert recent.packet(0, number) is None and recent.packet(2, 1) is None
    found = recent.packet(1, 1)
    assert found is not None and found.data == b"\1\1\1\1"
    recent.add(batch(1, []))
    recent.close()


def test_a_batch_larger_than_a_segment_is_kept_whole() -> None:
    recent = RecentPackets(segments=2, segment_bytes=10, segment_packets=2)
    recent.add(batch(1, [50, 50, 50]))
    assert [recent.packet(0, number) is not None for number in (1, 2, 3)] == [True] * 3
    recent.close()
