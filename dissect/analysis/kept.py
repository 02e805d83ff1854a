"""A part of a finished analysis as an analysis of its own: what a filter keeps, under the ids of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy

from dissect.analysis.store import Analysis, exchange_body
from dissect.jsonwrite import decode, encode
from dissect.model import Device

if TYPE_CHECKING:
    Indexes = numpy.ndarray[Any, numpy.dtype[Any]]
    Mask = numpy.ndarray[Any, numpy.dtype[numpy.bool_]]


def keep(whole: Analysis, messages: Mask, exchanges: Mask, anomalies: Mask) -> Analysis:
    """The analysis of the rows that the masks choose, of their sessions and devices.

    Every message that a chosen exchange or anomaly names must be chosen. *whole* must be finished; both share what was spooled, and closing one
    closes both. A message that repeats one that is not chosen still tells its id.
    """
    part = Analysis(whole.keep_bytes)
    part.source_info, part.given_totals = whole.source_info, whole.given_totals
    for name in ("types", "names", "codes", "operations", "device_ids", "spool"):
        setattr(part, name, getattr(whole, name))
    part._dense = False
    chosen = numpy.flatnonzero(messages)
    numbers = numpy.zeros(len(messages) + 1, numpy.int64)
    numbers[chosen + 1] = numpy.arange(1, len(chosen) + 1)
    # by number of arrival in the whole, from 1: that in the part, 0 for what is not chosen
    table = _messages(whole, part, chosen, numbers)
    table["exchange"] = _exchanges(whole, part, numpy.flatnonzero(exchanges), numbers)
    table["severity"] = _anomalies(whole, part, numpy.flatnonzero(anomalies), numbers)
    part.columns.extend(table)
    _surroundings(whole, part)
    return part


def _messages(whole: Analysis, part: Analysis, chosen: Indexes, numbers: Indexes) -> Indexes:
    """The rows of the *chosen* messages, but for their exchange and severity, which follow from what else is kept."""
    table = whole.columns.table()[chosen]
    ids = whole.ids_by_number()
    repeated = table["duplicate_of"].astype(numpy.int64)
    left_out = numpy.unique(repeated[(repeated > 0) & (numbers[numpy.minimum(repeated, len(numbers) - 1)] == 0)])
    table["duplicate_of"] = numpy.where(repeated > 0, numbers[numpy.minimum(repeated, len(numbers) - 1)], 0)
    if len(left_out):
        absent = (repeated > 0) & (table["duplicate_of"] == 0)
        table["duplicate_of"][absent] = len(chosen) + 1 + numpy.searchsorted(left_out, repeated[absent])
    part._ranks = numpy.concatenate((ids[chosen], ids[left_out - 1]))
    return table


def _exchanges(whole: Analysis, part: Analysis, chosen: Indexes, numbers: Indexes) -> Indexes:
    """Keep the *chosen* exchanges; which of them each message belongs to."""
    table = whole.exchange_columns.table()[chosen]
    for name in ("request", "response", "acknowledgement"):
        table[name] = numbers[table[name]]
    read = whole.spool.reader()  # what is appended meanwhile is not read
    members: list[tuple[int, int]] = []
    for at, (offset, length) in enumerate(zip(table["offset"].tolist(), table["length"].tolist(), strict=True)):
        if read(offset, 1) != b"[":
            continue
        body = exchange_body(read(offset, length))
        attempts = None if body.attempts is None else numbers[body.attempts].tolist()
        intermediate = numbers[body.intermediate].tolist() if body.intermediate else []
        members += [(number - 1, at + 1) for number in (*(attempts or ()), *intermediate)]
        data = encode(msgspec.structs.replace(body, attempts=attempts, intermediate=intermediate))
        table["offset"][at], table["length"][at] = whole.spool.append(data), len(data)
    part.exchange_columns.extend(table)
    part._exchange_ranks = whole.exchange_ids()[chosen]
    belongs = numpy.zeros(int(numbers.max()) + 1, numpy.int64)
    places = numpy.arange(1, len(chosen) + 1)
    for name in ("request", "response", "acknowledgement"):
        numpy.maximum.at(belongs, table[name], places)
    for index, number in members:
        belongs[index + 1] = max(belongs[index + 1], number)
    return belongs[1:]


def _anomalies(whole: Analysis, part: Analysis, chosen: Indexes, numbers: Indexes) -> Indexes:
    """Keep the *chosen* anomalies; the worst severity of those that name each message."""
    table = whole.anomaly_columns.table()[chosen]
    read = whole.spool.reader()  # what is appended meanwhile is not read
    links: list[tuple[int, int]] = []
    for at, (offset, length) in enumerate(zip(table["offset"].tolist(), table["length"].tolist(), strict=True)):
        time, text, named, *rest = decode(read(offset, length))
        if named:
            mapped = numbers[named].tolist()
            links += [(number - 1, at) for number in mapped]
            data = encode([time, text, mapped, *rest])
            table["offset"][at], table["length"][at] = whole.spool.append(data), len(data)
    part.anomaly_columns.extend(table)
    part._anomaly_ranks = whole.anomaly_ids()[chosen]
    link_table = numpy.zeros(len(links), part.links.table().dtype)
    if links:
        link_table["message"], link_table["anomaly"] = numpy.array(links).T
    part.links.extend(link_table)
    by_message = numpy.argsort(link_table["message"], kind="stable")
    part._sorted_links = link_table["message"][by_message], link_table["anomaly"][by_message]
    worst = numpy.zeros(int(numbers.max()), numpy.int64)
    numpy.maximum.at(worst, link_table["message"], table["severity"][link_table["anomaly"]])
    return worst


def _surroundings(whole: Analysis, part: Analysis) -> None:
    """Sessions and devices of what is kept."""
    columns = (part.columns, part.exchange_columns, part.anomaly_columns)
    idents = {int(ident) for rows in columns for ident in numpy.unique(rows.column("session"))} - {0}
    part.sessions = {ident: session for ident, session in whole.sessions.items() if ident in idents}
    part.closed_sessions = whole.closed_sessions & idents
    codes = numpy.unique(part.columns.column("device")).tolist()
    known = {part.device_ids.text(code) for code in codes if code < len(part.device_ids)}
    known |= {session.device_id for session in part.sessions.values()}
    part.devices = {ident: _of_sessions(device, idents) for ident, device in whole.devices.items() if ident in known}


def _of_sessions(device: Device, idents: set[int]) -> Device:
    return msgspec.structs.replace(device, sessions=[ident for ident in device.sessions if ident in idents])
