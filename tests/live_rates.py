"""How many packets a second `dissect live`, `tshark -i` and scapy's sniffing take without a drop: `python -m tests.live_rates`.

tcpreplay sends the bench's devices (200,000 messages, each of which is read and paired) over a veth pair at rising rates, each program beside
nothing else. A rate counts when every packet was seen; whether the program then had worked them up soon is told too.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.namespaces import Network

RATES = (5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 120_000, 160_000, 240_000)
ROOT = Path(__file__).resolve().parent.parent
SCAPY = """
import signal, sys
from scapy.all import conf, sniff
conf.sniff_promisc = False
seen = [0]
def one(packet): seen[0] += 1
def end(*_): raise KeyboardInterrupt
signal.signal(signal.SIGINT, end)
print("ready", file=sys.stderr, flush=True)
sniff(iface="veth", filter="ip", store=False, prn=one)
print(seen[0])
"""


class Run(NamedTuple):
    seen: int
    working_s: float
    """from the end of sending to the program's end"""


class Rate(NamedTuple):
    """The highest rate at which a program saw all packets; 0: none of those tried."""

    program: str
    best: int
    reached: float
    """packets a second as tcpreplay really sent them"""
    behind_s: float
    """how long after the last packet the program was through with all of them"""


def dissect_live(network: Network, count: int, play: Callable[[], float]) -> tuple[Run, float]:
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "live.ndjson"
        process = network.popen(network.b, [sys.executable, "-m", "dissect", "live", "-i", "veth", "--bpf", "ip", "--report", str(lines)],
                                env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert process.stderr is not None and b"capturing on" in process.stderr.readline()
        sent = play()
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
        source = json.loads(lines.read_bytes().rsplit(b"\n", 3)[-3])
        assert source["packets"] + source["packets_dropped"] >= count, "a packet was neither seen nor counted as dropped"
        return Run(source["packets"], time.monotonic() - begun), sent


def tshark(network: Network, count: int, play: Callable[[], float]) -> tuple[Run, float]:
    with tempfile.TemporaryFile() as lines:
        process = network.popen(network.b, ["tshark", "-n", "-p", "-i", "veth", "-f", "ip"], stdout=lines)
        assert process.stderr is not None
        _await(process, b"Capturing on")
        time.sleep(1)
        sent = play()
        begun = time.monotonic()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        process.wait(120)
        took = time.monotonic() - begun
        lines.seek(0)
        dropped = re.search(r"(\d+) packets? dropped", said)
        return Run(min(lines.read().count(b"\n"), count - int(dropped[1]) if dropped else count), took), sent


def scapy(network: Network, count: int, play: Callable[[], float]) -> tuple[Run, float]:
    process = network.popen(network.b, [sys.executable, "-c", SCAPY])
    assert process.stderr is not None and process.stdout is not None
    _await(process, b"ready")
    time.sleep(1)
    sent = play()
    begun = time.monotonic()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    seen = process.stdout.read()
    process.wait(60)
    return Run(int(seen or 0), time.monotonic() - begun), sent


def _await(process: subprocess.Popen[Any], word: bytes) -> None:
    assert process.stderr is not None
    while word not in (line := process.stderr.readline()):
        assert line, f"{process.args} said nothing of {word!r}"


PROGRAMS: dict[str, Callable[[Network, int, Callable[[], float]], tuple[Run, float]]] = {
    "dissect live": dissect_live, "tshark -i": tshark, "scapy sniff": scapy}


def highest(program: str, capture: Path, count: int, rates: tuple[int, ...] = RATES) -> Rate:
    """Try rising rates until packets are missing."""
    best = Rate(program, 0, 0.0, 0.0)
    for rate in rates:
        with Network() as network:
            def play(rate: int = rate, network: Network = network) -> float:
                # Few enough packets that a rate is held for some seconds, and no more than the capture has.
                command = ["tcpreplay", "-q", "-K", f"--pps={rate}", "-i", "veth", "-L", str(count), str(capture)]
                ended = subprocess.run(["ip", "netns", "exec", network.a, *command], capture_output=True, timeout=180, check=True)
                rated = re.search(rb"([\d.]+) pps", ended.stdout)
                return float(rated[1]) if rated else 0.0
            run, sent = PROGRAMS[program](network, count, play)
        if run.seen < count:
            break
        best = Rate(program, rate, sent, run.working_s)
        if sent < 0.8 * rate:
            break  # tcpreplay can no more
    return best


def told(rates: list[Rate], count: int) -> list[str]:
    lines = [f"{count} packets, the highest rate without a drop (of {', '.join(str(rate) for rate in RATES)} a second)"]
    return lines + [f"{one.program:<13} {one.best:>7} packets/s (sent at {one.reached:.0f}), through {one.behind_s:.1f} s after the last packet"
                    for one in rates]


def workload(folder: Path) -> tuple[Path, int]:
    """The bench's devices."""
    subprocess.run([sys.executable, "-m", "tests.bench.generate", str(folder), "devices"], check=True, cwd=ROOT)
    return folder / "devices.pcap", int((folder / "devices.count").read_text())


def main() -> int:
    capture, count = workload(ROOT / ".bench")
    print("\n".join(told([highest(program, capture, count) for program in PROGRAMS], count)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
