"""Reading a capture in a thread of its own, while the interface looks at what has come so far."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from dissect.analysis import Analysis
from dissect.analysis.rolling import Rolling
from dissect.errors import DissectError, fault_of
from dissect.options import Options
from dissect.sources import Passing
from tui.recent import RecentPackets

if TYPE_CHECKING:
    from dissect.capture import Batch, CaptureSource, PacketRecord
    from dissect.engine.engine import Engine
    from dissect.keys import Keyring
    from dissect.live import LiveCapture
    from dissect.pipeline import Pipeline
    from dissect.sinks import Sink
    from dissect.tshark.source import TsharkSource

TOLD_LIMIT = 100
LOOK_S = 0.5
CLOSE_S = 2.0
YIELD_S = 0.0005
"""how long the reading thread rests after a batch, so that keys are answered"""
SPOOL_BYTES = 8 << 20
"""of a spool in memory; what is beyond goes to a temporary file, since the interface reads a screenful at a time"""
POLL_S = 0.2
"""how often a growing file is looked at"""


class GrowingFile:
    """A file that someone else still writes, as a stream that waits at its end until it is told to stop."""

    def __init__(self, path: str, stop: threading.Event) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
        self._stop = stop

    def read(self, size: int = -1) -> bytes:
        while True:
            data: bytes = self._file.read(size)
            if data or self._stop.wait(POLL_S):
                return data

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self._file.close()


class _Watched(Passing):
    """It can be stopped, lets others run between its batches, and is looked at there."""

    def __init__(self, capture: CaptureSource | LiveCapture | TsharkSource, loader: Loader) -> None:
        super().__init__(capture)
        self._loader = loader
        self._live = capture if loader.interface is not None else None

    def __iter__(self) -> Iterator[Batch]:
        loader, live = self._loader, cast("LiveCapture | None", self._live)
        for batch in self._capture:
            if loader.stop.is_set():
                if live is None:
                    return
                live.stop()  # what came before is still handed out
            if live is not None:
                loader.keep_packets(batch)
            yield batch
            loader.look(self._capture, batch)
            if len(batch):
                time.sleep(YIELD_S)


class Loader:
    """One run over a capture. Start it once; every figure may be read at any time."""

    def __init__(self, paths: Sequence[str], options: Options, *, follow: bool = False, stdin: BinaryIO | None = None, redact: bool = False,
                 live: LiveCapture | None = None, keep: int = 500_000, told: deque[str] | None = None) -> None:
        """*live*: an interface instead of *paths*; of its messages the *keep* last stay. *redact*: nothing but pseudonyms is kept of what
        was sent. *told*: what the capture said so far."""
        self.paths = list(paths)
        self.redact = redact
        self.options = replace(options, keep_bytes=not redact)
        self.follow = follow
        self.interface = live.interface if live is not None else None
        self.saved = live is not None and bool(live.files)
        """whether the packets of an interface are written to a file of the user's"""
        self.told: deque[str] = told if told is not None else deque(maxlen=TOLD_LIMIT)
        """what the user should know, not yet shown"""
        self.opened: deque[int] = deque()
        """messages that keys given meanwhile opened, a count each time, not yet told"""
        self.stop = threading.Event()
        self.error: DissectError | None = None
        self.done = False
        self.read_bytes = 0
        self.damaged = 0
        """files that are not whole"""
        self.dropped = 0
        """packets that the kernel had no room for"""
        self.overdue: frozenset[int] = frozenset()
        """messages, by the id they have until all is read, that wait for an answer beyond its deadline"""
        self.started = time.monotonic()
        self.ended: float | None = None
        self.total_bytes = None if follow or live is not None else size_of(paths)
        self.capture: CaptureSource | LiveCapture | TsharkSource | None = live
        self._sink = Analysis(not redact, SPOOL_BYTES) if self.rereadable else Rolling(keep if live is not None else sys.maxsize, not redact, SPOOL_BYTES)
        self._more_keys: deque[Keyring] = deque()
        self._engine: Engine | None = None
        self._opening = threading.Lock()
        self._recent = RecentPackets() if live is not None and not redact else None
        self._stdin = stdin
        self._lock = threading.Lock()
        self._pipeline: Pipeline | None = None
        self._look = 0.0
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)

    @property
    def analysis(self) -> Analysis:
        """As it is now: of an interface it is another one from time to time."""
        return self._sink.analysis if isinstance(self._sink, Rolling) else self._sink

    @property
    def evicted(self) -> int:
        """Messages that came and are no longer kept."""
        return self._sink.evicted if isinstance(self._sink, Rolling) else 0

    @property
    def live(self) -> bool:
        """Whether more may come by itself."""
        return (self.follow or self.interface is not None or "-" in self.paths) and not self.done

    @property
    def unsaved(self) -> bool:
        """Whether leaving now loses what comes: nobody else keeps it."""
        return self.live and not self.follow and not self.saved

    @property
    def rereadable(self) -> bool:
        return "-" not in self.paths and self.interface is None

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """End reading; what was read is judged and stays."""
        self.stop.set()

    def wait(self, seconds: float) -> bool:
        """Whether it ended within *seconds*."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        self.stop.set()
        # A read of a pipe cannot be broken off: such a thread ends with the process.
        if self._thread.ident is None or self.wait(CLOSE_S):
            if self.capture is not None:
                # Not here: tshark's reader has an event loop of its own, and here the interface's may be running.
                closing = threading.Thread(target=self.capture.close, name="closing", daemon=True)
                closing.start()
                closing.join(CLOSE_S)
            if self._recent is not None:
                self._recent.close()
            self.analysis.close()

    def packet(self, file: int, number: int) -> PacketRecord | None:
        """One packet's bytes, by its number in its file; None: it is gone, or hidden."""
        from dissect.streams.api import packet_ref

        if self._recent is not None:
            return self._recent.packet(file, number)
        if self.redact or self.capture is None or self.capture.store is None:
            return None
        with self._lock:
            return self.capture.store.packet(packet_ref(file, number))

    def add_keys(self, keyring: Keyring) -> None:
        """Open with more keys what is kept and what comes, of a capture that cannot be read again. May take long once all is read, else at once."""
        self._more_keys.append(keyring)
        if self.done:
            self._take_keys()

    # -- in the reading thread --

    def _take_keys(self) -> None:
        engine, sink = self._engine, self._sink
        while self._more_keys and engine is not None and isinstance(sink, Rolling):
            with self._opening:
                keyring = self._more_keys.popleft() if self._more_keys else None
                try:
                    if keyring is not None:
                        self.opened.append(sink.reopen(engine, keyring))
                except DissectError as error:
                    self.told.append(f"the keys are used for what comes alone: {error}")

    def keep_packets(self, batch: Batch) -> None:
        if self._recent is not None:
            try:
                self._recent.add(batch)
            except OSError as error:
                self._recent.close()
                self._recent = None
                self.told.append(f"packets are kept no longer: the temporary file cannot be written ({error.strerror or error})")

    def look(self, capture: Any, batch: Batch) -> None:
        """Between two batches."""
        if self.interface is not None:
            self.read_bytes += int(batch.caplen.sum())
        else:
            self.read_bytes = sum(file.bytes for file in capture.files)
        self.dropped = capture.dropped
        if self._more_keys:
            self._take_keys()
        now = time.monotonic()
        if self._pipeline is not None and self.live and now >= self._look:
            self._look = now + LOOK_S
            self.overdue = frozenset(self._pipeline.engine.pairing.overdue(max(capture.last_ns or 0, getattr(capture, "clock_ns", 0))))

    def _open(self) -> Any:
        if self.capture is not None:
            return self.capture
        options, keep = self.options, not self.redact
        if not self.follow:
            from dissect.tshark.choice import open_as_asked

            return open_as_asked(self.paths, options, self.told.append, stdin=self._stdin, keep=keep)
        from dissect.capture import open_capture

        if options.keys is not None and options.keys.tls_keylog is not None:
            self.told.append("TLS stays closed while a growing file is followed: tshark needs all of it; open it without --follow")
        growing = cast("BinaryIO", GrowingFile(self.paths[0], self.stop))
        return open_capture(["-"], stdin=growing, from_ns=options.from_ns, to_ns=options.to_ns, keep=keep)

    def _watch(self, pipeline: Pipeline) -> None:
        self._pipeline, self._engine = pipeline, pipeline.engine

    def _run(self) -> None:
        from dissect.pipeline import analyse

        sink: Sink = self._sink
        if self.redact:
            from dissect.redact import RedactingSink

            sink = RedactingSink(sink)
        try:
            self.capture = self._open()
            analyse(_Watched(self.capture, self), sink, self.options, self._watch)
            failure = getattr(self.capture, "failure", None)
            if failure is not None:
                self.error = failure
            self._tell_damage(self.capture)
        except DissectError as error:
            self.error = error
        except OSError as error:
            self.error = DissectError(f"{error.filename or self.source_name}: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 - a fault of ours is told, and what was read stays to be seen
            self.error = fault_of(error)
        finally:
            gc.freeze()  # what an analysis keeps stays: no collection need look at it again
            self.overdue = frozenset()
            self._pipeline = None
            self.ended = time.monotonic()
            self.done = True
            self._take_keys()

    def _tell_damage(self, capture: Any) -> None:
        """One line a file: its first damage, and how many more there are."""
        texts: dict[int, list[str]] = {}
        for damage in capture.damages:
            texts.setdefault(damage.file, []).append(damage.text)
        for file, (first, *others) in list(texts.items())[:TOLD_LIMIT // 2]:
            more = f" (and {len(others)} more damaged places)" if others else ""
            self.told.append(f"{capture.files[file].name}: {first}{more}; it is told as far as it can be read")
        self.damaged = len(texts)

    @property
    def source_name(self) -> str:
        """The capture as the user called it; of several the first."""
        if self.interface is not None:
            return self.interface
        return "standard input" if self.paths == ["-"] else self.paths[0]


def size_of(paths: Sequence[str]) -> int | None:
    """Bytes on disk of what is to be read; None when not all of it is in files."""
    size = 0
    for path in paths:
        try:
            entries = [entry.path for entry in os.scandir(path)] if os.path.isdir(path) else [path]
        except OSError:
            return None
        for entry in entries:
            if not os.path.isfile(entry):
                return None
            size += os.path.getsize(entry)
    return size
