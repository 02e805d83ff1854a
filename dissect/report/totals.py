"""The totals of an analysis, counted from what it holds."""

from __future__ import annotations

from dissect.analysis import Analysis
from dissect.analysis.records import SEVERITY_CODE
from dissect.model import Limits, ProtocolTotals, Totals


def totals_of(analysis: Analysis) -> Totals:
    """Counts of what *analysis* keeps now; what bounds made us give up is as the pipeline said."""
    import numpy

    given = analysis.given_totals
    sessions = dict(analysis.sessions)
    anomalies = analysis.anomaly_columns
    severities = numpy.bincount(anomalies.column("severity"), minlength=len(SEVERITY_CODE) + 1)
    highest = max(sessions, default=0) + 1
    columns = (analysis.columns, analysis.exchange_columns, anomalies)
    messages_of, exchanges_of, anomalies_of = (numpy.bincount(column.column("session"), minlength=highest) for column in columns)
    protocols: dict[str, ProtocolTotals] = {}
    for ident, session in sorted(sessions.items()):
        totals = protocols.setdefault(session.protocol, ProtocolTotals())
        totals.sessions += 1
        totals.messages += int(messages_of[ident])
        totals.exchanges += int(exchanges_of[ident])
        totals.anomalies += int(anomalies_of[ident])
    return Totals(sessions=len(sessions), messages=len(analysis), exchanges=len(analysis.exchange_columns),
                  anomalies={label: int(severities[code]) for label, code in sorted(SEVERITY_CODE.items())},
                  limits=given.limits if given else Limits(), protocols=dict(sorted(protocols.items())))
