"""Frames and capture files for tests, built by the grammars."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from construct import Construct

from dissect.capture import Batch
from grammars.ethernet import ETHERNET, ETHERTYPE_IPV4, ETHERTYPE_IPV6
from grammars.ip import FRAGMENT, IPV4, IPV6, IPV6_FRAGMENT, PROTOCOL_TCP, PROTOCOL_UDP
from grammars.linktypes import ETHERNET as LINK_ETHERNET
from grammars.pcap import BIG, LITTLE, MAGIC_MICROSECONDS, MAGIC_NANOSECONDS, file_header, record_header
from grammars.tcp import ACK, TCP
from grammars.udp import UDP

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"
SECOND = 1_000_000_000


def built(grammar: Construct, values: dict[str, Any]) -> bytes:
    return bytes(grammar.build(values))


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def tcp(source_port: int, destination_port: int, sequence: int, payload: bytes = b"", flags: int = ACK, acknowledgement: int = 0,
        options: bytes = b"") -> bytes:
    bits = {name: bool(flags >> place & 1) for place, name in enumerate(("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"))}
    return built(TCP, {
        "source_port": source_port, "destination_port": destination_port, "sequence": sequence % (1 << 32),
        "acknowledgement": acknowledgement % (1 << 32), "offset_flags": {"data_offset": 5 + len(options) // 4, "reserved": 0, **bits},
        "window": 8192, "checksum": 0, "urgent": 0}) + options + payload


def udp(source_port: int, destination_port: int, payload: bytes = b"", length: int | None = None) -> bytes:
    return built(UDP, {"source_port": source_port, "destination_port": destination_port, "length": 8 + len(payload) if length is None else length,
                      "checksum": 0}) + payload


def ipv4(payload: bytes, source: str = CLIENT, destination: str = SERVER, protocol: int = PROTOCOL_TCP, *, identification: int = 1, offset: int = 0,
         more: bool = False, total: int | None = None, options: bytes = b"") -> bytes:
    size = 20 + len(options)
    return built(IPV4, {
        "version_ihl": {"version": 4, "ihl": size // 4}, "service": 0, "total_length": size + len(payload) if total is None else total,
        "identification": identification,
        "fragment": {"reserved": 0, "dont_fragment": 0, "more_fragments": int(more), "fragment_offset": offset // 8},
        "ttl": 64, "protocol": protocol, "checksum": 0, "source": packed(source), "destination": packed(destination)}) + options + payload


def ipv6(payload: bytes, source: str = CLIENT6, destination: str = SERVER6, protocol: int = PROTOCOL_TCP, *, length: int | None = None) -> bytes:
    return built(IPV6, {
        "version_class_flow": {"version": 6, "traffic_class": 0, "flow_label": 0}, "payload_length": len(payload) if length is None else length,
        "next_header": protocol, "hop_limit": 64, "source": packed(source), "destination": packed(destination)}) + payload


def ipv6_fragment(payload: bytes, protocol: int = PROTOCOL_UDP, *, offset: int = 0, more: bool = False, identification: int = 1) -> bytes:
    head = IPV6_FRAGMENT.build({"next_header": protocol, "reserved": 0, "identification": identification,
                                "fragment": {"fragment_offset": offset // 8, "unused": 0, "more_fragments": int(more)}})
    return ipv6(head + payload, protocol=FRAGMENT)


def ethernet(payload: bytes, ethertype: int | None = None) -> bytes:
    if ethertype is None:
        ethertype = ETHERTYPE_IPV6 if payload[:1] and payload[0] >> 4 == 6 else ETHERTYPE_IPV4
    return built(ETHERNET, {"destination": b"\2\0\0\0\0\2", "source": b"\2\0\0\0\0\1", "ethertype": ethertype}) + payload


def segment(side: int, sequence: int, payload: bytes = b"", flags: int = ACK, acknowledgement: int = 0, port: int = 4000) -> bytes:
    """An Ethernet frame of a connection from CLIENT:*port* (side 0) to SERVER:80."""
    if side == 0:
        return ethernet(ipv4(tcp(port, 80, sequence, payload, flags, acknowledgement)))
    return ethernet(ipv4(tcp(80, port, sequence, payload, flags, acknowledgement), SERVER, CLIENT))


def batch(frames: Iterable[bytes | tuple[bytes, int]], *, link: int = LINK_ETHERNET, first_number: int = 1, times: Sequence[int] | None = None) -> Batch:
    """One batch; a frame may come with its original length. Packets are a millisecond apart unless *times* says otherwise."""
    rows = [frame if isinstance(frame, tuple) else (frame, len(frame)) for frame in frames]
    return Batch.of([(times[place] if times else (first_number + place) * 1_000_000, data, original) for place, (data, original) in enumerate(rows)],
                    link, first_number=first_number)


def pcap(packets: Iterable[tuple[int, bytes, int]], *, big: bool = False, nanoseconds: bool = False, link: int = LINK_ETHERNET, snap: int = 262_144,
         major: int = 2) -> bytes:
    """A classic pcap file of (time_ns, data, original length)."""
    order = BIG if big else LITTLE
    head = file_header(order).build({"magic": MAGIC_NANOSECONDS if nanoseconds else MAGIC_MICROSECONDS, "major": major, "minor": 4, "zone": 0,
                                     "accuracy": 0, "snap_length": snap, "link_type": link})
    parts = [head]
    for time_ns, data, original in packets:
        fraction = time_ns % SECOND // (1 if nanoseconds else 1000)
        parts += [record_header(order).build({"seconds": time_ns // SECOND, "fraction": fraction, "captured_length": len(data),
                                              "original_length": original}), data]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    length = 12 + len(body)
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)
