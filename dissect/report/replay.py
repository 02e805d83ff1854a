"""A kept analysis told to a sink: how a stream of lines is written of what a filter keeps, which is known at the end only."""

from __future__ import annotations

from dissect.analysis import Analysis
from dissect.model import Source
from dissect.report.totals import totals_of
from dissect.sinks import Sink


def replay(analysis: Analysis, sink: Sink) -> None:
    """Sessions and devices, then messages in order of time with the exchanges and anomalies behind the last message that they name, under
    the ids of the report."""
    source = analysis.source_info or Source(kind="file", files=[])
    sink.source(source)
    for ident in sorted(analysis.sessions):
        sink.session(analysis.sessions[ident], False)
    for name in sorted(analysis.devices):
        sink.device(analysis.devices[name])
    of_exchanges = analysis.exchange_columns.column("session").tolist()
    of_anomalies = analysis.anomaly_columns.column("session").tolist()
    due: dict[int, list[tuple[bool, int]]] = {}
    for index, exchange in enumerate(analysis.exchanges):
        due.setdefault(max(exchange.messages()), []).append((False, index))
    for index, anomaly in enumerate(analysis.anomalies):
        due.setdefault(max(anomaly.messages, default=0), []).append((True, index))

    def tell(ident: int) -> None:
        for of_anomaly, index in due.pop(ident, ()):
            if of_anomaly:
                session = of_anomalies[index] or None
                sink.anomaly(analysis.anomaly_at(index), session, analysis.anomaly_columns.value(index, "time_ns"))
            else:
                sink.exchange(analysis.exchange_at(index), of_exchanges[index])

    for index in analysis.order().tolist():
        message = analysis.message_at(index)
        session, time_ns = analysis.columns.value(index, "session"), analysis.columns.value(index, "time_ns")
        sink.message(message, session, time_ns, analysis.raw(index) or b"", analysis.plaintext(index))
        tell(message.id)
    for ident in sorted(due):
        tell(ident)
    for ident in sorted(analysis.sessions):
        sink.session(analysis.sessions[ident], True)
    sink.finish(source, totals_of(analysis))
