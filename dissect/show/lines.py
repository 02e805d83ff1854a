"""One line a message, tshark-like: number, time, device and peer, protocol, type and name, key, size, what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from dissect.analysis import Analysis
from dissect.model import Endpoint, Exchange, Message, Session
from dissect.show.times import message_times
from dissect.text import clean, column

NAMED_ANOMALIES = 4
"""codes shown on a line; of the rest only their number"""

EXCHANGES_KEPT = 64
"""exchanges kept from line to line: one may be of thousands of messages, each of which names it"""

LEAST_TIME = 11
"""cells of a time below 10,000 s with microseconds"""

END_WIDTH = 21
"""cells of an IPv4 address with port; a longer end pushes the rest of its line to the right"""


def end(endpoint: Endpoint) -> str:
    """Address and port, an IPv6 address in brackets."""
    return f"[{endpoint.address}]:{endpoint.port}" if ":" in endpoint.address else f"{endpoint.address}:{endpoint.port}"


def beside(text: str, names: Mapping[str, str], *keys: str | None) -> str:
    """*text* with the name that the keys file gives one of *keys*, ids (with or without their protocol) or addresses."""
    for key in keys:
        name = key and (names.get(key) or names.get(key.partition(":")[2]))
        if name:
            return f"{text} ({clean(name, 40)})"
    return text


class Lines:
    """The lines of a finished analysis."""

    def __init__(self, analysis: Analysis, time_form: str = "relative", names: Mapping[str, str] | None = None) -> None:
        """*names*: id or address -> what is shown beside it."""
        self._analysis = analysis
        self._names = names or {}
        self.order = [int(index) for index in analysis.order()]
        """indexes of the messages in the order of lines"""
        self._time = message_times(analysis, time_form)
        self._time_width = max(map(len, self._times_at_most(time_form)), default=0)
        self._ends: dict[int, tuple[str, str, str]] = {}
        self._number_width = max(len(str(len(self.order))), 3)
        self._exchange = lru_cache(maxsize=EXCHANGES_KEPT)(self._read_exchange)

    def __iter__(self) -> Iterator[str]:
        return map(self.line, self.order)

    def _times_at_most(self, form: str) -> Iterator[str]:
        """The longest texts that times take: of the first and the last, one after the other."""
        shown = message_times(self._analysis, form)
        for index in (self.order[:1] + self.order[-1:]):
            yield shown(self._analysis.columns.value(index, "time_ns")).rjust(LEAST_TIME)

    def line(self, index: int) -> str:
        """Call it for one message after the other: a time may be shown as the difference to the one before."""
        analysis = self._analysis
        message = analysis.message_at(index)
        session = analysis.columns.value(index, "session")
        device, peer, protocol = self._ends.get(session) or self._ends_of(analysis.sessions[session])
        arrow = "->" if message.direction == "up" else "<-"
        time = self._time(analysis.columns.value(index, "time_ns"))
        parts = [f"{message.id:>{self._number_width}} {time:>{self._time_width}} {device} {arrow} {peer} {protocol}", _what(message)]
        if message.key:
            parts.append(" ".join(f"{clean(name)}={clean(str(value), 64)}" for name, value in message.key.items()))
        parts.append(f"{message.size} B")
        parts += self._marks(index, message)
        return clean("  ".join(parts))

    def _ends_of(self, session: Session) -> tuple[str, str, str]:
        device = beside(end(session.device), self._names, session.device_id, session.device.address)
        peer = beside(end(session.peer), self._names, session.peer.address)
        ends = self._ends[session.id] = (column(device, max(END_WIDTH, len(device))), column(peer, max(END_WIDTH, len(peer))), column(session.protocol, 11))
        return ends

    def _read_exchange(self, at: int) -> tuple[Exchange, frozenset[int]]:
        """An exchange, and its messages of progress."""
        exchange = self._analysis.exchange_at(at)
        return exchange, frozenset(exchange.intermediate)

    def _marks(self, index: int, message: Message) -> Iterator[str]:
        if message.encryption is not None:
            yield f"[{message.encryption.status}]"
        if message.duplicate_of is not None:
            yield f"[duplicate of {message.duplicate_of}]"
        at = self._analysis.exchange_of(index)
        if at is not None:
            yield f"[{_part(message.id, *self._exchange(at))}]"
        found = self._analysis.anomalies_of(index)
        for anomaly in map(self._analysis.anomaly_at, found[:NAMED_ANOMALIES]):
            yield f"!{anomaly.severity} {anomaly.code}"
        if len(found) > NAMED_ANOMALIES:
            yield f"!{len(found) - NAMED_ANOMALIES} more"


def kind_and_name(message: Message) -> str:
    """Type and name of *message*, once where they are the same; empty of a malformed one."""
    return " ".join(text for text in dict.fromkeys((message.type, message.name)) if text)


def _what(message: Message) -> str:
    if message.raw_b64 is not None:
        return "malformed"
    return clean(kind_and_name(message), 256)


def _part(ident: int, exchange: Exchange, progress: frozenset[int]) -> str:
    """What message *ident* is to its exchange, of which *progress* are the messages between request and answer."""
    latency = "" if exchange.latency_ms is None else f" in {exchange.latency_ms:.3f} ms"
    if ident == exchange.response:
        return f"answers {exchange.attempts[-1]}, {exchange.status}{latency}"
    if ident == exchange.acknowledgement:
        return f"acknowledges {exchange.response if exchange.response is not None else exchange.request}"
    if ident in progress:
        return f"progress of {exchange.request}"
    again = "" if ident == exchange.request else f"again {exchange.request}, "
    return f"{again}{exchange.status}" + (f", answered by {exchange.response}" if exchange.response is not None else "")
