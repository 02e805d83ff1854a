"""A network on paper: hosts, TCP connections and datagrams, written down as packets with times. Deterministic for a seed.

Times are integer nanoseconds since the epoch. A story moves each connection's clock forward itself; packets of several
conversations may be told in any order, `Wire.packets` sorts them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
START_NS = int(datetime.fromisoformat("2026-11-20T08:00:00+00:00").timestamp()) * SECOND
SEGMENT_SIZE = 1460
"""Ethernet's 1500 bytes less 20 of IPv4 and 20 of TCP."""


@dataclass(frozen=True)
class Host:
    """One end. The round trip between the capturing point and this end is *distance_ms*."""

    address: str
    distance_ms: float = 0.3

    @property
    def mac(self) -> str:
        """Locally administered, and derived from the address; hosts of other networks sit behind one router."""
        octets = [int(part) for part in self.address.split(".")]
        if octets[0] != 192:
            return "02:00:00:00:00:01"
        return "02:00:" + ":".join(f"{octet:02x}" for octet in octets)


@dataclass(frozen=True)
class Recorded:
    """One packet of the capture."""

    time_ns: int
    data: bytes


class Wire:
    """Where the capture is taken. *seed* decides ports, sequence numbers and jitter."""

    def __init__(self, seed: int, start_ns: int = START_NS) -> None:
        self.random = random.Random(seed)
        self.start_ns = start_ns
        self._recorded: list[Recorded] = []
        self._identification: dict[str, int] = {}

    def at(self, seconds: float) -> int:
        """The time *seconds* after the start, with some microseconds of jitter."""
        return self.start_ns + round(seconds * 1e6) * 1000 + self.random.randrange(0, 900) * 1000

    def packets(self) -> list[Recorded]:
        """All packets in order of time."""
        return sorted(self._recorded, key=lambda packet: packet.time_ns)

    def port(self) -> int:
        """An ephemeral port."""
        return self.random.randrange(32768, 60999)

    def record(self, source: Host, destination: Host, layer: UDP | TCP, payload: bytes, time_ns: int, *, broadcast: bool = False) -> None:
        """Writes one IPv4 packet down."""
        number = self._identification.get(source.address, self.random.randrange(1, 30000)) + 1
        self._identification[source.address] = number & 0xFFFF
        flags = "DF" if isinstance(layer, TCP) else 0
        frame = Ether(src=source.mac, dst="ff:ff:ff:ff:ff:ff" if broadcast else destination.mac) / IP(
            src=source.address, dst=destination.address, id=number & 0xFFFF, ttl=64, flags=flags
        )
        self._recorded.append(Recorded(time_ns, bytes(frame / layer / payload)))

    def datagram(self, source: Host, destination: Host, ports: tuple[int, int], payload: bytes, time_ns: int) -> None:
        """One UDP datagram, *ports* being source and destination."""
        layer = UDP(sport=ports[0], dport=ports[1])
        self.record(source, destination, layer, payload, time_ns, broadcast=destination.address.endswith(".255"))

    def connect(self, client: Host, server: Host, port: int, seconds: float) -> Connection:
        """A TCP connection that opens *seconds* after the start."""
        return Connection(self, client, server, (self.port(), port), self.at(seconds))


class Connection:
    """One TCP connection, from its handshake on. Side 0 is the client.

    `now_ns` is the time of the latest packet; what follows never lies before it.
    """

    def __init__(self, wire: Wire, client: Host, server: Host, ports: tuple[int, int], time_ns: int) -> None:
        self.wire = wire
        self.ends = (client, server)
        self.ports = ports
        self.now_ns = time_ns
        self._next = [wire.random.getrandbits(32), wire.random.getrandbits(32)]
        self._segment(0, b"", "S", options=[("MSS", SEGMENT_SIZE), ("SAckOK", b""), ("NOP", None), ("WScale", 7)])
        self._next[0] += 1
        self._pass(server.distance_ms)
        self._segment(1, b"", "SA", options=[("MSS", SEGMENT_SIZE), ("SAckOK", b""), ("NOP", None), ("WScale", 7)])
        self._next[1] += 1
        self._pass(client.distance_ms)
        self._segment(0, b"", "A")

    def wait_until(self, seconds: float) -> None:
        """Lets the clock stand at *seconds* after the start, or where it is when that is later."""
        self.now_ns = max(self.now_ns + 1000, self.wire.at(seconds))

    def wait(self, milliseconds: float) -> None:
        self._pass(milliseconds)

    @property
    def seconds(self) -> float:
        """The clock, in seconds after the start."""
        return (self.now_ns - self.wire.start_ns) / SECOND

    @property
    def unix_ms(self) -> int:
        return self.now_ns // MILLISECOND

    def send(self, side: int, data: bytes, *, captured: bool = True) -> None:
        """*side* sends *data*, in as many segments as it needs, and the other side acknowledges.

        Not *captured*: the segments were on the wire, but the capture lost them.
        """
        for start in range(0, len(data), SEGMENT_SIZE):
            piece = data[start : start + SEGMENT_SIZE]
            if captured:
                self._segment(side, piece, "PA" if start + SEGMENT_SIZE >= len(data) else "A")
            self._next[side] += len(piece)
            self._pass(0.02)
        self._pass(self.ends[1 - side].distance_ms)
        self._segment(1 - side, b"", "A")

    def send_in_pieces(self, side: int, data: bytes, *cuts: int) -> None:
        """As `send`, in segments that end at *cuts*."""
        for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
            self.send(side, data[start:stop])

    def close(self, side: int = 0) -> None:
        """FIN from *side*, then from the other."""
        for sender in (side, 1 - side):
            self._pass(0.5)
            self._segment(sender, b"", "FA")
            self._next[sender] += 1
            self._pass(self.ends[1 - sender].distance_ms)
        self._segment(side, b"", "A")

    def reset(self, side: int) -> None:
        self._pass(0.5)
        self._segment(side, b"", "RA")

    def _pass(self, milliseconds: float) -> None:
        self.now_ns += max(1000, round(milliseconds * self.wire.random.uniform(0.9, 1.1) * 1000) * 1000)

    def _segment(self, side: int, data: bytes, flags: str, options: list[tuple[str, object]] | None = None) -> None:
        acknowledgement = 0 if flags == "S" else self._next[1 - side] & 0xFFFFFFFF
        layer = TCP(sport=self.ports[side], dport=self.ports[1 - side], seq=self._next[side] & 0xFFFFFFFF, ack=acknowledgement,
                    flags=flags, window=64240 if "S" in flags else 501, options=options or [])
        self.wire.record(self.ends[side], self.ends[1 - side], layer, data, self.now_ns)
