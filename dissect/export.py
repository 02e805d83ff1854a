"""The packets of chosen conversations, written out as a pcapng file (cli.md, `dissect export`).

A capture is read once. While it is analysed, `PacketLog` notes of every packet which address pair it belongs to; afterwards the chosen ones are
fetched again. It puts packets to conversations as the stream layer does, with the same conversations under the same numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, BinaryIO

import numpy as np

from dissect.capture import Batch, PcapngWriter, in_order
from dissect.errors import DissectError
from dissect.layers.decode import Decoder
from dissect.sources import Capture, Passing
from dissect.streams.api import FILE_SHIFT, Conversation
from dissect.streams.flows import FLOW_KEY, FlowKey, address_text, group
from dissect.streams.policy import ANALYSIS
from dissect.streams.table import ConversationTable

Ends = tuple[str, frozenset[tuple[str, int]]]


class _Unconcerned:
    """A listener that wants no conversation's bytes."""

    def opened(self, conversation: Conversation) -> None:
        return None

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None:
        """Fragments of a datagram that never got whole belong to no conversation."""

    def tick(self, time_ns: int) -> None:
        """Nothing waits."""


class PacketLog(Passing):
    """Notes what passes."""

    def __init__(self, capture: Capture) -> None:
        super().__init__(capture)
        self._decoder = Decoder(lambda key, packets, time_ns: None)
        self._table = ConversationTable(_Unconcerned(), ANALYSIS._replace(keeps_conversations=True))
        self._keys: dict[FlowKey, int] = {}
        self._packets: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        self._pairs: list[np.ndarray[Any, np.dtype[np.int64]]] = []

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._capture:
            self._note(batch)
            yield batch
        self._table.finish(self._capture.last_ns)

    def _note(self, batch: Batch) -> None:
        """Which address pair each packet of *batch* belongs to; those of none are not noted."""
        ordered = in_order(batch, self._capture)
        self._table.feed(ordered)
        segments = self._decoder.decode(ordered)
        if not len(segments):
            return
        groups = group(segments)
        numbers = np.array([self._keys.setdefault(key, len(self._keys)) for key in groups.keys], np.int64)
        pairs = numbers[groups.group]
        packets = ordered.references()[segments.index]
        fragments = [(packet, int(pairs[row])) for row, (parts, _) in segments.fragments.items() for packet in parts]
        if fragments:
            more = np.array(fragments, np.int64)
            packets, pairs = np.concatenate((packets, more[:, 0])), np.concatenate((pairs, more[:, 1]))
        self._packets.append(packets)
        self._pairs.append(pairs)

    def packets_of(self, conversations: set[int]) -> list[int]:
        """References of the packets of these conversations, each once, by file and place in it."""
        if not self._packets:
            return []
        by_ends: dict[Ends, list[Conversation]] = {}
        for conversation in self._table.conversations:
            ends = frozenset(zip(conversation.address, conversation.port, strict=True))
            by_ends.setdefault((conversation.transport, ends), []).append(conversation)
        packets, pairs = np.concatenate(self._packets), np.concatenate(self._pairs)
        found: set[int] = set()
        for key, number in self._keys.items():
            along = by_ends.get(_ends(key), [])
            if not any(one.id in conversations for one in along):
                continue
            places = np.flatnonzero(pairs == number)
            if len(along) == 1:
                found.update(packets[places].tolist())
                continue
            # One pair of addresses and ports, several connections: each begins with its first packet.
            of_pair = packets[places].tolist()
            position = {packet: at for at, packet in reversed(list(enumerate(of_pair)))}
            starts = [position.get(one.first_packet, 0) for one in along]
            found.update(packet for at, packet in enumerate(of_pair) if along[max(bisect_right(starts, at) - 1, 0)].id in conversations)
        return sorted(found)


def _ends(key: FlowKey) -> Ends:
    tcp, six, *ends = FLOW_KEY.unpack(key)
    pairs = ((address_text(six, ends[at], ends[at + 1]), ends[at + 2]) for at in (0, 3))
    return "tcp" if tcp else "udp", frozenset(pairs)


def write_packets(capture: Capture, packets: list[int], out: BinaryIO, secrets: bool = True) -> int:
    """Write these packets of *capture*, which must have been opened to keep them; returns how many. *secrets*: with its decryption secrets.

    Link types, lengths, snap lengths and times (with their digits) are as captured; each file is an interface of its own, named after it when there
    are several.
    Raises DissectError when a file cannot be read any more.
    """
    assert capture.store is not None, "the capture keeps its packets"
    writer = PcapngWriter(out)
    for kind, data in capture.secrets if secrets else ():
        writer.secrets(kind, data)
    names = [PurePath(file.name).name for file in capture.files]
    for reference in packets:
        file = reference >> FILE_SHIFT
        record = capture.store.packet(reference)
        if record is None:
            name = capture.files[file].name
            raise DissectError(f"{name}: its packets cannot be read again; it changed or went away meanwhile")
        snap_length = capture.snap_lengths.get(file, {}).get(record.link, 0)
        interface = writer.interface(record.link, names[file] if len(names) > 1 else "", snap_length, capture.digits.get(file, 9))
        writer.packet(interface, record.time_ns, record.data, record.original_length)
    return len(packets)
