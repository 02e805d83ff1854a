"""Transmission Control Protocol. Spec: RFC 9293, section 3.1."""

from __future__ import annotations

from construct import BitsInteger, BitStruct, Int16ub, Int32ub, Struct

from grammars.vocabulary import Doc

TCP = Struct(
    "source_port" / Int16ub * Doc("Sender's port", spec="RFC 9293, 3.1"),
    "destination_port" / Int16ub * Doc("Receiver's port", spec="RFC 9293, 3.1"),
    "sequence" / Int32ub * Doc("Number of the first byte of data, or of the SYN", spec="RFC 9293, 3.1"),
    "acknowledgement" / Int32ub * Doc("Number of the next byte expected", spec="RFC 9293, 3.1"),
    "offset_flags" / BitStruct(
        "data_offset" / BitsInteger(4) * Doc("Header length, options included", unit="4 bytes", spec="RFC 9293, 3.1"),
        "reserved" / BitsInteger(4) * Doc("Zero", spec="RFC 9293, 3.1"),
        "cwr" / BitsInteger(1) * Doc("Congestion window reduced", spec="RFC 3168, 6.1"),
        "ece" / BitsInteger(1) * Doc("Congestion echoed", spec="RFC 3168, 6.1"),
        "urg" / BitsInteger(1) * Doc("The urgent pointer holds", spec="RFC 9293, 3.1"),
        "ack" / BitsInteger(1) * Doc("The acknowledgement number holds", spec="RFC 9293, 3.1"),
        "psh" / BitsInteger(1) * Doc("Push", spec="RFC 9293, 3.1"),
        "rst" / BitsInteger(1) * Doc("Reset", spec="RFC 9293, 3.1"),
        "syn" / BitsInteger(1) * Doc("Start of the sequence numbers", spec="RFC 9293, 3.1"),
        "fin" / BitsInteger(1) * Doc("No more data from the sender", spec="RFC 9293, 3.1"),
    ) * Doc("Header length and flags", spec="RFC 9293, 3.1"),
    "window" / Int16ub * Doc("What the sender is ready to take", unit="byte, scaled", spec="RFC 9293, 3.1"),
    "checksum" / Int16ub * Doc("Of pseudo header, header and data", spec="RFC 9293, 3.1"),
    "urgent" / Int16ub * Doc("Urgent pointer", spec="RFC 9293, 3.1"),
)
"""Options follow when data_offset is above 5."""

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
"""Places of the flags in the lower byte of offset_flags"""
