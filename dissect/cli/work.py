"""Captures opened, analysed into a sink, watched and ended in order: what every command that reads captures does first."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from dissect.analysis import Analysis
from dissect.cli.notices import Progress
from dissect.cli.options import SEVERITIES, options_of
from dissect.sinks import Sink


class Stop:
    """Whether the user wants an end (Ctrl-C): the first time reading ends and what there is is worked up, the second time all ends."""

    def __init__(self) -> None:
        self.wanted = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True


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


class Watched:
    """A capture whose batches end when the user wants an end, and whose progress is shown."""

    def __init__(self, capture: Any, stop: Stop, progress: Progress) -> None:
        self._capture = capture
        self._stop = stop
        self._progress = progress

    def __getattr__(self, name: str) -> Any:
        return getattr(self._capture, name)

    def batches(self) -> Iterator[Any]:
        for batch in self._capture.batches():
            yield batch
            if self._stop.wanted:
                return
            self._progress.at(*getattr(self._capture, "progress", (0, None)))


@contextmanager
def watched_capture(arguments: argparse.Namespace) -> Iterator[Any]:
    """The captures of a command line, opened, with Ctrl-C and the bar in their places. Raises CaptureError."""
    from dissect.capture import open_capture

    progress = Progress()
    capture = open_capture(arguments.captures)
    try:
        with stoppable() as stop:
            yield Watched(capture, stop, progress)
    finally:
        progress.end()
        close = getattr(capture, "close", None)
        if close is not None:
            close()


def analyse_into(sink: Sink, arguments: argparse.Namespace, *, streaming: bool = False, keep_bytes: bool = False) -> None:
    """Run the pipeline over the captures of a command line. Raises DissectError."""
    from dissect.pipeline import analyse

    options = options_of(arguments, streaming, keep_bytes)
    with watched_capture(arguments) as capture:
        analyse(capture, sink, options)


def analysis_of(arguments: argparse.Namespace, *, keep_bytes: bool = False) -> Analysis:
    """The whole analysis of the captures of a command line. Raises DissectError."""
    analysis = Analysis(keep_bytes)
    analyse_into(analysis, arguments, keep_bytes=keep_bytes)
    return analysis


def exit_status(analysis: Analysis, fail_on: str | None) -> int:
    """3 when `--fail-on` asks for it, else 0."""
    if fail_on is None:
        return 0
    severities = analysis.anomaly_columns.column("severity")
    return 3 if len(severities) and int(severities.max()) > SEVERITIES.index(fail_on) else 0
