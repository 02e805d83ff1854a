"""A TLS connection on paper, as `captures.tls` makes it, cut into segments as a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from grammars.tcp import ACK, FIN, PSH, SYN
from tests.frames import CLIENT, SERVER, ethernet, ipv4, tcp

START_NS = 1_795_161_600_000_000_000
STEP_NS = 10_000_000
Said = tuple[tuple[int, bytes], ...]
"""who (0: the client), what"""
Cut = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterable[bytes]:
    return [data]


def packets(said: Iterable[tuple[int, bytes]], cut: Cut = whole, port: int = 8883) -> list[tuple[int, bytes, int]]:
    """Ethernet frames of a connection in which *said* was sent, each cut into segments, ten milliseconds apart, as (time_ns, data, length)."""
    sequence = [1000, 5000]
    frames: list[bytes] = []

    def send(side: int, flags: int, data: bytes = b"") -> None:
        ports, ends = ((40000, port), (CLIENT, SERVER)) if side == 0 else ((port, 40000), (SERVER, CLIENT))
        acknowledged = sequence[1 - side] if flags & ACK else 0
        frames.append(ethernet(ipv4(tcp(*ports, sequence[side], data, flags, acknowledged), *ends)))
        sequence[side] += len(data) + bool(flags & (SYN | FIN))

    send(0, SYN)
    send(1, SYN | ACK)
    send(0, ACK)
    for side, data in said:
        for part in cut(data):
            send(side, PSH | ACK, part)
    send(0, FIN | ACK)
    send(1, FIN | ACK)
    return [(START_NS + place * STEP_NS, frame, len(frame)) for place, frame in enumerate(frames)]
