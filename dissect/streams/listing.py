"""Every conversation of a capture as `dissect streams` lists it (cli.md, streams.md).

What a conversation was taken for comes from a *reader*, plugged in by whoever calls: an object fed with what the conversation brings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from dissect.capture.batch import Batch
from dissect.model import Limits
from dissect.streams.api import FILE_SHIFT, NUMBER_MASK, Conversation
from dissect.streams.policy import COMPLETE
from dissect.streams.table import ConversationTable

NOTHING = hashlib.sha256().hexdigest()


class Reader(Protocol):
    """A `StreamHandler` and `DatagramHandler` that says at the end what it read."""

    @property
    def protocol(self) -> str | None: ...

    @property
    def reason(self) -> str | None:
        """Why it is nothing we know."""

    @property
    def carrier(self) -> str | None: ...

    @property
    def carrier_messages(self) -> dict[str, int]: ...

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None: ...

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None: ...

    def fin(self, side: int, packet: int, time_ns: int) -> None: ...

    def reset(self, side: int, packet: int, time_ns: int) -> None: ...

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None: ...

    def closed(self, time_ns: int) -> None: ...


CarrierReader = Callable[[Conversation], Reader]


class Listing(NamedTuple):
    """What `list_conversations` gives."""

    conversations: list[dict[str, Any]]
    """JSON objects in order of id"""
    packets_used: int
    limits: Limits
    unread_links: dict[str, int]


class _Recorder:
    """Hashes what each side brings and hands it on."""

    __slots__ = ("reader", "sizes", "digests")

    def __init__(self, reader: Reader | None) -> None:
        self.reader = reader
        self.sizes = [0, 0]
        self.digests = [hashlib.sha256(), hashlib.sha256()]

    def _take(self, side: int, data: bytes) -> None:
        self.sizes[side] += len(data)
        self.digests[side].update(data)

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        self._take(side, data)
        if self.reader is not None:
            self.reader.data(side, data, packet, time_ns)

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        if self.reader is not None:
            self.reader.gap(side, length, packet, time_ns)

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        if self.reader is not None:
            self.reader.fin(side, packet, time_ns)

    def reset(self, side: int, packet: int, time_ns: int) -> None:
        if self.reader is not None:
            self.reader.reset(side, packet, time_ns)

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None:
        """Anomalies are the report's."""

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        self._take(side, data)
        if self.reader is not None:
            self.reader.datagram(side, data, missing, packets, time_ns)

    def closed(self, time_ns: int) -> None:
        if self.reader is not None:
            self.reader.closed(time_ns)


class _Lister:
    """The listener that wants everything."""

    def __init__(self, carrier_reader: CarrierReader | None) -> None:
        self._carrier_reader = carrier_reader
        self.recorders: dict[int, _Recorder] = {}

    def opened(self, conversation: Conversation) -> _Recorder:
        reader = self._carrier_reader(conversation) if self._carrier_reader else None
        recorder = self.recorders[conversation.id] = _Recorder(reader)
        return recorder

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None:
        """Such a datagram belongs to no conversation."""

    def tick(self, time_ns: int) -> None:
        """Nothing here waits."""


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _object(number: int, conversation: Conversation, recorder: _Recorder | None) -> dict[str, Any]:
    reader = recorder.reader if recorder else None
    sizes = recorder.sizes if recorder else [0, 0]
    hashes = [digest.hexdigest() for digest in recorder.digests] if recorder else [NOTHING, NOTHING]
    return {
        "id": number, "transport": conversation.transport,
        "a": _end(conversation.address[0], conversation.port[0]), "b": _end(conversation.address[1], conversation.port[1]),
        "protocol": reader.protocol if reader else None, "reason": reader.reason if reader else None if recorder else "no payload",
        "carrier": reader.carrier if reader else None,
        "packets": conversation.packets, "bytes_a_b": sizes[0], "bytes_b_a": sizes[1],
        "missing_a_b": conversation.missing[0], "missing_b_a": conversation.missing[1],
        "sha256_a_b": hashes[0], "sha256_b_a": hashes[1], "carrier_messages": reader.carrier_messages if reader else {},
        "retransmissions": conversation.retransmissions,
        "rtt_ms": None if conversation.rtt_ns is None else conversation.rtt_ns / 1_000_000,
    }


def in_order(table: ConversationTable) -> list[Conversation]:
    """By first packet. A fragmented datagram is known when its last fragment comes, and then takes the place of its first."""
    rank = {file: place for place, file in enumerate(table.files_read)}
    return sorted(table.conversations, key=lambda one: (rank[one.first_packet >> FILE_SHIFT], one.first_packet & NUMBER_MASK))


def list_conversations(batches: Iterable[Batch], carrier_reader: CarrierReader | None = None) -> Listing:
    """Read all of *batches* and list their conversations."""
    lister = _Lister(carrier_reader)
    table = ConversationTable(lister, COMPLETE)
    last_ns: int | None = None
    for batch in batches:
        table.feed(batch)
        last_ns = int(batch.time_ns[-1])
    table.finish(last_ns)
    found = [_object(number, conversation, lister.recorders.get(conversation.id))
             for number, conversation in enumerate(in_order(table), 1)]
    return Listing(found, table.packets_used, table.limits, table.unread_links)
