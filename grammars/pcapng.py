"""pcapng files. Spec: draft-ietf-opsawg-pcapng, sections 4 and later, cited as PCAPNG."""

from __future__ import annotations

from construct import Construct, Struct

from grammars.pcap import ByteOrder
from grammars.vocabulary import Doc

SECTION, INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET, NAMES, STATISTICS, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
SECRETS = 0x0000000A
BYTE_ORDER_MAGIC = 0x1A2B3C4D
MAJOR_VERSION = 1
UNKNOWN_SECTION_LENGTH = 0xFFFFFFFF

OPTION_END, OPTION_COMMENT = 0, 1
INTERFACE_NAME, INTERFACE_RESOLUTION, INTERFACE_OFFSET = 2, 9, 14
STATISTICS_RECEIVED, STATISTICS_DROPPED, STATISTICS_SYSTEM_DROPPED = 4, 5, 7
SECTION_APPLICATION = 4
SECRETS_TLS_KEY_LOG = 0x544C534B
"""TLSK: the text of an SSLKEYLOGFILE"""


def block_header(order: ByteOrder) -> Construct:
    return Struct(
        "type" / order.u32 * Doc("Kind of block", spec="PCAPNG, 3.1"),
        "length" / order.u32 * Doc("Whole block, this header and the trailing length included", unit="byte", spec="PCAPNG, 3.1"),
    )


def block_trailer(order: ByteOrder) -> Construct:
    return Struct("length" / order.u32 * Doc("The block's length again", unit="byte", spec="PCAPNG, 3.1"))


def option_header(order: ByteOrder) -> Construct:
    return Struct(
        "code" / order.u16 * Doc("Kind of option", spec="PCAPNG, 3.5"),
        "length" / order.u16 * Doc("Of the value, without its padding to 4 bytes", unit="byte", spec="PCAPNG, 3.5"),
    )


def section_header(order: ByteOrder) -> Construct:
    return Struct(
        "magic" / order.u32 * Doc("0x1A2B3C4D in the section's byte order", spec="PCAPNG, 4.1"),
        "major" / order.u16 * Doc("1", spec="PCAPNG, 4.1"),
        "minor" / order.u16 * Doc("0", spec="PCAPNG, 4.1"),
        "section_length_low" / order.u32 * Doc("First half of the section's length; all ones when unknown", spec="PCAPNG, 4.1"),
        "section_length_high" / order.u32 * Doc("Second half of it", spec="PCAPNG, 4.1"),
    )


def interface_description(order: ByteOrder) -> Construct:
    return Struct(
        "link_type" / order.u16 * Doc("Link type of the interface's packets", spec="PCAPNG, 4.2"),
        "reserved" / order.u16 * Doc("Zero", spec="PCAPNG, 4.2"),
        "snap_length" / order.u32 * Doc("Most bytes captured of a packet; 0: no limit", unit="byte", spec="PCAPNG, 4.2"),
    )


def enhanced_packet(order: ByteOrder) -> Construct:
    return Struct(
        "interface" / order.u32 * Doc("Index of the interface in its section", spec="PCAPNG, 4.3"),
        "time_high" / order.u32 * Doc("Upper half of the time", unit="if_tsresol", spec="PCAPNG, 4.3"),
        "time_low" / order.u32 * Doc("Lower half of the time", unit="if_tsresol", spec="PCAPNG, 4.3"),
        "captured_length" / order.u32 * Doc("Bytes of the packet in the block", unit="byte", spec="PCAPNG, 4.3"),
        "original_length" / order.u32 * Doc("Length of the packet on the wire", unit="byte", spec="PCAPNG, 4.3"),
    )


def simple_packet(order: ByteOrder) -> Construct:
    return Struct("original_length" / order.u32 * Doc("Length of the packet on the wire", unit="byte", spec="PCAPNG, 4.4"))


def obsolete_packet(order: ByteOrder) -> Construct:
    return Struct(
        "interface" / order.u16 * Doc("Index of the interface in its section", spec="PCAPNG, A"),
        "drops" / order.u16 * Doc("Packets lost since the one before; all ones when unknown", spec="PCAPNG, A"),
        "time_high" / order.u32 * Doc("Upper half of the time", unit="if_tsresol", spec="PCAPNG, A"),
        "time_low" / order.u32 * Doc("Lower half of the time", unit="if_tsresol", spec="PCAPNG, A"),
        "captured_length" / order.u32 * Doc("Bytes of the packet in the block", unit="byte", spec="PCAPNG, A"),
        "original_length" / order.u32 * Doc("Length of the packet on the wire", unit="byte", spec="PCAPNG, A"),
    )


def statistics(order: ByteOrder) -> Construct:
    return Struct(
        "interface" / order.u32 * Doc("Index of the interface in its section", spec="PCAPNG, 4.6"),
        "time_high" / order.u32 * Doc("Upper half of the time", unit="if_tsresol", spec="PCAPNG, 4.6"),
        "time_low" / order.u32 * Doc("Lower half of the time", unit="if_tsresol", spec="PCAPNG, 4.6"),
    )


def secrets(order: ByteOrder) -> Construct:
    return Struct(
        "type" / order.u32 * Doc("Kind of secrets", spec="PCAPNG, 4.7"),
        "length" / order.u32 * Doc("Of the secrets, without their padding to 4 bytes", unit="byte", spec="PCAPNG, 4.7"),
    )


