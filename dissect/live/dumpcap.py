"""Capture through dumpcap's pipe: privileges stay with dumpcap, and it knows every kind of interface."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from dissect.capture import Batch
from dissect.capture.inflate import ByteSource
from dissect.capture.reader import open_reader
from dissect.errors import CaptureError
from dissect.live.ring import Statistics

_PATIENCE_S = 3.0
_LONGEST_REASON = 300
_NOISE = ("Capturing on", "File:", "Running as", "Packets received")


def find_dumpcap() -> str | None:
    """Its path, where this user may run it."""
    path = shutil.which("dumpcap")
    return path if path is not None and os.access(path, os.X_OK) else None


class _Pipe:
    """Its output as a stream that ends when the capture is to stop."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return os.read(self._stream.fileno(), 1 << 20 if size < 0 else size)

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self._stream.close()


class DumpcapPipe:
    """Packets of one interface through dumpcap. Raises CaptureError when it cannot capture there."""

    def __init__(self, dumpcap: str, interface: str, capture_filter: str | None, promiscuous: bool) -> None:
        command = [dumpcap, "-q", "-i", interface, "-w", "-", "-s", "262144"]
        command += [] if promiscuous else ["-p"]
        command += ["-f", capture_filter] if capture_filter else []
        self._said = tempfile.TemporaryFile(prefix="dissect-")  # noqa: SIM115 - closed by close()
        # Out of our process group: Ctrl-C is ours, and dumpcap is told by us.
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said, start_new_session=True)
        assert self._process.stdout is not None
        self._stream = cast(BinaryIO, self._process.stdout)
        self._file, self._dropped, self._told = 0, 0, 0
        try:
            self._reader = open_reader(interface, 0, ByteSource(cast(BinaryIO, _Pipe(self._stream)), live=True))
        except CaptureError as error:
            self._process.wait(_PATIENCE_S)
            reason = self._reason()
            self.close()
            raise CaptureError(f"{interface}: dumpcap cannot capture ({reason or error})") from error
        self._batches = (placed.batch for placed in self._reader.batches())

    def _reason(self) -> str:
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().decode(errors="replace").splitlines()]
        told = [line.removeprefix("dumpcap: ") for line in lines if line and not line.startswith(_NOISE)]
        return told[0][:_LONGEST_REASON] if told else ""

    @property
    def link(self) -> int:
        return next(iter(self._reader.snap_lengths()), 1)

    @property
    def ended(self) -> str | None:
        """Why dumpcap ended, when it did."""
        return None if self._process.poll() is None else self._reason() or f"dumpcap ended with status {self._process.returncode}"

    def wait(self, timeout_s: float) -> None:
        """Until there is something to take, or for *timeout_s*."""
        select.select([self._stream], [], [], timeout_s)

    def take(self) -> Iterator[Batch]:
        """What has come; nothing when nothing has. Waits for the rest of a block that has begun."""
        while select.select([self._stream], [], [], 0)[0]:
            batch = next(self._batches, None)
            if batch is None:
                return
            yield batch

    def statistics(self) -> Statistics:
        """dumpcap tells what was dropped when it ends."""
        dropped, self._told = self._reader.dropped - self._told, self._reader.dropped
        return Statistics(0, dropped)

    def stop(self) -> None:
        """Ask it to end; what it still has comes through the pipe."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def rest(self) -> Iterator[Batch]:
        """What comes until the pipe ends."""
        self.stop()
        while select.select([self._stream], [], [], _PATIENCE_S)[0]:
            batch = next(self._batches, None)
            if batch is None:
                return
            yield batch

    def close(self) -> None:
        """End it for certain."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._stream.close()
        self._said.close()
