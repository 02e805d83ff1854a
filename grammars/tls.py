"""TLS records, as far as they are in clear. Spec: RFC 5246 6.2, RFC 8446 5."""

from __future__ import annotations

from construct import Int8ub, Int16ub, Struct

from grammars.vocabulary import Doc

RECORD = Struct(
    "content_type" / Int8ub * Doc("20 change cipher spec, 21 alert, 22 handshake, 23 application data", spec="RFC 8446 5.1"),
    "version_major" / Int8ub * Doc("3", spec="RFC 8446 5.1"),
    "version_minor" / Int8ub * Doc("1 to 3: TLS 1.0 to 1.2; 1.3 writes 3 too", spec="RFC 8446 5.1"),
    "length" / Int16ub * Doc("Of the fragment that follows", unit="byte", spec="RFC 8446 5.1"),
)

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
CONTENT_TYPES = (CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT)
VERSION_MAJOR = 3
RECORD_BEGINNINGS = tuple(bytes((kind, VERSION_MAJOR)) for kind in CONTENT_TYPES)
"""the first two bytes of a record"""
MAXIMUM_FRAGMENT = (1 << 14) + 2048
"""RFC 5246 6.2.3: the longest that a record's fragment may be"""
CLIENT_HELLO = 1
"""RFC 8446 4: type of the handshake message that a client sends first"""
