"""What each conversation of a capture was taken for, as `dissect streams` tells it, and the bytes of one of them (`--follow`).

A conversation's protocol is what the pipeline makes of it: the same recognition as the report's, fed into a sink that keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from dissect.analysis.columns import Rows
from dissect.analysis.spool import Spool
from dissect.capture import Batch
from dissect.carriers.probe import CarrierProbe
from dissect.model import Anomaly, Device, Exchange, Message, Session, Source, Totals
from dissect.options import Options
from dissect.pipeline import Pipeline
from dissect.streams.api import Conversation, DatagramHandler, Listener, StreamHandler
from dissect.streams.listing import Listing, in_order, list_conversations
from dissect.streams.policy import COMPLETE
from dissect.streams.table import ConversationTable
from grammars.tls import RECORD_BEGINNINGS


class _Sessions:
    """A sink that keeps the protocol of each conversation's first session."""

    def __init__(self) -> None:
        self.protocols: dict[int, str] = {}

    def source(self, source: Source) -> None: ...

    def session(self, session: Session, closed: bool) -> None:
        for stream in session.streams:
            self.protocols.setdefault(stream, session.protocol)

    def device(self, device: Device) -> None: ...

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None: ...

    def attribute(self, message_id: int, device_id: str) -> None: ...

    def exchange(self, exchange: Exchange, session: int) -> None: ...

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None: ...

    def finish(self, source: Source, totals: Totals) -> None: ...


class _Shadow:
    """A conversation as the pipeline sees it: what it no longer wants, the listing wants still."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self.wanted = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conversation, name)


class _Recognition:
    """The pipeline that all conversations of a listing are handed to."""

    def __init__(self, options: Options, batches: Any) -> None:
        self._sessions = _Sessions()
        self.pipeline = Pipeline(self._sessions, options)
        # The tshark engine stands between: it tells of TLS connections in clear.
        self.listener: Listener = batches.listening(self.pipeline) if hasattr(batches, "listening") else self.pipeline
        self.latest_ns = 0
        self._ended = False

    def protocol_of(self, conversation: int) -> str | None:
        """Asked when all has been read: which conversations a session of datagrams had is told when it ends."""
        if not self._ended:
            self._ended = True
            self.pipeline.finish(self.latest_ns)
        return self._sessions.protocols.get(conversation)


class Taken:
    """A `dissect.streams.listing.Reader`: hands a conversation's bytes to the pipeline and to the count of its carrier's messages."""

    def __init__(self, recognition: _Recognition, conversation: Conversation) -> None:
        self._recognition = recognition
        self._id = conversation.id
        self._udp = conversation.transport == "udp"
        self._probe = CarrierProbe(conversation)
        self._shadow = _Shadow(conversation)
        self._handler: Any = recognition.listener.opened(cast(Conversation, self._shadow))
        self._front = b""

    @property
    def protocol(self) -> str | None:
        return self._recognition.protocol_of(self._id)

    @property
    def carrier(self) -> str | None:
        return self._probe.carrier

    @property
    def carrier_messages(self) -> dict[str, int]:
        return self._probe.messages

    @property
    def reason(self) -> str | None:
        if self.protocol is not None:
            return None
        if self.carrier is not None:
            return f"{self.carrier} that carries no message of a protocol we know"
        if self._udp:
            return "its datagrams are no CoAP"
        if self._front.startswith(RECORD_BEGINNINGS):
            return "TLS that hides no protocol we know" if self._shadow.tls else "TLS, which was not opened"
        return "it begins with no message of a protocol we know, and with no carrier of one"

    def _tell(self, name: str, *arguments: Any) -> None:
        if self._shadow.wanted and self._handler is not None:
            getattr(self._handler, name)(*arguments)

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        self._front = self._front or data[:2]
        self._probe.data(side, data, packet, time_ns)
        self._tell("data", side, data, packet, time_ns)

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        self._probe.gap(side, length, packet, time_ns)
        self._tell("gap", side, length, packet, time_ns)

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        self._tell("fin", side, packet, time_ns)

    def reset(self, side: int, packet: int, time_ns: int) -> None:
        self._tell("reset", side, packet, time_ns)

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        self._probe.datagram(side, data, missing, packets, time_ns)
        self._tell("datagram", side, data, missing, packets, time_ns)

    def closed(self, time_ns: int) -> None:
        self._recognition.latest_ns = max(self._recognition.latest_ns, time_ns)
        self._probe.closed(time_ns)
        self._tell("closed", time_ns)


def conversations_of(batches: Iterable[Batch], options: Options) -> Listing:
    """Every conversation of *batches*, with what it was taken for."""
    recognition = _Recognition(options, batches)
    return list_conversations(batches, lambda conversation: Taken(recognition, conversation))


_SEGMENTS = (("conversation", "I"), ("side", "B"), ("time_ns", "q"), ("offset", "Q"), ("length", "I"))


class _Recording:
    """A listener and handler of all conversations that spools their bytes: which one is number N is known only at the end."""

    def __init__(self) -> None:
        self.spool = Spool()
        self.rows = Rows(_SEGMENTS)

    def opened(self, conversation: Conversation) -> StreamHandler | DatagramHandler:
        return _Recorded(self, conversation.id)

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None: ...

    def tick(self, time_ns: int) -> None: ...


class _Recorded:
    def __init__(self, recording: _Recording, ident: int) -> None:
        self._recording = recording
        self._id = ident
        self._latest = [0, 0]

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        # A side's bytes stay in their order: those that waited behind a hole count as of the latest before them.
        self._latest[side] = time_ns = max(time_ns, self._latest[side])
        self._recording.rows.append(self._id, side, time_ns, self._recording.spool.append(data), len(data))

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        self.data(side, data, packets[-1], time_ns)

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None: ...

    def fin(self, side: int, packet: int, time_ns: int) -> None: ...

    def reset(self, side: int, packet: int, time_ns: int) -> None: ...

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None: ...

    def closed(self, time_ns: int) -> None: ...


def follow(batches: Iterable[Batch], number: int, side: int | None = None) -> Iterator[bytes]:
    """The reassembled bytes of conversation *number* of the listing: of *side*, or of both in order of time.

    Raises LookupError, before it gives anything, when there is none.
    """
    import numpy

    recording = _Recording()
    table = ConversationTable(recording, COMPLETE)
    last_ns = None
    for batch in batches:
        table.feed(batch)
        last_ns = int(batch.time_ns[-1])
    table.finish(last_ns)
    listed = in_order(table)
    if not 0 < number <= len(listed):
        raise LookupError(f"there is no conversation {number}; the capture has {len(listed)}")
    rows = recording.rows
    chosen = rows.column("conversation") == listed[number - 1].id
    if side is not None:
        chosen &= rows.column("side") == side
    indexes = numpy.flatnonzero(chosen)
    ordered = indexes[numpy.argsort(rows.column("time_ns")[indexes], kind="stable")]
    return (recording.spool.read(rows.value(index, "offset"), rows.value(index, "length")) for index in ordered.tolist())
