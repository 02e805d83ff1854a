"""BSD loopback (LINKTYPE_NULL, LINKTYPE_LOOP). Spec: tcpdump.org/linktypes.html."""

from __future__ import annotations

from construct import Int32ub, Struct

from grammars.vocabulary import Doc

LOOPBACK = Struct(
    "family" / Int32ub * Doc("Address family; in the byte order of the capturing host (NULL) or the network's (LOOP)", spec="LINKTYPE_NULL"),
)

FAMILY_IPV4 = (2,)
FAMILY_IPV6 = (10, 23, 24, 26, 28, 30)
"""Linux, Windows, NetBSD and OpenBSD, Solaris, FreeBSD, Darwin"""
