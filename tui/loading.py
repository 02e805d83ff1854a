"""Reading a capture in a thread of its own, while the interface looks at what has come so far."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from dissect.analysis import Analysis
from dissect.errors import DissectError
from dissect.options import Options

if TYPE_CHECKING:
    from dissect.capture import CaptureSource, PacketRecord

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


class _Watched:
    """A `CaptureSource` that can be stopped, and that lets others run between its batches."""

    def __init__(self, capture: CaptureSource, loader: Loader) -> None:
        self._capture = capture
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._capture, name)

    def __iter__(self) -> Iterator[Any]:
        for batch in self._capture:
            if self._loader.stop.is_set():
                return
            yield batch
            self._loader.read_bytes = sum(file.bytes for file in self._capture.files)
            time.sleep(YIELD_S)


class Loader:
    """One run over a capture. Start it once; every figure may be read at any time."""

    def __init__(self, paths: Sequence[str], options: Options, *, follow: bool = False, stdin: BinaryIO | None = None) -> None:
        self.paths = list(paths)
        self.options = replace(options, keep_bytes=True)
        self.follow = follow
        self.analysis = Analysis(keep_bytes=True, memory_limit=SPOOL_BYTES)
        self.stop = threading.Event()
        self.error: DissectError | None = None
        self.done = False
        self.read_bytes = 0
        self.started = time.monotonic()
        self.ended: float | None = None
        self.total_bytes = None if follow else size_of(paths)
        self.capture: CaptureSource | None = None
        self._stdin = stdin
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)

    @property
    def live(self) -> bool:
        """Whether more may come by itself."""
        return (self.follow or "-" in self.paths) and not self.done

    @property
    def rereadable(self) -> bool:
        return "-" not in self.paths

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
        if self.wait(2.0):
            if self.capture is not None:
                self.capture.close()
            self.analysis.close()

    def packet(self, file: int, number: int) -> PacketRecord | None:
        """One packet's bytes, by its number in its file."""
        from dissect.streams.api import packet_ref

        if self.capture is None or self.capture.store is None:
            return None
        with self._lock:
            return self.capture.store.packet(packet_ref(file, number))

    def _run(self) -> None:
        from dissect.capture import open_capture
        from dissect.pipeline import analyse

        before = gc.get_threshold()
        gc.set_threshold(100_000, 50, 100)
        # A full collection stops the interface as well, and what an analysis keeps stays anyway.
        try:
            if self.follow:
                growing = cast("BinaryIO", GrowingFile(self.paths[0], self.stop))
                self.capture = open_capture(["-"], stdin=growing, from_ns=self.options.from_ns, to_ns=self.options.to_ns, keep=True)
            else:
                self.capture = open_capture(self.paths, stdin=self._stdin, from_ns=self.options.from_ns, to_ns=self.options.to_ns, keep=True)
            analyse(_Watched(self.capture, self), self.analysis, self.options)
        except DissectError as error:
            self.error = error
        except OSError as error:
            self.error = DissectError(f"{error.filename or self.paths[0]}: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 - a fault of ours is told, and what was read stays to be seen
            import traceback

            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{os.path.basename(place.filename)}, line {place.lineno}"
            self.error = DissectError(f"a fault of dissect itself, please report it: {type(error).__name__} in {where}")
        finally:
            gc.freeze()
            gc.set_threshold(*before)
            self.ended = time.monotonic()
            self.done = True


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
