"""The program tshark: where it is, and files turned by it into pcapng."""

from __future__ import annotations

import shutil
import subprocess
from typing import IO

from dissect.errors import CaptureError

INSTALL = ("it is not installed: `apt install tshark` (Debian, Ubuntu), `dnf install wireshark-cli` (Fedora), `brew install wireshark` (macOS), "
           "or wireshark.org")
_LONGEST_REASON = 300
_NOISE = "Running as user"


def find_tshark(why: str) -> str:
    """The program's path. Raises CaptureError, which says that it is needed for *why* and how to install it."""
    path = shutil.which("tshark")
    if path is None:
        raise CaptureError(f"{why} needs tshark, and {INSTALL}")
    return path


def convert(tshark: str, name: str, out: IO[bytes]) -> None:
    """Write the packets of the file *name*, of whatever format tshark knows, to *out* as pcapng. Raises CaptureError."""
    with subprocess.Popen([tshark, "-n", "-r", name, "-F", "pcapng", "-w", "-"], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.read()
            status = process.wait()
        finally:
            process.kill()
    if status and not out.tell():
        raise CaptureError(f"{name}: tshark cannot read it ({reason_of(said)})")


def reason_of(said: bytes) -> str:
    """The last thing that tshark said, in one short line."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    told = [line.removeprefix("tshark: ") for line in lines if line and not line.startswith(_NOISE)]
    return told[-1][:_LONGEST_REASON] if told else "it gave no reason"
