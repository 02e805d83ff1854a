"""What the page shows of many things: anomalies by code, answers thinned out for a plot."""

from __future__ import annotations

from typing import NamedTuple

from dissect.analysis import Analysis
from dissect.analysis.records import SEVERITY_LABEL, STATUSES
from dissect.html.charts import Answer
from dissect.model import Anomaly

SHOWN_OF_A_CODE = 12
REFERENCES_SHOWN = 6
LOOKED_AT = 400
"""anomalies of a code whose references are read"""
SLICES = 240
"""of time, of each of which a plot shows the median and the longest answer, for each status"""


class Group(NamedTuple):
    """The anomalies of one code."""

    code: str
    severity: str
    times: int
    references: list[str]
    shown: list[tuple[Anomaly, int]]
    """the first of them, with their session (0 none)"""


def anomaly_groups(analysis: Analysis) -> list[Group]:
    """Worst first, then the most frequent."""
    import numpy

    rows = analysis.anomaly_columns
    codes, severities, sessions, ids = rows.column("code"), rows.column("severity"), rows.column("session"), analysis.anomaly_ids()
    groups = []
    for code in numpy.unique(codes).tolist():
        indexes = numpy.flatnonzero(codes == code)
        indexes = indexes[numpy.argsort(ids[indexes], kind="stable")]
        first = [(analysis.anomaly_at(at), int(sessions[at])) for at in indexes[:SHOWN_OF_A_CODE].tolist()]
        references = dict.fromkeys(analysis.anomaly_at(at).reference for at in indexes[:LOOKED_AT].tolist())
        groups.append((int(severities[indexes].max()), Group(analysis.codes.text(code) or "", SEVERITY_LABEL[int(severities[indexes].max())], len(indexes),
                                                            [one for one in references if one][:REFERENCES_SHOWN], first)))
    return [group for _, group in sorted(groups, key=lambda entry: (-entry[0], -entry[1].times, entry[1].code))]


def answers_of(analysis: Analysis) -> list[Answer]:
    """Answers for a plot, thinned out where they lie dense."""
    import numpy

    rows = analysis.exchange_columns
    latency, status = rows.column("latency_ms"), rows.column("status")
    answered = ~numpy.isnan(latency)
    if not answered.any():
        return []
    times = analysis.columns.column("time_ns")
    asked = times[rows.column("request").astype(numpy.int64) - 1]
    first, last = int(times.min()), int(times.max())
    place = (asked - first) / max(last - first, 1)
    found: list[Answer] = []
    for code in numpy.unique(status[answered]).tolist():
        chosen = numpy.flatnonzero(answered & (status == code))
        slices = numpy.minimum((place[chosen] * SLICES).astype(numpy.int64), SLICES - 1)
        order = numpy.lexsort((latency[chosen], slices))
        chosen, slices = chosen[order], slices[order]
        edges = numpy.flatnonzero(numpy.diff(slices, prepend=-1, append=SLICES))
        for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            kept = range(start, stop) if stop - start <= 3 else (start + (stop - start) // 2, stop - 1)
            found += [Answer(float(place[chosen[at]]), float(latency[chosen[at]]), STATUSES[code]) for at in kept]
    return found
