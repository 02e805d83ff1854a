"""User Datagram Protocol. Spec: RFC 768."""

from __future__ import annotations

from construct import Int16ub, Struct

from grammars.vocabulary import Doc

UDP = Struct(
    "source_port" / Int16ub * Doc("Sender's port", spec="RFC 768"),
    "destination_port" / Int16ub * Doc("Receiver's port", spec="RFC 768"),
    "length" / Int16ub * Doc("Header and data", unit="byte", spec="RFC 768"),
    "checksum" / Int16ub * Doc("Of pseudo header, header and data; 0: none", spec="RFC 768"),
)
