"""An analysis with other bodies and plaintexts for some of its messages, and without some anomalies: what stays keeps its number and its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from dissect.analysis.columns import Rows
from dissect.analysis.records import ANOMALIES, EXCHANGES, LINKS, MESSAGES
from dissect.analysis.spool import MEMORY_LIMIT, Spool
from dissect.analysis.store import Analysis

if TYPE_CHECKING:
    Indexes = numpy.ndarray[Any, numpy.dtype[Any]]
    Mask = numpy.ndarray[Any, numpy.dtype[numpy.bool_]]

COPIED = 8 << 20
"""bytes of a spool that are copied at once"""


class _Piece(NamedTuple):
    """Bytes in the place of others."""

    offset: int
    length: int
    """of those that go"""
    data: bytes


def rewritten(
    whole: Analysis, bodies: Mapping[int, bytes], plaintexts: Mapping[int, bytes], anomalies: Mask, memory_limit: int = MEMORY_LIMIT
) -> Analysis:
    """*bodies*: the JSON of a message's `Body`, *plaintexts*: what its sealed data holds, by index. *anomalies*: which of them stay.

    *whole* stays as it is, for whoever still reads it; nothing may be appended to it any more. Both share what names are made of.
    """
    part = Analysis(whole.keep_bytes, memory_limit)
    for name in ("types", "names", "codes", "operations", "device_ids", "sessions", "closed_sessions", "devices", "source_info", "given_totals", "_dense"):
        setattr(part, name, getattr(whole, name))
    messages, exchanges, kept = whole.columns.table(), whole.exchange_columns.table(), whole.anomaly_columns.table()[anomalies]
    part.spool, move = _respooled(whole.spool, _pieces(messages, bodies, plaintexts), memory_limit)
    for table in (messages, exchanges, kept):
        table["offset"] = move(table["offset"])
    for index, body in bodies.items():
        messages["length"][index] = len(body)
    for index, plaintext in plaintexts.items():
        messages["plain_length"][index] = len(plaintext) + 1
    links = _links(whole, anomalies)
    messages["severity"] = 0
    numpy.maximum.at(messages["severity"], links["message"].astype(numpy.int64), kept["severity"][links["anomaly"]])
    for name, columns, table in (("columns", MESSAGES, messages), ("exchange_columns", EXCHANGES, exchanges), ("anomaly_columns", ANOMALIES, kept),
                                 ("links", LINKS, links)):
        setattr(part, name, _rows(columns, table))
    if whole.finished:
        part._ranks, part._exchange_ranks = whole._ranks, whole._exchange_ranks
        part.rank_anomalies()
    return part


def _links(whole: Analysis, anomalies: Mask) -> Indexes:
    """Those of the anomalies that stay, under the numbers that these have now."""
    whole_links = whole.links.table()
    links: Indexes = whole_links[anomalies[whole_links["anomaly"]]]
    links["anomaly"] = (numpy.cumsum(anomalies) - 1)[links["anomaly"]]
    return links


def _pieces(messages: Indexes, bodies: Mapping[int, bytes], plaintexts: Mapping[int, bytes]) -> list[_Piece]:
    """What is written anew, in order."""
    pieces = [_Piece(int(messages["offset"][index]), int(messages["length"][index]), data) for index, data in bodies.items()]
    for index, data in plaintexts.items():
        offset, length, raw, plain = (int(messages[name][index]) for name in ("offset", "length", "raw_length", "plain_length"))
        pieces.append(_Piece(offset + length + raw, max(0, plain - 1), data))
    return sorted(pieces)


def _rows(columns: Any, table: Indexes) -> Rows:
    fresh = Rows(columns)
    fresh.extend(table)
    return fresh


def _respooled(spool: Spool, pieces: list[_Piece], memory_limit: int) -> tuple[Spool, Any]:
    """A spool with the *pieces*, which come in order, and a function from offsets in the old one to those in it."""
    fresh, read = Spool(memory_limit), spool.reader()
    position, shift = 0, 0
    ends, shifts = [0], [0]

    def copy(begin: int, end: int) -> None:
        while begin < end:
            fresh.append(bytes(read(begin, min(COPIED, end - begin))))
            begin += min(COPIED, end - begin)

    for piece in pieces:
        copy(position, piece.offset)
        fresh.append(piece.data)
        position = piece.offset + piece.length
        shift += len(piece.data) - piece.length
        ends.append(position)
        shifts.append(shift)
    copy(position, len(spool))
    known, by = numpy.array(ends, numpy.int64), numpy.array(shifts, numpy.int64)

    def move(offsets: Indexes) -> Indexes:
        old = offsets.astype(numpy.int64)
        moved: Indexes = old + by[numpy.searchsorted(known, old, side="right") - 1]
        return moved

    return fresh, move
