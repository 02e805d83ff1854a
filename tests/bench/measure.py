"""Wall time and peak memory of commands, run in turn so that a slow moment of the machine strikes all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass
class Subject:
    """One command on one file. Its figures are multiplied by *share* when it read only a part."""

    workload: str
    label: str
    command: Sequence[str]
    share: int = 1
    once: bool = False
    """too slow for every round: measured in the first one"""
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    @property
    def time_s(self) -> float:
        return median(self.seconds) * self.share

    @property
    def memory_mb(self) -> float:
        return max(self.megabytes)


class CommandFailed(Exception):
    """A subject did not do its work, so its time says nothing."""


def run_once(subject: Subject, limit_s: float) -> None:
    """Adds one measurement. The peak is the largest of the process and of the children it waited for (`ru_maxrss`)."""
    started = time.perf_counter()
    nothing = subprocess.DEVNULL
    with subprocess.Popen(subject.command, stdin=nothing, stdout=nothing, stderr=subprocess.PIPE, start_new_session=True) as process:
        deadline = started + limit_s
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.002)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        said = process.stderr.read().decode(errors="replace") if process.stderr else ""
    if process.returncode:
        last = said.strip().splitlines()[-1:] or ["nothing on stderr"]
        raise CommandFailed(f"{subject.label} on {subject.workload}: exit status {process.returncode}: {last[0]}")
    subject.seconds.append(seconds)
    subject.megabytes.append(usage.ru_maxrss / 1024)


def alternate(subjects: Sequence[Subject], runs: int, limit_s: float) -> None:
    """*runs* rounds, each of every subject in turn. The first round follows one unmeasured reading of the files."""
    for path in {part for subject in subjects for part in subject.command if part.endswith(".pcap")}:
        with Path(path).open("rb") as file:
            while file.read(1 << 20):
                pass
    for number in range(runs):
        for subject in subjects:
            if number and subject.once:
                continue
            run_once(subject, limit_s)
            figures = f"{subject.seconds[-1]:.2f} s, {subject.megabytes[-1]:.0f} MB"
            print(f"  round {number + 1}: {subject.workload}, {subject.label}: {figures}", file=sys.stderr)


def table(subjects: Sequence[Subject]) -> str:
    """Markdown: each subject with its ratio to the first of its workload, which is dissect's report."""
    lines = ["| capture | reader | seconds | peak MB | time, as a multiple of the first row |", "| --- | --- | ---: | ---: | ---: |"]
    first: dict[str, Subject] = {}
    for subject in subjects:
        base = first.setdefault(subject.workload, subject)
        part = "" if subject.share == 1 else f" (1/{subject.share} of it, times {subject.share})"
        figures = (f"{subject.time_s:.2f}", f"{subject.memory_mb:.0f}", f"{subject.time_s / base.time_s:.2f}")
        lines.append(f"| {' | '.join((subject.workload, subject.label + part, *figures))} |")
    return "\n".join(lines)
