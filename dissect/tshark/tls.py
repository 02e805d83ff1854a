"""TLS connections of a capture opened with what tshark decrypted: the plaintext goes to whoever would have had it in clear.

Records are framed from the bytes that our own reassembly hands out, and looked up by their ciphertext; so each byte of plaintext keeps its
place in the stream, its direction, and the packets and times that carried it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

from dissect.streams.api import Conversation, DatagramHandler, Listener, StreamHandler
from grammars.readings import front
from grammars.tls import APPLICATION_DATA, CONTENT_TYPES, HANDSHAKE, MAXIMUM_FRAGMENT, RECORD, VERSION_MAJOR

HELD_PLAINTEXT = 64 << 20
"""bytes of decrypted records that wait to be asked for"""
SEALED_RECORDS = 64
"""application data records in vain after which a connection is left closed"""
EMPTY_RECORD = 80
"""A record of application data up to this long may hold nothing (against attacks on CBC); its absence is no loss"""
_RECORD = front(RECORD)
_EXPLICIT = {24: 8}
# overhead of a TLS 1.2 AES-GCM record: the nonce's explicit half stands before the ciphertext


class Plaintexts:
    """Decrypted records by the digest of their ciphertext; the oldest are given up when too many wait."""

    def __init__(self) -> None:
        self._found: OrderedDict[bytes, bytes | None] = OrderedDict()
        self._held = 0

    def add(self, fragment: bytes, plaintext: bytes | None) -> None:
        key = _digest(fragment)
        if self._found.get(key) is None:
            self._found[key] = plaintext
            self._held += len(plaintext or b"") + len(key)
        while self._held > HELD_PLAINTEXT:
            key, old = self._found.popitem(last=False)
            self._held -= len(old or b"") + len(key)

    def of(self, fragment: bytes) -> tuple[bool, bytes | None]:
        """Whether tshark told of this record as application data, and what it holds (None: not decrypted)."""
        key = _digest(fragment)
        return (True, self._found[key]) if key in self._found else (False, None)


def _digest(fragment: bytes) -> bytes:
    return hashlib.blake2b(fragment, digest_size=16).digest()


class TlsListener:
    """Stands before another `Listener`: its conversations are told in clear."""

    def __init__(self, inner: Listener, plaintexts: Plaintexts) -> None:
        self._inner = inner
        self._plaintexts = plaintexts

    def opened(self, conversation: Conversation) -> StreamHandler | DatagramHandler | None:
        if conversation.transport != "tcp":
            return self._inner.opened(conversation)
        return TlsInlet(self._inner.opened, conversation, self._plaintexts)

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None:
        self._inner.incomplete_fragments(addresses, packets, time_ns)

    def tick(self, time_ns: int) -> None:
        self._inner.tick(time_ns)


class _Records:
    """The records of one side, put together."""

    __slots__ = ("buffer", "chunks", "lost")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.chunks: list[tuple[int, int, int]] = []
        """(bytes, packet, time) that the buffer came in"""
        self.lost = False
        """a hole, or bytes that are no record: where the next one begins is not known"""

    def take(self, size: int) -> tuple[bytes, list[tuple[int, int, int]]]:
        """The first *size* bytes, and what carried them."""
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        carried: list[tuple[int, int, int]] = []
        while size:
            length, packet, time_ns = self.chunks[0]
            part = min(size, length)
            carried.append((part, packet, time_ns))
            size -= part
            if part == length:
                self.chunks.pop(0)
            else:
                self.chunks[0] = length - part, packet, time_ns
        return data, carried


def _begins_tls(front_bytes: bytes | bytearray) -> bool:
    return front_bytes[0] == HANDSHAKE and (len(front_bytes) < 2 or front_bytes[1] == VERSION_MAJOR)


class TlsInlet:
    """A `StreamHandler`: a TLS connection goes on in clear, any other one as it is."""

    __slots__ = ("_open", "_conversation", "_plaintexts", "_inner", "_records", "_through", "_sealed", "_ends")

    def __init__(self, opened: Callable[[Conversation], StreamHandler | DatagramHandler | None], conversation: Conversation,
                 plaintexts: Plaintexts) -> None:
        self._open = opened
        self._conversation = conversation
        self._plaintexts = plaintexts
        self._inner: StreamHandler | None = None
        self._records: tuple[_Records, _Records] | None = None
        self._through = False
        self._sealed = 0
        self._ends: list[tuple[str, tuple[int | str, ...]]] = []

    def _begin(self, tls: bool) -> None:
        """There is something to read: make its reader."""
        self._conversation.tls = tls
        self._inner = self._open(self._conversation)  # type: ignore[assignment]  # a TCP conversation's is one
        if self._inner is None:
            self._conversation.wanted = False
            return
        ends, self._ends = self._ends, []
        for name, arguments in ends:
            getattr(self._inner, name)(*arguments)

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        if not self._through and self._records is None:
            if _begins_tls(data):
                self._records = (_Records(), _Records())
            else:
                self._through = True
                self._begin(False)
        if self._through:
            if self._inner is not None:
                self._inner.data(side, data, packet, time_ns)
            return
        assert self._records is not None
        records = self._records[side]
        if records.lost:
            return
        records.buffer += data
        records.chunks.append((len(data), packet, time_ns))
        self._read(side, records)

    def _read(self, side: int, records: _Records) -> None:
        """Every whole record in the buffer."""
        buffer = records.buffer
        while len(buffer) >= _RECORD.size and not records.lost:
            kind, major, _, length = _RECORD.struct.unpack_from(buffer, 0)
            if kind not in CONTENT_TYPES or major != VERSION_MAJOR or length > MAXIMUM_FRAGMENT:
                self._lose(records)
                return
            if len(buffer) < _RECORD.size + length:
                return
            record, carried = records.take(_RECORD.size + length)
            if kind == APPLICATION_DATA:
                self._application(side, record[_RECORD.size:], carried)

    def _application(self, side: int, fragment: bytes, carried: list[tuple[int, int, int]]) -> None:
        told, plaintext = self._plaintexts.of(fragment)
        if not told:
            return  # TLS 1.3 wraps its handshake messages and alerts like this too
        _, packet, time_ns = carried[-1]
        if plaintext is None:
            if self._inner is not None and len(fragment) > EMPTY_RECORD:
                self._inner.gap(side, len(fragment), packet, time_ns)
            self._sealed += 1
            if self._inner is None and self._sealed > SEALED_RECORDS:
                self._conversation.wanted = False
            return
        if self._inner is None:
            self._begin(True)
        if self._inner is None:
            return
        # A byte of plaintext came with the packet that brought its ciphertext, the last one with the end of its record, without
        # which nobody can read it.
        before = _RECORD.size + _EXPLICIT.get(len(fragment) - len(plaintext), 0)
        start = place = 0
        for part, packet, time_ns in carried[:-1]:
            place += part
            end = min(max(0, place - before), len(plaintext) - 1)
            if end > start:
                self._inner.data(side, plaintext[start:end], packet, time_ns)
                start = end
        _, packet, time_ns = carried[-1]
        self._inner.data(side, plaintext[start:], packet, time_ns)

    @staticmethod
    def _lose(records: _Records) -> None:
        records.lost = True
        records.buffer.clear()
        records.chunks.clear()

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        if self._records is None:
            self._later("gap", side, length, packet, time_ns)
            return
        self._lose(self._records[side])
        if self._inner is not None:
            self._inner.gap(side, length, packet, time_ns)

    def _later(self, name: str, *arguments: int | str) -> None:
        """To the reader, or kept until there is one."""
        if self._inner is not None:
            getattr(self._inner, name)(*arguments)
        elif len(self._ends) < SEALED_RECORDS:
            self._ends.append((name, arguments))

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        self._later("fin", side, packet, time_ns)

    def reset(self, side: int, packet: int, time_ns: int) -> None:
        self._later("reset", side, packet, time_ns)

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None:
        self._later("note", code, side, text, packet, time_ns)

    def closed(self, time_ns: int) -> None:
        if self._inner is not None:
            self._inner.closed(time_ns)
