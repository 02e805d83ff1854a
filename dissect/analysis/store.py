"""The analysis as a sink that keeps: messages, exchanges and anomalies as rows, their JSON in a spool, bytes on request.

One thread feeds it; others (an interface) may read at the same time: rows and spool only grow, and counts rise last.
Positions are indexes in order of arrival, from 0, and never change. The ids that objects carry are those the sink was given until
`finish`, then those of the report: messages by time and arrival, exchanges by their request, anomalies by time, each from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from dissect.analysis.columns import OVERFLOW, Rows, Texts
from dissect.analysis.records import (
    ANOMALIES,
    DIRECTIONS,
    EXCHANGES,
    LARGEST,
    LINKS,
    MESSAGES,
    SEVERITY_CODE,
    SEVERITY_LABEL,
    STATUS_CODE,
    STATUSES,
    AnomalyBody,
    Body,
    ExchangeBody,
)
from dissect.analysis.spool import MEMORY_LIMIT, Spool
from dissect.jsonwrite import decode, encode
from dissect.model import Anomaly, Device, Exchange, Message, Session, Source, Totals

if TYPE_CHECKING:
    import numpy

    Indexes = numpy.ndarray[Any, numpy.dtype[Any]]

DEVICES_LIMIT = 1 << 24

_body_decoder = msgspec.json.Decoder(Body).decode
_exchange_decoder = msgspec.json.Decoder(ExchangeBody).decode
_anomaly_decoder = msgspec.json.Decoder(AnomalyBody).decode

T = TypeVar("T")


class View(Sequence[T]):
    """Objects that are made when someone looks, by index of arrival."""

    __slots__ = ("_rows", "_make")

    def __init__(self, rows: Rows, make: Callable[[int], T]) -> None:
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._make(at) for at in range(*index.indices(len(self._rows)))]
        return self._make(index + len(self._rows) if index < 0 else index)

    def __iter__(self) -> Iterator[T]:
        return map(self._make, range(len(self._rows)))


class Analysis:
    """A `dissect.sinks.Sink` to read from."""

    def __init__(self, keep_bytes: bool = False, memory_limit: int = MEMORY_LIMIT) -> None:
        """*keep_bytes*: keep each message's own bytes and its plaintext too (`raw`, `plaintext`). *memory_limit*: of each spool, in bytes."""
        self.keep_bytes = keep_bytes
        self.columns = Rows(MESSAGES)
        """one row a message (`dissect.analysis.records.MESSAGES`)"""
        self.exchange_columns = Rows(EXCHANGES)
        self.anomaly_columns = Rows(ANOMALIES)
        self.links = Rows(LINKS)
        """message and anomaly, by index"""
        self.types = Texts()
        self.names = Texts()
        self.codes = Texts()
        self.operations = Texts()
        self.device_ids = Texts(DEVICES_LIMIT)
        self.sessions: dict[int, Session] = {}
        self.closed_sessions: set[int] = set()
        self.devices: dict[str, Device] = {}
        self.source_info: Source | None = None
        self.given_totals: Totals | None = None
        """as the pipeline counted; None until finished"""
        self.spool = Spool(memory_limit)
        self._dense = True
        # Ids so far are 1, 2, 3 without a gap: where nothing in between leaves messages out.
        self._ranks: Indexes | None = None
        self._exchange_ranks: Indexes | None = None
        self._anomaly_ranks: Indexes | None = None
        self._sorted_links: tuple[Indexes, Indexes] | None = None

    # What the pipeline calls (dissect.sinks.Sink)

    def source(self, source: Source) -> None:
        self.source_info = source

    def session(self, session: Session, closed: bool) -> None:
        self.sessions[session.id] = session
        if closed:
            self.closed_sessions.add(session.id)

    def device(self, device: Device) -> None:
        self.devices[device.id] = device
        latest = self.sessions.get(device.sessions[-1]) if device.sessions else None
        if latest is not None and latest.device_id is None:
            # A session is told when it opens and when it closes; who looks on knows in between whose it is.
            self.sessions[latest.id] = msgspec.structs.replace(latest, device_id=device.id)

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        m = message
        data = encode(Body(m.time, m.frames, m.file, m.direction, m.type, m.name, m.key, m.fields, m.encryption, m.size, m.carrier, m.raw_b64))
        length, raw_length, plain_length = len(data), 0, 0
        if self.keep_bytes:
            raw_length = len(raw)
            data += raw
            if plaintext is not None:
                plain_length = len(plaintext) + 1
                data += plaintext
        if m.id != len(self.columns) + 1:
            self._dense = False
        self.columns.append(
            time_ns, m.id, session, self.types[m.type], self.names[m.name], 0 if m.direction == "up" else 1, 0, m.file,
            m.frames[-1] if m.frames else 0, m.size if m.size < LARGEST else LARGEST, 0,
            self._device(m.device_id), 0 if m.duplicate_of is None else self.index_of(m.duplicate_of) + 1,
            self.spool.append(data), length, raw_length, plain_length)

    def attribute(self, message_id: int, device_id: str) -> None:
        self.columns.set(self.index_of(message_id), "device", self._device(device_id))

    def exchange(self, exchange: Exchange, session: int) -> None:
        request = self.index_of(exchange.request)
        response, acknowledgement = self._number(exchange.response), self._number(exchange.acknowledgement)
        attempts = None if exchange.attempts == [exchange.request] else [self.index_of(ident) + 1 for ident in exchange.attempts]
        intermediate = [self.index_of(ident) + 1 for ident in exchange.intermediate]
        operation = self.operations[exchange.operation]
        if attempts is None and not intermediate and operation != OVERFLOW:
            data = encode(exchange.key)
        else:
            data = encode(ExchangeBody(exchange.key, attempts, intermediate, exchange.operation if operation == OVERFLOW else None))
        number = len(self.exchange_columns) + 1
        self.exchange_columns.append(
            exchange.id, session, request + 1, response, acknowledgement, STATUS_CODE[exchange.status], operation,
            nan if exchange.latency_ms is None else exchange.latency_ms, self.spool.append(data), len(data))
        for member in (request + 1, response, acknowledgement, *(attempts or ()), *intermediate):
            if member:
                self.columns.set(member - 1, "exchange", number)

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        messages = [self.index_of(ident) + 1 for ident in anomaly.messages]
        severity = SEVERITY_CODE[anomaly.severity]
        data = encode(AnomalyBody(anomaly.time, anomaly.message, messages, anomaly.file, anomaly.frames, anomaly.reference))
        index = len(self.anomaly_columns)
        self.anomaly_columns.append(anomaly.id, session or 0, time_ns, self.codes[anomaly.code], severity, self.spool.append(data), len(data))
        for number in messages:
            self.links.append(number - 1, index)
            if self.columns.value(number - 1, "severity") < severity:
                self.columns.set(number - 1, "severity", severity)

    def finish(self, source: Source, totals: Totals) -> None:
        self.source_info = source
        self.given_totals = totals
        ranks = _ranks_by(self.columns.column("time_ns"))
        self._exchange_ranks = _ranks_by(ranks[self.exchange_columns.column("request") - 1])
        self.rank_anomalies()
        self._ranks = ranks

    def rank_anomalies(self) -> None:
        """Their ids by time, and which message which of them name: once all are there."""
        import numpy

        self._anomaly_ranks = _ranks_by(self.anomaly_columns.column("time_ns"))
        named = self.links.column("message")
        by_message = numpy.argsort(named, kind="stable")
        self._sorted_links = named[by_message], self.links.column("anomaly")[by_message]

    # What report, stats, filters and the interface read

    def __len__(self) -> int:
        """Messages kept so far."""
        return len(self.columns)

    @property
    def finished(self) -> bool:
        return self._ranks is not None

    def index_of(self, message_id: int) -> int:
        """Index of the message that the sink was given with this id. Raises LookupError."""
        columns = self.columns
        if self._dense and 0 < message_id <= len(columns):
            return message_id - 1
        low, high = 0, min(max(message_id, 0), len(columns))
        # Ids rise with the index and start at 1, so an index is never ahead of its id.
        while low < high:
            middle = (low + high) // 2
            if columns.value(middle, "id") < message_id:
                low = middle + 1
            else:
                high = middle
        if low < len(columns) and columns.value(low, "id") == message_id:
            return low
        raise LookupError(f"no message has the id {message_id}")

    def ids(self) -> Indexes:
        """The id that each message carries now, by index."""
        return self.ids_by_number()[:len(self.columns)]

    def ids_by_number(self) -> Indexes:
        """The id of each number of arrival, less 1: of the messages kept and, behind them, of those that one of them repeats but that a
        filter did not keep."""
        return self.columns.column("id") if self._ranks is None else self._ranks

    def exchange_ids(self) -> Indexes:
        return self.exchange_columns.column("id") if self._exchange_ranks is None else self._exchange_ranks

    def anomaly_ids(self) -> Indexes:
        return self.anomaly_columns.column("id") if self._anomaly_ranks is None else self._anomaly_ranks

    def id_of(self, index: int) -> int:
        """The id that the message at *index* carries now."""
        return int(self.columns.value(index, "id") if self._ranks is None else self._ranks[index])

    def order(self) -> Indexes:
        """Indexes of all messages by time and arrival."""
        import numpy

        return numpy.argsort(self.columns.column("time_ns"), kind="stable")

    def messages_of(self, session: int) -> Indexes:
        """Indexes of a session's messages by time and arrival."""
        import numpy

        indexes = numpy.flatnonzero(self.columns.column("session") == session)
        return indexes[numpy.argsort(self.columns.column("time_ns")[indexes], kind="stable")]

    def body(self, index: int) -> Body:
        """The message at *index* without id, device and duplicate_of. Raises IndexError."""
        data = self.message_json(index)
        try:
            return _body_decoder(data)
        except msgspec.DecodeError:  # a lone surrogate, an infinity: what only Python's json reads
            return msgspec.convert(decode(data), Body, strict=False)

    def message_json(self, index: int) -> bytes:
        """The JSON of `body`."""
        return self.spool.read(self.columns.value(index, "offset"), self.columns.value(index, "length"))

    def message_at(self, index: int) -> Message:
        """Raises IndexError."""
        body = self.body(index)
        duplicate_of = self.columns.value(index, "duplicate_of")
        return Message(id=self.id_of(index), time=body.time, frames=body.frames, file=body.file, direction=body.direction, type=body.type,
                       name=body.name, key=body.key, fields=body.fields, encryption=body.encryption, size=body.size,
                       device_id=self.device_ids.text(self.columns.value(index, "device")), carrier=body.carrier,
                       duplicate_of=self.id_of(duplicate_of - 1) if duplicate_of else None, raw_b64=body.raw_b64)

    def type_of(self, index: int) -> str | None:
        code = self.columns.value(index, "type")
        return self.body(index).type if code == OVERFLOW else self.types.text(code)

    def name_of(self, index: int) -> str | None:
        code = self.columns.value(index, "name")
        return self.body(index).name if code == OVERFLOW else self.names.text(code)

    def direction_of(self, index: int) -> str:
        return DIRECTIONS[int(self.columns.value(index, "direction"))]

    def raw(self, index: int) -> bytes | None:
        """The message's own bytes as sent; None when bytes are not kept."""
        if not self.keep_bytes:
            return None
        offset, length, raw_length, _ = self.columns[index][-4:]
        return self.spool.read(offset + length, raw_length)

    def plaintext(self, index: int) -> bytes | None:
        """What its encrypted data holds; None when nothing opened it or bytes are not kept."""
        if not self.keep_bytes:
            return None
        offset, length, raw_length, plain_length = self.columns[index][-4:]
        return self.spool.read(offset + length + raw_length, plain_length - 1) if plain_length else None

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """By index of arrival; made when looked at."""
        return View(self.exchange_columns, self.exchange_at)

    def exchange_at(self, index: int) -> Exchange:
        """Raises IndexError."""
        ident, _, request, response, acknowledgement, status, operation, latency_ms, offset, length = self.exchange_columns[index]
        body = exchange_body(self.spool.read(offset, length))
        name = body.operation if operation == OVERFLOW else self.operations.text(operation)
        return Exchange(id=ident if self._exchange_ranks is None else int(self._exchange_ranks[index]), operation=name or "", key=body.key,
                        request=self.id_of(request - 1), response=self.id_of(response - 1) if response else None,
                        acknowledgement=self.id_of(acknowledgement - 1) if acknowledgement else None,
                        attempts=[self.id_of(number - 1) for number in body.attempts or [request]],
                        intermediate=[self.id_of(number - 1) for number in body.intermediate],
                        status=STATUSES[status], latency_ms=None if isnan(latency_ms) else latency_ms)

    def exchange_of(self, index: int) -> int | None:
        """Index of the exchange that the message at *index* is part of."""
        number = self.columns.value(index, "exchange")
        return number - 1 if number else None

    @property
    def anomalies(self) -> Sequence[Anomaly]:
        """By index of arrival; made when looked at."""
        return View(self.anomaly_columns, self.anomaly_at)

    def anomaly_at(self, index: int) -> Anomaly:
        """Raises IndexError."""
        ident, _, _, code, severity, offset, length = self.anomaly_columns[index]
        data = self.spool.read(offset, length)
        try:
            body = _anomaly_decoder(data)
        except msgspec.DecodeError:
            body = AnomalyBody(*decode(data))
        return Anomaly(id=ident if self._anomaly_ranks is None else int(self._anomaly_ranks[index]), code=self.codes.text(code) or "",
                       severity=SEVERITY_LABEL[severity], time=body.time, message=body.message,
                       messages=[self.id_of(number - 1) for number in body.messages], file=body.file, frames=body.frames, reference=body.reference)

    def anomalies_of(self, index: int) -> list[int]:
        """Indexes of the anomalies that name the message at *index*."""
        import numpy

        if not self.columns.value(index, "severity"):
            return []
        if self._sorted_links is not None:
            messages, anomalies = self._sorted_links
            first, last = numpy.searchsorted(messages, (index, index + 1))
            return [int(at) for at in anomalies[first:last]]
        count = len(self.links)
        messages, anomalies = self.links.column("message", 0, count), self.links.column("anomaly", 0, count)
        return [int(at) for at in anomalies[numpy.flatnonzero(messages == index)]]

    def close(self) -> None:
        """Give temporary files back; nothing can be read afterwards."""
        self.spool.close()

    def _device(self, ident: str | None) -> int:
        """Its number; 0 also for an id so long that no table takes it (a packet chose it): the message still says it in its fields."""
        if ident is None:
            return 0
        code = self.device_ids[ident]
        return 0 if code == OVERFLOW else code

    def _number(self, message_id: int | None) -> int:
        return 0 if message_id is None else self.index_of(message_id) + 1


def exchange_body(data: bytes | bytearray) -> ExchangeBody:
    """What was spooled of an exchange: an array, or where the rest goes without saying its key alone."""
    if data[:1] != b"[":
        return ExchangeBody(decode(data), None, [], None)
    try:
        return _exchange_decoder(data)
    except msgspec.DecodeError:  # a lone surrogate
        return ExchangeBody(*decode(data))


def _ranks_by(keys: Indexes) -> Indexes:
    """The place, from 1, of each index when they are sorted by *keys*, those of equal keys in the order that they have."""
    import numpy

    ranks = numpy.arange(1, len(keys) + 1, dtype=numpy.uint32)
    if not numpy.all(keys[1:] >= keys[:-1]):  # most captures are in the order of time, and sorting takes several times their memory
        ranks[numpy.argsort(keys, kind="stable")] = ranks.copy()
    return ranks
