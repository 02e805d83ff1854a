"""What an analysis comes to in numbers: protocols, devices, operations with their answer times, messages over time, anomalies by code.

Pure functions over `Analysis`, finished or growing; `dissect stats`, its --json, the HTML report and the interface show the same.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from dissect.analysis import Analysis
from dissect.analysis.columns import OVERFLOW
from dissect.analysis.records import SEVERITY_LABEL, STATUS_CODE
from dissect.analysis.store import exchange_body
from dissect.model import Status
from dissect.timefmt import format_ns

if TYPE_CHECKING:
    import numpy

    Numbers = numpy.ndarray[Any, numpy.dtype[Any]]

SCHEMA: Literal["dissect-stats/1"] = "dissect-stats/1"
MOST_INTERVALS = 60
"""points of the plot of messages over time, at most"""

SECOND_NS = 1_000_000_000
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_STEPS_NS: tuple[int, ...] = (*(step * unit for unit in (1_000_000, 10_000_000, 100_000_000) for step in (1, 2, 5)), *(one * SECOND_NS for one in _SECONDS))
"""lengths of an interval that people can read"""


class ProtocolStatistics(Struct, frozen=True, kw_only=True):
    name: str
    devices: int
    sessions: int
    messages: int
    exchanges: int
    anomalies: int


class DeviceStatistics(Struct, frozen=True, kw_only=True):
    id: str
    protocol: str
    addresses: list[str]
    sessions: int
    messages: int
    """from or for it"""
    exchanges: int
    answered: int
    failed: int
    retries: int
    anomalies: int
    """that name a message of it"""


class OperationStatistics(Struct, frozen=True, kw_only=True):
    """The exchanges of one operation. Times in milliseconds, from the last attempt to the answer; null when nothing was answered."""

    protocol: str
    operation: str
    n: int
    answered: int
    """a response came, in time or late, whatever it says"""
    failed: int
    """status error: an answer with a failure code, or a reset"""
    late: int
    timeout: int
    pending: int
    retries: int
    """sends of a request beyond the first"""
    min_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Timeline(Struct, frozen=True, kw_only=True):
    """Messages in intervals of equal length from *start* on."""

    start: str | None
    interval_s: float | None
    counts: list[int]
    protocols: dict[str, list[int]]


class AnomalyStatistics(Struct, frozen=True, kw_only=True):
    code: str
    severity: str
    n: int
    protocols: list[str]


class Statistics(Struct, frozen=True, kw_only=True):
    """What `dissect stats --json` writes."""

    schema: Literal["dissect-stats/1"]
    packets: int
    packets_used: int
    first_packet: str | None
    last_packet: str | None
    sessions: int
    messages: int
    exchanges: int
    retries: int
    protocols: list[ProtocolStatistics]
    devices: list[DeviceStatistics]
    operations: list[OperationStatistics]
    """by protocol and operation"""
    messages_over_time: Timeline
    anomalies: list[AnomalyStatistics]
    """worst first, then by number"""


def statistics(analysis: Analysis) -> Statistics:
    """All of it, of what *analysis* holds now."""
    source = analysis.source_info
    retries = retries_of(analysis)
    return Statistics(
        schema=SCHEMA, packets=source.packets if source else 0, packets_used=source.packets_used if source else 0,
        first_packet=source.first_packet if source else None, last_packet=source.last_packet if source else None,
        sessions=len(analysis.sessions), messages=len(analysis), exchanges=len(analysis.exchange_columns), retries=int(retries.sum()),
        protocols=protocols_of(analysis), devices=devices_of(analysis, retries), operations=operations_of(analysis, retries),
        messages_over_time=timeline_of(analysis), anomalies=anomalies_of(analysis),
    )  # fmt: skip


def retries_of(analysis: Analysis) -> Numbers:
    """Sends beyond the first, of each exchange by index."""
    import numpy

    count = len(analysis.exchange_columns)
    retries = numpy.zeros(count, dtype=numpy.int64)
    read = analysis.spool.reader() if analysis.finished else analysis.spool.read
    places = zip(analysis.exchange_columns.column("offset", 0, count).tolist(), analysis.exchange_columns.column("length", 0, count).tolist(), strict=True)
    for index, (offset, length) in enumerate(places):
        data = read(offset, length)
        if data[:1] == b"[":
            retries[index] = len(exchange_body(data).attempts or [0]) - 1
    return retries


def protocol_numbers(analysis: Analysis) -> tuple[list[str], Numbers]:
    """Names of the protocols that occur, sorted, and the place of each session's protocol among them, by session id."""
    import numpy

    sessions = dict(analysis.sessions)
    names = sorted({session.protocol for session in sessions.values()})
    place = {name: index for index, name in enumerate(names)}
    numbers = numpy.full(max(sessions, default=0) + 1, len(names), dtype=numpy.int64)
    for ident, session in sessions.items():
        numbers[ident] = place[session.protocol]
    return names, numbers


