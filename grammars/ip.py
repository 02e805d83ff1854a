"""Internet Protocol, version 4 and 6 with extension headers. Spec: RFC 791, RFC 8200, RFC 4302."""

from __future__ import annotations

from construct import BitsInteger, BitStruct, Bytes, Int8ub, Int16ub, Int32ub, Struct

from grammars.vocabulary import Doc

IPV4 = Struct(
    "version_ihl" / BitStruct(
        "version" / BitsInteger(4) * Doc("4", spec="RFC 791, 3.1"),
        "ihl" / BitsInteger(4) * Doc("Header length, options included", unit="4 bytes", spec="RFC 791, 3.1"),
    ) * Doc("Version and header length", spec="RFC 791, 3.1"),
    "service" / Int8ub * Doc("Differentiated services and congestion notification", spec="RFC 2474"),
    "total_length" / Int16ub * Doc("Whole datagram, header included; 0 under segmentation offload", unit="byte", spec="RFC 791, 3.1"),
    "identification" / Int16ub * Doc("What the fragments of one datagram share", spec="RFC 791, 3.1"),
    "fragment" / BitStruct(
        "reserved" / BitsInteger(1) * Doc("Zero", spec="RFC 791, 3.1"),
        "dont_fragment" / BitsInteger(1) * Doc("May not be cut", spec="RFC 791, 3.1"),
        "more_fragments" / BitsInteger(1) * Doc("Not the last fragment", spec="RFC 791, 3.1"),
        "fragment_offset" / BitsInteger(13) * Doc("Place of this fragment in the datagram", unit="8 bytes", spec="RFC 791, 3.1"),
    ) * Doc("Fragmentation", spec="RFC 791, 3.1"),
    "ttl" / Int8ub * Doc("Hops left", spec="RFC 791, 3.1"),
    "protocol" / Int8ub * Doc("What the datagram carries", spec="RFC 791, 3.1"),
    "checksum" / Int16ub * Doc("Of the header", spec="RFC 791, 3.1"),
    "source" / Bytes(4) * Doc("Sender's address", spec="RFC 791, 3.1"),
    "destination" / Bytes(4) * Doc("Receiver's address", spec="RFC 791, 3.1"),
)
"""Options follow when ihl is above 5."""

IPV6 = Struct(
    "version_class_flow" / BitStruct(
        "version" / BitsInteger(4) * Doc("6", spec="RFC 8200, 3"),
        "traffic_class" / BitsInteger(8) * Doc("Differentiated services and congestion notification", spec="RFC 8200, 7"),
        "flow_label" / BitsInteger(20) * Doc("Flow label", spec="RFC 8200, 6"),
    ) * Doc("Version, traffic class, flow label", spec="RFC 8200, 3"),
    "payload_length" / Int16ub * Doc("What follows this header; 0 for jumbograms and segmentation offload", unit="byte", spec="RFC 8200, 3"),
    "next_header" / Int8ub * Doc("Kind of the next header", spec="RFC 8200, 3"),
    "hop_limit" / Int8ub * Doc("Hops left", spec="RFC 8200, 3"),
    "source" / Bytes(16) * Doc("Sender's address", spec="RFC 8200, 3"),
    "destination" / Bytes(16) * Doc("Receiver's address", spec="RFC 8200, 3"),
)

IPV6_EXTENSION = Struct(
    "next_header" / Int8ub * Doc("Kind of the next header", spec="RFC 8200, 4.3"),
    "length" / Int8ub * Doc("Length beyond the first 8 bytes", unit="8 bytes (authentication: 4 bytes, less 2)", spec="RFC 8200, 4.3; RFC 4302, 2.2"),
)
"""The front of hop-by-hop, routing, destination, mobility, HIP, shim6 and authentication headers."""

IPV6_FRAGMENT = Struct(
    "next_header" / Int8ub * Doc("Kind of what the datagram carries", spec="RFC 8200, 4.5"),
    "reserved" / Int8ub * Doc("Zero", spec="RFC 8200, 4.5"),
    "fragment" / BitStruct(
        "fragment_offset" / BitsInteger(13) * Doc("Place of this fragment in the datagram", unit="8 bytes", spec="RFC 8200, 4.5"),
        "unused" / BitsInteger(2) * Doc("Zero", spec="RFC 8200, 4.5"),
        "more_fragments" / BitsInteger(1) * Doc("Not the last fragment", spec="RFC 8200, 4.5"),
    ) * Doc("Fragmentation", spec="RFC 8200, 4.5"),
    "identification" / Int32ub * Doc("What the fragments of one datagram share", spec="RFC 8200, 4.5"),
)

PROTOCOL_TCP, PROTOCOL_UDP = 6, 17
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
EXTENSIONS = (HOP_BY_HOP, ROUTING, DESTINATION, 135, 139, 140)
"""Extension headers measured in units of 8 bytes: also mobility (RFC 6275), HIP (RFC 7401), shim6 (RFC 5533)"""
