"""The highest rates without a drop, beside tshark's and scapy's on the same machine; overload is counted, not silent."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.live_rates import PROGRAMS, Rate, highest, told, workload
from tests.namespaces import Network
from tests.test_live import Live, seconds_of

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


def test_lines_come_within_a_second_at_1500_packets_a_second(environment: dict[str, str]) -> None:
    """Of each message's last packet; 99 of 100, since the machine may have other things to do."""
    with Network() as network:
        live = Live(network, "--bpf", "ip", environment=environment)
        sender = network.popen(network.a, [sys.executable, "-m", "tests.soak.sender", "veth", "1500", "10", "churn"], env=environment)
        assert sender.wait(60) == 0
        time.sleep(1.5)
        late = sorted(at - seconds_of(line["time"]) for at, line in list(live.lines.queue) if line["kind"] == "message")
        live.end()
    assert len(late) > 10_000
    assert late[len(late) * 99 // 100] < 1.0, (late[len(late) // 2], late[len(late) * 99 // 100], late[-1])