def protocols_of(analysis: Analysis) -> list[ProtocolStatistics]:
    import numpy

    names, numbers = protocol_numbers(analysis)
    counts = [numpy.bincount(numbers[rows.column("session")], minlength=len(names) + 1).tolist()
              for rows in (analysis.columns, analysis.exchange_columns, analysis.anomaly_columns)]
    sessions = Counter(session.protocol for session in analysis.sessions.values())
    devices = Counter(device.protocol for device in analysis.devices.values())
    return [ProtocolStatistics(name=name, devices=devices[name], sessions=sessions[name], messages=counts[0][place], exchanges=counts[1][place],
                               anomalies=counts[2][place]) for place, name in enumerate(names)]


def devices_of(analysis: Analysis, retries: Numbers) -> list[DeviceStatistics]:
    import numpy

    columns, exchanges = analysis.columns, analysis.exchange_columns
    texts = analysis.device_ids.all()
    # One place more, for the devices that the table of texts did not take.
    of_message = numpy.minimum(columns.column("device"), len(texts))
    of_exchange = of_message[exchanges.column("request").astype(numpy.int64) - 1] if len(exchanges) else of_message[:0]
    size = len(texts) + 1
    messages = numpy.bincount(of_message, minlength=size)
    asked = numpy.bincount(of_exchange, minlength=size)
    answered = numpy.bincount(of_exchange[exchanges.column("response") > 0], minlength=size)
    failed = numpy.bincount(of_exchange[exchanges.column("status") == STATUS_CODE[Status.ERROR.value]], minlength=size)
    again = numpy.bincount(of_exchange, weights=retries, minlength=size)
    links = analysis.links
    named = set(zip(of_message[links.column("message")].tolist(), links.column("anomaly").tolist(), strict=True))
    anomalies = Counter(device for device, _ in named)
    code = {text: number for number, text in enumerate(texts) if text is not None}
    found = []
    for ident, device in sorted(analysis.devices.items()):
        at = code.get(ident)
        figures = (0, 0, 0, 0, 0, 0) if at is None else (int(messages[at]), int(asked[at]), int(answered[at]), int(failed[at]), int(again[at]), anomalies[at])
        found.append(DeviceStatistics(id=ident, protocol=device.protocol, addresses=device.addresses, sessions=len(device.sessions), messages=figures[0],
                                      exchanges=figures[1], answered=figures[2], failed=figures[3], retries=figures[4], anomalies=figures[5]))
    return found


