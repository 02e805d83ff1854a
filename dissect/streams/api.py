"""What passes between the stream layer and its listener (the pipeline, or `dissect streams`). No I/O, no clock.

A *packet reference* is one integer: file index << 40 | 1-based packet number in that file (`packet_ref`). Times are integer
nanoseconds since the epoch, the capture's own. Side 0 is `a`, side 1 is `b` (streams.md).
"""

from __future__ import annotations

from typing import Protocol

FILE_SHIFT = 40
NUMBER_MASK = (1 << FILE_SHIFT) - 1


def packet_ref(file: int, number: int) -> int:
    return file << FILE_SHIFT | number


class StreamHandler(Protocol):
    """Takes what one TCP conversation brings, in order of position for each side, each byte once."""

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        """The next bytes of *side*, as one packet brought them."""

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        """*length* positions that no packet brought; what follows lies behind the hole. *packet*: the one behind it."""

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        """All bytes of *side* before its FIN have been handed out."""

    def reset(self, side: int, packet: int, time_ns: int) -> None:
        """*side* sent a RST."""

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None:
        """Something of the transport worth an anomaly: *code* is one of tcp.* (conflicting-bytes, out-of-window)."""

    def closed(self, time_ns: int) -> None:
        """Nothing more will come: the four-tuple is used anew, the conversation was evicted, or the capture ended."""


class DatagramHandler(Protocol):
    """Takes the datagrams of one UDP conversation in order of capture."""

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        """*missing*: bytes that the snap length cut; *packets*: several when IP fragments carried it."""

    def closed(self, time_ns: int) -> None: ...


class Conversation:
    """One TCP connection or one UDP pair. Figures grow as packets come."""

    __slots__ = ("id", "transport", "address", "port", "first_packet", "first_ns", "last_ns", "packets", "client", "saw_syn",
                 "midstream", "fin_seen", "reset_seen", "truncated_packets", "retransmissions", "rtt_ns", "missing",
                 "wanted", "handler", "tls", "gap_is_cut", "holes")

    def __init__(self, ident: int, transport: str, address: tuple[str, str], port: tuple[int, int], first_ns: int) -> None:
        self.id = ident
        """1-based, by first packet"""
        self.transport = transport
        """tcp or udp"""
        self.address = address
        """textual addresses of side 0 and side 1 (IPv6 compressed, without brackets)"""
        self.port = port
        self.first_packet = 0
        """packet reference"""
        self.first_ns = first_ns
        self.last_ns = first_ns
        """time of the latest packet, any kind"""
        self.packets = 0
        self.client: int | None = None
        """the side that sent the SYN (or received the SYN/ACK); None when no handshake was seen"""
        self.saw_syn = False
        self.midstream = False
        """TCP data or acknowledgements came before any SYN"""
        self.fin_seen = [False, False]
        self.reset_seen = False
        self.truncated_packets = 0
        self.retransmissions = 0
        self.rtt_ns: int | None = None
        self.missing = [0, 0]
        self.wanted = True
        """a handler that has seen enough sets this to False: no more bytes are reassembled or handed out, packets still count"""
        self.handler: StreamHandler | DatagramHandler | None = None
        self.tls = False
        """its bytes were decrypted by whoever hands them out (the tshark engine)"""
        self.gap_is_cut = False
        """while a handler's `gap` is called: the snap length cut these bytes, they were on the wire"""
        self.holes = 0
        """bit n: bytes of side n wait behind a hole that may still fill"""

    @property
    def whole(self) -> bool:
        """Whether no byte of either side is missing up to what came so far."""
        return not (self.holes or self.missing[0] or self.missing[1])


class Listener(Protocol):
    """Who is told of conversations."""

    def opened(self, conversation: Conversation) -> StreamHandler | DatagramHandler | None:
        """A new conversation; None: its bytes are not wanted. (A handler may be made late: it is asked at the first payload, not at the SYN.)"""

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None:
        """A datagram between *addresses* whose fragments never were whole."""

    def tick(self, time_ns: int) -> None:
        """The capture's clock has reached *time_ns* (once a batch): timers may come due."""
