"""What the terminal is asked before it is taken over: whether it draws characters of ambiguous width in two cells (hostile bytes, note 5).

Where it does, boxes, blocks and dots would shift every pane; ASCII is drawn instead.
"""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import time
import tty

SAMPLE = "│█·"
"""characters of ambiguous width that the interface draws with"""
ANSWER_S = 0.4
LONGEST_ANSWER = 256
_REPORT = re.compile(rb"\x1b\[\d{1,5};(\d{1,5})R")
_SILENT = ("", "dumb", "unknown")


def draws_wide(timeout_s: float = ANSWER_S) -> bool:
    """Whether the terminal says so; False where there is none, or it does not answer in time."""
    source, target = sys.__stdin__, sys.__stderr__  # where the interface reads and draws
    if source is None or target is None or os.environ.get("TERM", "") in _SILENT:
        return False
    try:
        if not (source.isatty() and target.isatty()):
            return False
        return _asked(source.fileno(), target.fileno(), timeout_s)
    except (OSError, ValueError, termios.error):
        return False  # no terminal that can be asked


def _asked(source: int, target: int, timeout_s: float) -> bool:
    before = termios.tcgetattr(source)
    try:
        tty.setcbreak(source, termios.TCSANOW)
        # From the first cell on: the column afterwards tells how many the sample took. Wiped away again.
        os.write(target, f"\r{SAMPLE}\x1b[6n\r\x1b[K".encode())
        column = _column(source, time.monotonic() + timeout_s)
    finally:
        # An answer that comes too late is thrown away rather than taken for keys.
        termios.tcsetattr(source, termios.TCSAFLUSH, before)
    return column is not None and column > 1 + len(SAMPLE)


def _column(source: int, until: float) -> int | None:
    """Of the cursor-position report."""
    heard = b""
    while len(heard) < LONGEST_ANSWER:
        left = until - time.monotonic()
        if left <= 0 or not select.select([source], [], [], left)[0]:
            return None
        data = os.read(source, 64)
        if not data:
            return None
        heard += data
        found = _REPORT.search(heard)
        if found is not None:
            return int(found[1])
    return None
