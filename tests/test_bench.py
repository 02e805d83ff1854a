"""The generated captures of the benchmark hold what they promise, and measuring measures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from tests.bench import workloads
from tests.bench.measure import CommandFailed, Subject, alternate
from tests.bench.packets import write
from tests.bench.workloads import WORKLOADS
from tests.conftest import Run


def test_devices_on_a_small_scale_are_whole_connections_in_order_of_time() -> None:
    packets = list(workloads._devices(3, 2, 30.0, 1))
    assert len(packets) == 3 * (1 + workloads.FOG_MESSAGES) + 2 * (1 + workloads.IMEI_MESSAGES)
    assert [time for time, _ in packets] == sorted(time for time, _ in packets)
    ports = {Ether(frame)[TCP].dport for _, frame in packets if Ether(frame)[TCP].flags == "S"}
    assert ports == {63321, 12306}


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_frames_have_right_lengths_and_header_checksums(name: str) -> None:
    for _, frame in islice(WORKLOADS[name].packets(), 100):
        packet = Ether(frame)
        said = packet[IP].chksum
        del packet[IP].chksum
        assert Ether(bytes(packet))[IP].chksum == said
        assert packet[IP].len == len(frame) - 14
        if UDP in packet:
            assert packet[UDP].len == len(frame) - 34


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_a_workload_is_the_same_every_time(name: str) -> None:
    assert list(islice(WORKLOADS[name].packets(), 500)) == list(islice(WORKLOADS[name].packets(), 500))


@pytest.mark.slow
def test_sequence_numbers_leave_no_hole() -> None:
    following: dict[tuple[str, int, str, int], int] = {}
    for _, frame in islice(WORKLOADS["foreign"].packets(), 5000):
        packet = Ether(frame)
        if TCP not in packet:
            continue
        segment = packet[TCP]
        end = (packet[IP].src, segment.sport, packet[IP].dst, segment.dport)
        if end in following:
            assert segment.seq == following[end]
        following[end] = segment.seq + len(segment.payload) + (segment.flags == "S") & 0xFFFFFFFF
    assert len(following) > 300


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("devices", 206_000), ("encrypted", 199_500)])
def test_a_workload_has_its_size(name: str, count: int, tmp_path: Path) -> None:
    assert write(tmp_path / "x.pcap", WORKLOADS[name].packets()) == count
    with RawPcapReader(str(tmp_path / "x.pcap")) as reader:
        assert sum(1 for _ in reader) == count


@pytest.mark.slow
@pytest.mark.parametrize(("packets", "messages", "notes"), [
    pytest.param(lambda: workloads._devices(20, 10, 30.0, 1), 20 * workloads.FOG_MESSAGES + 10 * workloads.IMEI_MESSAGES,
                 {"security.cleartext-credential"}, id="devices"),
    pytest.param(lambda: workloads.encrypted(pairs=5, chains=6), 5 * 6 * 3, set(), id="encrypted"),
])
def test_a_workload_is_clean(packets: Callable[[], Iterator[workloads.Timed]], messages: int, notes: set[str], tmp_path: Path, call_dissect: Run) -> None:
    """The benchmark measures the common case: every message is found, decrypted and answered, and nothing is wrong with it."""
    write(tmp_path / "x.pcap", packets())
    keys = tmp_path / "keys.toml"
    keys.write_text(WORKLOADS["encrypted"].keys or "", encoding="utf-8")
    keys.chmod(0o600)
    report = json.loads(call_dissect("report", tmp_path / "x.pcap", "--keys", keys).stdout)
    assert report["totals"]["messages"] == messages
    assert {anomaly["code"] for session in report["sessions"] for anomaly in session["anomalies"]} <= notes
    assert {exchange["status"] for session in report["sessions"] for exchange in session["exchanges"]} == {"ok"}
    states = {message["encryption"]["status"] for session in report["sessions"] for message in session["messages"] if message["encryption"]}
    assert states <= {"decrypted"}


MEASURED = """
import sys
from tests.bench.measure import Subject, alternate, table
quick = Subject("files", "quick", (sys.executable, "-c", "pass"))
slow = Subject("files", "slow", (sys.executable, "-c", "import time; time.sleep(0.3); x = bytearray(60 << 20)"))
alternate([quick, slow], 2, 30)
print(len(quick.seconds), slow.time_s > 0.3 > quick.time_s, slow.memory_mb > quick.memory_mb + 40)
print(table([quick, slow]))
"""


def test_measuring_gives_time_and_memory_and_ratios() -> None:
    """In a small process, as the benchmark itself: a child's peak begins at what its parent held when it started it."""
    said = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert said[0] == "2 True True"
    assert said[3].startswith("| files | quick | ") and said[3].endswith("| 1.00 |")


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(CommandFailed, match="exit status 3: no luck"):
        alternate([Subject("files", "bad", (sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"))], 1, 30)


def test_a_command_that_hangs_is_ended() -> None:
    with pytest.raises(CommandFailed, match="exit status -9"):
        alternate([Subject("files", "hangs", (sys.executable, "-c", "import time; time.sleep(60)"))], 1, 0.5)
