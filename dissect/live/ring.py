"""A packet socket with a ring that the kernel fills (TPACKET_V3): blocks of packets with nanosecond times, no call per packet.

scapy opens the socket. See packet_mmap.rst of the Linux kernel and linux/if_packet.h.
"""

from __future__ import annotations

import errno
import mmap
import select
import socket
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from dissect.capture import Batch
from dissect.live.interfaces import is_loopback, link_of
from dissect.live.kernelfilter import attach

SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, PACKET_RESERVE, TPACKET_V3 = 263, 5, 6, 10, 12, 2
BLOCK_SIZE = 1 << 20
MOST_BLOCKS, FEWEST_BLOCKS = 64, 4
RETIRE_MS = 50
"""after so long a block is given out also when it is not full"""
_FRAME_SIZE = 2048
_REQUEST = struct.Struct("7I")
_STATISTICS = struct.Struct("3I")
_STATUS_AT, _USER = 8, 1
_BLOCK = struct.Struct("8x4I")
# of tpacket_block_desc: block_status, num_pkts, offset_to_first_pkt, blk_len
_NEXT = struct.Struct("I")
_WORD = 4
_SECONDS, _NANOSECONDS, _CAPTURED, _LENGTH, _STATUS, _PLACE, _TAG = 1, 2, 3, 4, 5, 6, 8
# words of tpacket3_hdr
_KIND_AT = 58
# tpacket3_hdr is 48 bytes; in the sockaddr_ll behind it sll_pkttype is byte 10
_OUTGOING, _TAGGED, _TYPED = 4, 0x10, 0x40
_TPID = 0x8100
_MAC_ADDRESSES = 12


class Statistics(NamedTuple):
    """Since the last time it was asked."""

    received: int
    dropped: int


class PacketRing:
    """Packets of one interface. Raises PermissionError without the right, OSError when the interface is not there, UsageError for a wrong filter."""

    def __init__(self, interface: str, capture_filter: str | None, promiscuous: bool) -> None:
        self._interface = interface
        link = link_of(interface)
        assert link is not None
        self._link: int = link
        self._loopback = is_loopback(interface)
        self._socket = _listening(interface, capture_filter, promiscuous)
        try:
            self._socket.ins.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
            self._socket.ins.setsockopt(SOL_PACKET, PACKET_RESERVE, _WORD)
            self._blocks = self._reserve()
            self._memory = mmap.mmap(self._socket.ins.fileno(), self._blocks * BLOCK_SIZE)
        except BaseException:
            self._socket.close()
            raise
        self._view = memoryview(self._memory)
        self._current = 0
        self._poll = select.poll()
        self._poll.register(self._socket.ins.fileno(), select.POLLIN | select.POLLERR)

    @property
    def link(self) -> int:
        return self._link

    def _reserve(self) -> int:
        """The largest ring that there is memory for; its number of blocks."""
        blocks = MOST_BLOCKS
        while True:
            size = blocks * BLOCK_SIZE
            try:
                request = _REQUEST.pack(BLOCK_SIZE, blocks, _FRAME_SIZE, size // _FRAME_SIZE, RETIRE_MS, 0, 0)
                self._socket.ins.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
                return blocks
            except OSError as error:
                if error.errno != errno.ENOMEM or blocks <= FEWEST_BLOCKS:
                    raise
                blocks //= 2

    def wait(self, timeout_s: float) -> None:
        """Until there is something to take, or for *timeout_s*. Raises OSError(ENETDOWN) when the interface went down."""
        for _, event in self._poll.poll(timeout_s * 1000):
            if event & select.POLLERR:
                failed = self._socket.ins.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if failed:
                    raise OSError(failed, "the interface went down")

    def take(self) -> Iterator[bytearray]:
        """The blocks that are there, each given back to the kernel once it is copied."""
        memory, view = self._memory, self._view
        for _ in range(self._blocks):
            start = self._current * BLOCK_SIZE
            status, packets, _, length = _BLOCK.unpack_from(memory, start)
            if not status & _USER:
                return
            block = bytearray(view[start:start + min(length, BLOCK_SIZE)])
            _NEXT.pack_into(memory, start + _STATUS_AT, 0)
            self._current = (self._current + 1) % self._blocks
            if packets:
                yield block

    def batch(self, block: bytearray) -> Batch | None:
        """The packets of a block, numbered from 1; None when it has none to show."""
        return _batch(block, self._link, self._loopback)

    def statistics(self) -> Statistics:
        """Received and dropped by the kernel since the last time."""
        raw = self._socket.ins.getsockopt(SOL_PACKET, PACKET_STATISTICS, _STATISTICS.size)
        received, dropped, _ = _STATISTICS.unpack(raw)
        return Statistics(received, dropped)

    def close(self) -> None:
        self._view.release()
        self._memory.close()
        self._socket.close()


def _listening(interface: str, capture_filter: str | None, promiscuous: bool) -> Any:
    """scapy's listening socket, bound to the interface, with kernel times and VLAN tags asked for; the filter is set in the kernel before there is a ring."""
    import logging

    # What scapy would dissect a packet as is of no interest here, nor are its doubts about that.
    logging.getLogger("scapy").setLevel(logging.ERROR)
    from scapy.arch.linux import L2ListenSocket

    opened = L2ListenSocket(iface=interface, promisc=promiscuous, nofilter=True)
    try:
        if capture_filter:
            attach(opened.ins, interface, capture_filter)
    except BaseException:
        opened.close()
        raise
    return opened


def _batch(block: bytearray, link: int, loopback: bool) -> Batch | None:
    _, packets, place, _ = _BLOCK.unpack_from(block, 0)
    following = _NEXT.unpack_from
    found = []
    for _ in range(packets):
        found.append(place)
        place += following(block, place)[0]
    places = np.array(found, np.int64)
    if loopback:
        # A packet on the loopback is seen twice, going out and coming in.
        places = places[np.frombuffer(block, np.uint8)[places + _KIND_AT] != _OUTGOING]
        if not len(places):
            return None
    words = np.frombuffer(block, np.uint32, len(block) // _WORD)
    at = places // _WORD
    offset = places + (words[at + _PLACE] & 0xFFFF if struct.pack("=H", 1) == b"\1\0" else words[at + _PLACE] >> 16)
    captured, length = words[at + _CAPTURED].astype(np.int64), words[at + _LENGTH].astype(np.int64)
    time_ns = words[at + _SECONDS].astype(np.int64) * 1_000_000_000 + words[at + _NANOSECONDS]
    tagged = np.flatnonzero(words[at + _STATUS] & _TAGGED)
    for row in tagged.tolist() if len(tagged) else ():
        _put_tag_back(block, int(places[row]), int(offset[row]))
    offset[tagged] -= _WORD
    captured[tagged] += _WORD
    length[tagged] += _WORD
    del words
    number = np.arange(1, 1 + len(places), dtype=np.int64)
    return Batch(bytes(block), offset, captured, np.maximum(length, captured), time_ns, np.full(len(places), link, np.int64), number, 0)


def _put_tag_back(block: bytearray, header: int, start: int) -> None:
    """A VLAN tag that the card took out of the frame stands in it again."""
    tag, kind = struct.unpack_from("IH", block, header + _TAG * _WORD)
    status, = _NEXT.unpack_from(block, header + _STATUS * _WORD)
    addresses = block[start:start + _MAC_ADDRESSES]
    block[start - _WORD:start - _WORD + _MAC_ADDRESSES] = addresses
    struct.pack_into(">HH", block, start - _WORD + _MAC_ADDRESSES, kind if status & _TYPED else _TPID, tag & 0xFFFF)
