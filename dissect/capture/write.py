"""pcapng out: one section, any interfaces, enhanced packets with times and comments, decryption secrets.

Every block is handed to the stream whole and flushed, so that a file is valid up to its last block whenever writing stops.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import BinaryIO

import numpy as np

from dissect.capture.batch import Batch
from dissect.capture.blocks import LAYOUTS
from grammars import pcapng
from grammars.linktypes import link_type_name

_LAYOUT = LAYOUTS["little"]
_NANOSECONDS = 9
_LOW = (1 << 32) - 1
_LONGEST_OPTION = 0xFFFF
_PACKET = Struct(_LAYOUT.block.struct.format + _LAYOUT.enhanced.struct.format.lstrip("<"))
# head and front of an enhanced packet block
_PADDING = tuple(map(bytes, range(4)))


class PcapngWriter:
    """Writes to *stream*, which it does not close."""

    def __init__(self, stream: BinaryIO, application: str = "dissect") -> None:
        self._stream = stream
        self._interfaces: dict[tuple[int, str, int], int] = {}
        self._tick_ns: list[int] = []
        header = _LAYOUT.section.struct.pack(
            pcapng.BYTE_ORDER_MAGIC, pcapng.MAJOR_VERSION, 0, pcapng.UNKNOWN_SECTION_LENGTH, pcapng.UNKNOWN_SECTION_LENGTH)
        self._block(pcapng.SECTION, header, [(pcapng.SECTION_APPLICATION, application.encode())])

    def interface(self, link: int, name: str = "", snap_length: int = 0, digits: int = _NANOSECONDS) -> int:
        """The number of the interface of that link type, name and digits of a second's fraction (0 to 9); described when it is new."""
        number = self._interfaces.get((link, name, digits))
        if number is None:
            number = self._interfaces[link, name, digits] = len(self._interfaces)
            self._tick_ns.append(10 ** (_NANOSECONDS - digits))
            told = [(pcapng.INTERFACE_NAME, (name or link_type_name(link)).encode()), (pcapng.INTERFACE_RESOLUTION, bytes([digits]))]
            self._block(pcapng.INTERFACE, _LAYOUT.interface.struct.pack(link, 0, snap_length), told)
        return number

    def packet(self, interface: int, time_ns: int, data: bytes, original_length: int | None = None, comments: Iterable[str] = ()) -> None:
        """One packet; times before 1970 cannot be written and become 1970."""
        ticks = max(0, time_ns) // self._tick_ns[interface]
        header = _LAYOUT.enhanced.struct.pack(interface, ticks >> 32, ticks & _LOW, len(data), max(len(data), original_length or 0))
        self._block(pcapng.ENHANCED_PACKET, header + _padded(data), [(pcapng.OPTION_COMMENT, text.encode()) for text in comments])

    def batch(self, interface: int, batch: Batch) -> int:
        """All packets of *batch*, of one interface, in one write; the number of bytes written."""
        pack, close = _PACKET.pack, _LAYOUT.trailer.struct.pack
        buffer = batch.buffer
        front = _PACKET.size
        parts: list[bytes] = []
        columns = (batch.offset, batch.caplen, batch.origlen, np.maximum(batch.time_ns, 0))
        for start, captured, original, ticks in zip(*(column.tolist() for column in columns), strict=True):
            padding = -captured % 4
            length = front + captured + padding + _LAYOUT.trailer.size
            parts += (pack(pcapng.ENHANCED_PACKET, length, interface, ticks >> 32, ticks & _LOW, captured, original), buffer[start:start + captured],
                      _PADDING[padding], close(length))
        data = b"".join(parts)
        self._stream.write(data)
        self._stream.flush()
        return len(data)

    def statistics(self, interface: int, time_ns: int, received: int, dropped: int) -> None:
        """What capturing on *interface* counted, until *time_ns*."""
        header = _LAYOUT.statistics.struct.pack(interface, time_ns >> 32, time_ns & _LOW)
        counters = ((pcapng.STATISTICS_RECEIVED, received), (pcapng.STATISTICS_DROPPED, dropped))
        self._block(pcapng.STATISTICS, header, [(code, value.to_bytes(8, "little")) for code, value in counters])

    def secrets(self, kind: int, data: bytes) -> None:
        """A decryption secrets block; it must stand before the packets that need it."""
        self._block(pcapng.SECRETS, _LAYOUT.secrets.struct.pack(kind, len(data)) + _padded(data), [])

    def _block(self, kind: int, body: bytes, told: list[tuple[int, bytes]]) -> None:
        if told:
            pack = _LAYOUT.option.struct.pack
            cut = [(code, value[:_LONGEST_OPTION]) for code, value in told]
            body += b"".join(pack(code, len(value)) + _padded(value) for code, value in cut) + pack(pcapng.OPTION_END, 0)
        length = _LAYOUT.block.size + len(body) + _LAYOUT.trailer.size
        self._stream.write(_LAYOUT.block.struct.pack(kind, length) + body + _LAYOUT.trailer.struct.pack(length))
        self._stream.flush()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
