"""Analyses made up row by row, for tests of the interface's model: any times, sessions and types, exchanges between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dissect.analysis import Analysis
from dissect.model import Totals
from tests.synthetic import MILLISECOND_NS, START_NS, anomaly, exchange, message, session, source
from tui.model.store import Store


class Said(NamedTuple):
    """One message: when, in which session, what type; which earlier message it answers (number from 1)."""

    milliseconds: int
    session: int = 1
    type: str = "req200"
    answers: int | None = None
    anomaly: str | None = None


def analysis_of(said: Sequence[Said], *, finish: bool = True) -> Analysis:
    """Types req100 and res100 are heartbeats of fogslink."""
    analysis = Analysis(keep_bytes=True)
    analysis.source(source())
    for ident in sorted({one.session for one in said}):
        analysis.session(session(ident, address=f"10.0.0.{ident % 250 + 1}"), False)
    for number, one in enumerate(said, start=1):
        direction = "down" if one.type.startswith("res") else "up"
        body = f'{{"{one.type}":{{"eqSN":"1","packID":"{number}"}}}}'.encode()
        fields = {"eqSN": "1", "packID": str(number)}
        analysis.message(message(number, one.milliseconds, type=one.type, name=one.type, direction=direction, key={"packID": str(number)}, fields=fields),
                         one.session, START_NS + one.milliseconds * MILLISECOND_NS, body, None)
    exchanges = 0
    for number, one in enumerate(said, start=1):
        if one.answers is not None:
            exchanges += 1
            latency = float(one.milliseconds - said[one.answers - 1].milliseconds)
            analysis.exchange(exchange(exchanges, one.answers, number, latency_ms=latency), one.session)
    for number, one in enumerate(said, start=1):
        if one.anomaly is not None:
            severity = "error" if one.anomaly.startswith("framing") else "warning"
            analysis.anomaly(anomaly(number, one.anomaly, severity, one.milliseconds, [number]), one.session,
                             START_NS + one.milliseconds * MILLISECOND_NS)
    if finish:
        analysis.finish(source(len(said)), Totals())
    return analysis


def store_of(said: Sequence[Said], *, finish: bool = True) -> Store:
    store = Store(analysis_of(said, finish=finish))
    store.update()
    return store
