"""A batch of packets to its TCP segments and UDP datagrams: numpy columns for the common headers, one packet at a time for the rest.

Columns: Ethernet with up to two tags, Linux cooked, raw IP; IPv4 with options; IPv6 without extension headers; no fragments.
What is not read so goes through `dissect.layers.network`, which gives the same for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from dissect.capture.batch import Batch, Integers, column
from dissect.capture.source import unread_links
from dissect.layers.fragments import FragmentTable, Key
from dissect.layers.link import READABLE, peel, peel_batch
from dissect.layers.network import DATA_OFFSET, FLAGS_MASK, IPV4_FRONT, IPV6_FRONT, TCP_FRONT, UDP_FRONT, Piece, after_reassembly, network, transport
from dissect.layers.segments import Row, Segments
from grammars.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6
from grammars.ip import AUTHENTICATION, EXTENSIONS, FRAGMENT, PROTOCOL_TCP, PROTOCOL_UDP
from grammars.readings import Front

_SINGLY = (*EXTENSIONS, AUTHENTICATION, FRAGMENT)


def _values(layout: Front, buffer: bytes, places: Integers, *names: str) -> list[Integers]:
    return [column(buffer, places, layout.offsets[name], layout.formats[name]) for name in names]


class _Columns:
    """Network headers of many packets: parallel to `index`."""

    def __init__(self, index: Integers, protocol: Integers, place: Integers, wire_end: Integers) -> None:
        self.index, self.protocol, self.place, self.wire_end = index, protocol, place, wire_end


class Decoder:
    """Keeps what packets have to do with each other below the transport: fragments."""

    def __init__(self, incomplete: Callable[[Key, tuple[int, ...], int], None]) -> None:
        self.fragments = FragmentTable(incomplete)
        self.unread_links: Counter[str] = Counter()
        """packets of link types that are not read, by name"""

    def decode(self, batch: Batch, *, singly: bool = False) -> Segments:
        """The rows of *batch* in order of its packets. *singly*: no columns (for comparison)."""
        unread_links(batch, READABLE, self.unread_links)
        segments = Segments()
        segments.buffer, segments.fragments = batch.buffer, {}
        if singly:
            alone: list[int] = list(range(len(batch)))
            parts: list[Integers] = []
        else:
            alone, parts = self._columns(batch)
        rows, payloads = self._singly(batch, sorted(alone), segments)
        if rows:
            parts.append(np.array([(index, *row) for index, row in rows], np.uint64).astype(np.int64).T)
            if payloads:
                segments.buffer = b"".join((batch.buffer, *payloads))
        table = np.concatenate(parts, axis=1) if parts else np.zeros((1 + len(Row._fields), 0), np.int64)
        if len(parts) > 1:
            table = table[:, np.argsort(table[0], kind="stable")]
        for name, values in zip(("index", *Row._fields), table, strict=True):
            setattr(segments, name, values)
        if segments.fragments:
            place = {int(index): row for row, index in enumerate(segments.index.tolist())}
            segments.fragments = {place[index]: what for index, what in segments.fragments.items()}
        if len(batch):
            self.fragments.expire(int(batch.time_ns[-1]))
        return segments

    def _columns(self, batch: Batch) -> tuple[list[int], list[Integers]]:
        """Packets to be read singly, and the tables of the others."""
        kinds, places, alone = peel_batch(batch)
        if alone:
            kinds[np.array(alone, np.int64)] = 0
        parts: list[Integers] = []
        for kind, read in ((ETHERTYPE_IPV4, _ipv4), (ETHERTYPE_IPV6, _ipv6)):
            index = np.flatnonzero(kinds == kind)
            if not len(index):
                continue
            found, singly = read(batch, index, places[index])
            alone += singly.tolist()
            for protocol, finish in ((PROTOCOL_TCP, _tcp), (PROTOCOL_UDP, _udp)):
                chosen = found.protocol == protocol
                if chosen.any():
                    parts.append(finish(batch, kind, found.index[chosen], places[found.index[chosen]], found.place[chosen], found.wire_end[chosen]))
        return alone, parts

    def _singly(self, batch: Batch, chosen: list[int], segments: Segments) -> tuple[list[tuple[int, Row]], list[bytes]]:
        rows: list[tuple[int, Row]] = []
        payloads: list[bytes] = []
        extra = len(batch.buffer)
        for index in chosen:
            start = int(batch.offset[index])
            captured_end, wire_end = start + int(batch.caplen[index]), start + int(batch.origlen[index])
            peeled = peel(int(batch.link[index]), batch.buffer, start, captured_end, wire_end)
            found = network(peeled.kind, batch.buffer, peeled.place, min(captured_end, peeled.wire_end), peeled.wire_end) if peeled else None
            if found is None:
                continue
            if not isinstance(found, Piece):
                row = transport(batch.buffer, found)
                if row is not None:
                    rows.append((index, row))
                continue
            head = found.network
            key = (*head[:6], found.identification)
            data = batch.buffer[head.place:max(head.place, head.captured_end)]
            whole = self.fragments.add(key, found.offset, found.more, data, max(0, head.wire_end - head.place), batch.reference(index),
                                       int(batch.time_ns[index]))
            if whole is None:
                continue
            size = len(whole.payload)
            inner = after_reassembly(whole.payload, head._replace(place=0, captured_end=size, wire_end=size))
            row = transport(whole.payload, inner) if inner else None
            if row is not None:
                rows.append((index, row._replace(start=row.start + extra)))
                payloads.append(whole.payload)
                extra += size
                segments.fragments[index] = whole.packets, whole.first_ns
        return rows, payloads


def _ipv4(batch: Batch, index: Integers, place: Integers) -> tuple[_Columns, Integers]:
    ends = batch.offset[index] + batch.caplen[index]
    there = place + IPV4_FRONT.size <= ends
    index, place, ends = index[there], place[there], ends[there]
    version_ihl, total, fragment, protocol = _values(IPV4_FRONT, batch.buffer, place, "version_ihl", "total_length", "fragment", "protocol")
    size = (version_ihl & IPV4_FRONT.bits["ihl"].mask) * 4
    good = (version_ihl >> IPV4_FRONT.bits["version"].shift == 4) & (size >= IPV4_FRONT.size) & (place + size <= ends)
    good &= (total == 0) | (total >= size)
    offset, more = IPV4_FRONT.bits["fragment_offset"], IPV4_FRONT.bits["more_fragments"]
    cut = good & (fragment & (offset.mask << offset.shift | more.mask << more.shift) != 0)
    good &= ~cut
    frame = batch.offset[index] + batch.origlen[index]
    wire_end = np.where(total == 0, frame, np.minimum(frame, place + total))
    return _Columns(index[good], protocol[good], (place + size)[good], wire_end[good]), index[cut]


def _ipv6(batch: Batch, index: Integers, place: Integers) -> tuple[_Columns, Integers]:
    there = place + IPV6_FRONT.size <= batch.offset[index] + batch.caplen[index]
    index, place = index[there], place[there]
    first, length, following = _values(IPV6_FRONT, batch.buffer, place, "version_class_flow", "payload_length", "next_header")
    good = first >> IPV6_FRONT.bits["version"].shift == 6
    singly = good & np.isin(following, _SINGLY)
    good &= ~singly
    place = place + IPV6_FRONT.size
    frame = batch.offset[index] + batch.origlen[index]
    wire_end = np.where(length == 0, frame, np.minimum(frame, place + length))
    return _Columns(index[good], following[good], place[good], wire_end[good]), index[singly]


def _ends(batch: Batch, kind: int, places: Integers) -> tuple[Integers, Integers, Integers, Integers]:
    """Upper and lower half of source and destination address of the network headers at *places*."""
    layout = IPV4_FRONT if kind == ETHERTYPE_IPV4 else IPV6_FRONT
    source, destination = layout.offsets["source"], layout.offsets["destination"]
    if kind == ETHERTYPE_IPV4:
        zero = np.zeros(len(places), np.int64)
        return zero, column(batch.buffer, places, source, ">u4"), zero, column(batch.buffer, places, destination, ">u4")
    halves = [column(batch.buffer, places, at, ">u8") for at in (source, source + 8, destination, destination + 8)]
    return halves[0], halves[1], halves[2], halves[3]


def _table(batch: Batch, kind: int, index: Integers, header: Integers, ports: list[Integers], rest: list[Integers], tcp: int) -> Integers:
    count = len(index)
    return np.stack([index, np.full(count, int(kind == ETHERTYPE_IPV6)), *_ends(batch, kind, header), *ports, np.full(count, tcp), *rest])


def _tcp(batch: Batch, kind: int, index: Integers, header: Integers, place: Integers, wire_end: Integers) -> Integers:
    ends = np.minimum(batch.offset[index] + batch.caplen[index], wire_end)
    there = place + TCP_FRONT.size <= ends
    index, header, place, wire_end, ends = index[there], header[there], place[there], wire_end[there], ends[there]
    *ports, sequence, acknowledgement, offset_flags = _values(
        TCP_FRONT, batch.buffer, place, "source_port", "destination_port", "sequence", "acknowledgement", "offset_flags")
    size = (offset_flags >> DATA_OFFSET.shift) * 4
    start = place + size
    good = (size >= TCP_FRONT.size) & (start <= ends)
    rest = [sequence, acknowledgement, offset_flags & FLAGS_MASK, start, ends - start, wire_end - start]
    return _table(batch, kind, index[good], header[good], [port[good] for port in ports], [values[good] for values in rest], 1)


def _udp(batch: Batch, kind: int, index: Integers, header: Integers, place: Integers, wire_end: Integers) -> Integers:
    ends = np.minimum(batch.offset[index] + batch.caplen[index], wire_end)
    there = place + UDP_FRONT.size <= ends
    index, header, place, wire_end, ends = index[there], header[there], place[there], wire_end[there], ends[there]
    *ports, length = _values(UDP_FRONT, batch.buffer, place, "source_port", "destination_port", "length")
    good = length >= UDP_FRONT.size
    start = place + UDP_FRONT.size
    wire_end = np.minimum(wire_end, place + length)
    zero = np.zeros(len(place), np.int64)
    rest = [zero, zero, zero, start, np.minimum(ends, wire_end) - start, wire_end - start]
    return _table(batch, kind, index[good], header[good], [port[good] for port in ports], [values[good] for values in rest], 0)
