"""The highest rates without a drop, beside tshark's and scapy's on the same machine; overload is counted, not silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live_rates import PROGRAMS, Rate, highest, told, workload

pytestmark = pytest.mark.slow

FLOOR = 5_000
"""packets a second that any machine gives; what this one gives is printed"""


def test_highest_rate_without_a_drop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every packet that was sent is either in the report or counted as dropped (`dissect_live` asserts it at each rate)."""
    capture, whole = workload(tmp_path)
    count = whole // 4
    rates: list[Rate] = [highest(program, capture, count) for program in PROGRAMS]
    with capsys.disabled():
        print("\n" + "\n".join(told(rates, count)))
    ours, _, scapys = rates
    assert ours.best >= FLOOR
    assert ours.best >= scapys.best
