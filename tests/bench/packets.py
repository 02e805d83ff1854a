"""Packets for large captures: classic pcap and Ethernet/IPv4 heads packed by one struct each, no library in between."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from struct import Struct

START_S = 1_795_161_600
"""2026-11-20T08:00:00Z"""

FILE_HEAD = Struct("<IHHiIII").pack(0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
_RECORD = Struct("<IIII")
# Destination and source MAC, EtherType; version and length, TOS, total length, id, DF, TTL, protocol, checksum, addresses.
_FRONT = Struct("!6s6sH BBHHHBBH 4s4s")
_TCP = Struct("!HHIIBBHHH")
_UDP = Struct("!HHHH")
_DEVICE_MAC, _ROUTER_MAC = bytes.fromhex("020000000010"), bytes.fromhex("020000000001")
TCP_HEADS = 14 + 20 + 20
SYN, ACK, PUSH = 0x02, 0x10, 0x08


class Flow:
    """One pair of ends; side 0 is the client. Addresses are 4 bytes each."""

    __slots__ = ("addresses", "checksums", "number", "ports", "sequence")

    def __init__(self, client: bytes, server: bytes, client_port: int, server_port: int, sequence: int) -> None:
        self.addresses = (client, server)
        self.ports = (client_port, server_port)
        self.sequence = [sequence & 0xFFFFFFFF, (sequence * 2654435761) & 0xFFFFFFFF]
        self.number = sequence & 0xFFFF
        words = sum(int.from_bytes(address[at : at + 2], "big") for address in self.addresses for at in (0, 2))
        self.checksums = {protocol: 0x4500 + 0x4000 + (64 << 8 | protocol) + words for protocol in (6, 17)}

    def tcp(self, side: int, payload: bytes, flags: int = ACK | PUSH) -> bytes:
        """The next segment of *side*. TCP's checksum is left to the network card, as on a sending machine."""
        sequence = self.sequence
        segment = _TCP.pack(self.ports[side], self.ports[1 - side], sequence[side], 0 if flags == SYN else sequence[1 - side], 0x50, flags, 502, 0, 0)
        sequence[side] = sequence[side] + len(payload) + (flags & SYN > 0) & 0xFFFFFFFF
        if flags == SYN:
            sequence[1 - side] = sequence[1 - side] + 1 & 0xFFFFFFFF
        return self._front(side, 6, 20 + len(payload)) + segment + payload

    def udp(self, side: int, payload: bytes) -> bytes:
        head = _UDP.pack(self.ports[side], self.ports[1 - side], 8 + len(payload), 0)
        return self._front(side, 17, 8 + len(payload)) + head + payload

    def _front(self, side: int, protocol: int, size: int) -> bytes:
        self.number = self.number + 1 & 0xFFFF
        total = self.checksums[protocol] + size + 20 + self.number
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        macs = (_ROUTER_MAC, _DEVICE_MAC) if side == 0 else (_DEVICE_MAC, _ROUTER_MAC)
        return _FRONT.pack(*macs, 0x0800, 0x45, 0, size + 20, self.number, 0x4000, 64, protocol, ~total & 0xFFFF,
                           self.addresses[side], self.addresses[1 - side])


def address(*octets: int) -> bytes:
    return bytes(octets)


def spread(network: int, index: int) -> bytes:
    """The address number *index* of 10.*network*.0.0, then of the networks behind it."""
    return bytes((10, network + (index >> 16), index >> 8 & 0xFF, index & 0xFF))


def write(path: Path, packets: Iterable[tuple[float, bytes]]) -> int:
    """Writes (seconds after the start, frame) in the order given; how many."""
    count = 0
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb", buffering=1 << 20) as file:
        file.write(FILE_HEAD)
        for seconds, frame in packets:
            whole = int(seconds)
            file.write(_RECORD.pack(START_S + whole, int((seconds - whole) * 1e6), len(frame), len(frame)))
            file.write(frame)
            count += 1
    unfinished.rename(path)
    return count
