"""Sessions as a ladder: a lifeline an address, an arrow a message, idle gaps and folded heartbeats as one row each.

`Ladder.build` takes array operations over the rows of a view; a row is laid out when it is drawn, and never wider than asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.analysis.records import STATUSES
from dissect.model import Status
from dissect.text import cell_width, cells, clean, column, ends
from tui.model.cells import Cell, Line, cell, fit, fixed
from tui.model.columns import SEVERITY_LETTER, SEVERITY_ROLE, TIMEOUT, Context, Row, device_text, gist, in_words, key_text, protocol_role, row_of
from tui.model.times import delta, latency, moment, span_text

if TYPE_CHECKING:
    from dissect.model import Session
    from tui.model.store import Store
    from tui.model.view import View

IDLE_NS = 10**9
IDLE_TIMES = 6
"""a gap is idle when it is longer than a second and than so many times the median"""
LANE_CELLS = 18
"""least distance of two lifelines"""
GUTTER = 19
BAR_CELLS = 8
LEAST_CUT_ARROW = 12
"""cells that an arrow to a lifeline beyond the edge needs to be one"""
LANES_LIMIT = 64
BESIDE = " beside"
"""ends the name of the second lane of an address; no address has a space"""


class Lane(NamedTuple):
    address: str
    """which names it; of the second lane of an address more than that"""
    label: str
    short: str = ""
    """the label where there is no room for all of it"""

    def head(self, width: int) -> str:
        return cells(ends(self.label if cell_width(self.label) <= width else self.short or self.label, width), width)


class Ladder:
    """What is drawn for the sessions of one view."""

    def __init__(self, store: Store, view: View, context: Context, *, gaps: bool = True) -> None:
        self._store = store
        self._view = view
        self._context = context
        self._gaps = gaps
        self.lanes: list[Lane] = []
        self.addresses = 0
        """all there are; the first of them have a lane"""
        self._place: dict[str, int] = {}
        self._talks_to_itself: set[str] = set()
        """addresses of sessions between two ports of one machine"""
        self.entries: Any = np.zeros(0, np.int64)
        """row of the view, or -1 - row for the idle gap before it"""
        self._longest_ms = 0.0
        self._built = -1

    def build(self) -> bool:
        """Bring entries and lanes up to date; whether anything changed."""
        count = len(self._view)
        if count == self._built:
            return False
        self._built = count
        rows = self._view.rows()[:count]
        self._find_lanes(np.unique(self._store.session_column()[rows]).tolist())
        times = self._store.times()[rows]
        steps = np.diff(times)
        places = np.arange(count, dtype=np.int64)
        if self._gaps and len(steps):
            limit = max(IDLE_NS, IDLE_TIMES * int(np.median(np.abs(steps))))
            idle = np.flatnonzero(steps > limit) + 1
            self.entries = np.insert(places, idle, -1 - idle)
        else:
            self.entries = places
        latencies = self._store.analysis.exchange_columns.column("latency_ms")
        known = latencies[~np.isnan(latencies)]
        self._longest_ms = float(np.percentile(known, 99)) if len(known) else 0.0
        return True

    def _find_lanes(self, sessions: list[int]) -> None:
        found = [one for one in map(self._store.analysis.sessions.get, sessions) if one is not None]
        self._talks_to_itself = {one.device.address for one in found if one.device.address == one.peer.address}
        sides: dict[str, list[int]] = {}
        labels: dict[str, str] = {}
        shorts: dict[str, str] = {}
        groups: dict[str, list[str]] = {}
        ports: dict[str, set[int]] = {}
        for session in found:
            told, asked = self.ends(session)
            sides.setdefault(told, [0, 0])[0] += 1
            sides.setdefault(asked, [0, 0])[1] += 1
            device = device_text(session, self._context.names)
            shorts[told] = device
            labels[told] = device if device == session.device.address else f"{device} {session.device.address}"
            labels.setdefault(asked, self._context.names.get(session.peer.address, session.peer.address))
            ports.setdefault(told, set()).add(session.device.port)
            ports.setdefault(asked, set()).add(session.peer.port)
            mine, other = groups.setdefault(told, [told]), groups.setdefault(asked, [asked])
            if mine is not other:
                large, small = (mine, other) if len(mine) >= len(other) else (other, mine)
                large += small
                groups.update(dict.fromkeys(small, large))
        for lane, there in ports.items():
            address = lane.removesuffix(BESIDE)
            if address in self._talks_to_itself:
                # The ports tell the two apart.
                port = f":{next(iter(there))}" if len(there) == 1 else ""
                labels[lane] = f"{labels[lane].removesuffix(f' {address}')}{' ' if ' ' in labels[lane] else ''}{port}"
        side = {lane: 0 if not asked else 2 if not told else 1 for lane, (told, asked) in sides.items()}
        first = {lane: place for place, lane in reversed(list(enumerate(sides)))}
        # Who speaks with whom stands side by side: devices left of what they speak with.
        places = {id(group): min(first[one] for one in group) for group in {id(group): group for group in groups.values()}.values()}
        lanes = sorted(list(sides)[:LANES_LIMIT], key=lambda lane: (places[id(groups[lane])], side[lane], first[lane]))
        self.addresses = len(sides)
        self.lanes = [Lane(lane, clean(labels[lane], 60), clean(shorts.get(lane, ""), 60)) for lane in lanes]
        self._place = {lane.address: place for place, lane in enumerate(self.lanes)}

    def ends(self, session: Session) -> tuple[str, str]:
        """The lanes of a session: the device's, its peer's. An address that speaks with itself has two."""
        device, peer = session.device.address, session.peer.address
        return device, f"{peer}{BESIDE}" if peer in self._talks_to_itself else peer

    def __len__(self) -> int:
        return len(self.entries)

    def row_of_entry(self, entry: int) -> int:
        """The row of the view that an entry stands for; of a gap the one behind it."""
        value = int(self.entries[entry])
        return value if value >= 0 else -1 - value

    def message_of(self, entry: int) -> int | None:
        """The message of an entry; None for a gap."""
        value = int(self.entries[entry])
        return self._view.index(value) if value >= 0 else None

    def entry_of_row(self, row: int) -> int:
        found = np.flatnonzero(self.entries == row)
        return int(found[0]) if len(found) else 0

    def lanes_shown(self, width: int) -> int:
        """How many lifelines a ladder of *width* cells has room for."""
        room = max(1, (width - GUTTER - note_width(width) - 3) // LANE_CELLS)
        return max(1, min(len(self.lanes), room + 1))

    def head(self, width: int, first: int) -> Line:
        xs, region = self._xs(width, first)
        text = ""
        last = self.lanes[first + len(xs) - 1].label if first + len(xs) <= len(self.lanes) else ""
        for place, x in enumerate(xs):
            lane = self.lanes[first + place] if first + place < len(self.lanes) else Lane("", "")
            if place and place == len(xs) - 1:
                # The last one ends where its lifeline is.
                room = x - xs[place - 1] - 2 - cell_width(text) + xs[place - 1]
                text = column(text, x + 1 - min(cell_width(lane.head(max(4, room))), max(4, room))) + lane.head(max(4, room))
            else:
                room = (xs[place + 1] if place + 1 < len(xs) else region) - x
                own = max(1, max(room // 2, room - 1 - cell_width(last)) if place == len(xs) - 2 else room - 1)
                text = column(text, x) + lane.head(own)
        return [fixed("     No.", 9, "head"), fixed("   Delta", GUTTER - 9, "head"), fixed(text, region, "head"), fixed("  reply", note_width(width), "head")]

    def _xs(self, width: int, first: int) -> tuple[list[int], int]:
        """Cells of the lifelines within the region between gutter and notes, and the region's width."""
        region = max(4, width - GUTTER - note_width(width))
        count = min(self.lanes_shown(width), max(1, len(self.lanes) - first))
        if count <= 1:
            return [1], region
        step = (region - 3) // (count - 1)
        return [1 + place * step for place in range(count)], region

    def line(self, entry: int, width: int, first: int) -> Line:
        """Entry number *entry* in exactly *width* cells; *first*: the first lifeline shown."""
        value = int(self.entries[entry])
        xs, region = self._xs(width, first)
        glyphs = self._context.glyphs
        if value < 0:
            row = -1 - value
            before, after = self._view.index(row - 1), self._view.index(row)
            span = self._store.time_ns(after) - self._store.time_ns(before)
            return fit([fixed("   ...", GUTTER), fixed(self._gap(xs, region, f" {span_text(span)} s idle "), region, "dim")], width)
        index = self._view.index(value)
        made = row_of(self._store, index, self._view.fold_of(value), self._view.index(value - 1) if value else None)
        if self._context.time_form in ("utc", "local"):
            time = moment(made.time_ns, self._context.time_form, self._context.first_ns)[:GUTTER - 10]
        else:
            time = delta(made.time_ns, made.before_ns) if self._context.time_form != "relative" or value else moment(
                made.time_ns, "relative", self._context.first_ns)
        gutter: Line = [fixed(str(made.message.id), 8, "dim", True), cell(" "), fixed(time, GUTTER - 11, "dim", True), cell("  ")]
        arrow = self._arrow(made, xs, region, first)
        return fit([*gutter, *arrow, *self._note(made, note_width(width), glyphs.half_bar)], width)

    def _gap(self, xs: list[int], region: int, text: str) -> str:
        glyphs = self._context.glyphs
        body = list(glyphs.gap * region)
        for x in xs:
            body[x] = glyphs.lifeline
        start = min(xs[0] + 3, max(0, region - len(text)))
        body[start:start + len(text)] = text
        for place in range(min(xs[-1] + 1, region), region):
            if place >= start + len(text):
                body[place] = " "
        return "".join(body[:region])

    def _arrow(self, made: Row, xs: list[int], region: int, first: int) -> Line:
        glyphs = self._context.glyphs
        up = made.message.direction == "up"
        both = self.ends(made.session)
        source, target = (self._place.get(end, 0) - first for end in (both if up else both[::-1]))
        rightwards = target >= source
        left, right = sorted((source, target))
        x_left = xs[left] if 0 <= left < len(xs) else -1 if left < 0 else region
        x_right = xs[right] if 0 <= right < len(xs) else -1 if right < 0 else region
        role = SEVERITY_ROLE[made.severity] if made.severity >= 2 else "dim" if made.message.duplicate_of is not None else protocol_role(
            made.session.protocol)
        base = [" "] * region
        for x in xs:
            base[x] = glyphs.lifeline
        room = min(x_right, region) - x_left - 1
        cut_off = x_left < 0 or x_right >= region
        if x_left >= region or x_right < 0 or (cut_off and room < LEAST_CUT_ARROW):
            return self._beyond(made, xs, base, x_right >= region)
        if x_right - x_left < 4:
            return [Cell("".join(base), "dim")]
        body = self._shaft(made, room, rightwards)
        before, after = "".join(base[:x_left + 1]), "".join(base[x_left + 1 + room:])
        return [Cell(before, "dim"), Cell(body, role), Cell(after, "dim")]

    def _beyond(self, made: Row, xs: list[int], base: list[str], right: bool) -> Line:
        """A message between lifelines that are scrolled away: what it is, and on which side."""
        left, stop = (xs[-2] + 1, xs[-1]) if right and len(xs) > 1 else (xs[0] + 1, xs[1]) if not right and len(xs) > 1 else (xs[0] + 1, len(base))
        room = stop - left
        text = f"{cells(_what(made), max(1, room - 5))} >> " if right else f" << {cells(_what(made), max(1, room - 5))}"
        return [Cell("".join(base[:left]), "dim"), fixed(text, room, "dim", right), Cell("".join(base[stop:]), "dim")]

    def _shaft(self, made: Row, room: int, rightwards: bool) -> str:
        """The arrow between two lifelines, in exactly *room* cells."""
        glyphs = self._context.glyphs
        exchange = made.exchange
        asked = exchange is not None and made.index == exchange["request"]
        again = exchange is not None and made.index not in (exchange["request"], exchange["response"], exchange["acknowledgement"])
        dead = exchange is not None and asked and exchange["status"] == TIMEOUT and exchange["response"] is None
        told = f" {_what(made)}"
        for word in _more(made):
            if cell_width(told) + cell_width(word) + 2 <= room - 5:
                told += f" {word}"
        label = cells(told + " ", max(1, room - 5))
        size = cell_width(label)
        line = glyphs.line
        if dead:
            stop = max(size + 3, room * 3 // 5)
            shaft = line + label + line * max(0, stop - size - 2) + glyphs.dead
            shaft = shaft if rightwards else glyphs.dead + line * max(0, stop - size - 2) + label + line
            return column(shaft, room) if rightwards else column(shaft, room, right=True)
        head = (glyphs.head_right if rightwards else glyphs.head_left) * (3 if again else 1)
        rest = line * max(0, room - size - len(head) - 2)
        return column(line + label + rest + head + " " if rightwards else " " + head + line + label + rest, room)

    def _note(self, made: Row, width: int, bar: str) -> Line:
        """What stands on the right: latency bar, severity, what became of it."""
        exchange = made.exchange
        line: Line = [cell(" ")]
        if exchange is not None and made.index == exchange["response"] and exchange["latency_ms"] == exchange["latency_ms"] and exchange["latency_ms"]:
            share = exchange["latency_ms"] / self._longest_ms if self._longest_ms else 0
            late = STATUSES[exchange["status"]] == Status.LATE.value
            line += [Cell(bar * max(1, min(BAR_CELLS, round(share * BAR_CELLS))), "late" if late else "ok"), cell(f" {latency(exchange['latency_ms'])} ")]
        if made.severity:
            line.append(Cell(SEVERITY_LETTER[made.severity] + " ", SEVERITY_ROLE[made.severity]))
            found = self._store.analysis.anomalies_of(made.index)
            codes = dict.fromkeys(self._store.analysis.anomaly_at(at).code for at in found[:4])
            line.append(cell(" ".join(codes) + " ", SEVERITY_ROLE[made.severity]))
        elif exchange is not None and made.index == exchange["request"] and exchange["status"] == TIMEOUT:
            line.append(cell("no reply ", "error"))
        if made.overdue:
            line.append(cell("overdue ", "late"))
        if made.message.duplicate_of is not None:
            line.append(cell(f"= {made.message.duplicate_of} ", "dim"))
        elif exchange is not None and made.index == exchange["response"] and made.index != exchange["request"] and _is_stage(exchange):
            words = in_words(made.session.protocol, made.message)
            told = words or gist(made.session.protocol, made.message)
            whole = words or f"interim {told}"
            # How far it is comes before what it is called.
            line.append(cell(whole if cell_width(whole) <= width - sum(cell_width(one.text) for one in line) else told or whole, "dim"))
        return fit(line, width)


def _what(made: Row) -> str:
    """Type and key of a message, and for how many it stands."""
    what = "malformed" if made.message.raw_b64 is not None else made.message.type or "?"
    key = key_text(made.session.protocol, made.message.key)
    return (f"{what} {key}".rstrip() if key != what else what) + (f" x{made.folded}" if made.folded > 1 else "")


def _more(made: Row) -> list[str]:
    """What an arrow says beside a type that is a number, as far as there is room: what that stands for, and the first members."""
    message, exchange = made.message, made.exchange
    if made.folded > 1 or not (message.type or "").isdigit():
        return []
    if exchange is not None and made.index == exchange["response"] != exchange["request"] and _is_stage(exchange):
        return []  # how far it is stands on the right
    words = in_words(made.session.protocol, message)
    return [message.name or "", *([words] if words else gist(made.session.protocol, message).split()[:2])]


def _is_stage(exchange: dict[str, Any]) -> bool:
    """`row_of` names an intermediate answer as the response, without latency."""
    return exchange["latency_ms"] is None


def note_width(width: int) -> int:
    return max(14, min(38, width * 3 // 10))
