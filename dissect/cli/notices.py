"""What is said beside the result, on stderr: warnings, and a bar where someone watches."""

from __future__ import annotations

import sys
import time

from dissect.text import clean

INTERVAL_S = 0.2
BAR_CELLS = 30


_warnings: list[str] = []


def say(text: str) -> None:
    """One line on stderr, at once."""
    print(f"dissect: {clean(text)}", file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Say *text* on stderr when the work is done, once; a failure has one line of its own, and only that."""
    if text not in _warnings:
        _warnings.append(text)


def forget_warnings() -> None:
    """Nothing is left of a command line before, which failed."""
    _warnings.clear()


def say_warnings() -> None:
    while _warnings:
        say(f"warning: {_warnings.pop(0)}")


class Progress:
    """A bar on stderr when that is a terminal, else nothing at all."""

    def __init__(self) -> None:
        self._shown = False
        self._next = time.monotonic() + INTERVAL_S
        self._watched = sys.stderr.isatty()

    def at(self, done: int, total: int | None) -> None:
        """*done* of *total* bytes are read (None: unknown)."""
        if not self._watched or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + INTERVAL_S
        self._shown = True
        size = f"{done / 1e6:.1f} MB"
        if total:
            filled = min(done * BAR_CELLS // total, BAR_CELLS)
            size = f"[{'#' * filled}{'.' * (BAR_CELLS - filled)}] {size} of {total / 1e6:.1f} MB"
        print(f"\r\x1b[K{size}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Wipe the bar away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False
