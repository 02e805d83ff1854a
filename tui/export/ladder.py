"""A ladder as text, as SVG and for Mermaid. All text is cleaned, and escaped for its format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import numpy as np

from dissect.text import clean
from tui.model.cells import plain
from tui.model.columns import Context, Row, key_text, row_of
from tui.model.ladder import Ladder
from tui.model.times import latency, moment
from tui.model.view import View

if TYPE_CHECKING:
    from tui.model.store import Store

TEXT_CELLS = 140
LANE, ROW, TOP, LEFT = 260, 26, 60, 110


def _ladder(store: Store, context: Context, indexes: Sequence[int], fold: bool = True) -> tuple[Ladder, View]:
    view = View(store, fold=fold)
    view.extend(np.array(indexes, np.int64))
    ladder = Ladder(store, view, context)
    ladder.build()
    return ladder, view


def ladder_text(store: Store, context: Context, indexes: Sequence[int]) -> str:
    ladder, _ = _ladder(store, context, indexes)
    width = max(TEXT_CELLS, 40 + 30 * len(ladder.lanes))
    lines = [plain(ladder.head(width, 0))]
    lines += [plain(ladder.line(entry, width, 0)) for entry in range(len(ladder))]
    return "\n".join(lines) + "\n"


def _what(row: Row) -> str:
    text = f"{row.message.type or 'malformed'} {key_text(row.session.protocol, row.message.key)}".strip()
    return clean(text + (f" x{row.folded}" if row.folded > 1 else ""), 80)


def _ends(ladder: Ladder, row: Row) -> tuple[str, str]:
    device, peer = ladder.ends(row.session)
    return (device, peer) if row.message.direction == "up" else (peer, device)


def ladder_mermaid(store: Store, context: Context, indexes: Sequence[int]) -> str:
    """A sequenceDiagram."""
    ladder, view = _ladder(store, context, indexes)
    names = {lane.address: f"p{place}" for place, lane in enumerate(ladder.lanes)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {names[lane.address]} as {_mermaid(lane.label)}" for lane in ladder.lanes]
    for place in range(len(view)):
        row = row_of(store, view.index(place), view.fold_of(place), view.index(place - 1) if place else None)
        source, target = _ends(ladder, row)
        if source not in names or target not in names:
            continue
        exchange = row.exchange
        answers = exchange is not None and row.index == exchange["response"]
        arrow = "-->>" if answers else "->>"
        took = f" {latency(exchange['latency_ms'])}" if answers and exchange is not None else ""
        time = moment(row.time_ns, "relative", context.first_ns)
        lines.append(f"    {names[source]}{arrow}{names[target]}: {_mermaid(f'{time} {_what(row)}{took}')}")
        for anomaly in (store.analysis.anomaly_at(at) for at in store.analysis.anomalies_of(row.index)[:3]):
            lines.append(f"    Note over {names[source]},{names[target]}: {_mermaid(f'{anomaly.severity} {anomaly.code}')}")
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    """Mermaid reads `;` and `#` as its own, and `<` as HTML."""
    return "".join(f"#{ord(one)};" if one in "#;<>&\"\\`%{}" else one for one in clean(text, 200))


COLOURS = {0: "#3b6ea5", 1: "#6a7f10", 2: "#b26b00", 3: "#c62828"}


def ladder_svg(store: Store, context: Context, indexes: Sequence[int]) -> str:
    """One self-contained picture."""
    ladder, view = _ladder(store, context, indexes)
    places = {lane.address: LEFT + 60 + LANE * place for place, lane in enumerate(ladder.lanes)}
    width, height = LEFT + 120 + LANE * max(1, len(ladder.lanes) - 1) + 260, TOP + ROW * (len(view) + 1)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
             'font-family="monospace" font-size="12">',
             '<rect width="100%" height="100%" fill="#ffffff"/>',
             '<defs><marker id="a" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="context-stroke"/>'
             "</marker></defs>"]
    for lane in ladder.lanes:
        x = places[lane.address]
        parts.append(f'<text x="{x}" y="24" text-anchor="middle" font-weight="bold">{_xml(lane.label)}</text>')
        parts.append(f'<line x1="{x}" y1="34" x2="{x}" y2="{height - 8}" stroke="#b0b0b0"/>')
    for place in range(len(view)):
        row = row_of(store, view.index(place), view.fold_of(place), view.index(place - 1) if place else None)
        y = TOP + ROW * place
        source, target = (places.get(end) for end in _ends(ladder, row))
        if source is None or target is None:
            continue
        colour = COLOURS[row.severity]
        side = 1 if target > source else -1
        exchange = row.exchange
        dead = exchange is not None and row.index == exchange["request"] and exchange["response"] is None and row.severity >= 2
        stop = source + (target - source) * 0.6 if dead else target - 2 * side
        parts.append(f'<text x="8" y="{y + 4}" fill="#606060">{_xml(moment(row.time_ns, "relative", context.first_ns))}</text>')
        end = "" if dead else ' marker-end="url(#a)"'
        dash = ' stroke-dasharray="5 3"' if exchange is not None and row.index == exchange["response"] else ""
        parts.append(f'<line x1="{source}" y1="{y}" x2="{stop:.0f}" y2="{y}" stroke="{colour}"{dash}{end}/>')
        if dead:
            parts.append(f'<text x="{stop:.0f}" y="{y + 4}" fill="{colour}" text-anchor="middle">x</text>')
        parts.append(f'<text x="{(source + target) / 2:.0f}" y="{y - 4}" fill="{colour}" text-anchor="middle">{_xml(_what(row))}</text>')
        told = [store.analysis.anomaly_at(at).code for at in store.analysis.anomalies_of(row.index)[:2]]
        if exchange is not None and row.index == exchange["response"]:
            told.insert(0, latency(exchange["latency_ms"]))
        if told:
            parts.append(f'<text x="{max(places.values()) + 12}" y="{y + 4}" fill="{colour}">{_xml(" ".join(told))}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _xml(text: str) -> str:
    return escape(clean(text, 200))
