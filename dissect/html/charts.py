"""Plots as SVG: messages over time, answer times by operation, answer times over time. Bounded, whatever the capture holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from dissect.html.markup import fitted, milliseconds, number
from dissect.stats import OperationStatistics, Timeline

WIDTH = 960
OPERATIONS_SHOWN = 60
COLOURS = 6


def colour(place: int) -> str:
    """Class of the protocol at *place* in the list of protocols."""
    return f"p{min(place, COLOURS - 1)}"


def timeline_chart(timeline: Timeline) -> Iterator[str]:
    """Messages in intervals, a colour a protocol, on top of each other."""
    if timeline.start is None:
        return
    height, left, base = 170, 50, 140
    top = max(max(timeline.counts), 1)
    step = (WIDTH - left - 10) / max(len(timeline.counts), 12)
    yield f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="messages over time">'
    for value in sorted({top, top // 2} - {0}):
        y = base - value * 115 / top
        yield f'<path class="grid" d="M{left} {y:.1f}H{WIDTH - 10}"/><text class="small last" x="{left - 6}" y="{y + 4:.1f}">{number(value)}</text>'
    heights = [0.0] * len(timeline.counts)
    for place, counts in enumerate(timeline.protocols.values()):
        for index, count in enumerate(counts):
            if count:
                size = count * 115 / top
                heights[index] += size
                yield (f'<rect class="{colour(place)}" x="{left + index * step + .5:.1f}" y="{base - heights[index]:.1f}" '
                       f'width="{max(step - 1, .5):.1f}" height="{size:.1f}"/>')
    yield f'<path class="rail" d="M{left} {base}H{WIDTH - 10}"/>'
    x = left
    for place, name in enumerate(timeline.protocols):
        yield (f'<rect class="{colour(place)}" x="{x}" y="{height - 15}" width="9" height="9"/>'
               f'<text class="small" x="{x + 13}" y="{height - 6}">{fitted(name, 20)}</text>')
        x += 13 + 8 * len(name) + 16
    yield f'<text class="small last" x="{WIDTH - 10}" y="{height - 6}">{timeline.interval_s:g} s a bar, from {fitted(timeline.start, 40)}</text></svg>\n'


class Scale(NamedTuple):
    """A logarithmic one, of milliseconds."""

    low: float
    high: float
    start: float
    length: float

    def at(self, value: float) -> float:
        share = (log10(min(max(value, 10**self.low), 10**self.high)) - self.low) / (self.high - self.low)
        return self.start + share * self.length

    @classmethod
    def of(cls, values: Sequence[float], start: float, length: float) -> Scale:
        positive = [value for value in values if value > 0] or [1.0]
        low, high = floor(log10(min(positive))), ceil(log10(max(positive)))
        low = max(low, high - 9)
        return cls(low, high if high > low else low + 1, start, length)

    def marks(self) -> list[float]:
        return [10.0**power for power in range(int(self.low), int(self.high) + 1)]


def mark_of(value_ms: float) -> str:
    """A power of ten on an axis."""
    return f"{value_ms * 1000:g} µs" if value_ms < 1 else f"{value_ms:g} ms" if value_ms < 1000 else f"{value_ms / 1000:g} s"


def operations_chart(operations: Sequence[OperationStatistics]) -> Iterator[str]:
    """A line an operation: from the shortest to the longest answer time, thick from the median to the 95th of a hundred."""
    rows = [one for one in operations if one.p50_ms is not None][:OPERATIONS_SHOWN]
    if not rows:
        return
    left, row, top = 275, 22, 24
    height = top + row * len(rows) + 6
    scale = Scale.of([value for one in rows for value in (one.min_ms or 0, one.max_ms or 0)], left, WIDTH - left - 130)
    yield f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="answer times by operation">'
    for mark in scale.marks():
        yield (f'<path class="grid" d="M{scale.at(mark):.1f} {top - 4}V{height - 6}"/>'
               f'<text class="small middle" x="{scale.at(mark):.1f}" y="12">{mark_of(mark)}</text>')
    for index, one in enumerate(rows):
        y = top + index * row + row // 2
        low, median, most, high = (scale.at(value or 0) for value in (one.min_ms, one.p50_ms, one.p95_ms, one.max_ms))
        yield (f'<text class="last" x="{left - 12}" y="{y + 4}">{fitted(f"{one.protocol} {one.operation}", 38)}</text>'
               f'<rect class="span" x="{low:.1f}" y="{y - 3}" width="{max(high - low, 1):.1f}" height="6"/>'
               f'<rect class="core" x="{median:.1f}" y="{y - 5}" width="{max(most - median, 1):.1f}" height="10"/>'
               f'<rect class="median" x="{median - 1.5:.1f}" y="{y - 7}" width="3" height="14"/>'
               f'<text class="small last" x="{WIDTH - 8}" y="{y + 4}">{milliseconds(one.p50_ms)} / {milliseconds(one.p95_ms)}</text>')
    yield "</svg>\n"


class Answer(NamedTuple):
    """An exchange in the plot."""

    place: float
    """in time, 0 to 1"""
    latency_ms: float
    status: str


def answers_chart(answers: Sequence[Answer], first: str, last: str) -> Iterator[str]:
    """Each answer as a point: when it was asked for, and how long it took."""
    if not answers:
        return
    height, left, top, base = 230, 70, 12, 200
    scale = Scale.of([one.latency_ms for one in answers], base, top - base)
    yield f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="answer times over time">'
    for mark in scale.marks():
        y = scale.at(mark)
        yield f'<path class="grid" d="M{left} {y:.1f}H{WIDTH - 10}"/><text class="small last" x="{left - 6}" y="{y + 4:.1f}">{mark_of(mark)}</text>'
    for one in answers:
        yield f'<circle class="dot {one.status}" cx="{left + 4 + one.place * (WIDTH - left - 20):.1f}" cy="{scale.at(one.latency_ms):.1f}" r="2.6"/>'
    yield (f'<path class="rail" d="M{left} {base}H{WIDTH - 10}"/><text class="small" x="{left}" y="{height - 8}">{fitted(first, 40)}</text>'
           f'<text class="small last" x="{WIDTH - 10}" y="{height - 8}">{fitted(last, 40)}</text></svg>\n')
