"""Classic pcap: micro- and nanosecond, both byte orders. A damaged record ends the file, since nothing marks the next one."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Literal

import numpy as np

from dissect.capture.batch import Batch, column
from dissect.capture.inflate import ByteSource
from dissect.capture.reader import Damage, Placed, Progress
from dissect.errors import CaptureError
from grammars.pcap import (
    BYTE_ORDERS,
    MAGIC_MICROSECONDS,
    MAGIC_MODIFIED,
    MAGIC_NANOSECONDS,
    MAJOR_VERSION,
    MAXIMUM_CAPTURED,
    MAXIMUM_SNAP_LENGTH,
    RESERVED_LINK_BITS,
    file_header,
    record_header,
)
from grammars.readings import front

_FILE = {order.name: front(file_header(order)) for order in BYTE_ORDERS}
_RECORD = {order.name: front(record_header(order)) for order in BYTE_ORDERS}
_MAGICS = (MAGIC_MICROSECONDS, MAGIC_NANOSECONDS, MAGIC_MODIFIED)


def _order(head: bytes) -> Literal["little", "big"] | None:
    return next((order.name for order in BYTE_ORDERS if int.from_bytes(head[:4], order.name) in _MAGICS), None)


def is_pcap(head: bytes) -> bool:
    return len(head) >= 4 and _order(head) is not None


def largest_capture(snap_length: int) -> int:
    """The captured length above which a packet is damage (streams.md, Absurd lengths)."""
    return max(MAXIMUM_CAPTURED, snap_length) if snap_length < MAXIMUM_SNAP_LENGTH else MAXIMUM_CAPTURED


class PcapReader:
    """One classic pcap file; *head* is what was read of it already."""

    def __init__(self, name: str, file: int, source: ByteSource, head: bytes) -> None:
        order = _order(head) or "little"
        layout = _FILE[order]
        if len(head) < layout.size:
            head += source.read(layout.size - len(head))
        if len(head) < layout.size:
            raise CaptureError(f"{name}: {len(head)} bytes are no whole pcap header ({layout.size} bytes)")
        header = layout.read(head)
        if header["magic"] == MAGIC_MODIFIED:
            raise CaptureError(f"{name}: a modified pcap (magic 0xa1b2cd34), which is not read; --engine tshark reads it")
        if header["major"] != MAJOR_VERSION:
            raise CaptureError(f"{name}: pcap version {header['major']}.{header['minor']}, only 2.x is read")
        if header["link_type"] & RESERVED_LINK_BITS:
            raise CaptureError(f"{name}: reserved bits of the pcap link type are set (0x{header['link_type']:08x})")
        nanoseconds = header["magic"] == MAGIC_NANOSECONDS
        self.format = "pcap-ns" if nanoseconds else "pcap"
        self.digits = 9 if nanoseconds else 6
        self.dropped = 0
        self.secrets: list[tuple[int, bytes]] = []
        self.interfaces: list[str] = []
        self.several_interfaces = False
        self._unit = 1 if nanoseconds else 1000
        self._link = header["link_type"] & 0xFFFF
        self._snap_length = header["snap_length"]
        self._limit = largest_capture(self._snap_length)
        self._record = _RECORD[order]
        self._source = source
        self._rest = head[layout.size:]
        self._base = layout.size
        self._progress = Progress(file)

    @property
    def damages(self) -> list[Damage]:
        return self._progress.damages

    def snap_lengths(self) -> dict[int, int]:
        return {self._link: self._snap_length}

    def batches(self) -> Iterator[Placed]:
        source, progress, header = self._source, self._progress, self._record.size
        buffer, need, over = self._rest, 1, False
        if len(buffer) < header:
            buffer += source.read(need)
        while True:
            places, end, need, damage = self._walk(buffer)
            if places:
                yield Placed(self._batch(buffer, places), self._base)
            if damage:
                progress.damage(damage)
                source.drain()
                return
            self._base += end
            rest = buffer[end:]
            more = source.read(need)
            over = not more
            if over:
                break
            buffer = rest + more if rest else more
        if source.problem:
            progress.damage(source.problem)
            source.drain()
        elif rest:
            progress.damage(f"the file ends inside a record ({len(rest)} bytes of it are there)")

    def _walk(self, buffer: bytes) -> tuple[list[int], int, int, str | None]:
        """Places of the whole records, the end of the last one, bytes missing of the next, and what is wrong with it."""
        header, limit, size = self._record.size, self._limit, len(buffer)
        read = Struct(self._record.formats["captured_length"]).unpack_from
        at = self._record.offsets["captured_length"]
        places: list[int] = []
        keep = places.append
        place = 0
        while place + header <= size:
            length, = read(buffer, place + at)
            if length > limit:
                return places, place, 0, f"a record claims {length} captured bytes"
            end = place + header + length
            if end > size:
                return places, place, end - size, None
            keep(place)
            place = end
        return places, place, place + header - size, None

    def _batch(self, buffer: bytes, found: list[int]) -> Batch:
        places = np.array(found, np.int64)
        record, progress = self._record, self._progress
        values = {name: column(buffer, places, record.offsets[name], record.formats[name]) for name in record.names}
        time_ns = values["seconds"] * 1_000_000_000 + values["fraction"] * self._unit
        captured = values["captured_length"]
        first = progress.packets + 1
        progress.packets += len(found)
        progress.time_ns = int(time_ns[-1])
        return Batch(buffer, places + record.size, captured, np.maximum(values["original_length"], captured), time_ns,
                     np.full(len(found), self._link, np.int64), np.arange(first, first + len(found), dtype=np.int64), progress.file)
