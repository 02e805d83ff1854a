"""pcapng: several sections and interfaces, either byte order. After damage reading goes on at the next block whose two lengths agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dissect.capture.batch import Batch, column
from dissect.capture.blocks import LAYOUTS, SMALLEST_BLOCK, SMALLEST_SECTION, Interface, Layout, byte_order, counter_options, describe_interface
from dissect.capture.inflate import ByteSource
from dissect.capture.pcap import largest_capture
from dissect.capture.reader import Damage, Placed, Progress
from dissect.capture.resume import next_block
from dissect.errors import CaptureError
from grammars.pcapng import (
    ENHANCED_PACKET,
    INTERFACE,
    MAJOR_VERSION,
    OBSOLETE_PACKET,
    SECRETS,
    SECTION,
    SIMPLE_PACKET,
    STATISTICS,
    STATISTICS_DROPPED,
    STATISTICS_SYSTEM_DROPPED,
)

MAXIMUM_BLOCK = 64 << 20
"""A longer block is damage: nothing that is read needs more, and it would have to be held"""
MAXIMUM_SECRETS = 64 << 20
MAXIMUM_INTERFACES = 65_536
_MAGIC = SECTION.to_bytes(4, "big")
_ALIGNED = 4


def is_pcapng(head: bytes) -> bool:
    return head[:4] == _MAGIC and byte_order(head) is not None


class _Rows:
    """Packets of one run of blocks, before they become columns."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        """the byte order they are written in"""
        self.blocks: list[int] = []
        """place of an enhanced packet block, or -1 - index into `others`"""
        self.interfaces: list[int] = []
        self.others: list[tuple[int, int, int, int | None]] = []
        """first byte, captured and original length, ticks (None: no time) of packets in other blocks"""


class PcapngReader:
    """One pcapng file; *head* is what was read of it already."""

    format = "pcapng"

    def __init__(self, name: str, file: int, source: ByteSource, head: bytes) -> None:
        self._name, self._source = name, source
        self._layout: Layout = LAYOUTS[byte_order(head) or "little"]
        _, length = self._layout.block.struct.unpack_from(head.ljust(12, b"\0"), 0)
        if not SMALLEST_SECTION <= length <= MAXIMUM_BLOCK or length % _ALIGNED:
            raise CaptureError(f"{name}: no whole pcapng section header (it claims {length} bytes)")
        if len(head) < length:
            head += source.read(length - len(head))
        if len(head) < length:
            raise CaptureError(f"{name}: no whole pcapng section header ({len(head)} of {length} bytes)")
        self._check_version(head, 0)
        self._rest = head
        self._base = 0
        self._section = 0
        # index in `_interfaces` of the section's first one
        self._interfaces: list[Interface] = []
        self._statistics: dict[int, int] = {}
        self._secrets_size = 0
        self._progress = Progress(file)
        self._over = False
        self.secrets: list[tuple[int, bytes]] = []

    @property
    def damages(self) -> list[Damage]:
        return self._progress.damages

    @property
    def digits(self) -> int:
        return 9 if any(interface.finer_than_microseconds for interface in self._interfaces) else 6

    @property
    def dropped(self) -> int:
        return sum(self._statistics.values())

    @property
    def interfaces(self) -> list[str]:
        return [interface.name for interface in self._interfaces if interface.name]

    @property
    def several_interfaces(self) -> bool:
        return len(self._interfaces) > 1

    def snap_lengths(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for interface in self._interfaces:
            before = found.setdefault(interface.link, interface.snap_length)
            found[interface.link] = max(before, interface.snap_length) if before and interface.snap_length else 0
        return found

    def _check_version(self, data: bytes, place: int) -> None:
        header = self._layout.section.read(data, place + self._layout.block.size)
        if header["major"] != MAJOR_VERSION:
            raise CaptureError(f"{self._name}: pcapng version {header['major']}.{header['minor']}, only 1.x is read")

    def batches(self) -> Iterator[Placed]:
        buffer, source, progress = self._rest, self._source, self._progress
        while True:
            rows = _Rows(self._layout)
            end, need, damage = self._walk(buffer, rows)
            if rows.blocks:
                yield Placed(self._batch(buffer, rows), self._base)
            if damage:
                progress.damage(damage)
                buffer, found = self._resume(buffer, end)
                if not found:
                    break
                continue
            buffer = buffer[end:]
            self._base += end
            if need:
                more = source.read(need)
                self._over = not more
                if self._over and not buffer:
                    break
                buffer += more
        if source.problem:
            progress.damage(source.problem)
        source.drain()

    def _walk(self, buffer: bytes, rows: _Rows) -> tuple[int, int, str | None]:
        """Read whole blocks from the front of *buffer* on, to its end, to damage, or to a section in the other byte order.

        Gives the place behind the last one, the bytes that the next one lacks (0: none, go on), and what is wrong with it.
        """
        layout, size = self._layout, len(buffer)
        head, tail, packet = layout.block.struct.unpack_from, layout.trailer.struct.unpack_from, layout.enhanced.struct.unpack_from
        head_size, packet_size = layout.block.size, layout.block.size + layout.enhanced.size
        keep, keep_interface = rows.blocks.append, rows.interfaces.append
        section, interfaces = self._section, self._interfaces
        limits = [largest_capture(interface.snap_length) for interface in interfaces[section:]]
        place = 0
        while place + SMALLEST_BLOCK <= size:
            kind, length = head(buffer, place)
            if kind == SECTION:
                order = byte_order(buffer, place)
                if order is None:
                    return place, 0, "a section header without byte order"
                if LAYOUTS[order] is not layout:
                    self._layout = LAYOUTS[order]
                    return place, 0, None
            end = place + length
            if length < SMALLEST_BLOCK or length % _ALIGNED or length > MAXIMUM_BLOCK:
                return place, 0, f"a block claims {length} bytes"
            if end > size:
                return (place, 0, "the file ends inside a block") if self._over else (place, end - size, None)
            if tail(buffer, end - 4)[0] != length:
                return place, 0, "the two lengths of a block differ"
            if kind == ENHANCED_PACKET:
                if length < packet_size + 4:
                    return end, 0, "a packet block is too short"
                interface, _, _, captured, _ = packet(buffer, place + head_size)
                if interface >= len(limits):
                    return end, 0, f"a packet of the undeclared interface {interface}"
                if captured > limits[interface] or captured > length - packet_size - 4:
                    return end, 0, f"a packet claims {captured} captured bytes"
                keep(place)
                keep_interface(section + interface)
            else:
                damage = self._block(kind, buffer, place, length, rows)
                if damage:
                    return end, 0, damage
                if kind in (SECTION, INTERFACE):
                    section = self._section
                    limits = [largest_capture(interface.snap_length) for interface in interfaces[section:]]
            place = end
        left = size - place
        if self._over and left:
            return place, 0, f"the file ends inside a block ({left} bytes of it are there)"
        return place, SMALLEST_BLOCK - left, None

    def _block(self, kind: int, buffer: bytes, place: int, length: int, rows: _Rows) -> str | None:
        """One whole block other than the enhanced packets; gives what is wrong with it."""
        layout = self._layout
        body, end = place + layout.block.size, place + length - layout.trailer.size
        if kind == SECTION:
            if end - body < layout.section.size:
                return "a section header is too short"
            self._check_version(buffer, place)
            self._section = len(self._interfaces)
        elif kind == INTERFACE:
            if end - body < layout.interface.size:
                return "an interface description is too short"
            if len(self._interfaces) >= MAXIMUM_INTERFACES:
                return f"more than {MAXIMUM_INTERFACES} interfaces"
            self._interfaces.append(describe_interface(layout, buffer, body, end))
        elif kind == SIMPLE_PACKET:
            return self._simple_packet(buffer, body, end, rows)
        elif kind == OBSOLETE_PACKET:
            return self._obsolete_packet(buffer, body, end, rows)
        elif kind == STATISTICS and end - body >= layout.statistics.size:
            interface = self._section + layout.statistics.read(buffer, body)["interface"]
            dropped = counter_options(layout, buffer, body + layout.statistics.size, end, (STATISTICS_DROPPED, STATISTICS_SYSTEM_DROPPED))
            if interface < len(self._interfaces):
                self._statistics[interface] = max(dropped, self._statistics.get(interface, 0))
        elif kind == SECRETS and end - body >= layout.secrets.size:
            header = layout.secrets.read(buffer, body)
            first = body + layout.secrets.size
            secret = buffer[first:min(end, first + header["length"])]
            self._secrets_size += len(secret)
            if self._secrets_size > MAXIMUM_SECRETS:
                return f"more than {MAXIMUM_SECRETS >> 20} MiB of decryption secrets"
            self.secrets.append((header["type"], secret))
        return None

    def _simple_packet(self, buffer: bytes, body: int, end: int, rows: _Rows) -> str | None:
        layout = self._layout
        if end - body < layout.simple.size:
            return "a simple packet block is too short"
        if self._section >= len(self._interfaces):
            return "a packet of an undeclared interface"
        original: int = layout.simple.read(buffer, body)["original_length"]
        snap = self._interfaces[self._section].snap_length
        first = body + layout.simple.size
        captured = min(original, end - first, snap or original)
        if captured > largest_capture(snap):
            return f"a packet claims {captured} captured bytes"
        self._other(rows, self._section, (first, captured, original, None))
        return None

    def _obsolete_packet(self, buffer: bytes, body: int, end: int, rows: _Rows) -> str | None:
        layout = self._layout
        if end - body < layout.obsolete.size:
            return "an obsolete packet block is too short"
        header: dict[str, Any] = layout.obsolete.read(buffer, body)
        interface = self._section + header["interface"]
        if interface >= len(self._interfaces):
            return f"a packet of the undeclared interface {header['interface']}"
        first, captured = body + layout.obsolete.size, header["captured_length"]
        if captured > end - first or captured > largest_capture(self._interfaces[interface].snap_length):
            return f"a packet claims {captured} captured bytes"
        self._other(rows, interface, (first, captured, header["original_length"], header["time_high"] << 32 | header["time_low"]))
        return None

    @staticmethod
    def _other(rows: _Rows, interface: int, row: tuple[int, int, int, int | None]) -> None:
        rows.blocks.append(-1 - len(rows.others))
        rows.interfaces.append(interface)
        rows.others.append(row)

    def _resume(self, buffer: bytes, end: int) -> tuple[bytes, bool]:
        """What follows damage at *end*: the buffer from the next whole block on, and whether there is one."""
        scanned = end
        while True:
            place, certain = next_block(buffer, scanned, self._layout.name, self._over, MAXIMUM_BLOCK)
            if place is not None and certain:
                self._base += place
                return buffer[place:], True
            if self._over:
                return b"", False
            scanned = place if place is not None else scanned + max(0, (len(buffer) - SMALLEST_BLOCK - scanned) // _ALIGNED * _ALIGNED)
            more = self._source.read()
            self._over = not more
            self._base += scanned
            buffer, scanned = buffer[scanned:] + more, 0

    def _batch(self, buffer: bytes, rows: _Rows) -> Batch:
        layout, progress = rows.layout, self._progress
        places = np.array(rows.blocks, np.int64)
        owner = np.array(rows.interfaces, np.int64)
        enhanced = np.flatnonzero(places >= 0)
        bodies = places[enhanced] + layout.block.size
        values = {name: column(buffer, bodies, layout.enhanced.offsets[name], layout.enhanced.formats[name]) for name in layout.enhanced.names}
        offset, caplen, origlen, time_ns = (np.zeros(len(places), np.int64) for _ in range(4))
        offset[enhanced] = bodies + layout.enhanced.size
        caplen[enhanced] = values["captured_length"]
        origlen[enhanced] = values["original_length"]
        used = np.unique(owner)
        for index in used.tolist():
            mine = owner[enhanced] == index
            time_ns[enhanced[mine]] = self._interfaces[index].times(values["time_high"][mine], values["time_low"][mine])
        for index in np.flatnonzero(places < 0).tolist():
            first, captured, original, ticks = rows.others[-1 - rows.blocks[index]]
            offset[index], caplen[index], origlen[index] = first, captured, original
            before = int(time_ns[index - 1]) if index else progress.time_ns
            # A simple packet block bears no time: it is taken to be as late as the packet before it.
            time_ns[index] = before if ticks is None else self._interfaces[rows.interfaces[index]].time(ticks)
        links = np.zeros(int(used[-1]) + 1, np.int64)
        for index in used.tolist():
            links[index] = self._interfaces[index].link
        first_number = progress.packets + 1
        progress.packets += len(places)
        progress.time_ns = int(time_ns[-1])
        return Batch(buffer, offset, caplen, np.maximum(origlen, caplen), time_ns, links[owner],
                     np.arange(first_number, first_number + len(places), dtype=np.int64), progress.file)
