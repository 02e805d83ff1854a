"""Ethernet II with 802.1Q and 802.1ad tags. Spec: IEEE 802.3, IEEE 802.1Q; EtherTypes as registered by IEEE."""

from __future__ import annotations

from construct import BitsInteger, BitStruct, Bytes, Int16ub, Struct

from grammars.vocabulary import Doc

ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_PPPOE_SESSION = 0x0800, 0x86DD, 0x8864
ETHERTYPE_TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)
"""802.1Q, 802.1ad, and two values used for stacked tags before 802.1ad"""

ETHERNET = Struct(
    "destination" / Bytes(6) * Doc("Receiver's MAC address", spec="802.3, 3.2.4"),
    "source" / Bytes(6) * Doc("Sender's MAC address", spec="802.3, 3.2.5"),
    "ethertype" / Int16ub * Doc("What follows; below 0x0600 a length", spec="802.3, 3.2.6"),
)

VLAN_TAG = Struct(
    "control" / BitStruct(
        "priority" / BitsInteger(3) * Doc("Priority code point", spec="802.1Q, 9.6"),
        "drop_eligible" / BitsInteger(1) * Doc("Drop eligible indicator", spec="802.1Q, 9.6"),
        "vlan" / BitsInteger(12) * Doc("VLAN identifier", spec="802.1Q, 9.6"),
    ) * Doc("Tag control information", spec="802.1Q, 9.6"),
    "ethertype" / Int16ub * Doc("What follows the tag", spec="802.1Q, 9.4"),
)
"""What follows the EtherType that announces a tag."""