def operations_of(analysis: Analysis, retries: Numbers | None = None, exchanges: Numbers | None = None) -> list[OperationStatistics]:
    """*retries*: as `retries_of` (None: not counted). *exchanges*: indexes of those that count (None: all there are now)."""
    import numpy

    names, numbers = protocol_numbers(analysis)
    rows = analysis.exchange_columns
    size = len(rows)
    members = numpy.arange(size) if exchanges is None else exchanges
    if retries is None:
        retries = numpy.zeros(size, dtype=numpy.int64)
    operations, sessions = rows.column("operation", 0, size)[members], rows.column("session", 0, size)[members]
    kinds = operations.astype(numpy.int64) * (len(names) + 1) + numbers[numpy.minimum(sessions, len(numbers) - 1)]
    status, response, latency, retries = (rows.column("status", 0, size)[members], rows.column("response", 0, size)[members],
                                          rows.column("latency_ms", 0, size)[members], retries[members])
    found = []
    for kind in numpy.unique(kinds).tolist():
        chosen = kinds == kind
        times = latency[chosen]
        times = times[~numpy.isnan(times)]
        ranks = [float(rank) for rank in numpy.percentile(times, (0, 50, 95, 99, 100))] if len(times) else [None] * 5
        states = numpy.bincount(status[chosen], minlength=len(STATUS_CODE))
        operation, place = divmod(kind, len(names) + 1)
        name = (analysis.operations.text(operation) if operation != OVERFLOW else None) or "other"
        found.append(OperationStatistics(
            protocol=names[place], operation=name, n=int(chosen.sum()), answered=int((response[chosen] > 0).sum()),
            failed=int(states[STATUS_CODE["error"]]), late=int(states[STATUS_CODE["late"]]), timeout=int(states[STATUS_CODE["timeout"]]),
            pending=int(states[STATUS_CODE["pending"]]), retries=int(retries[chosen].sum()),
            min_ms=_rounded(ranks[0]), p50_ms=_rounded(ranks[1]), p95_ms=_rounded(ranks[2]), p99_ms=_rounded(ranks[3]), max_ms=_rounded(ranks[4]),
        ))  # fmt: skip
    return sorted(found, key=lambda one: (one.protocol, one.operation))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def interval_ns(span_ns: int, most: int = MOST_INTERVALS) -> int:
    """The shortest readable length of which *most* intervals hold *span_ns*."""
    for step in _STEPS_NS:
        if span_ns // step < most:
            return step
    day = _STEPS_NS[-1]
    return (span_ns // most // day + 1) * day


def intervals(first_ns: int, last_ns: int, most: int = MOST_INTERVALS) -> tuple[int, int]:
    """Begin of the first interval and their length, in ns, of at most *most* that hold these times."""
    step = interval_ns(last_ns - first_ns, most)
    start = first_ns // step * step
    return (first_ns if (last_ns - start) // step >= most else start), step


def timeline_of(analysis: Analysis, most: int = MOST_INTERVALS) -> Timeline:
    import numpy

    names, numbers = protocol_numbers(analysis)
    times = analysis.columns.column("time_ns")
    if not len(times):
        return Timeline(start=None, interval_s=None, counts=[], protocols={})
    first, last = int(times.min()), int(times.max())
    start, step = intervals(first, last, most)
    places = ((times - start) // step).astype(numpy.int64)
    size = (last - start) // step + 1
    protocol = numbers[analysis.columns.column("session")]
    by_protocol = {name: numpy.bincount(places[protocol == place], minlength=size).tolist() for place, name in enumerate(names)}
    return Timeline(start=format_ns(start), interval_s=step / SECOND_NS, counts=numpy.bincount(places, minlength=size).tolist(), protocols=by_protocol)


def anomalies_of(analysis: Analysis) -> list[AnomalyStatistics]:
    import numpy

    rows, sessions = analysis.anomaly_columns, dict(analysis.sessions)
    size = len(rows)
    codes, severities, of_session = (rows.column(name, 0, size).astype(numpy.int64) for name in ("code", "severity", "session"))
    kinds, places, counts = numpy.unique(severities << 32 | codes, return_inverse=True, return_counts=True)
    found = []
    for place in sorted(range(len(kinds)), key=lambda place: (-(int(kinds[place]) >> 32), -int(counts[place]), int(kinds[place]) & 0xFFFFFFFF)):
        severity, code = int(kinds[place]) >> 32, int(kinds[place]) & 0xFFFFFFFF
        protocols = sorted({sessions[ident].protocol for ident in numpy.unique(of_session[places == place]).tolist() if ident in sessions})
        found.append(AnomalyStatistics(code=analysis.codes.text(code) or "", severity=SEVERITY_LABEL[severity], n=int(counts[place]), protocols=protocols))
    return found


def to_json(figures: Statistics) -> bytes:
    """As `dissect stats --json` writes it."""
    from dissect.jsonwrite import encode

    return msgspec.json.format(encode(figures), indent=2) + b"\n"
