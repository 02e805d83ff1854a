"""pcapng blocks: their layouts in both byte orders, their options, and what an interface description says."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from dissect.capture.batch import Integers
from grammars import pcapng
from grammars.pcap import BYTE_ORDERS, ByteOrder
from grammars.readings import Front, front

NANOSECONDS = 1_000_000_000
_LATEST, _EARLIEST = (1 << 63) - 1, -(1 << 63)
MAXIMUM_OPTIONS = 4096


class Layout(NamedTuple):
    """The fronts of all blocks in one byte order."""

    name: Literal["little", "big"]
    block: Front
    trailer: Front
    option: Front
    section: Front
    interface: Front
    enhanced: Front
    simple: Front
    obsolete: Front
    statistics: Front
    secrets: Front


def _layout(order: ByteOrder) -> Layout:
    return Layout(order.name, *(front(make(order)) for make in (
        pcapng.block_header, pcapng.block_trailer, pcapng.option_header, pcapng.section_header, pcapng.interface_description,
        pcapng.enhanced_packet, pcapng.simple_packet, pcapng.obsolete_packet, pcapng.statistics, pcapng.secrets)))


LAYOUTS = {order.name: _layout(order) for order in BYTE_ORDERS}
SMALLEST_BLOCK = LAYOUTS["little"].block.size + LAYOUTS["little"].trailer.size
SMALLEST_SECTION = SMALLEST_BLOCK + LAYOUTS["little"].section.size


def byte_order(data: bytes, place: int = 0) -> Literal["little", "big"] | None:
    """The byte order that the section header at *place* declares."""
    magic = data[place + 8:place + 12]
    return next((order.name for order in BYTE_ORDERS if len(magic) == 4 and int.from_bytes(magic, order.name) == pcapng.BYTE_ORDER_MAGIC), None)


def options(layout: Layout, buffer: bytes, place: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option; one that reaches past *end* ends them."""
    for _ in range(MAXIMUM_OPTIONS):
        if place + layout.option.size > end:
            return
        code, length = layout.option.struct.unpack_from(buffer, place)
        place += layout.option.size
        if code == pcapng.OPTION_END or place + length > end:
            return
        yield code, buffer[place:place + length]
        place += length + -length % 4


def counter_options(layout: Layout, buffer: bytes, place: int, end: int, wanted: Collection[int]) -> int:
    """The sum of the 64 bit counters among the options whose codes are *wanted*, each counted once."""
    return sum({code: _integer(layout, value) for code, value in options(layout, buffer, place, end) if code in wanted and len(value) == 8}.values())


def _integer(layout: Layout, value: bytes, *, signed: bool = False) -> int:
    return int.from_bytes(value, layout.name, signed=signed)


class Interface(NamedTuple):
    """What an interface description block says."""

    link: int
    snap_length: int
    name: str
    numerator: int
    denominator: int
    """nanoseconds = ticks * numerator // denominator + offset_ns"""
    offset_ns: int

    @property
    def finer_than_microseconds(self) -> bool:
        return self.numerator < 1000 * self.denominator

    def time(self, ticks: int) -> int:
        """Nanoseconds since the epoch, kept within 64 bits."""
        return max(_EARLIEST, min(_LATEST, ticks * self.numerator // self.denominator + self.offset_ns))

    def times(self, high: Integers, low: Integers) -> Integers:
        """The same of many."""
        if self.denominator == 1 and len(high):
            top = (int(high.max()) + 1) << 32
            if top * self.numerator + abs(self.offset_ns) < _LATEST:
                found: npt.NDArray[np.int64] = ((high << 32) | low) * self.numerator + self.offset_ns
                return found
        return np.fromiter((self.time(a << 32 | b) for a, b in zip(high.tolist(), low.tolist(), strict=True)), np.int64, len(high))


def describe_interface(layout: Layout, buffer: bytes, body: int, end: int) -> Interface:
    header = layout.interface.read(buffer, body)
    name, numerator, denominator, offset_ns = "", 1000, 1, 0
    for code, value in options(layout, buffer, body + layout.interface.size, end):
        if code == pcapng.INTERFACE_NAME:
            name = value.rstrip(b"\0").decode("utf-8", "replace")
        elif code == pcapng.INTERFACE_RESOLUTION and len(value) == 1:
            numerator, denominator = _resolution(value[0])
        elif code == pcapng.INTERFACE_OFFSET and len(value) == 8:
            offset_ns = _integer(layout, value, signed=True) * NANOSECONDS
    return Interface(header["link_type"], header["snap_length"], name, numerator, denominator, offset_ns)


def _resolution(value: int) -> tuple[int, int]:
    """if_tsresol: a negative power of 10, or of 2 when the top bit is set; as a fraction of nanoseconds."""
    if value & 0x80:
        return NANOSECONDS, 1 << (value & 0x7F)
    return (10 ** (9 - value), 1) if value <= 9 else (1, 10 ** (value - 9))
