"""How long the stream layer waits, and what it keeps: completely (`dissect streams`) or with bounds (report, NDJSON, live)."""

from __future__ import annotations

from typing import NamedTuple


class Policy(NamedTuple):
    """The bounds of one run. A None bound means: wait for the end."""

    hole_bytes: int | None
    """a hole is closed when this much is held behind it"""
    hole_segments: int | None
    """or this many segments, each of which costs memory of its own"""
    hole_ns: int | None
    """or when the capture's time has gone on so far since the first of them"""
    start_ns: int | None
    """how long the first data of a side without SYN waits for lower bytes"""
    held_bytes: int
    """held in memory of all sides together; beyond it: closes the oldest holes, or (complete) goes to a temporary file"""
    linger_ns: int | None
    """a connection with both FINs or a RST is closed after so long without a packet"""
    most_flows: int
    """address pairs remembered; beyond it those idle longest are given up"""
    keeps_conversations: bool
    """whether `ConversationTable.conversations` lists them all"""

    @property
    def complete(self) -> bool:
        return self.hole_bytes is None


COMPLETE = Policy(None, None, None, None, 48 << 20, None, 1 << 20, True)
"""`dissect streams`: no hole is closed and no start settled before the end of the conversation."""

_SECOND = 1_000_000_000
ANALYSIS = Policy(1 << 20, 8192, 30 * _SECOND, _SECOND, 64 << 20, 60 * _SECOND, 200_000, False)
"""Holes: 1 MiB or 30 s. Linger: twice that, since nothing waits longer than a hole, and as long as Linux keeps TIME-WAIT."""
LIVE = ANALYSIS._replace(most_flows=8_192)
"""for a run of days"""
