"""PPP over Ethernet, session stage. Spec: RFC 2516, section 4; RFC 1661 for the protocol field."""

from __future__ import annotations

from construct import BitsInteger, BitStruct, Int8ub, Int16ub, Struct

from grammars.vocabulary import Doc

PPPOE = Struct(
    "version_type" / BitStruct(
        "version" / BitsInteger(4) * Doc("1", spec="RFC 2516, 4"),
        "type" / BitsInteger(4) * Doc("1", spec="RFC 2516, 4"),
    ) * Doc("Version and type", spec="RFC 2516, 4"),
    "code" / Int8ub * Doc("0 for a session's data", spec="RFC 2516, 4"),
    "session" / Int16ub * Doc("Session id", spec="RFC 2516, 4"),
    "length" / Int16ub * Doc("What follows this header", unit="byte", spec="RFC 2516, 4"),
    "protocol" / Int16ub * Doc("PPP protocol of what follows", spec="RFC 1661, 2"),
)
"""The PPP protocol field is part of it; with an odd first byte it is one byte long (protocol field compression)."""

PPP_IPV4, PPP_IPV6 = 0x0021, 0x0057
