"""Where the values of a field come from: columns, sessions, exchanges and anomalies by their columns (bodies: `dissect.filter.body`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import isnan
from typing import TYPE_CHECKING, Any

from dissect.analysis.columns import OVERFLOW
from dissect.analysis.records import DIRECTIONS, STATUSES
from dissect.fields import GENERAL
from dissect.filter.base import LINKED, TABLED, Source
from dissect.filter.body import BodySource
from dissect.filter.comparison import Test
from dissect.filter.view import View
from dissect.model import SEVERITIES, Session

if TYPE_CHECKING:
    from dissect.filter.view import Indexes, Mask

class NumberSource(Source):
    """A column of numbers; every message has one."""

    def __init__(self, column: Callable[[View], Indexes], of_anomaly: str | None = None) -> None:
        self._column = column
        self._of_anomaly = of_anomaly

    def values(self, view: View, index: int) -> list[Any]:
        return [int(self._column(view)[index])]

    def mask(self, view: View, indexes: Indexes, test: Test | None) -> Mask:
        import numpy

        if test is None:
            return numpy.ones(len(indexes), numpy.bool_)
        assert test.column is not None, "a number's test tests columns"
        column = self._column(view)[indexes]
        if column.dtype.kind == "u":
            column = column.astype(numpy.int64)
        found: Mask = test.column(column)
        return found

    def values_of_anomaly(self, view: View, index: int) -> list[Any]:
        if self._of_anomaly is None:
            return []
        value = view.analysis.anomaly_columns.value(index, self._of_anomaly)
        return [value] if value else []


class TextSource(Source):
    """A column of codes in a table of texts."""

    cost = TABLED

    def __init__(self, column: str, table: Callable[[View], list[str | None]], overflow: Callable[[View, int], str | None]) -> None:
        self._name = column
        self._table = table
        self._overflow = overflow

    def values(self, view: View, index: int) -> list[Any]:
        code = int(view.column(self._name)[index])
        text = self._overflow(view, index) if code == OVERFLOW else self._table(view)[code]
        return [] if text is None else [text]

    def mask(self, view: View, indexes: Indexes, test: Test | None) -> Mask:
        import numpy

        texts = self._table(view)
        holds = (lambda text: True) if test is None else test.holds
        good = numpy.array([text is not None and bool(holds(text)) for text in texts], numpy.bool_)
        codes = view.column(self._name)[indexes]
        beyond = codes >= len(texts)
        if not beyond.any():
            return good[codes]
        found = good[numpy.where(beyond, 0, codes)]
        for at in numpy.flatnonzero(beyond).tolist():
            values = self.values(view, int(indexes[at]))
            found[at] = any(holds(value) for value in values)
        return found


class SessionSource(Source):
    """What a message has by its session."""

    cost = TABLED

    def __init__(self, take: Callable[[Session], list[Any]]) -> None:
        self.take = take

    def values(self, view: View, index: int) -> list[Any]:
        return self.take(view.analysis.sessions[int(view.column("session")[index])])

    def mask(self, view: View, indexes: Indexes, test: Test | None) -> Mask:
        holds = (lambda value: True) if test is None else test.holds
        by_session = view.session_mask(lambda session: any(holds(value) for value in self.take(session)))
        found: Mask = by_session[view.column("session")[indexes]]
        return found

    def values_of_anomaly(self, view: View, index: int) -> list[Any]:
        session = view.analysis.sessions.get(view.analysis.anomaly_columns.value(index, "session"))
        return [] if session is None else self.take(session)


class ExchangeSource(Source):
    """What a message has by the exchanges that name it."""

    cost = LINKED

    def __init__(self, column: str, read: Callable[[View, int], Any]) -> None:
        self._name = column
        self._read = read

    def values(self, view: View, index: int) -> list[Any]:
        found = (self._read(view, at) for at in view.exchanges_of(index))
        return [value for value in found if value is not None]

    def mask(self, view: View, indexes: Indexes, test: Test | None) -> Mask:
        import numpy

        column = view.exchange_column(self._name)
        if self._name == "latency_ms":
            there = ~numpy.isnan(column)
            chosen = there if test is None else there & (numpy.ones(0, numpy.bool_) if test.column is None else test.column(column))
        else:
            chosen = self._by_code(view, column, test)
        found: Mask = view.named(view.exchange_links, chosen)[indexes]
        return found

    def _by_code(self, view: View, column: Indexes, test: Test | None) -> Mask:
        import numpy

        if test is None:
            return numpy.ones(len(column), numpy.bool_)
        chosen = numpy.zeros(len(column), numpy.bool_)
        for code in numpy.unique(column).tolist():
            places = numpy.flatnonzero(column == code)
            for at in places if code == OVERFLOW else places[:1]:
                chosen[[at] if code == OVERFLOW else places] = test.holds(self._read(view, int(at)))
        return chosen


class AnomalySource(Source):
    """What a message has by the anomalies that name it."""

    cost = LINKED

    def __init__(self, column: str) -> None:
        self._name = column

    def _value(self, view: View, code: int) -> Any:
        return code if self._name == "severity" else view.analysis.codes.text(code)

    def values(self, view: View, index: int) -> list[Any]:
        rows = view.analysis.anomaly_columns
        return [self._value(view, rows.value(at, self._name)) for at in view.anomalies_of(index)]

    def mask(self, view: View, indexes: Indexes, test: Test | None) -> Mask:
        import numpy

        column = view.anomaly_column(self._name)
        chosen = numpy.zeros(len(column), numpy.bool_)
        for code in numpy.unique(column).tolist():
            if test is None or test.holds(self._value(view, code)):
                chosen |= column == code
        found: Mask = view.named(view.anomaly_links, chosen)[indexes]
        return found

    def values_of_anomaly(self, view: View, index: int) -> list[Any]:
        return [self._value(view, view.analysis.anomaly_columns.value(index, self._name))]


def _ports(transport: str) -> Callable[[Session], list[Any]]:
    def take(session: Session) -> list[Any]:
        return [session.device.port, session.peer.port] if session.carrier.partition("/")[0] == transport else []

    return take


def _carried_by(carrier: str) -> SessionSource:
    return SessionSource(lambda session: [carrier] if carrier in session.carrier.split("/") else [])


def of_protocols(names: frozenset[str]) -> SessionSource:
    """Present in messages of these protocols."""
    return SessionSource(lambda session: [session.protocol] if session.protocol in names else [])


def _operation(view: View, index: int) -> str | None:
    code = view.analysis.exchange_columns.value(index, "operation")
    return view.analysis.exchange_at(index).operation if code == OVERFLOW else view.analysis.operations.text(code)


def _latency(view: View, index: int) -> float | None:
    value: float = view.analysis.exchange_columns.value(index, "latency_ms")
    return None if isnan(value) else value


@cache
def general_sources() -> dict[str, Source]:
    """The sources of `dissect.fields.GENERAL`, by name."""
    return {
        "frame.number": NumberSource(lambda view: view.column("frame")),
        "frame.time": NumberSource(lambda view: view.column("time_ns"), "time_ns"),
        "ip.addr": SessionSource(lambda session: [session.device.address, session.peer.address]),
        "tcp.port": SessionSource(_ports("tcp")),
        "udp.port": SessionSource(_ports("udp")),
        "session.id": NumberSource(lambda view: view.column("session"), "session"),
        "message.id": NumberSource(lambda view: view.ids),
        "message.type": TextSource("type", lambda view: view.analysis.types.all(), lambda view, index: view.analysis.type_of(index)),
        "message.name": TextSource("name", lambda view: view.analysis.names.all(), lambda view, index: view.analysis.name_of(index)),
        "message.direction": TextSource("direction", lambda view: list(DIRECTIONS), lambda view, index: None),
        "message.size": NumberSource(lambda view: view.column("size")),
        "device.id": TextSource("device", lambda view: view.analysis.device_ids.all(), lambda view, index: None),
        "exchange.status": ExchangeSource("status", lambda view, index: STATUSES[view.analysis.exchange_columns.value(index, "status")]),
        "exchange.latency_ms": ExchangeSource("latency_ms", _latency),
        "exchange.operation": ExchangeSource("operation", _operation),
        "anomaly.code": AnomalySource("code"),
        "anomaly.severity": AnomalySource("severity"),
        "mqtt.topic": BodySource("carrier", ("topic",), carrier="mqtt"),
        "mqtt.clientid": SessionSource(lambda session: [] if session.client_id is None else [session.client_id]),
        "coap.token": BodySource("carrier", ("token",), carrier="coap"),
        "coap.mid": BodySource("carrier", ("message_id",), carrier="coap"),
        "http.uri": BodySource("carrier", ("target",), carrier="http"),
        **{row.name: _carried_by(row.name) for row in GENERAL if row.types == ("protocol",)},
    }


CLOSED_SETS = {"message.direction": DIRECTIONS, "exchange.status": STATUSES, "anomaly.severity": tuple(SEVERITIES)}
"""fields that have one of these values only"""
