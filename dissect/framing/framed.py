"""What every framer gives back, and what all of them can do."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from dissect.framing.buffer import Taken
from grammars.vocabulary import Finding

NO_FINDINGS: tuple[Finding, ...] = ()
BAD_LIMIT = 64 << 10
"""bytes of one malformed run; what follows is another"""


class Framed(NamedTuple):
    """A message's own bytes, without line end."""

    data: bytes
    packets: tuple[int, ...]
    time_ns: int
    findings: tuple[Finding, ...] = NO_FINDINGS
    malformed: bool = False
    torn: bool = False
    """begins or ends where the capture lacks bytes: what is wrong with it is not the sender's fault"""


class Framer(Protocol):
    @property
    def idle(self) -> bool:
        """nothing waits, and the next byte begins a message"""

    def feed(self, data: bytes, packet: int, time_ns: int) -> list[Framed]: ...

    def gap(self, packet: int, time_ns: int) -> list[Framed]:
        """Bytes are missing here: what waits is torn, and the next message is looked for behind it."""

    def end(self, closed: bool) -> list[Framed]:
        """No more bytes; *closed*: the connection ended here, not only the capture."""

    def settle(self, now_ns: int) -> list[Framed]:
        """The clock went on: bytes that only might have begun something are what they are."""


def malformed_run(taken: Taken, torn: bool = False) -> Framed:
    return Framed(taken.data, taken.packets, taken.time_ns, NO_FINDINGS, True, torn)


def joined(bad: list[Taken]) -> Taken:
    packets = tuple(dict.fromkeys(packet for one in bad for packet in one.packets))
    return Taken(b"".join(one.data for one in bad), packets, max(one.time_ns for one in bad))
