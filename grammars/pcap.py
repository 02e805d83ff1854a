"""Classic pcap files, micro- and nanosecond. Spec: draft-ietf-opsawg-pcap, sections 4 and 5, cited as PCAP."""

from __future__ import annotations

from typing import Literal, NamedTuple

from construct import Construct, FormatField, Int16ub, Int16ul, Int32sb, Int32sl, Int32ub, Int32ul, Struct

from grammars.vocabulary import Doc


class ByteOrder(NamedTuple):
    """How one byte order spells integers."""

    name: Literal["little", "big"]
    u16: FormatField
    u32: FormatField
    s32: FormatField


LITTLE = ByteOrder("little", Int16ul, Int32ul, Int32sl)
BIG = ByteOrder("big", Int16ub, Int32ub, Int32sb)
BYTE_ORDERS = (LITTLE, BIG)

MAGIC_MICROSECONDS, MAGIC_NANOSECONDS, MAGIC_MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
"""MODIFIED: Kuznetzov's, whose records have longer headers; not read."""
MAJOR_VERSION = 2
MAXIMUM_CAPTURED = 262_144
"""A longer record is damage, unless the snap length allows it"""
MAXIMUM_SNAP_LENGTH = 16 << 20
"""A snap length from here on says nothing"""
RESERVED_LINK_BITS = 0x03FF0000
"""Of the link type; above them is the length of a frame check sequence"""


def file_header(order: ByteOrder) -> Construct:
    return Struct(
        "magic" / order.u32 * Doc("Byte order and unit of the times", spec="PCAP, 4"),
        "major" / order.u16 * Doc("2", spec="PCAP, 4"),
        "minor" / order.u16 * Doc("4", spec="PCAP, 4"),
        "zone" / order.s32 * Doc("Zero", spec="PCAP, 4"),
        "accuracy" / order.u32 * Doc("Zero", spec="PCAP, 4"),
        "snap_length" / order.u32 * Doc("Most bytes captured of a packet", unit="byte", spec="PCAP, 4"),
        "link_type" / order.u32 * Doc("Link type, and length of a frame check sequence", spec="PCAP, 4"),
    )


def record_header(order: ByteOrder) -> Construct:
    return Struct(
        "seconds" / order.u32 * Doc("Time since the epoch", unit="s", spec="PCAP, 5"),
        "fraction" / order.u32 * Doc("Part of the second", unit="µs or ns, by the magic", spec="PCAP, 5"),
        "captured_length" / order.u32 * Doc("Bytes that follow", unit="byte", spec="PCAP, 5"),
        "original_length" / order.u32 * Doc("Length of the packet on the wire", unit="byte", spec="PCAP, 5"),
    )
