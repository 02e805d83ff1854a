"""From a frame to its network header: place and EtherType, whatever the link layer."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dissect.capture.batch import Batch, Integers, column
from grammars.ethernet import ETHERNET, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_PPPOE_SESSION, ETHERTYPE_TAGS, VLAN_TAG
from grammars.linktypes import ETHERNET as LINK_ETHERNET
from grammars.linktypes import IPV4, IPV6, LOOP, NULL, RAW_NUMBERS
from grammars.linktypes import LINUX_SLL as LINK_LINUX_SLL
from grammars.linktypes import LINUX_SLL2 as LINK_LINUX_SLL2
from grammars.linux_sll import LINUX_SLL, LINUX_SLL2
from grammars.loopback import FAMILY_IPV4, FAMILY_IPV6, LOOPBACK
from grammars.pppoe import PPP_IPV4, PPP_IPV6, PPPOE
from grammars.readings import Front, front

_ETHERNET, _TAG, _SLL, _SLL2 = front(ETHERNET), front(VLAN_TAG), front(LINUX_SLL), front(LINUX_SLL2)
_PPPOE, _LOOPBACK = front(PPPOE), front(LOOPBACK)

READABLE = frozenset({LINK_ETHERNET, NULL, LOOP, IPV4, IPV6, LINK_LINUX_SLL, LINK_LINUX_SLL2, *RAW_NUMBERS})
"""Link types that this module reads"""

Peeled = tuple[int, int] | None
"""EtherType and place of what follows a header; None: it is not whole, or nothing that we read follows"""


class Peel(NamedTuple):
    """Where a frame's network header is, and where its payload ends on the wire."""

    kind: int
    place: int
    wire_end: int



def _after(layout: Front, name: str) -> Callable[[bytes, int, int], Peeled]:
    read = Struct(layout.formats[name]).unpack_from
    at, size = layout.offsets[name], layout.size

    def peel_one(buffer: bytes, place: int, end: int) -> Peeled:
        if place + size > end:
            return None
        return read(buffer, place + at)[0], place + size
    return peel_one


_peel_ethernet = _after(_ETHERNET, "ethertype")
_peel_tag = _after(_TAG, "ethertype")
_peel_sll = _after(_SLL, "protocol")
_peel_sll2 = _after(_SLL2, "protocol")


def _peel_loopback(buffer: bytes, place: int, end: int) -> Peeled:
    if place + _LOOPBACK.size > end:
        return None
    family, = _LOOPBACK.struct.unpack_from(buffer, place)
    if family > 0xFFFF:
        # The families are small numbers: this one was written in the other byte order.
        family = int.from_bytes(int(family).to_bytes(4, "big"), "little")
    kind = ETHERTYPE_IPV4 if family in FAMILY_IPV4 else ETHERTYPE_IPV6 if family in FAMILY_IPV6 else None
    return None if kind is None else (kind, place + _LOOPBACK.size)


def _peel_raw(buffer: bytes, place: int, end: int) -> Peeled:
    if place >= end:
        return None
    version = buffer[place] >> 4
    return (ETHERTYPE_IPV4, place) if version == 4 else (ETHERTYPE_IPV6, place) if version == 6 else None


def _peel_pppoe(buffer: bytes, place: int, end: int, wire_end: int) -> Peel | None:
    if place + _PPPOE.size > end:
        return None
    header = _PPPOE.read(buffer, place)
    protocol, after = header["protocol"], place + _PPPOE.size
    if header["code"] or header["version"] != 1 or header["type"] != 1:
        return None
    # The length counts from the protocol field on; what lies behind is padding of the frame.
    wire_end = min(wire_end, place + _PPPOE.offsets["protocol"] + header["length"])
    if protocol >> 8 & 1:
        protocol, after = protocol >> 8, after - 1
    kind = ETHERTYPE_IPV4 if protocol == PPP_IPV4 else ETHERTYPE_IPV6 if protocol == PPP_IPV6 else None
    return None if kind is None else Peel(kind, after, wire_end)


_PEELERS: dict[int, Callable[[bytes, int, int], Peeled]] = {
    LINK_ETHERNET: _peel_ethernet, LINK_LINUX_SLL: _peel_sll, LINK_LINUX_SLL2: _peel_sll2, NULL: _peel_loopback, LOOP: _peel_loopback,
    IPV4: _peel_raw, IPV6: _peel_raw, **dict.fromkeys(RAW_NUMBERS, _peel_raw),
}


def peel(link: int, buffer: bytes, place: int, end: int, wire_end: int) -> Peel | None:
    """The network header of the frame at *place*, of which the bytes up to *end* were captured. Tags in any number are passed over."""
    peeler = _PEELERS.get(link)
    found = peeler(buffer, place, end) if peeler else None
    while found is not None and found[0] in ETHERTYPE_TAGS:
        found = _peel_tag(buffer, found[1], end)
    if found is None:
        return None
    if found[0] == ETHERTYPE_PPPOE_SESSION:
        return _peel_pppoe(buffer, found[1], end, wire_end)
    return Peel(*found, wire_end) if found[0] in (ETHERTYPE_IPV4, ETHERTYPE_IPV6) else None


_COLUMNS: dict[int, tuple[Front, str]] = {
    LINK_ETHERNET: (_ETHERNET, "ethertype"), LINK_LINUX_SLL: (_SLL, "protocol"), LINK_LINUX_SLL2: (_SLL2, "protocol")}
_TAGS_AT_ONCE = 2


def peel_batch(batch: Batch) -> tuple[Integers, Integers, list[int]]:
    """For every packet: EtherType (0: none) and place of its network header, as `peel` tells; and the packets that must be peeled singly."""
    kinds, places = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
    ends = batch.offset + batch.caplen
    alone: list[int] = []
    links = np.unique(batch.link).tolist()
    for link in links:
        chosen = np.flatnonzero(batch.link == link) if len(links) > 1 else np.arange(len(batch))
        if link in _COLUMNS:
            layout, name = _COLUMNS[link]
            chosen = chosen[batch.caplen[chosen] >= layout.size]
            kinds[chosen] = column(batch.buffer, batch.offset[chosen], layout.offsets[name], layout.formats[name])
            places[chosen] = batch.offset[chosen] + layout.size
            _pass_tags(batch.buffer, chosen, kinds, places, ends)
            alone += chosen[np.isin(kinds[chosen], (*ETHERTYPE_TAGS, ETHERTYPE_PPPOE_SESSION))].tolist()
        elif link in _PEELERS and _PEELERS[link] is _peel_raw:
            chosen = chosen[batch.caplen[chosen] > 0]
            version = column(batch.buffer, batch.offset[chosen], 0, "B") >> 4
            kinds[chosen] = np.where(version == 4, ETHERTYPE_IPV4, np.where(version == 6, ETHERTYPE_IPV6, 0))
            places[chosen] = batch.offset[chosen]
        elif link in _PEELERS:
            alone += chosen.tolist()
    return kinds, places, alone


def _pass_tags(buffer: bytes, chosen: Integers, kinds: Integers, places: Integers, ends: Integers) -> None:
    for _ in range(_TAGS_AT_ONCE):
        tagged: npt.NDArray[np.int64] = chosen[np.isin(kinds[chosen], ETHERTYPE_TAGS)]
        if not len(tagged):
            return
        cut = places[tagged] + _TAG.size > ends[tagged]
        kinds[tagged[cut]] = 0
        tagged = tagged[~cut]
        kinds[tagged] = column(buffer, places[tagged], _TAG.offsets["ethertype"], _TAG.formats["ethertype"])
        places[tagged] += _TAG.size
