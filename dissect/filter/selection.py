"""What a filter keeps of an analysis (cli.md): the matching messages, every exchange and anomaly that names one, and the other messages those
name. Where a filter asks for anomalies, those that name no message are asked too: a file's damage, a silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dissect.analysis import Analysis
from dissect.filter.view import View

if TYPE_CHECKING:
    from dissect.filter import Filter
    from dissect.filter.view import Mask


class Selection(NamedTuple):
    """Masks by index of arrival."""

    whole: Analysis
    matching: Mask
    """messages for which the filter holds"""
    messages: Mask
    """these and the others that a kept exchange or anomaly names"""
    exchanges: Mask
    anomalies: Mask

    def analysis(self) -> Analysis:
        """What is kept as an analysis of its own, with the ids of the whole. Both close together."""
        from dissect.analysis.kept import keep

        return keep(self.whole, self.messages, self.exchanges, self.anomalies)


def select(analysis: Analysis, chosen: Filter) -> Selection:
    """What *chosen* keeps of a finished analysis."""
    import numpy

    view = View(analysis)
    matching = chosen.predicate.mask(view, numpy.arange(view.messages))
    exchanges = view.naming(view.exchange_links, matching, view.exchanges)
    anomalies = view.naming(view.anomaly_links, matching, view.anomalies)
    if not chosen.text.strip():
        anomalies[:] = True
    elif any(name.startswith("anomaly.") for name in chosen.fields_used):
        alone = numpy.ones(view.anomalies, numpy.bool_)
        alone[view.anomaly_links[1]] = False
        for index in numpy.flatnonzero(alone).tolist():
            anomalies[index] = chosen.predicate.holds(lambda source, at=index: source.values_of_anomaly(view, at))  # type: ignore[misc]
    messages = matching | view.named(view.exchange_links, exchanges) | view.named(view.anomaly_links, anomalies)
    return Selection(analysis, matching, messages, exchanges, anomalies)
