#!/usr/bin/env python3
"""Everything that must hold: make check, make test, and, where ../shared lies beside the project, the checks on foreign and simulated captures.

The aim is 20 minutes on two cores; what takes far longer hangs, and is ended. What a step leaves running is ended and counts as
a failure. Exit status 0: all held.
Variables: FOREIGN_ARGS and SIM_ARGS are further arguments of the two checks (their thresholds), LIMIT_SECONDS the limit in time.
"""

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
DISSECT = shlex.join([str(ROOT / ".venv" / "bin" / "python"), "-m", "dissect"])
LIMIT_SECONDS = float(os.environ.get("LIMIT_SECONDS", "3000"))
PR_SET_CHILD_SUBREAPER = 36
CHECKS = (("foreign captures", "foreign", [], "FOREIGN_ARGS"), ("simulated captures", "sim", ["--all"], "SIM_ARGS"))


def steps() -> list[tuple[str, list[str]]]:
    """Name and command of each step, in order; quick ones first."""
    found = [("make check", ["make", "--no-print-directory", "check"]), ("make test", ["make", "--no-print-directory", "test"])]
    for name, folder, more, variable in CHECKS:
        program = SHARED / folder / "check.py"
        if program.exists():
            arguments = shlex.split(os.environ.get(variable, ""))
            found.append((name, [sys.executable, str(program), "--dissect", DISSECT, *more, *arguments]))
    return found


def children() -> list[tuple[int, str]]:
    """Process id and command line of our own children: as subreaper we inherit whatever a step orphans."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            stat = (directory / "stat").read_text()
            parent = int(stat.rpartition(")")[2].split()[1])
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked, or is not ours
        if parent == os.getpid():
            found.append((int(directory.name), command))
    return found


def reap() -> None:
    """Takes the exit status of children that ended, so that none stays a zombie."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def end_leftovers() -> list[str]:
    """Ends what a step left running, with its descendants; their command lines."""
    left: list[str] = []
    deadline = time.monotonic() + 20
    time.sleep(0.5)  # what is just ending may end
    while time.monotonic() < deadline:
        reap()
        running = [(pid, command) for pid, command in children() if command]
        if not running:
            return left
        for pid, command in running:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended by itself in between
            left.append(command)
        time.sleep(0.2)
    return left


def run(name: str, command: list[str], limit_s: float) -> bool:
    print(f"== {name}", flush=True)
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        status: int | str = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        status = "out of time"
    left = end_leftovers()
    for command_line in left:
        print(f"   left running, ended: {command_line[:150]}", flush=True)
    good = status == 0 and not left
    print(f"== {name}: {'ok' if good else f'FAILED ({status})'}, {time.monotonic() - started:.0f} s", flush=True)
    return good


def main() -> int:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    end = time.monotonic() + LIMIT_SECONDS
    results = [run(name, command, max(1.0, end - time.monotonic())) for name, command in steps()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
