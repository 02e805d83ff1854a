"""The interface's model without a widget: listings, folding, ladders, pairs, anomalies, lines that fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissect.analysis import Analysis
from dissect.text import cell_width, is_clean
from tests.synthetic import anomaly, message, session
from tests.tui.store import Said, analysis_of, store_of
from tui.model.anomalies import Anomalies, Head
from tui.model.cells import Cell, cell, fit, plain, width_of
from tui.model.columns import COLUMNS, DEFAULT, Context, head_line, layout, row_line, row_of
from tui.model.details import MESSAGE, at_byte, nodes_of, visible
from tui.model.diff import difference
from tui.model.find import next_match
from tui.model.glyphs import ASCII, UNICODE, glyphs_for, spark
from tui.model.hexview import hex_line, row_size
from tui.model.hiding import Command, Hiding, Messages, Suppression, device_of
from tui.model.ladder import Ladder
from tui.model.order import SORTABLE, values_of
from tui.model.pairs import Pairs, nice_axis
from tui.model.sessions import SPARK_CELLS, SessionRow, figures_of, session_line
from tui.model.store import Store
from tui.model.stream import stream_lines
from tui.model.times import count_text, latency, size_text, span_text
from tui.model.view import View
from tui.widgets.minimap import buckets

CONTEXT = Context(UNICODE, "relative", 0, {})
TEXTS = st.text(st.characters(), max_size=80)
SAID = st.lists(st.tuples(st.integers(0, 60_000), st.integers(1, 3), st.sampled_from(["req200", "res200", "req100", "res100"])).map(lambda row: Said(*row)),
                max_size=40)


def fold_plainly(store: Store, order: list[int]) -> list[tuple[int, int]]:
    """What folding means, said in the plainest way: (first message, how many)."""
    rows: list[tuple[int, int]] = []
    open_row: dict[int, int] = {}
    for index in order:
        session = store.session_of(index).id
        if store.beats()[index] and store.severity(index) < 2:
            if session in open_row:
                first, count = rows[open_row[session]]
                rows[open_row[session]] = (first, count + 1)
                continue
            open_row[session] = len(rows)
        else:
            open_row.pop(session, None)
        rows.append((index, 1))
    return rows


@given(SAID, st.lists(st.integers(0, 60), max_size=6))
def test_folding_in_any_chunks_is_what_folding_means(said: list[Said], cuts: list[int]) -> None:
    store = store_of(said)
    order = [int(index) for index in store.order()]
    view = View(store)
    edges = [0, *sorted(cut for cut in cuts if cut < len(order)), len(order)]
    for start, stop in zip(edges, edges[1:], strict=False):
        view.extend(np.array(order[start:stop], np.int64))
    assert list(zip(view.rows().tolist(), view.folded().tolist(), strict=True)) == fold_plainly(store, order)
    assert view.taken == len(order) == view.matched


@given(SAID)
def test_without_folding_a_listing_is_every_message_in_order_of_time(said: list[Said]) -> None:
    store = store_of(said)
    view = View(store, fold=False)
    view.extend(store.order())
    times = store.times()[view.rows()]
    assert len(view) == len(said) and bool(np.all(times[1:] >= times[:-1]))


@given(SAID, st.integers(1, 3))
def test_the_part_of_a_session_is_its_rows(said: list[Said], session: int) -> None:
    store = store_of(said)
    view = View(store)
    view.extend(store.order())
    part = view.part(session)
    expected = [(index, count) for index, count in zip(view.rows().tolist(), view.folded().tolist(), strict=True) if store.session_of(index).id == session]
    assert list(zip(part.rows().tolist(), part.folded().tolist(), strict=True)) == expected


def test_a_store_that_grows_is_taken_in_piece_by_piece() -> None:
    analysis = analysis_of([Said(0), Said(10)], finish=False)
    store = Store(analysis)
    assert store.update() and store.count == 2 and not store.update()
    more = analysis_of([Said(at) for at in range(0, 5000, 1)], finish=False)
    store = Store(more)
    store.update()
    assert store.count == 5000 and store.times()[-1] - store.times()[0] == 4999 * 1_000_000


@pytest.mark.parametrize("step", [1, 7, 1500])
def test_severities_are_those_of_the_analysis_however_it_grows(step: int) -> None:
    said = [Said(at, anomaly=("framing.malformed", "pair.late", None)[at % 3]) for at in range(3000)]
    analysis, store = Analysis(), None
    for number, one in enumerate(said, start=1):
        if store is None:
            analysis.session(session(1), False)
            store = Store(analysis)
        analysis.message(message(number, one.milliseconds), 1, number, b"", None)
        if one.anomaly is not None:
            # It may be told later than the message, and of an earlier one.
            analysis.anomaly(anomaly(number, one.anomaly, "error" if number % 2 else "note", number, [max(1, number - 5)]), 1, number)
        if number % step == 0:
            store.update()
            assert store.severities().tolist() == analysis.columns.column("severity").tolist()


def test_times_that_go_back_are_noticed_and_put_in_order() -> None:
    store = store_of([Said(10), Said(5), Said(20)])
    assert store.disordered and store.order().tolist() == [1, 0, 2]


def test_mates_and_steps_along_a_session() -> None:
    store = store_of([Said(0), Said(5, 2), Said(10, 1, "res200", answers=1), Said(20)])
    assert store.mate(0) == 2 and store.mate(2) == 0 and store.mate(1) is None
    assert store.along(0, 1) == 2 and store.along(3, 1) is None and store.along(2, -1) == 0


@given(st.lists(st.builds(cell, TEXTS, st.sampled_from(["", "error"])), max_size=6), st.integers(0, 60))
def test_a_fitted_line_has_exactly_the_width(line: list[Cell], width: int) -> None:
    assert width_of(fit(line, width)) == width


@given(TEXTS)
def test_a_cell_is_clean_whatever_the_text(text: str) -> None:
    assert is_clean(cell(text).text)


@pytest.mark.parametrize("width", [40, 78, 100, 160])
@pytest.mark.parametrize("form", ["relative", "delta", "utc", "local"])
def test_rows_of_the_message_list_are_as_wide_as_their_head(width: int, form: str) -> None:
    store = store_of([Said(0), Said(5, 2, "res200"), Said(10, 1, "res200", answers=1)])
    context = CONTEXT._replace(time_form=form, first_ns=store.first_ns)
    shown = layout([COLUMNS[name] for name in DEFAULT], width, form)
    head = width_of(head_line(shown, "size", True))
    for index in range(3):
        assert width_of(row_line(row_of(store, index, 1, index - 1 if index else None), shown, context)) == head
    assert head <= max(width + 1, 64)


@settings(max_examples=25)
@given(SAID, st.integers(50, 180), st.sampled_from([UNICODE, ASCII]))
def test_ladder_rows_have_exactly_the_width_and_the_lifelines_stand_still(said: list[Said], width: int, glyphs: object) -> None:
    store = store_of(said)
    view = View(store)
    view.extend(store.order())
    ladder = Ladder(store, view, CONTEXT._replace(glyphs=glyphs, first_ns=store.first_ns))  # type: ignore[arg-type]
    ladder.build()
    assert width_of(ladder.head(width, 0)) == width
    for entry in range(len(ladder)):
        for first in range(max(1, len(ladder.lanes) - ladder.lanes_shown(width) + 1)):
            assert width_of(ladder.line(entry, width, first)) == width


def test_a_ladder_shows_idle_gaps_arrows_both_ways_and_answer_times() -> None:
    store = store_of([Said(0), Said(40, 1, "res200", answers=1), Said(50), Said(60, 1, "res200", answers=3), Said(9000)])
    view = View(store)
    view.extend(store.order())
    ladder = Ladder(store, view, CONTEXT._replace(first_ns=store.first_ns))
    ladder.build()
    lines = [plain(ladder.line(entry, 100, 0)) for entry in range(len(ladder))]
    assert len(lines) == 6 and "idle" in lines[4] and "8.940 s" in lines[4]
    assert "req200" in lines[0] and "> │" in lines[0]
    assert "<─" in lines[1] and "40ms" in lines[1]


def test_pairs_with_percentiles_groups_and_orphans() -> None:
    store = store_of([Said(0), Said(40, 1, "res200", answers=1), Said(50), Said(150, 1, "res200", answers=3),
                      Said(200, 1, "res200", anomaly="pair.orphan-response")])
    pairs = Pairs(store, "latency", True, None)
    assert [int(row) for row in pairs.rows] == [1, 0, -5]
    assert pairs.percentiles[0] == 70.0 and pairs.percentiles[3] == 100.0
    assert pairs.counts["ok"] == 2 and pairs.orphans == 1
    assert [(group.operation, group.count) for group in pairs.groups()] == [("report packed", 2)]
    for row in range(3):
        for width in (60, 80, 120):
            assert width_of(pairs.line(row, width, UNICODE)) == width
    assert pairs.message_of(2) == 4
    assert [int(row) for row in Pairs(store, "time", False, np.array([2])).rows] == [1]


def test_anomalies_group_by_code_open_and_hide() -> None:
    store = store_of([Said(0, anomaly="framing.malformed"), Said(5, anomaly="pair.timeout"), Said(9, 2, anomaly="pair.timeout")])

    def made(**named: object) -> Anomalies:
        settings_: dict[str, object] = {"grouping": "code", "minimum": 1, "hiding": Hiding([]), "shown": None, "opened": frozenset(), **named}
        return Anomalies(store, CONTEXT, **settings_)  # type: ignore[arg-type]

    heads = [line for line in made().lines if isinstance(line, Head)]
    assert [(head.severity, head.count, head.sessions) for head in heads] == [(3, 1, 1), (2, 2, 2)]
    opened = made(opened=frozenset({heads[1].key}))
    assert len(opened) == 4 and opened.message_of(2) == 1 and opened.message_of(0) is None
    assert len(made(minimum=3)) == 1
    without = made(hiding=Hiding([Suppression("pair.timeout")]))
    assert len(without) == 1 and without.suppressed == without.hidden == 2
    assert len(made(shown=np.array([2]))) == 1
    assert [made(grouping="time").message_of(row) for row in range(3)] == [0, 1, 2]
    for row in range(len(opened)):
        assert width_of(opened.line(row, 90, frozenset(), UNICODE)) == 90


def test_details_of_every_member_know_their_bytes() -> None:
    store = store_of([Said(0, anomaly="pair.timeout"), Said(40, 1, "res200", answers=1)])
    nodes = nodes_of(store, 0, [])
    raw = store.analysis.raw(0)
    assert raw is not None
    member = next(node for node in nodes if node.label == "packID")
    assert raw[member.start:member.end] == b'"packID":"1"' and member.field == "fogslink.packID" and member.meaning and member.section
    place = at_byte(nodes, MESSAGE, member.start + 2)
    assert place is not None and nodes[place] is member
    assert any(node.label == "Exchange" for node in nodes) and any(node.role == "warning" for node in nodes)


def test_what_is_below_a_closed_node_is_not_seen() -> None:
    store = store_of([Said(0)])
    nodes = nodes_of(store, 0, [])
    assert visible(nodes, frozenset()) == list(range(len(nodes)))
    assert visible(nodes, frozenset({0}))[:1] == [0] and len(visible(nodes, frozenset({0}))) < len(nodes)


@given(st.binary(max_size=200), st.integers(20, 140), st.integers(0, 200), st.integers(0, 200))
def test_hex_lines_show_every_byte_once(data: bytes, width: int, start: int, end: int) -> None:
    size = row_size(width)
    found = bytearray()
    for row in range(-(-len(data) // size)):
        line = hex_line(data, row, size, (start, end), None)
        hexes = plain(line)[6:6 + 3 * size + size // 8]
        found += bytes.fromhex(hexes.strip())
    assert bytes(found) == data


def test_two_messages_compared() -> None:
    store = store_of([Said(0), Said(5)])
    rows = {row.name: row for row in difference(store, 0, 1)}
    assert rows["packID"].sign == "~" and rows["eqSN"].sign == " "


def test_sorting_values_exist_for_every_sortable_column() -> None:
    store = store_of([Said(0), Said(40, 1, "res200", answers=1)])
    for name in SORTABLE:
        assert len(values_of(store, name)) == 2
    assert values_of(store, "latency").tolist() == [-1.0, 40.0]


def test_finding_goes_round() -> None:
    store = store_of([Said(0), Said(1), Said(2)])
    view = View(store)
    view.extend(store.order())
    assert next_match(store, view, '"packID":"1"', 1, 1, lambda: False) == 0
    assert next_match(store, view, "PACKID", 0, 1, lambda: False) == 1
    assert next_match(store, view, "absent", 0, 1, lambda: False) is None


def test_figures_of_sessions() -> None:
    store = store_of([Said(0), Said(40, 1, "res200", answers=1), Said(100, 2, anomaly="framing.malformed")])
    figures = figures_of(store, store.count)
    assert [(row.messages, row.anomalies, row.severity) for row in figures.sessions] == [(2, 0, 0), (1, 1, 3)]
    assert figures.sessions[0].median_ms == 40.0 and figures.severities == (0, 0, 0, 1) and figures.statuses[0] == 1
    for row in figures.sessions:
        assert width_of(fit(session_line(row, store, 44, UNICODE, False, {}), 44)) == 44


def test_a_conversation_as_lines() -> None:
    store = store_of([Said(0), Said(40, 1, "res200", answers=1)])
    lines, at = stream_lines(store, 1, 40, 1, True)
    assert plain(lines[at]).startswith("< ") and any("packID" in plain(line) for line in lines)


@given(st.lists(st.integers(0, 3), max_size=300), st.integers(1, 40))
def test_the_minimap_loses_no_error(severities: list[int], height: int) -> None:
    found = buckets(np.array(severities, np.int64), height)
    assert len(found) == height and max(found, default=0) == max(severities, default=0)


LATENCIES = {None: "", 0.84: "0.8ms", 38.4: "38ms", 1412: "1.41s", 9994: "9.99s", 9996: "10.0s", 17_640: "17.6s", 99_960: "100s", 250_000: "250s"}


@pytest.mark.parametrize(("value", "text"), LATENCIES.items())
def test_latency_text(value: float | None, text: str) -> None:
    assert latency(value) == text


@pytest.mark.parametrize(("span", "text"), [(38_000_000, "0.038"), (12_500_000_000, "12.50"), (245 * 10**9, "245.0"), (3600 * 10**9, "60m00")])
def test_span_text(span: int, text: str) -> None:
    assert span_text(span) == text


@given(st.floats(0.001, 1e9))
def test_an_axis_holds_its_value(value: float) -> None:
    assert value * 0.999 <= nice_axis(value) <= value * 10.1


def test_counts_and_sizes() -> None:
    assert [count_text(one) for one in (7, 9999, 12_345, 148_000, 999_999, 1_200_000, 9_960_000)] == ["7", "9999", "12k", "148k", "999k", "1.2M", "9M"]


@given(st.integers(0, 10**8), st.floats(0, 9_999_000), st.integers(0, 10**8))
def test_the_figures_of_a_session_do_not_touch(messages: int, median: float, anomalies: int) -> None:
    line = plain(session_line(SessionRow(1, messages, median, anomalies, 0, (0,) * SPARK_CELLS, False), store_of([Said(0)]), 44, UNICODE, False, {}))
    assert len(line.split()) == 6 + (anomalies > 0), line


def test_sizes() -> None:
    assert [size_text(one) for one in (5, 1500, 148_000_000)] == ["5 B", "1.5 kB", "148 MB"]


def test_ascii_glyphs_are_ascii_and_sparks_are_one_cell_a_value() -> None:
    assert all(text.isascii() for text in vars(ASCII).values())
    assert glyphs_for(True) is ASCII and glyphs_for(False) is UNICODE
    assert spark([0, 1, 8], UNICODE) == "▁▂█" and cell_width(spark([1, 2, 3], ASCII)) == 3


def hidden_view(store: Store, hiding: Hiding, fold: bool = False) -> View:
    view = View(store, fold=fold, hide=hiding.messages_mask(store))
    view.extend(store.order())
    return view


def test_messages_and_commands_are_hidden_counted_and_brought_back() -> None:
    store = store_of([Said(0), Said(1, type="res200", answers=1), Said(2, type="req100"), Said(3, 2), Said(4, 2, type="req100")])
    hiding = Hiding([])
    assert hiding.messages_mask(store) is None and len(hidden_view(store, hiding)) == 5
    assert hiding.add(Command("fogslink", "req100")) and not hiding.add(Command("fogslink", "req100"))
    assert hiding.add(Command("camera", "req200")) and hiding.add(Command("fogslink", "never seen"))
    assert hiding.add(Messages(frozenset({0, 2, 77})))
    view = hidden_view(store, hiding)
    assert view.rows().tolist() == [1, 3] and view.hidden == 3 and view.matched == 2
    assert [count for _, count in hiding.counted(store)] == [2, 0, 0, 2]
    assert [step.text for step, _ in hiding.counted(store)][::3] == ["fogslink req100", "3 messages"]
    hiding.moved(lambda index: None if index > 50 else index + 1)
    assert hiding.steps[-1] == Messages(frozenset({1, 3}))
    hiding.remove(-1)
    assert hidden_view(store, hiding).rows().tolist() == [0, 1, 3]
    hiding.remove(0)
    assert len(hidden_view(store, hiding)) == 5 and hiding.remove(9) is None
    assert hiding.remove(-1) and hiding.remove(-1) and hiding.remove(-1) is None


def test_anomalies_are_suppressed_by_code_or_by_code_and_device() -> None:
    store = store_of([Said(0, anomaly="pair.timeout"), Said(5, 2, anomaly="pair.timeout"), Said(9, 2, anomaly="framing.malformed")])
    other = device_of(store.session_of(1))
    assert other != device_of(store.session_of(0))

    def left(*suppressions: Suppression) -> int:
        hiding = Hiding(list(suppressions))
        return len(Anomalies(store, CONTEXT, grouping="time", minimum=1, hiding=hiding, shown=None, opened=frozenset()))

    assert [left(), left(Suppression("pair.timeout")), left(Suppression("pair.timeout", other)), left(Suppression("pair.timeout", "nobody"))] == [3, 1, 2, 3]
    assert left(Suppression("pair.timeout"), Suppression("framing.malformed", other), Suppression("no.such-code")) == 0


def test_a_long_list_of_anomalies_says_that_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of([Said(number, number % 7 + 1, anomaly="pair.timeout") for number in range(50)])
    for name in ("MEMBERS_LIMIT", "HEADS_LIMIT"):
        monkeypatch.setattr(f"tui.model.anomalies.{name}", 5)

    def made(grouping: str, opened: frozenset[int] = frozenset()) -> Anomalies:
        return Anomalies(store, CONTEXT, grouping=grouping, minimum=1, hiding=Hiding([]), shown=None, opened=opened)

    assert (len(made("time")), made("time").capped) == (5, "first 5 of 50")
    assert (len(made("session")), made("session").capped) == (5, "first 5 of 7")
    code = store.analysis.codes.find("pair.timeout") or 0
    assert (len(made("code")), made("code").capped) == (1, "")
    assert (len(made("code", frozenset({code}))), made("code", frozenset({code})).capped) == (6, "first 5 of 50")
