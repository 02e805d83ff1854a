"""`dissect tui` in a terminal of its own (a pty): what it writes there, byte for byte."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """Use it as a context; `seen` is all that was written so far."""

    def __init__(self, *arguments: str | Path, size: tuple[int, int] = (120, 40), environment: dict[str, str] | None = None,
                 prefix: tuple[str, ...] = (), standard_input: Path | None = None) -> None:
        """*standard_input*: a file that comes through a pipe instead of the terminal's keys, which then come by /dev/tty."""
        self.seen = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        variables = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONUTF8": "1", **(environment or {})}
        command = [*prefix, sys.executable, "-m", "dissect", "tui", *map(str, arguments)]
        if standard_input is not None:
            command = ["sh", "-c", 'file=$1; shift; cat "$file" | "$@"', "sh", str(standard_input), *command]
        def own() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self._process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own)
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *what: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        os.close(self._master)

    def read(self, seconds: float) -> bytes:
        """What comes within *seconds*."""
        end = time.monotonic() + seconds
        came = b""
        while (left := end - time.monotonic()) > 0:
            if not select.select([self._master], [], [], min(left, 0.1))[0]:
                continue
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                break  # the other end is closed: it has quit
            came += data
        self.seen += came
        return came

    def wait_for(self, text: bytes, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} did not appear; the end of what did: {self.seen[-2000:]!r}")
            self.read(0.2)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def status(self, seconds: float = 10) -> int:
        """Exit status."""
        self.read(0.2)
        status = self._process.wait(seconds)
        self.read(0.2)
        return status
