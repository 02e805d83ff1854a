"""One soak: the endless traffic on a veth pair, `dissect live` reading it, its memory taken every second."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.namespaces import Network

WARM_UP_S, WARM_UP = 75, 0.42
"""seconds, and part of a longer run, in which buffers and tables fill: the kernel's ring is touched, ids are remembered for 60 to 120 s,
connections that ended for 240 s, what CoAP may repeat for 247 s"""
WINDOW_S = 10
ALLOWED = 0.05


class Soaked(NamedTuple):
    seconds: float
    sent: int
    captured: int
    dropped: int
    messages: int
    memory: list[int]
    """resident bytes, once a second"""

    @property
    def growth(self) -> float:
        """Of the last ten seconds over those that followed the warm-up, as a part of these."""
        return self._mean(-WINDOW_S, None) / self._mean(self.warm, self.warm + WINDOW_S) - 1

    @property
    def warm(self) -> int:
        """The sample with which the warm-up ends."""
        return max(WARM_UP_S, int(len(self.memory) * WARM_UP))

    def _mean(self, begin: int, end: int | None) -> float:
        some = self.memory[begin:end]
        return sum(some) / len(some)

    def lines(self) -> list[str]:
        return [f"{self.seconds:.0f} s, {self.sent} packets sent, {self.captured} captured, {self.dropped} dropped, {self.messages} messages",
                f"memory {self.memory[self.warm] / 1e6:.1f} MB after the warm-up, {self.memory[-1] / 1e6:.1f} MB at the end, "
                f"growth {self.growth:+.2%} (allowed {ALLOWED:.0%})",
                "MB each half minute: " + " ".join(f"{size / 1e6:.0f}" for size in self.memory[::30])]


def soak(seconds: float, rate: int, folder: Path, scene: str = "lasting") -> Soaked:
    """*seconds*: more than the warm-up and two windows. *scene*: one of `traffic.SCENES`. Raises AssertionError when one of the programs fails."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    lines = folder / "live.ndjson"
    with Network() as network:
        live = network.popen(network.b, [sys.executable, "-m", "dissect", "live", "-i", "veth", "--report", str(lines), "--bpf", "ip",
                                         "--write", str(folder / "ring.pcapng"), "--ring", "10MB:3"], env=environment)
        assert live.stderr is not None and b"capturing on" in live.stderr.readline()
        sender = network.popen(network.a, [sys.executable, "-m", "tests.soak.sender", "veth", str(rate), str(seconds), scene], env=environment)
        memory = []
        while sender.poll() is None:
            assert live.poll() is None, live.stderr.read()
            memory.append(resident(live.pid))
            time.sleep(1)
        assert sender.returncode == 0 and sender.stdout is not None
        sent = int(sender.stdout.read())
        time.sleep(1)
        live.send_signal(signal.SIGINT)
        assert live.wait(60) == 0
    last = lines.read_bytes().rsplit(b"\n", 3)
    source, totals = json.loads(last[-3]), json.loads(last[-2])
    return Soaked(seconds, sent, source["packets"], source["packets_dropped"], totals["messages"], memory)


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
