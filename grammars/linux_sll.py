"""Linux cooked captures, version 1 and 2. Spec: tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and LINKTYPE_LINUX_SLL2.html."""

from __future__ import annotations

from construct import Bytes, Int8ub, Int16ub, Int32ub, Struct

from grammars.vocabulary import Doc

LINUX_SLL = Struct(
    "packet_type" / Int16ub * Doc("0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us", spec="LINKTYPE_LINUX_SLL"),
    "arphrd_type" / Int16ub * Doc("Kind of device (ARPHRD_)", spec="LINKTYPE_LINUX_SLL"),
    "address_length" / Int16ub * Doc("Length of the sender's link address", unit="byte", spec="LINKTYPE_LINUX_SLL"),
    "address" / Bytes(8) * Doc("Sender's link address, padded or cut to 8 bytes", spec="LINKTYPE_LINUX_SLL"),
    "protocol" / Int16ub * Doc("EtherType of what follows", spec="LINKTYPE_LINUX_SLL"),
)

LINUX_SLL2 = Struct(
    "protocol" / Int16ub * Doc("EtherType of what follows", spec="LINKTYPE_LINUX_SLL2"),
    "reserved" / Int16ub * Doc("Zero", spec="LINKTYPE_LINUX_SLL2"),
    "interface" / Int32ub * Doc("Index of the interface, from 1", spec="LINKTYPE_LINUX_SLL2"),
    "arphrd_type" / Int16ub * Doc("Kind of device (ARPHRD_)", spec="LINKTYPE_LINUX_SLL2"),
    "packet_type" / Int8ub * Doc("0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us", spec="LINKTYPE_LINUX_SLL2"),
    "address_length" / Int8ub * Doc("Length of the sender's link address", unit="byte", spec="LINKTYPE_LINUX_SLL2"),
    "address" / Bytes(8) * Doc("Sender's link address, padded or cut to 8 bytes", spec="LINKTYPE_LINUX_SLL2"),
)
