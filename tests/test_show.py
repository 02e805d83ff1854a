"""dissect.show: lines, trees and bytes of messages; whatever a packet holds, only printable text comes out."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.analysis import Analysis
from dissect.model import Endpoint, Totals
from dissect.options import Options
from dissect.pipeline import Pipeline
from dissect.show import TIME_FORMS, Lines, hexdump, tree
from dissect.show.times import time_column
from dissect.streams.api import Conversation
from dissect.text import is_clean
from tests.fogslink_says import pack
from tests.synthetic import START_NS, anomaly, at, exchange, feed, message, session, source


@pytest.fixture
def analysis() -> Analysis:
    kept = Analysis(keep_bytes=True)
    feed(kept)
    return kept


SHOWN = [
    "  1    0.010000 192.168.6.6:40000     -> 203.0.113.1:63321     clife-lan    2001 data  60 B  [decrypted]  [timeout]  !warning pair.timeout",
    "  2    0.030000 10.0.0.5:40000        -> 203.0.113.1:63321     fogslink     req200 report packed  eqSN=12345678 packID=7  60 B"
    "  [ok, answered by 4]  !note pair.retransmission",
    "  3    0.035000 10.0.0.5:40000        -> 203.0.113.1:63321     fogslink     req200 report packed  eqSN=12345678 packID=7  60 B"
    "  [again 2, ok, answered by 4]  !note pair.retransmission",
    "  4    0.042500 10.0.0.5:40000        <- 203.0.113.1:63321     fogslink     res200 report packed  eqSN=12345678 packID=7  60 B"
    "  [answers 3, ok in 12.500 ms]",
    "  5    0.042500 10.0.0.5:40000        <- 203.0.113.1:63321     fogslink     res200 report packed  eqSN=12345678 packID=7  60 B"
    "  [duplicate of 4]",
    "  6    0.050000 10.0.0.5:40000        -> 203.0.113.1:63321     fogslink     malformed  60 B  !error framing.malformed",
]


def test_a_line_tells_a_message_and_what_became_of_it(analysis: Analysis) -> None:
    assert list(Lines(analysis)) == SHOWN


def test_relative_times_count_from_the_captures_first_packet_and_deltas_from_the_message_before(analysis: Analysis) -> None:
    assert [line.split()[1] for line in Lines(analysis, "relative")][:3] == ["0.010000", "0.030000", "0.035000"]
    assert [line.split()[1] for line in Lines(analysis, "delta")][:3] == ["0.000000", "0.020000", "0.005000"]


@pytest.mark.parametrize("form", TIME_FORMS)
def test_times_stand_in_one_column_however_long_the_capture_is(form: str) -> None:
    kept = Analysis()
    kept.session(session(1), False)
    for ident, seconds in enumerate((0, 5, 123_456.789), 1):
        kept.message(message(ident, seconds * 1000), 1, at(seconds * 1000), b"", None)
    kept.finish(source(), Totals())
    assert len({line.index("10.0.0.5:40000") for line in Lines(kept, form)}) == 1


def test_a_name_that_is_the_type_stands_once() -> None:
    kept = Analysis()
    kept.session(session(1), False)
    kept.message(message(1, type="heartbeat", name="heartbeat", key=None), 1, at(1), b"", None)
    kept.finish(source(), Totals())
    assert list(Lines(kept))[0].endswith("fogslink     heartbeat  60 B")


def test_third_legs_progress_and_many_anomalies_are_marked() -> None:
    kept = Analysis()
    kept.session(session(1, device=Endpoint("fe80::1", 5683)), False)
    for ident in range(1, 5):
        kept.message(message(ident, ident), 1, at(ident), b"", None)
    kept.exchange(exchange(1, 1, 3, intermediate=[2], acknowledgement=4), 1)
    for ident in range(1, 8):
        kept.anomaly(anomaly(ident, "schema.bad-value", "warning", ident, [1]), 1, at(ident))
    kept.finish(source(), Totals())
    lines = list(Lines(kept))
    assert "[fe80::1]:5683" in lines[0] and lines[0].count("!warning schema.bad-value") == 4 and lines[0].endswith("!3 more")
    assert "[progress of 1]" in lines[1] and "[answers 1, ok in 12.500 ms]" in lines[2] and "[acknowledges 3]" in lines[3]


TIMES = [("relative", 6, ["0.000000", "1.500000", "1.250000"]), ("delta", 3, ["0.000", "1.500", "-0.250"]),
         ("utc", 9, ["2026-11-20T08:00:00.000000000Z", "2026-11-20T08:00:01.500000000Z", "2026-11-20T08:00:01.250000000Z"])]


@pytest.mark.parametrize(("form", "digits", "shown"), TIMES)
def test_times_are_shown_as_asked_for(form: str, digits: int, shown: list[str]) -> None:
    show = time_column(form, START_NS, digits)
    assert [show(time_ns) for time_ns in (START_NS, START_NS + 1_500_000_000, START_NS + 1_250_000_000)] == shown


@given(st.sampled_from(TIME_FORMS), st.integers(-(1 << 63), 1 << 64), st.integers(0, 9))
def test_no_time_is_too_odd_to_be_shown(form: str, time_ns: int, digits: int) -> None:
    assert is_clean(time_column(form, 0, digits)(time_ns))


def test_a_tree_keeps_order_duplicates_and_the_spelling_of_numbers() -> None:
    fields = {"b": 1.5, "a": 2, "image": {"bytes": 3, "sha256": "00", "media_type": "image/jpeg"}}
    raw = b'{"req200": {"b": 1.50, "a": 1, " a": 2, "image": "AAAA"}}'
    assert list(tree(message(1, fields=fields), raw, None))[1:] == [
        "  fields", "    b: 1.50", "    a: 1", "     a: 2", "    image", "      bytes: 3", '      sha256: "00"', '      media_type: "image/jpeg"']


def test_a_tree_shows_what_a_key_opened(analysis: Analysis) -> None:
    lines = list(tree(analysis.message_at(1), analysis.raw(1), analysis.plaintext(1)))
    assert "  encryption decrypted, key lamp, iv zero-bytes, key_form hex" in lines
    assert lines[lines.index("    data"):] == ["    data", "      params (1)", '        [0]: "1"', "      big: 123456789012345678901234567890"]


def test_deep_and_wide_values_are_cut() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"x": deep}
    assert list(tree(message(1, fields=deep), None, None))[-1].endswith("(deeper levels are not shown)")
    assert list(tree(message(1, fields=list(range(5000))), None, None))[-1].endswith("(more entries are not shown)")
    assert list(tree(message(1, fields={"x": 1}), b"[" * 100_000, None))[-1] == "    x: 1"


any_text = st.text(st.characters(exclude_categories=()))
json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
                           lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4))


@given(st.dictionaries(any_text, json_values, max_size=5), any_text)
def test_nothing_that_a_message_holds_reaches_the_screen_raw(fields: dict[str, Any], text: str) -> None:
    odd = message(1, fields=fields, type=text, name=text, key={text: text}, device_id=text, carrier={text: text})
    kept = Analysis()
    kept.session(session(1), False)
    kept.message(odd, 1, at(0), b"", None)
    kept.finish(source(), Totals())
    for raw in (None, json.dumps(fields).encode()):
        assert all(map(is_clean, tree(odd, raw, raw)))
    assert all(map(is_clean, Lines(kept)))


def test_bytes_are_dumped_sixteen_a_row() -> None:
    assert list(hexdump(bytes(range(0x1F, 0x31)), "  ")) == [
        "  0000  1f 20 21 22 23 24 25 26  27 28 29 2a 2b 2c 2d 2e  . !\"#$%&'()*+,-.",
        "  0010  2f 30                                             /0"]
    assert list(hexdump(b"")) == []


def test_lines_of_a_request_sent_thousands_of_times_cost_no_more_each_than_of_one_sent_once() -> None:
    kept = Analysis()
    pipeline, conversation = Pipeline(kept, Options()), Conversation(1, "tcp", ("10.0.0.1", "10.0.0.2"), (40000, 63321), 0)
    conversation.saw_syn, conversation.client = True, 0
    handler: Any = pipeline.opened(conversation)
    for number in range(1, 6001):
        handler.data(0, pack(), number, number)
    handler.closed(6000)
    pipeline.finish(6000)
    started = time.process_time()
    assert sum("again 1" in line for line in Lines(kept)) == 5999
    assert time.process_time() - started < 4
