"""A filter expression compiled for the packets of an interface as the kernel has them there, and set in the kernel.

Two things set this apart from a filter for a file. The kernel takes VLAN tags out of frames before it asks the filter: only what libpcap compiles for an
interface that is open finds them where they went, and any other filter that names `vlan` lets nothing through, in silence. And what a filter
returns is how much of a packet is wanted: segments that the card or the loopback has not cut up yet have more than 65,535 bytes with their headers.
"""

from __future__ import annotations

import socket
from typing import Any

from dissect.errors import UsageError
from dissect.live.interfaces import link_of

SO_ATTACH_FILTER = 26
LONGEST = 262_144
"""of a packet, as for dumpcap and tcpdump"""
_BUFFER = 1 << 16
_ALL_ADDRESSES = 0xFFFFFFFF
# no netmask is known
_LONGEST_REASON = 300


def check_filter(interface: str, capture_filter: str) -> None:
    """Raises UsageError when *capture_filter* is no filter for that interface. Needs no rights."""
    with _Compiled(interface, capture_filter):
        pass


def attach(opened: socket.socket, interface: str, capture_filter: str) -> None:
    """Let only what passes *capture_filter* through to *opened*. Raises UsageError, OSError."""
    with _Compiled(interface, capture_filter) as program:
        # struct bpf_program and struct sock_fprog are laid out alike.
        opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


class _Compiled:
    """The program of a filter, as libpcap compiles it."""

    def __init__(self, interface: str, capture_filter: str) -> None:
        try:
            from scapy.libs import winpcapy as pcap
        except OSError as error:
            raise UsageError("--bpf: filters are compiled by libpcap, which is not installed; install it (package libpcap0.8), or leave --bpf out") from error
        from scapy.libs.structures import bpf_program

        self._pcap: Any = pcap
        self._program = bpf_program()
        self._handle: Any = self._opened(interface)
        if self._handle is None:
            self._handle = pcap.pcap_open_dead(_name_of_link(interface), LONGEST)
        try:
            if pcap.pcap_compile(self._handle, self._program, capture_filter.encode(), 1, _ALL_ADDRESSES):
                reason = bytes(bytearray(pcap.pcap_geterr(self._handle))).rstrip(b"\0").decode(errors="replace")
                raise UsageError(f"--bpf: {capture_filter[:_LONGEST_REASON]!r} is no capture filter for {interface} ({' '.join(reason.split())}); "
                                 "see the manual page pcap-filter")
        except BaseException:
            pcap.pcap_close(self._handle)
            raise

    def _opened(self, interface: str) -> Any:
        """A handle of an interface that is open; None where that cannot be had: without the right, or when the interface is down."""
        from ctypes import create_string_buffer

        pcap = self._pcap
        handle = pcap.pcap_create(interface.encode(), create_string_buffer(pcap.PCAP_ERRBUF_SIZE))
        if not handle:
            return None
        pcap.pcap_set_snaplen(handle, LONGEST)
        pcap.pcap_set_buffer_size(handle, _BUFFER)
        if pcap.pcap_activate(handle) < 0:
            pcap.pcap_close(handle)
            return None
        return handle

    def __enter__(self) -> Any:
        return self._program

    def __exit__(self, *ended: object) -> None:
        self._pcap.pcap_freecode(self._program)
        self._pcap.pcap_close(self._handle)


def _name_of_link(interface: str) -> int:
    """The DLT_ of what an interface gives: LINKTYPE_RAW is the one of ours whose number differs."""
    from grammars.linktypes import ETHERNET, RAW

    link = link_of(interface)
    return 12 if link == RAW else ETHERNET if link is None else link
