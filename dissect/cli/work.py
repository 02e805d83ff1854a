"""Captures opened, analysed into a sink, watched and ended in order: what every command that reads captures does first."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from dissect.analysis import Analysis
from dissect.cli.main import ANOMALY_FOUND, DONE
from dissect.cli.notices import Progress, warn
from dissect.cli.options import filter_of, options_of
from dissect.errors import UsageError
from dissect.model import SEVERITIES
from dissect.sinks import Both, Sink
from dissect.sources import Passing
from dissect.text import counted

if TYPE_CHECKING:
    from dissect.capture import Batch
    from dissect.options import Options
    from dissect.sources import Capture


class Stop:
    """Whether the user wants an end (Ctrl-C): the first time reading ends and what there is is worked up, the second time all ends."""

    def __init__(self) -> None:
        self.wanted = False
        self.reading = False
        """whether we are within a read, which may wait for ever (a pipe) and has to be broken off"""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again, self.wanted = self.wanted, True
        if again or self.reading:
            raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Ctrl-C sets the Stop given instead of breaking into whatever runs. Does nothing outside of the main thread."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


class Watched(Passing):
    """Its batches end when the user wants an end, and its progress is shown."""

    def __init__(self, capture: Capture, stop: Stop, progress: Progress, size: int | None) -> None:
        super().__init__(capture)
        self._stop = stop
        self._progress = progress
        self._size = size

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self._capture)
        while not self._stop.wanted:
            try:
                self._stop.reading = True
                batch = next(batches, None)
                self._stop.reading = False
            except KeyboardInterrupt:
                self._stop.reading = False
                return
            if batch is None:
                return
            yield batch
            self._progress.at(sum(file.bytes for file in self._capture.files), self._size)


def size_of(paths: Sequence[str]) -> int | None:
    """Bytes on disk of what is to be read; None when not all of it is in files."""
    size = 0
    for path in paths:
        entries = [entry.path for entry in os.scandir(path)] if os.path.isdir(path) else [path]
        for entry in entries:
            if not os.path.isfile(entry):
                return None
            size += os.path.getsize(entry)
    return size


@contextmanager
def watched_capture(paths: Sequence[str], options: Options, *, keep: bool = False) -> Iterator[Capture]:
    """The captures of a command line, opened, with Ctrl-C and the bar in their places. Raises CaptureError, UsageError.

    A file that turns out to be damaged is told on stderr at the end, in one line.
    """
    from dissect.tshark.choice import open_as_asked

    if "" in paths:
        raise UsageError("a capture's name is empty")
    if paths.count("-") > 1:
        raise UsageError("- is standard input, which can be read once only; name it once")
    progress = Progress()
    try:
        with stoppable() as stop, open_as_asked(paths, options, warn, keep=keep) as capture:
            yield Watched(capture, stop, progress, size_of(paths))
            _warn_of_damage(capture)
    finally:
        progress.end()


def _warn_of_damage(capture: Capture) -> None:
    """One line a file: the first damage, and how many more there are."""
    texts: dict[int, list[str]] = {}
    for damage in capture.damages:
        texts.setdefault(damage.file, []).append(damage.text)
    for file, (first, *others) in texts.items():
        more = f" (and {counted(len(others), 'more damage')})" if others else ""
        warn(f"{capture.files[file].name}: {first}{more}; it is told as far as it can be read")


def analyse_into(sink: Sink, arguments: argparse.Namespace, *, keep_bytes: bool = False, redacted: bool = True) -> None:
    """Run the pipeline over the captures of a command line; *redacted*: as `--redact` asks. Raises DissectError."""
    options = options_of(arguments, keep_bytes)
    from dissect.pipeline import analyse

    if redacted and getattr(arguments, "redact", False):
        from dissect.redact import RedactingSink

        sink = RedactingSink(sink)
    with watched_capture(arguments.captures, options) as capture:
        analyse(capture, sink, options)


def analysis_of(arguments: argparse.Namespace, *, keep_bytes: bool = False) -> Analysis:
    """The whole analysis of the captures of a command line, or what `--filter` keeps of it. Raises DissectError."""
    chosen = filter_of(arguments)
    analysis = Analysis(keep_bytes)
    if chosen is None:
        analyse_into(analysis, arguments, keep_bytes=keep_bytes)
        return analysis
    from dissect.filter import select

    if not getattr(arguments, "redact", False):
        analyse_into(analysis, arguments, keep_bytes=keep_bytes)
        return select(analysis, chosen).analysis()
    # The filter is about what was sent, what is shown about its pseudonyms: two analyses of one order, so that places in one hold in the other.
    from dissect.redact import RedactingSink

    hidden = Analysis(keep_bytes)
    analyse_into(Both(analysis, RedactingSink(hidden)), arguments, keep_bytes=keep_bytes, redacted=False)
    kept = select(analysis, chosen)._replace(whole=hidden).analysis()
    analysis.close()
    return kept


def exit_status(analysis: Analysis, fail_on: str | None) -> int:
    """As `status_of` the worst of its anomalies."""
    severities = analysis.anomaly_columns.column("severity")
    return status_of(int(severities.max(initial=0)), fail_on)


def status_of(worst: int, fail_on: str | None) -> int:
    """ANOMALY_FOUND when the severity *worst* (0: none) is the one that `--fail-on` names or above it, else DONE."""
    return ANOMALY_FOUND if fail_on is not None and worst >= SEVERITIES[fail_on] else DONE
