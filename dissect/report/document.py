"""The report as one JSON document, written out session by session; what was spooled as JSON is copied, not written anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from dissect import __version__
from dissect.analysis import Analysis
from dissect.analysis.records import STATUSES, RawBody
from dissect.jsonwrite import decode, encode
from dissect.model import SCHEMA, Session, Source, Tool
from dissect.report.totals import totals_of

if TYPE_CHECKING:
    import numpy

    Indexes = numpy.ndarray[Any, numpy.dtype[Any]]

WRITE_SIZE = 1 << 20
BLOCK_ROWS = 1 << 15
"""rows whose columns are unpacked at once"""

NULL = msgspec.Raw(b"null")
_raw_body = msgspec.json.Decoder(RawBody).decode


def write_json(analysis: Analysis, out: BinaryIO, messages: bool = True) -> None:
    """The report of a finished *analysis*; without *messages* their `fields`, `encryption.data` and `raw_b64` are null.

    The same analysis gives the same bytes. Raises what *out* raises.
    """
    waiting: list[bytes] = []
    size = 0
    for part in _parts(analysis, messages):
        waiting.append(part)
        size += len(part)
        if size >= WRITE_SIZE:
            out.write(b"".join(waiting))
            waiting.clear()
            size = 0
    out.write(b"".join(waiting))


def _parts(analysis: Analysis, messages: bool) -> Iterator[bytes]:
    source = analysis.source_info or Source(kind="file", files=[])
    devices = [analysis.devices[ident] for ident in sorted(analysis.devices)]
    head = (SCHEMA, Tool(name="dissect", version=__version__), source, totals_of(analysis), devices)
    yield b'{"schema":%b,"tool":%b,\n"source":%b,\n"totals":%b,\n"devices":%b,\n"sessions":[' % tuple(map(encode, head))
    import numpy

    by_message = _by_session(analysis.columns.column("session"), analysis.ids())
    by_exchange = _by_session(analysis.exchange_columns.column("session"), analysis.exchange_ids())
    by_anomaly = _by_session(analysis.anomaly_columns.column("session"), analysis.anomaly_ids())
    anomalies = _anomalies(analysis, by_anomaly)
    highest = max(analysis.sessions, default=0) + 1
    counts = [numpy.bincount(rows.column("session"), minlength=highest)
              for rows in (analysis.columns, analysis.exchange_columns, analysis.anomaly_columns)]
    of_none = list(islice(anomalies, int(counts[2][0])))
    message_lines, exchange_lines = _messages(analysis, by_message, messages), _exchanges(analysis, by_exchange)
    for position, ident in enumerate(sorted(analysis.sessions)):
        yield (b",\n" if position else b"\n") + _head(analysis.sessions[ident])
        for name, lines, count in zip((b"messages", b"exchanges", b"anomalies"), (message_lines, exchange_lines, anomalies), counts, strict=True):
            yield b',"%b":[' % name
            yield from _joined(islice(lines, int(count[ident])))
            yield b"]"
        yield b"}"
    yield b'\n],\n"anomalies":['
    yield from _joined(of_none)
    yield b"]}\n"


def _head(session: Session) -> bytes:
    return encode(session)[:-1]


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    separator = b"\n"
    for line in lines:
        yield separator
        yield line
        separator = b",\n"


def _by_session(sessions: Indexes, ids: Indexes) -> Indexes:
    """Indexes sorted by session, then id."""
    import numpy

    return numpy.lexsort((ids, sessions))


def _messages(analysis: Analysis, order: Indexes, whole: bool) -> Iterator[bytes]:
    """Messages as JSON, in the order of *order*."""
    columns = [analysis.columns.column(name) for name in ("offset", "length", "device", "duplicate_of")]
    ids = analysis.ids_by_number()
    devices = [encode(text) for text in analysis.device_ids.all()]
    read = analysis.spool.reader()
    for block in _blocks(order):
        rows = zip(ids[block].tolist(), *(column[block].tolist() for column in columns), strict=True)
        for ident, offset, length, device, duplicate_of in rows:
            body = bytes(read(offset + 1, length - 2)) if whole else without_body(read(offset, length))[1:-1]
            repeated = b"%d" % ids[duplicate_of - 1] if duplicate_of else b"null"
            yield b'{"id":%d,%b,"device_id":%b,"duplicate_of":%b}' % (ident, body, devices[device], repeated)


def _blocks(order: Indexes) -> Iterator[Indexes]:
    return (order[start:start + BLOCK_ROWS] for start in range(0, len(order), BLOCK_ROWS))


def without_body(message: bytes | bytearray) -> bytes:
    """The JSON of a message's body with `fields`, `encryption.data` and `raw_b64` null."""
    try:
        raw = _raw_body(message)
        encryption = msgspec.json.decode(raw.encryption, type=dict[str, msgspec.Raw] | None)
    except msgspec.DecodeError:  # a lone surrogate
        values = decode(message)
        if values["encryption"] is not None:
            values["encryption"]["data"] = None
        return encode({**values, "fields": None, "raw_b64": None})
    if encryption is not None:
        encryption["data"] = NULL
    return encode(msgspec.structs.replace(raw, fields=NULL, raw_b64=NULL, encryption=msgspec.Raw(encode(encryption))))


_EXCHANGE = (b'{"id":%d,"operation":%b,"key":%b,"request":%d,"response":%b,"acknowledgement":%b,"attempts":[%d],"intermediate":[],'
             b'"status":%b,"latency_ms":%b}')


def _exchanges(analysis: Analysis, order: Indexes) -> Iterator[bytes]:
    """Exchanges as JSON, in the order of *order*; the plain ones (one attempt, no progress) without an object each."""
    names = ("request", "response", "acknowledgement", "status", "operation", "latency_ms", "offset", "length")
    columns = [analysis.exchange_columns.column(name) for name in names]
    message_ids, ids = analysis.ids(), analysis.exchange_ids()
    operations = [encode(text) for text in analysis.operations.all()]
    statuses = [encode(status) for status in STATUSES]
    read = analysis.spool.reader()
    for block in _blocks(order):
        cells = [column[block].tolist() for column in columns]
        cells[0] = message_ids[columns[0][block] - 1].tolist()
        rows = zip(block.tolist(), ids[block].tolist(), *cells, strict=True)
        for index, ident, request, response, acknowledgement, status, operation, latency_ms, offset, length in rows:
            key = read(offset, length)
            if key[:1] == b"[":
                yield encode(analysis.exchange_at(index))
                continue
            yield _EXCHANGE % (ident, operations[operation], key, request, b"%d" % message_ids[response - 1] if response else b"null",
                               b"%d" % message_ids[acknowledgement - 1] if acknowledgement else b"null", request, statuses[status],
                               b"null" if latency_ms != latency_ms else b"%a" % latency_ms)


def _anomalies(analysis: Analysis, order: Indexes) -> Iterator[bytes]:
    return (encode(analysis.anomaly_at(index)) for index in order.tolist())
