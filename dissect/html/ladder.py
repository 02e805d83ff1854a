"""A session as a ladder: two rails, an arrow a message, in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dissect.html.markup import fitted, milliseconds, numbered

WIDTH, LEFT, RIGHT = 960, 110, 690
"""of the drawing, and where its rails stand"""
ROW, TOP, GAP_ROW = 30, 34, 18
LABEL_CELLS, END_CELLS, MARK_CELLS = 84, 40, 38
GAP_NS = 2_000_000_000
"""silence from which on a break is drawn"""


class Step(NamedTuple):
    """A message as it stands in the ladder."""

    ident: int
    time_ns: int
    up: bool
    label: str
    again: bool
    """sent or seen before"""
    severity: str
    """of the worst anomaly that names it, or nothing"""
    mark: str
    """what stands beside it: how its exchange ended, or what is wrong"""
    mark_class: str


def ladder(device: str, peer: str, steps: Sequence[Step], first_ns: int) -> Iterator[str]:
    """SVG."""
    parts: list[str] = []
    height = TOP
    before = None
    for step in steps:
        if before is not None and step.time_ns - before >= GAP_NS:
            height += GAP_ROW
            middle = (LEFT + RIGHT) // 2
            parts.append(f'<text class="small middle" x="{middle}" y="{height - 5}">{milliseconds((step.time_ns - before) / 1e6)} of silence</text>')
        before = step.time_ns
        height += ROW
        parts.append(_arrow(step, height - 6, first_ns))
    height += 10
    yield (f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{numbered(len(steps), "message")} between the two ends">'
           f'<text class="end" x="{LEFT}" y="16">{fitted(device, END_CELLS)}</text><text class="end last" x="{RIGHT}" y="16">{fitted(peer, END_CELLS)}</text>'
           f'<path class="rail" d="M{LEFT} 24V{height}M{RIGHT} 24V{height}"/>')
    yield from parts
    yield "</svg>\n"


def _arrow(step: Step, y: int, first_ns: int) -> str:
    start, end, tip = (LEFT, RIGHT, RIGHT - 7) if step.up else (RIGHT, LEFT, LEFT + 7)
    again = " again" if step.again else ""
    mark = f'<text class="small {step.mark_class}" x="{RIGHT + 12}" y="{y + 4}">{fitted(step.mark, MARK_CELLS)}</text>' if step.mark else ""
    return (f'<text class="small last" x="{LEFT - 10}" y="{y + 4}">{(step.time_ns - first_ns) / 1e9:.6f}</text>'
            f'<text class="{step.severity}" x="{LEFT + 12}" y="{y - 5}">{fitted(step.label, LABEL_CELLS)}</text>'
            f'<path class="arrow {step.severity}{again}" d="M{start} {y}H{tip}"/>'
            f'<path class="tip {step.severity}" d="M{end} {y}L{tip} {y - 4}V{y + 4}Z"/>{mark}')
