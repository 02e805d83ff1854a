"""A capture: one or several files, folders of rotated files, or standard input, read once as a stream of batches.

    with open_capture(["a.pcap", "rotated/"]) as capture:
        for batch in capture:
            ...
    capture.files, capture.packets, capture.damages ...

Files are read in order of the time of their first packet; a file's index is its place among those named (in a folder: by time).
Counts are those of what has been read so far, and final when the iteration has ended.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, NamedTuple

import numpy as np

from dissect.capture.batch import Batch
from dissect.capture.inflate import ByteSource
from dissect.capture.packets import PacketStore
from dissect.capture.reader import Damage, Placed, Reader, open_reader
from dissect.errors import CaptureError
from dissect.model import SourceFile
from dissect.streams.api import Listener
from grammars.linktypes import link_type_name

STANDARD_INPUT = "-"


class _Plan(NamedTuple):
    """One file to read."""

    name: str
    file: int
    first_ns: int | None


class CaptureSource:
    """A `Capture` of files. Raises CaptureError when a file cannot be opened or is no capture."""

    kind: Literal["file"] = "file"
    interface: str | None = None
    capture_filter: str | None = None

    def __init__(self, plans: Sequence[_Plan], stdin: BinaryIO | None, from_ns: int | None, to_ns: int | None, keep: bool,
                 in_time_order: bool) -> None:
        self._plans = plans
        self._stdin = stdin
        self._from_ns, self._to_ns, self._in_time_order = from_ns, to_ns, in_time_order
        self._files: dict[int, SourceFile] = {}
        self.store: PacketStore | None = PacketStore() if keep else None
        """gives single packets back, when asked for with *keep*"""
        self.packets = 0
        """of all files, also those outside from_ns and to_ns"""
        self.first_ns: int | None = None
        """time of the earliest packet within from_ns and to_ns"""
        self.last_ns: int | None = None
        self.digits: dict[int, int] = {}
        """file index → digits of a second's fraction that its times have, 6 or 9"""
        self.snap_lengths: dict[int, dict[int, int]] = {}
        """file index → link type → most bytes captured of a packet, 0: no limit"""
        self.damages: list[Damage] = []
        self.dropped = 0
        """packets that capturing lost, as interface statistics tell"""
        self.secrets: list[tuple[int, bytes]] = []
        """kind and bytes of decryption secrets blocks read so far; never to be shown"""
        self.interfaces: list[str] = []
        self.several_interfaces = False
        """whether the file that is being read has several, whose packets need not be written in order of time"""
        self._open: BinaryIO | None = None
        self._batches: Iterator[Batch] | None = None

    @property
    def files(self) -> list[SourceFile]:
        """By file index."""
        return [self._files[index] for index in sorted(self._files)]

    @property
    def clock_ns(self) -> int:
        return self.last_ns or 0

    def listening(self, listener: Listener) -> Listener:
        return listener

    def __enter__(self) -> CaptureSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open; a second time does nothing."""
        if self._open is not None and self._open is not self._stdin:
            self._open.close()
        self._open = None
        if self.store is not None:
            self.store.close()

    def __iter__(self) -> Iterator[Batch]:
        if self._batches is None:
            self._batches = self._read()
        return self._batches

    def _read(self) -> Iterator[Batch]:
        for plan in self._plans:
            yield from self._read_file(plan)

    def _read_file(self, plan: _Plan) -> Iterator[Batch]:
        live = plan.name == STANDARD_INPUT
        stream = self._stdin if live and self._stdin is not None else _open_file(plan.name)
        self._open = stream
        try:
            source = ByteSource(stream, live=live or not stream.seekable())
            reader = open_reader(plan.name, plan.file, source)
            packets = truncated = 0
            if self.store is not None:
                self.store.begin(plan.file, None if source.spooled else plan.name)
            self._describe(plan, reader, source, packets, truncated)
            for placed in reader.batches():
                packets += len(placed.batch)
                truncated += int(np.count_nonzero(placed.batch.caplen < placed.batch.origlen))
                self.several_interfaces = reader.several_interfaces
                batch = self._within(placed, self._in_time_order and reader.several_interfaces)
                self._describe(plan, reader, source, packets, truncated)
                if len(batch):
                    yield batch
            self._describe(plan, reader, source, packets, truncated)
        except OSError as error:
            raise CaptureError(f"{plan.name}: cannot be read ({error.strerror or error})") from error
        finally:
            if stream is not self._stdin:
                stream.close()
            self._open = None
        self.damages += reader.damages
        self.dropped += reader.dropped
        self.secrets += [secret for secret in reader.secrets if secret not in self.secrets]
        self.interfaces += reader.interfaces

    def _within(self, placed: Placed, sort: bool) -> Batch:
        """Account for a batch; what is left of it between from_ns and to_ns."""
        batch = placed.batch
        self.packets += len(batch)
        if self.store is not None:
            self.store.add(placed)
        if self._from_ns is not None or self._to_ns is not None:
            chosen = np.ones(len(batch), np.bool_)
            if self._from_ns is not None:
                chosen &= batch.time_ns >= self._from_ns
            if self._to_ns is not None:
                chosen &= batch.time_ns <= self._to_ns
            batch = batch.select(chosen)
        if len(batch):
            first, last = int(batch.time_ns.min()), int(batch.time_ns.max())
            self.first_ns = first if self.first_ns is None else min(first, self.first_ns)
            self.last_ns = last if self.last_ns is None else max(last, self.last_ns)
        return batch.in_time_order() if sort else batch

    def _describe(self, plan: _Plan, reader: Reader, source: ByteSource, packets: int, truncated: int) -> None:
        self.digits[plan.file] = reader.digits
        self.snap_lengths[plan.file] = reader.snap_lengths()
        names = dict.fromkeys(link_type_name(number) for number in self.snap_lengths[plan.file])
        self._files[plan.file] = SourceFile(
            name=plan.name, format=reader.format, compression=source.compression, link_types=list(names), packets=packets,
            bytes=source.size, truncated_packets=truncated, damaged=bool(reader.damages))


def unread_links(batch: Batch, readable: frozenset[int], counts: Counter[str]) -> None:
    """Count by name the packets of link types that are not in *readable*."""
    kinds, numbers = np.unique(batch.link, return_counts=True)
    for kind, number in zip(kinds.tolist(), numbers.tolist(), strict=True):
        if kind not in readable:
            counts[link_type_name(kind)] += number


def open_capture(paths: Sequence[str], *, stdin: BinaryIO | None = None, from_ns: int | None = None, to_ns: int | None = None,
                 keep: bool = False, in_time_order: bool = False) -> CaptureSource:
    """Open files, folders and `-` (*stdin*, else the process's) as one capture.

    *from_ns*, *to_ns*: packets outside are counted in their file and not handed out. *keep*: remember where packets are, so that
    `store.packet` can give one back; input that cannot be read again is then copied to a temporary file.
    *in_time_order*: the packets of each batch in stable order of time,
    where a file has several interfaces, whose packets need not be written in it.
    Raises CaptureError, whose text is one line, when there is nothing to read; a file's own content is looked at when it is its turn.
    """
    names: list[str] = []
    folders: list[list[_Plan]] = []
    single = len(paths) == 1 and not _is_folder(paths[0])
    plans: list[_Plan] = []
    for path in paths:
        if _is_folder(path):
            found = _folder(path, len(plans))
            folders.append(found)
            plans += found
        else:
            plans.append(_Plan(path, len(plans), None if single or path == STANDARD_INPUT else _first_time(path)))
        names.append(path)
    if not plans:
        raise CaptureError("no capture given")
    if STANDARD_INPUT not in names:
        # Files without packets stay with the one before them.
        latest = -(1 << 63)
        keyed: list[tuple[int, _Plan]] = []
        for plan in plans:
            latest = plan.first_ns if plan.first_ns is not None else latest
            keyed.append((latest, plan))
        plans = [plan for _, plan in sorted(keyed, key=lambda pair: pair[0])]
    return CaptureSource(plans, (stdin or sys.stdin.buffer) if STANDARD_INPUT in names else None, from_ns, to_ns, keep,
                         in_time_order)


def _is_folder(path: str) -> bool:
    return path != STANDARD_INPUT and Path(path).is_dir()


def _open_file(name: str) -> BinaryIO:
    try:
        return open(name, "rb", buffering=0)
    except OSError as error:
        raise CaptureError(f"{name}: cannot be opened ({error.strerror or error})") from error
    except ValueError as error:
        raise CaptureError(f"{name!r}: is no file name ({error})") from error


def _first_time(name: str) -> int | None:
    """Time of a file's first packet; None when it has none. Raises CaptureError as reading it would."""
    if not Path(name).is_file():
        if not Path(name).exists():
            raise CaptureError(f"{name}: cannot be opened (No such file or directory)")
        return None  # a pipe must not be read twice
    with _open_file(name) as stream:
        try:
            reader = open_reader(name, 0, ByteSource(stream, live=False))
            for placed in reader.batches():
                return int(placed.batch.time_ns[0])
        except OSError as error:
            raise CaptureError(f"{name}: cannot be read ({error.strerror or error})") from error
    return None


def _folder(path: str, first_index: int) -> list[_Plan]:
    """The captures of a folder in order of their first packet's time, then name; files that are none are passed over."""
    found: list[tuple[int, str]] = []
    empty: list[str] = []
    try:
        names = sorted(str(entry) for entry in Path(path).iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        raise CaptureError(f"{path}: cannot be opened ({error.strerror or error})") from error
    refused: CaptureError | None = None
    for name in names:
        try:
            time_ns = _first_time(name)
        except CaptureError as error:
            refused = error
            continue
        if time_ns is None:
            empty.append(name)
        else:
            found.append((time_ns, name))
    if not found and not empty:
        raise CaptureError(f"{path}: a folder without a capture" + (f" ({refused})" if refused else ""))
    found.sort()
    plans = [_Plan(name, first_index + place, time_ns) for place, (time_ns, name) in enumerate(found)]
    return plans + [_Plan(name, first_index + len(plans) + place, None) for place, name in enumerate(empty)]
