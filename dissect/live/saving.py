"""Packets saved as they come: one pcapng file, or a ring of them. Each file is valid up to its last block whenever writing stops."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections import deque
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from dissect.capture import Batch, PcapngWriter
from dissect.errors import CaptureError
from dissect.model import SourceFile
from grammars.linktypes import link_type_name

_UNITS = {"": 1, "B": 1, "K": 10**3, "KB": 10**3, "M": 10**6, "MB": 10**6, "G": 10**9, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
_RING = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*):(\d+)", re.ASCII)
SMALLEST = 4096
LARGEST_FILES = 100_000
_OVERHEAD = 32
# head, front and trailer of an enhanced packet block; padding not counted


class RingSize(NamedTuple):
    """`--ring 100MB:10`: ten files of 100 MB at the most, the oldest one deleted for a new one."""

    size: int
    files: int


def parse_ring(text: str) -> RingSize:
    """Raises ValueError with a sentence."""
    parts = _RING.fullmatch(text)
    if parts is None or parts[2].upper() not in _UNITS:
        raise ValueError(f"{text!r} is not of the form 100MB:10 (size of a file and number of files; kB, MB, GB, KiB, MiB, GiB)")
    size, files = int(float(parts[1]) * _UNITS[parts[2].upper()]), int(parts[3])
    if size < SMALLEST or not 1 <= files <= LARGEST_FILES:
        raise ValueError(f"{text!r}: a file has at least {SMALLEST} bytes, and there are 1 to {LARGEST_FILES} of them")
    return RingSize(size, files)


class _File:
    def __init__(self, path: str, interface: str, link: int) -> None:
        self.path = path
        self.packets = 0
        self.truncated = 0
        self.size = 0
        self.link = link
        try:
            self.stream: BinaryIO = _opened(path)
        except OSError as error:
            raise CaptureError(f"{path} cannot be written ({error.strerror or error}); name another file with --write") from error
        self.writer = PcapngWriter(self.stream)
        self.number = self.writer.interface(link, interface)
        self.size = self.stream.tell()

    def described(self) -> SourceFile:
        return SourceFile(name=self.path, format="pcapng", compression=None, link_types=[link_type_name(self.link)], packets=self.packets,
                          bytes=self.size, truncated_packets=self.truncated, damaged=False)


def _opened(path: str) -> BinaryIO:
    """*path*, empty, for this run alone: two that wrote one file would each write over what the other saved. Raises CaptureError, OSError."""
    stream = open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666), "wb", buffering=0)  # noqa: SIM115 - closed by close()
    try:
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stream.truncate(0)
    except BlockingIOError as error:
        stream.close()
        raise CaptureError(f"{path} is being written by another run of dissect; name another file with --write") from error
    except BaseException:
        stream.close()
        raise
    return stream


class Recorder:
    """Writes batches. Methods raise CaptureError when a file cannot be written."""

    def __init__(self, path: str, interface: str, link: int, ring: RingSize | None) -> None:
        self._path, self._interface, self._link, self._ring = path, interface, link, ring
        self._begun = 0
        self._older: deque[str] = deque()
        self._written: list[SourceFile] = []
        self._file = self._begin()
        self.received = self.dropped = 0
        """told to the last file when it ends"""

    def _begin(self) -> _File:
        self._begun += 1
        path = Path(self._path)
        name = self._path if self._ring is None else str(path.with_name(f"{path.stem}_{self._begun:05d}{path.suffix or '.pcapng'}"))
        return _File(name, self._interface, self._link)

    @property
    def file(self) -> int:
        """Index of the file that the next packet goes to."""
        return self._begun - 1

    @property
    def next_number(self) -> int:
        """Of that packet in that file."""
        return self._file.packets + 1

    def described(self) -> list[SourceFile]:
        """All files that were written, also those that the ring deleted: messages name them by their place here."""
        return [*self._written, self._file.described()]

    def room(self, batch: Batch) -> int:
        """How many packets at the front of *batch* go into the file that is written; begins a new one when it is full."""
        if self._ring is None:
            return len(batch)
        sizes = np.cumsum(batch.caplen + _OVERHEAD + (-batch.caplen) % 4)
        room = int(np.searchsorted(sizes, self._ring.size - self._file.size, "right"))
        if room or not self._file.packets:
            return max(room, 1)
        self._rotate()
        return self.room(batch)

    def _rotate(self) -> None:
        assert self._ring is not None
        self._file.stream.close()
        self._written.append(self._file.described())
        self._older.append(self._file.path)
        while len(self._older) >= self._ring.files:
            Path(self._older.popleft()).unlink(missing_ok=True)
        self._file = self._begin()

    def write(self, batch: Batch) -> None:
        file = self._file
        try:
            file.size += file.writer.batch(file.number, batch)
        except OSError as error:
            raise CaptureError(f"{file.path} cannot be written ({error.strerror or error}); what was written before is whole") from error
        file.packets += len(batch)
        file.truncated += int(np.count_nonzero(batch.caplen < batch.origlen))

    def close(self, time_ns: int) -> None:
        """Tell what was dropped, and end; a second time does nothing."""
        file = self._file
        if file.stream.closed:
            return
        try:
            file.writer.statistics(file.number, time_ns, self.received, self.dropped)
            file.size = file.stream.tell()
        except OSError as error:
            raise CaptureError(f"{file.path} cannot be written ({error.strerror or error}); what was written before is whole") from error
        finally:
            file.stream.close()

    def end(self) -> None:
        """Close what is open, whatever state it is in."""
        self._file.stream.close()
