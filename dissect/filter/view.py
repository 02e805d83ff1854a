"""An analysis as filters look at it: columns and links taken out once, for as many messages as there were then."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dissect.analysis import Analysis
from dissect.analysis.store import exchange_body
from dissect.model import Session

if TYPE_CHECKING:
    import numpy

    Indexes = numpy.ndarray[Any, numpy.dtype[Any]]
    Mask = numpy.ndarray[Any, numpy.dtype[numpy.bool_]]


class View:
    """Of an analysis that may still grow: what comes later needs a view of its own."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.anomalies = len(analysis.anomaly_columns)
        self.exchanges = len(analysis.exchange_columns)
        self.messages = len(analysis)
        # Counted in this order: an exchange or anomaly counted here names messages that are counted too.
        self._columns: dict[str, Indexes] = {}

    def column(self, name: str) -> Indexes:
        """A column of messages."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self.analysis.columns.column(name, 0, self.messages)
        return found

    def exchange_column(self, name: str) -> Indexes:
        return self.analysis.exchange_columns.column(name, 0, self.exchanges)

    def anomaly_column(self, name: str) -> Indexes:
        return self.analysis.anomaly_columns.column(name, 0, self.anomalies)

    @cached_property
    def ids(self) -> Indexes:
        return self.analysis.ids()[:self.messages]

    @cached_property
    def reader(self) -> Callable[[int, int], bytes | bytearray]:
        return self.analysis.spool.reader()

    def session_mask(self, holds: Callable[[Session], bool]) -> Mask:
        """By number of the session (0: none): whether it *holds*."""
        import numpy

        sessions = dict(self.analysis.sessions)
        found = numpy.zeros(max(sessions, default=0) + 1, numpy.bool_)
        for ident, session in sessions.items():
            found[ident] = holds(session)
        return found

    @cached_property
    def exchange_links(self) -> tuple[Indexes, Indexes]:
        """Message and exchange, by index, for every message that an exchange names."""
        import numpy

        numbers = numpy.arange(self.exchanges)
        messages, exchanges = [], []
        for name in ("request", "response", "acknowledgement"):
            named = self.exchange_column(name).astype(numpy.int64)
            there = named > 0
            messages.append(named[there] - 1)
            exchanges.append(numbers[there])
        read = self.reader
        more: list[tuple[int, int]] = []
        for index, (offset, length) in enumerate(zip(self.exchange_column("offset").tolist(), self.exchange_column("length").tolist(), strict=True)):
            if read(offset, 1) == b"[":
                body = exchange_body(read(offset, length))
                more += [(number - 1, index) for number in (*(body.attempts or ()), *body.intermediate)]
        if more:
            messages.append(numpy.array([message for message, _ in more], numpy.int64))
            exchanges.append(numpy.array([index for _, index in more], numpy.int64))
        return numpy.concatenate(messages), numpy.concatenate(exchanges)

    @cached_property
    def anomaly_links(self) -> tuple[Indexes, Indexes]:
        """Message and anomaly, by index, for every message that an anomaly names."""
        links = self.analysis.links
        count = len(links)
        messages, anomalies = links.column("message", 0, count), links.column("anomaly", 0, count)
        known = (anomalies < self.anomalies) & (messages < self.messages)
        return messages[known], anomalies[known]

    @cached_property
    def _exchanges_by_message(self) -> tuple[Indexes, Indexes]:
        return _sorted(self.exchange_links)

    @cached_property
    def _anomalies_by_message(self) -> tuple[Indexes, Indexes]:
        return _sorted(self.anomaly_links)

    def exchanges_of(self, index: int) -> list[int]:
        """Indexes of the exchanges that name the message at *index*, each once."""
        return _linked(self._exchanges_by_message, index)

    def anomalies_of(self, index: int) -> list[int]:
        """Indexes of the anomalies that name the message at *index*, each once."""
        return _linked(self._anomalies_by_message, index)

    def named(self, links: tuple[Indexes, Indexes], chosen: Mask) -> Mask:
        """Messages that at least one of the *chosen* exchanges or anomalies names."""
        import numpy

        found = numpy.zeros(self.messages, numpy.bool_)
        messages, others = links
        found[messages[chosen[others]]] = True
        return found

    def naming(self, links: tuple[Indexes, Indexes], chosen: Mask, count: int) -> Mask:
        """Which of *count* exchanges or anomalies name one of the *chosen* messages."""
        import numpy

        found = numpy.zeros(count, numpy.bool_)
        messages, others = links
        found[others[chosen[messages]]] = True
        return found


def _sorted(links: tuple[Indexes, Indexes]) -> tuple[Indexes, Indexes]:
    import numpy

    order = numpy.lexsort((links[1], links[0]))
    return links[0][order], links[1][order]


def _linked(links: tuple[Indexes, Indexes], index: int) -> list[int]:
    import numpy

    first, last = numpy.searchsorted(links[0], (index, index + 1))
    return list(dict.fromkeys(links[1][first:last].tolist()))
