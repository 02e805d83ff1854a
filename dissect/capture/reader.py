"""What the readers of the file formats have in common, and the choice between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from dissect.capture.batch import Batch
from dissect.capture.inflate import ByteSource
from dissect.errors import CaptureError

MAXIMUM_DAMAGES = 16
"""Places of damage told of in one file; further ones are passed over as silently as they are found"""


class Damage(NamedTuple):
    """A place of a file that could not be read."""

    file: int
    text: str
    packet: int
    """number of the last packet before it; 0: none"""
    time_ns: int
    """of that packet; 0 when there is none"""


class Placed(NamedTuple):
    """A batch and where its buffer begins in the plain bytes of its file."""

    batch: Batch
    base: int


class Reader(Protocol):
    """Reads one file, once, in order."""

    @property
    def format(self) -> str: ...

    @property
    def digits(self) -> int:
        """Of a second's fraction: 6 or 9."""

    @property
    def damages(self) -> list[Damage]: ...

    @property
    def dropped(self) -> int: ...

    @property
    def secrets(self) -> list[tuple[int, bytes]]:
        """Kind and bytes of decryption secrets blocks."""

    @property
    def interfaces(self) -> list[str]:
        """Names, where a file tells them."""

    @property
    def several_interfaces(self) -> bool: ...

    def snap_lengths(self) -> dict[int, int]:
        """Most bytes captured of a packet (0: no limit), by link type of the interfaces in order of description."""

    def batches(self) -> Iterator[Placed]: ...


class Progress:
    """Where a reader is: what a Damage needs to name its place."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.packets = 0
        self.time_ns = 0
        self.damages: list[Damage] = []

    def damage(self, text: str) -> None:
        if len(self.damages) < MAXIMUM_DAMAGES:
            self.damages.append(Damage(self.file, text, self.packets, self.time_ns))


OTHER_FORMATS = ((b"snoop\0\0\0", "snoop", "a snoop file"), (b"btsnoop\0", "btsnoop", "a btsnoop file"), (b"GMBU", "netmon", "a Network Monitor file"),
                 (b"RTSS", "netmon", "a Network Monitor file"), (b"TRSNIFF", "sniffer", "a Sniffer file"), (b"XCP\0", "netxray", "a NetXRay file"),
                 (b"iptrace ", "iptrace", "an iptrace file"))
"""magic, name in a report, and in words: what tshark reads and we do not"""

_PACKED = ((b"BZh", "bzip2", "bzcat"), (b"\xfd7zXZ\0", "xz", "xzcat"), (b"PK\3\4", "zip", "unzip -p"), (b"7z\xbc\xaf\x27\x1c", "7z", "7z x -so"))
"""magic, name, and the program that writes the content to its standard output"""


def open_reader(name: str, file: int, source: ByteSource) -> Reader:
    """The reader of what *source* holds. Raises CaptureError when that is neither pcap nor pcapng."""
    from dissect.capture.pcap import PcapReader, is_pcap
    from dissect.capture.pcapng import PcapngReader, is_pcapng

    head = source.read(28)
    if is_pcap(head):
        return PcapReader(name, file, source, head)
    if is_pcapng(head):
        return PcapngReader(name, file, source, head)
    if not head:
        raise CaptureError(f"{name}: {source.problem or 'it is empty'}, no capture")
    for magic, packer, unpack in _PACKED:
        if head.startswith(magic):
            raise CaptureError(f"{name}: packed with {packer}, which is not read (gzip, zstd and lz4 are); unpack it: {unpack} FILE | dissect ... -")
    what = next((text for magic, _, text in OTHER_FORMATS if head.startswith(magic)), "neither pcap nor pcapng")
    raise CaptureError(f"{name}: {what}; --engine tshark reads what Wireshark knows")
