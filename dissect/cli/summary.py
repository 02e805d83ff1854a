"""What an analysis found, in a few lines for a reader in a hurry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dissect.analysis import Analysis
from dissect.analysis.records import SEVERITY_LABEL, STATUSES
from dissect.cli.table import table
from dissect.report.totals import totals_of
from dissect.text import counted


def summary(analysis: Analysis) -> Iterator[str]:
    """Lines: packets, then a row a protocol, exchanges by status, anomalies by code, worst first."""
    totals = totals_of(analysis)
    source = analysis.source_info
    if source is not None:
        yield f"{counted(source.packets, 'packet')}, {source.packets_used} of them used"
    yield ", ".join((counted(totals.sessions, "session"), counted(totals.messages, "message"), counted(totals.exchanges, "exchange")))
    if totals.protocols:
        rows = [(name, one.sessions, one.messages, one.exchanges, one.anomalies) for name, one in totals.protocols.items()]
        yield from table(("protocol", "sessions", "messages", "exchanges", "anomalies"), rows, {1, 2, 3, 4})
    statuses = Counter(STATUSES[code] for code in analysis.exchange_columns.column("status").tolist())
    if statuses:
        yield "exchanges: " + ", ".join(f"{statuses[status]} {status}" for status in STATUSES if statuses[status])
    anomalies = analysis.anomaly_columns
    codes = Counter(zip(anomalies.column("severity").tolist(), anomalies.column("code").tolist(), strict=True))
    if not codes:
        yield "no anomalies"
        return
    worst_first = sorted(codes.items(), key=lambda entry: (-entry[0][0], -entry[1], entry[0][1]))
    yield from table(("severity", "anomaly", "times"), [(SEVERITY_LABEL[severity], analysis.codes.text(code), count)
                                                       for (severity, code), count in worst_first], {2})
