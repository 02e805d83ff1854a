"""What tshark has to be told of a capture before it reads it: one pass of our own over the packets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dissect.capture import in_order, open_capture
from dissect.layers.link import READABLE
from dissect.streams.api import Conversation, DatagramHandler, StreamHandler
from dissect.streams.table import ConversationTable
from grammars.tls import CLIENT_HELLO, HANDSHAKE, RECORD, VERSION_MAJOR

MOST_PORTS = 256
"""told of; TLS on further ports tshark has to find itself"""
_FRONT = RECORD.sizeof() + 1


def survey(paths: Sequence[str]) -> tuple[bool, list[int]]:
    """Whether there are packets of link types that we do not peel, and the servers' ports of connections that begin with TLS.

    tshark looks at single segments, and misses a ClientHello that begins in a short one, or on a port that it knows for something else.
    """
    listener = _Listener()
    table = ConversationTable(listener)
    foreign, last_ns = False, None
    known = np.array(sorted(READABLE), np.int64)
    with open_capture(paths) as capture:
        for batch in capture:
            foreign = foreign or not bool(np.all(np.isin(batch.link, known)))
            table.feed(in_order(batch, capture))
        last_ns = capture.last_ns
    table.finish(last_ns)
    return foreign, sorted(listener.ports)


class _Listener:
    def __init__(self) -> None:
        self.ports: set[int] = set()

    def opened(self, conversation: Conversation) -> StreamHandler | DatagramHandler | None:
        return _Front(self, conversation) if conversation.transport == "tcp" else None

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None: ...

    def tick(self, time_ns: int) -> None: ...


class _Front:
    """Looks at the first bytes of a connection, and no further."""

    __slots__ = ("_listener", "_conversation", "_bytes")

    def __init__(self, listener: _Listener, conversation: Conversation) -> None:
        self._listener, self._conversation = listener, conversation
        self._bytes = [b"", b""]

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        seen = self._bytes[side] = (self._bytes[side] + data[:_FRONT])[:_FRONT]
        hello = bytes((HANDSHAKE, VERSION_MAJOR))
        if not hello.startswith(seen[:2]):
            self._conversation.wanted = False
        elif len(seen) == _FRONT:
            self._conversation.wanted = False
            if len(self._listener.ports) < MOST_PORTS:
                self._listener.ports.add(self._conversation.port[1 - side if seen[-1] == CLIENT_HELLO else side])

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        self._conversation.wanted = False

    def fin(self, side: int, packet: int, time_ns: int) -> None: ...

    def reset(self, side: int, packet: int, time_ns: int) -> None: ...

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None: ...

    def closed(self, time_ns: int) -> None: ...
