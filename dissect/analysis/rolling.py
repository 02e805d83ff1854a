"""An analysis of the messages that came last: for captures without an end, looked at while they last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dissect.analysis.columns import Rows, Texts
from dissect.analysis.records import ANOMALIES, EXCHANGES, MESSAGES
from dissect.analysis.spool import MEMORY_LIMIT, Spool
from dissect.analysis.store import DEVICES_LIMIT, Analysis
from dissect.errors import DissectError
from dissect.model import Anomaly, Device, Exchange, Message, Session, Source, Totals

if TYPE_CHECKING:
    from dissect.engine.engine import Engine
    from dissect.keys import Keyring

Columns = Sequence[tuple[str, str]]

COPIED = 8 << 20
"""bytes of a spool that are copied at once"""


class Rolling:
    """A `dissect.sinks.Sink` that keeps at most *limit* messages, in an `Analysis` that it replaces when that is full.

    `analysis` is the one of now; who reads it finds, after a while, that it is another one, with the later half of the messages under
    the ids that they had. The one before can be read as long as someone holds it. What names a message that is gone goes with it: an
    exchange whole, of an anomaly the name.
    """

    def __init__(self, limit: int, keep_bytes: bool = False, memory_limit: int = MEMORY_LIMIT) -> None:
        if limit < 2:
            raise ValueError("a rolling analysis keeps two messages or more")
        self.limit = limit
        self.evicted = 0
        """messages that are gone"""
        self.analysis = Analysis(keep_bytes, memory_limit)
        self._memory_limit = memory_limit

    def source(self, source: Source) -> None:
        self.analysis.source(source)

    def session(self, session: Session, closed: bool) -> None:
        self.analysis.session(session, closed)

    def device(self, device: Device) -> None:
        self.analysis.device(device)

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        if len(self.analysis) >= self.limit:
            self._roll()
        if message.duplicate_of is not None and not self._knows(message.duplicate_of):
            message = replace(message, duplicate_of=None)
        self.analysis.message(message, session, time_ns, raw, plaintext)

    def attribute(self, message_id: int, device_id: str) -> None:
        if self._knows(message_id):
            self.analysis.attribute(message_id, device_id)

    def exchange(self, exchange: Exchange, session: int) -> None:
        if all(map(self._knows, exchange.messages())):
            self.analysis.exchange(exchange, session)

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        known = [one for one in anomaly.messages if self._knows(one)]
        if len(known) != len(anomaly.messages):
            anomaly = replace(anomaly, messages=known)
        self.analysis.anomaly(anomaly, session, time_ns)

    def finish(self, source: Source, totals: Totals) -> None:
        self.analysis.finish(source, totals)

    def reopen(self, engine: Engine, keyring: Keyring) -> int:
        """Take more keys, for what comes and for what is kept; how many messages that opened. From the thread that feeds it."""
        from dissect.engine.reopening import reopen

        self.analysis, opened = reopen(engine, self.analysis, keyring, self._memory_limit)
        return opened

    def _knows(self, message_id: int) -> bool:
        """Whether the message is kept; ids rise with the order of arrival."""
        return not self.evicted or message_id >= int(self.analysis.columns.value(0, "id"))

    def _roll(self) -> None:
        """Go on with the later half of the messages in an analysis of their own."""
        import numpy

        from dissect.analysis.kept import keep
        from dissect.filter.view import View

        old = self.analysis
        first = len(old) // 2
        messages = numpy.zeros(len(old), numpy.bool_)
        messages[first:] = True
        view = View(old)
        exchanges = ~view.naming(view.exchange_links, ~messages, view.exchanges)
        # Spooled in order of arrival: what was told before the first message kept is gone, and nothing kept lies before it.
        begin = int(old.columns.value(first, "offset"))
        anomalies = old.anomaly_columns.column("offset").astype(numpy.int64) >= begin
        links, named = view.anomaly_links
        anomalies[named[~messages[links]]] = False
        kept = keep(old, messages, exchanges, anomalies)
        table = kept.columns.table()
        table["duplicate_of"][table["duplicate_of"] > len(table)] = 0
        codes, places = numpy.unique(table["device"], return_inverse=True)
        kept.device_ids = Texts(DEVICES_LIMIT)
        # Ids come from packets: those that no message kept has are forgotten.
        table["device"] = numpy.array([kept.device_ids[old.device_ids.text(code)] for code in codes.tolist()], numpy.uint32)[places]
        kept.columns = Rows(MESSAGES)
        kept.columns.extend(table)
        kept._ranks = kept._exchange_ranks = kept._anomaly_ranks = kept._sorted_links = None
        kept.given_totals = None
        self._keep_surroundings(old, kept)
        self._compact(kept, begin)
        self.evicted += first
        self.analysis = kept

    @staticmethod
    def _keep_surroundings(old: Analysis, kept: Analysis) -> None:
        """Sessions that are open may go on; so may what is known of their devices."""
        for ident, session in old.sessions.items():
            if ident not in old.closed_sessions:
                kept.sessions[ident] = session
                device = old.devices.get(session.device_id or "")
                if device is not None:
                    kept.devices[device.id] = device
        kept.sessions = dict(sorted(kept.sessions.items()))

    def _compact(self, kept: Analysis, begin: int) -> None:
        """A spool of its own that begins with its first message."""
        kept.spool = self._copied(kept.spool, begin)
        kept.columns = _shifted(kept.columns, MESSAGES, begin)
        kept.exchange_columns = _shifted(kept.exchange_columns, EXCHANGES, begin)
        kept.anomaly_columns = _shifted(kept.anomaly_columns, ANOMALIES, begin)

    def _copied(self, spool: Spool, begin: int) -> Spool:
        fresh = Spool(self._memory_limit)
        end = len(spool)
        while begin < end:
            data = spool.read(begin, min(COPIED, end - begin))
            if not data:
                raise DissectError("a temporary file is shorter than what was written to it")
            fresh.append(data)
            begin += len(data)
        return fresh


def _shifted(rows: Rows, columns: Columns, begin: int) -> Rows:
    """Rows of the same content whose offsets count from *begin*; more can be appended."""
    table = rows.table()
    table["offset"] -= begin
    fresh = Rows(columns)
    fresh.extend(table)
    return fresh
