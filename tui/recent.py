"""The packets of a live capture that came last, to look at and to export: as many as fit into a file of bounded size."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from dissect.capture.packets import PacketRecord

if TYPE_CHECKING:
    from dissect.capture import Batch

SEGMENTS = 8
SEGMENT_BYTES = 32 << 20
SEGMENT_PACKETS = 1 << 17
"""a segment ends at either; so 256 MB on disk and a million packets, of 26 bytes in memory each, at the most"""

_ROW = np.dtype([("place", "<u8"), ("caplen", "<u4"), ("origlen", "<u4"), ("time_ns", "<i8"), ("link", "<u2")])


class _Segment(NamedTuple):
    file: int
    first: int
    """number of its first packet; the others follow without a gap"""
    stream: BinaryIO
    rows: bytearray


class RecentPackets:
    """One thread adds, others ask."""

    def __init__(self, segments: int = SEGMENTS, segment_bytes: int = SEGMENT_BYTES, segment_packets: int = SEGMENT_PACKETS) -> None:
        self._limits = segments, segment_bytes, segment_packets
        self._segments: deque[_Segment] = deque()
        self._lock = threading.Lock()
        self._size = 0
        # of the last segment, in bytes
        self.dropped = 0
        """packets that cannot be given back any more"""

    def add(self, batch: Batch) -> None:
        """Remember a batch. Raises OSError when the temporary file cannot be written."""
        if not len(batch):
            return
        table: Any = np.zeros(len(batch), _ROW)
        table["caplen"], table["origlen"], table["time_ns"], table["link"] = batch.caplen, batch.origlen, batch.time_ns, batch.link
        first = int(batch.number[0])
        with self._lock:
            segment = self._fitting(batch.file, first, len(batch), len(batch.buffer))
            table["place"] = batch.offset + self._size
            segment.stream.write(batch.buffer)
            segment.rows.extend(table.tobytes())
            self._size += len(batch.buffer)

    def _fitting(self, file: int, first: int, packets: int, size: int) -> _Segment:
        most, segment_bytes, segment_packets = self._limits
        if self._segments:
            last = self._segments[-1]
            known = len(last.rows) // _ROW.itemsize
            if last.file == file and last.first + known == first and self._size + size <= segment_bytes and known + packets <= segment_packets:
                return last
        while len(self._segments) >= most:
            oldest = self._segments.popleft()
            self.dropped += len(oldest.rows) // _ROW.itemsize
            oldest.stream.close()
        stream = tempfile.TemporaryFile(prefix="dissect-", buffering=0)  # noqa: SIM115 - closed when it is dropped
        self._segments.append(_Segment(file, first, stream, bytearray()))
        self._size = 0
        return self._segments[-1]

    def packet(self, file: int, number: int) -> PacketRecord | None:
        """None when it is gone, or never came."""
        with self._lock:
            for segment in reversed(self._segments):
                place = number - segment.first
                if segment.file == file and 0 <= place < len(segment.rows) // _ROW.itemsize:
                    # A copy: rows that someone looks at could not grow.
                    found = np.frombuffer(bytes(segment.rows[place * _ROW.itemsize:(place + 1) * _ROW.itemsize]), _ROW)[0]
                    data = os.pread(segment.stream.fileno(), int(found["caplen"]), int(found["place"]))
                    return PacketRecord(data, int(found["origlen"]), int(found["time_ns"]), int(found["link"]))
        return None

    def close(self) -> None:
        with self._lock:
            while self._segments:
                self._segments.popleft().stream.close()
