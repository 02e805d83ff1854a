"""One packet at a time: IP of both versions with options, extension headers and fragments, then TCP or UDP (streams.md, Which conversations)."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from dissect.layers.segments import Row
from grammars.ethernet import ETHERTYPE_IPV4
from grammars.ip import AUTHENTICATION, EXTENSIONS, FRAGMENT, IPV4, IPV6, IPV6_EXTENSION, IPV6_FRAGMENT, PROTOCOL_TCP, PROTOCOL_UDP
from grammars.readings import front
from grammars.tcp import TCP
from grammars.udp import UDP

IPV4_FRONT, IPV6_FRONT, TCP_FRONT, UDP_FRONT = front(IPV4), front(IPV6), front(TCP), front(UDP)
EXTENSION_FRONT, FRAGMENT_FRONT = front(IPV6_EXTENSION), front(IPV6_FRAGMENT)
_TWO_HALVES = Struct(">QQ").unpack
_BITS4, _BITS6 = IPV4_FRONT.bits, FRAGMENT_FRONT.bits
DATA_OFFSET = TCP_FRONT.bits["data_offset"]
FLAGS_MASK = 0xFF


class Network(NamedTuple):
    """A network header that was read: who sends what to whom, and where its payload lies."""

    six: int
    source_high: int
    source_low: int
    destination_high: int
    destination_low: int
    protocol: int
    place: int
    captured_end: int
    wire_end: int


class Piece(NamedTuple):
    """A fragment: the network header it came under, and its place in the datagram."""

    network: Network
    identification: int
    offset: int
    more: bool


def network(kind: int, buffer: bytes, place: int, captured_end: int, wire_end: int) -> Network | Piece | None:
    """The network header at *place* of a frame whose bytes up to *captured_end* were captured, and which went on to *wire_end*."""
    return _ipv4(buffer, place, captured_end, wire_end) if kind == ETHERTYPE_IPV4 else _ipv6(buffer, place, captured_end, wire_end)


def _ipv4(buffer: bytes, place: int, captured_end: int, wire_end: int) -> Network | Piece | None:
    if place + IPV4_FRONT.size > captured_end:
        return None
    version_ihl, _, total, identification, fragment, _, protocol, _, source, destination = IPV4_FRONT.struct.unpack_from(buffer, place)
    size = _BITS4["ihl"].of(version_ihl) * 4
    if _BITS4["version"].of(version_ihl) != 4 or size < IPV4_FRONT.size or place + size > captured_end:
        return None
    if total:
        if total < size:
            return None
        # What follows the total length is padding; a total of 0 (segmentation offload) means the rest of the frame.
        wire_end = min(wire_end, place + total)
    found = Network(0, 0, int.from_bytes(source, "big"), 0, int.from_bytes(destination, "big"), protocol, place + size,
                    min(captured_end, wire_end), wire_end)
    offset, more = _BITS4["fragment_offset"].of(fragment) * 8, bool(_BITS4["more_fragments"].of(fragment))
    return Piece(found, identification, offset, more) if offset or more else found


def _ipv6(buffer: bytes, place: int, captured_end: int, wire_end: int) -> Network | Piece | None:
    if place + IPV6_FRONT.size > captured_end:
        return None
    first, length, following, _, source, destination = IPV6_FRONT.struct.unpack_from(buffer, place)
    if IPV6_FRONT.bits["version"].of(first) != 6:
        return None
    place += IPV6_FRONT.size
    if length:
        wire_end = min(wire_end, place + length)
    source_high, source_low = _TWO_HALVES(source)
    destination_high, destination_low = _TWO_HALVES(destination)
    return _extensions(buffer, Network(1, source_high, source_low, destination_high, destination_low, following, place,
                                       min(captured_end, wire_end), wire_end))


def _extensions(buffer: bytes, found: Network) -> Network | Piece | None:
    """Pass over extension headers, to what no extension header is or to a fragment."""
    following, place, end = found.protocol, found.place, found.captured_end
    while following in EXTENSIONS or following in (AUTHENTICATION, FRAGMENT):
        if place + EXTENSION_FRONT.size > end:
            return None
        kind, length = EXTENSION_FRONT.struct.unpack_from(buffer, place)
        if following == FRAGMENT:
            if place + FRAGMENT_FRONT.size > end:
                return None
            _, _, fragment, identification = FRAGMENT_FRONT.struct.unpack_from(buffer, place)
            place += FRAGMENT_FRONT.size
            offset, more = _BITS6["fragment_offset"].of(fragment) * 8, bool(_BITS6["more_fragments"].of(fragment))
            if offset or more:
                return Piece(found._replace(protocol=kind, place=place), identification, offset, more)
            # An atomic fragment (offset 0, the last one) is all of the datagram.
        else:
            place += (length + 2) * 4 if following == AUTHENTICATION else (length + 1) * 8
        following = kind
    return found._replace(protocol=following, place=place) if place <= end else None


def after_reassembly(buffer: bytes, whole: Network) -> Network | None:
    """The header of a datagram put together from fragments; a fragment within it is none that we read."""
    if not whole.six:
        return whole
    found = _extensions(buffer, whole)
    return found if isinstance(found, Network) else None


def transport(buffer: bytes, found: Network) -> Row | None:
    """The TCP segment or UDP datagram that a network header carries."""
    if found.protocol == PROTOCOL_TCP:
        return _tcp(buffer, found)
    if found.protocol == PROTOCOL_UDP:
        return _udp(buffer, found)
    return None


def _tcp(buffer: bytes, found: Network) -> Row | None:
    place, end = found.place, found.captured_end
    if place + TCP_FRONT.size > end:
        return None
    source, destination, sequence, acknowledgement, offset_flags, _, _, _ = TCP_FRONT.struct.unpack_from(buffer, place)
    size = DATA_OFFSET.of(offset_flags) * 4
    start = place + size
    if size < TCP_FRONT.size or start > end:
        return None
    return Row(found.six, found.source_high, found.source_low, found.destination_high, found.destination_low, source, destination, 1,
               sequence, acknowledgement, offset_flags & FLAGS_MASK, start, end - start, found.wire_end - start)


def _udp(buffer: bytes, found: Network) -> Row | None:
    place, end = found.place, found.captured_end
    if place + UDP_FRONT.size > end:
        return None
    source, destination, length, _ = UDP_FRONT.struct.unpack_from(buffer, place)
    if length < UDP_FRONT.size:
        return None
    start, wire_end = place + UDP_FRONT.size, min(found.wire_end, place + length)
    return Row(found.six, found.source_high, found.source_low, found.destination_high, found.destination_low, source, destination, 0,
               0, 0, 0, start, min(end, wire_end) - start, wire_end - start)
