"""Single packets given back by reference: 28 bytes remembered of each, its own bytes read again where they are."""

from __future__ import annotations

import bisect
import tempfile
from typing import IO, NamedTuple

import numpy as np

from dissect.capture.batch import Integers
from dissect.capture.reader import Placed
from dissect.streams.api import FILE_SHIFT, NUMBER_MASK


class PacketRecord(NamedTuple):
    """One packet as it was captured."""

    data: bytes
    original_length: int
    time_ns: int
    link: int


class _Chunk(NamedTuple):
    first: int
    place: Integers
    caplen: np.ndarray[tuple[int], np.dtype[np.uint32]]
    origlen: np.ndarray[tuple[int], np.dtype[np.uint32]]
    time_ns: Integers
    link: np.ndarray[tuple[int], np.dtype[np.uint16]]


class PacketStore:
    """Remembers where packets are. Packets of pipes and of compressed files are copied to a temporary file."""

    def __init__(self) -> None:
        self._chunks: dict[int, list[_Chunk]] = {}
        self._names: dict[int, str | None] = {}
        self._spool: IO[bytes] | None = None

    def begin(self, file: int, name: str | None) -> None:
        """*name*: where the file's plain bytes can be read again; None: nowhere."""
        self._names[file] = name
        self._chunks[file] = []

    def add(self, placed: Placed) -> None:
        batch, base = placed.batch, placed.base
        if self._names[batch.file] is None:
            if self._spool is None:
                self._spool = tempfile.TemporaryFile(prefix="dissect-")  # noqa: SIM115  # closed by close()
            base = self._spool.seek(0, 2)
            self._spool.write(batch.buffer)
        self._chunks[batch.file].append(_Chunk(
            int(batch.number[0]), batch.offset + base, batch.caplen.astype(np.uint32), batch.origlen.astype(np.uint32), batch.time_ns,
            batch.link.astype(np.uint16)))

    def packet(self, reference: int) -> PacketRecord | None:
        """The packet of a reference (`dissect.streams.api`); None when it was never read, or its file cannot be read any more."""
        file, number = reference >> FILE_SHIFT, reference & NUMBER_MASK
        chunks = self._chunks.get(file, [])
        place = bisect.bisect_right(chunks, number, key=lambda chunk: chunk.first) - 1
        if place < 0 or number - chunks[place].first >= len(chunks[place].place):
            return None
        chunk, index = chunks[place], number - chunks[place].first
        data = self._bytes(file, int(chunk.place[index]), int(chunk.caplen[index]))
        if data is None or len(data) != int(chunk.caplen[index]):
            return None
        return PacketRecord(data, int(chunk.origlen[index]), int(chunk.time_ns[index]), int(chunk.link[index]))

    def _bytes(self, file: int, place: int, length: int) -> bytes | None:
        name = self._names[file]
        if name is None:
            if self._spool is None:
                return None
            self._spool.seek(place)
            return self._spool.read(length)
        try:
            with open(name, "rb") as stream:
                stream.seek(place)
                return stream.read(length)
        except OSError:
            return None  # the file went away after it was read

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None
