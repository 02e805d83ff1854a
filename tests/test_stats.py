"""The figures of an analysis, as values, as JSON and as a terminal shows them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from dissect.analysis import Analysis
from dissect.cli.stats import lines
from dissect.plot import columns, sparkline
from dissect.stats import SECOND_NS, Statistics, interval_ns, statistics, timeline_of, to_json
from tests.conftest import ROOT, Run
from tests.synthetic import anomaly, at, exchange, feed, message, session, source

HOUR, DAY, YEAR = 3600 * SECOND_NS, 86_400 * SECOND_NS, 365 * 86_400 * SECOND_NS


def answered(latencies: list[float | None]) -> Analysis:
    """One session with an exchange for each latency (None: no answer)."""
    analysis = Analysis()
    analysis.source(source())
    analysis.session(session(1), False)
    for index, latency in enumerate(latencies):
        request, response = 2 * index + 1, 2 * index + 2
        analysis.message(message(request, index), 1, at(index), b"{}", None)
        analysis.message(message(response, index + 0.5, direction="down", type="res200"), 1, at(index + 0.5), b"{}", None)
        analysis.exchange(exchange(index + 1, request, None if latency is None else response, latency_ms=latency), 1)
    analysis.session(session(1), True)
    from dissect.model import Totals

    analysis.finish(source(), Totals())
    return analysis


@pytest.fixture
def made() -> Analysis:
    analysis = Analysis()
    feed(analysis)
    return analysis


def test_figures_of_a_small_analysis(made: Analysis) -> None:
    figures = statistics(made)
    assert (figures.sessions, figures.messages, figures.exchanges, figures.retries) == (2, 6, 2, 1)
    assert [(one.name, one.devices, one.messages, one.exchanges, one.anomalies) for one in figures.protocols] == [
        ("clife-lan", 0, 1, 1, 1), ("fogslink", 1, 5, 1, 2)]
    (device,) = figures.devices
    assert (device.id, device.messages, device.exchanges, device.answered, device.retries, device.anomalies) == ("fogslink:12345678", 1, 1, 1, 1, 1)
    assert [(one.protocol, one.n, one.answered, one.timeout, one.retries, one.p50_ms) for one in figures.operations] == [
        ("clife-lan", 1, 0, 1, 0, None), ("fogslink", 1, 1, 0, 1, 12.5)]
    assert [(one.code, one.severity, one.n, one.protocols) for one in figures.anomalies] == [
        ("framing.malformed", "error", 1, ["fogslink"]), ("capture.damaged-file", "error", 1, []), ("pair.timeout", "warning", 1, ["clife-lan"]),
        ("pair.retransmission", "note", 1, ["fogslink"])]


def test_an_analysis_of_nothing_has_figures_too() -> None:
    figures = statistics(Analysis())
    assert (figures.messages, figures.operations, figures.messages_over_time.counts) == (0, [], [])
    assert len(list(lines(figures))) == 2


@pytest.mark.parametrize(("latencies", "expected"), [
    pytest.param([5.0], (1, 1, 5.0, 5.0, 5.0, 5.0), id="one"),
    pytest.param([None, None], (2, 0, None, None, None, None), id="no answer"),
    pytest.param([float(value) for value in range(1, 101)], (100, 100, 1.0, 50.5, 95.05, 100.0), id="a hundred: linear between ranks"),
    pytest.param([10.0, None, 30.0], (3, 2, 10.0, 20.0, 29.0, 30.0), id="unanswered ones count in n alone"),
])
def test_answer_times(latencies: list[float | None], expected: tuple[object, ...]) -> None:
    (one,) = statistics(answered(latencies)).operations
    assert (one.n, one.answered, one.min_ms, one.p50_ms, one.p95_ms, one.max_ms) == expected


@pytest.mark.parametrize(("span_ns", "step_s"), [
    (0, 0.001), (SECOND_NS, 0.02), (59 * SECOND_NS, 1), (60 * SECOND_NS, 2), (HOUR, 120), (DAY, 1800), (60 * DAY, 2 * 86_400), (56 * YEAR, 341 * 86_400),
])
def test_intervals_are_readable_and_few(span_ns: int, step_s: float) -> None:
    step = interval_ns(span_ns)
    assert (step / SECOND_NS, span_ns // step < 60) == (step_s, True)


def test_the_timeline_counts_every_message_once(made: Analysis) -> None:
    timeline = timeline_of(made, most=10)
    assert sum(timeline.counts) == 6 and len(timeline.counts) <= 10
    assert [sum(column) for column in zip(*timeline.protocols.values(), strict=True)] == timeline.counts


def test_json_has_the_documented_shape(made: Analysis) -> None:
    told = msgspec.json.decode(to_json(statistics(made)), type=Statistics)
    assert told == statistics(made) and told.schema == "dissect-stats/1"


@pytest.mark.parametrize(("counts", "ascii_only", "expected"), [
    ([], False, ""), ([0, 0], False, "  "), ([1, 1000], False, "▁█"), ([0, 4, 8], False, " ▄█"), ([1, 1000], True, ".#"),
])
def test_a_sparkline_shows_every_count_above_zero(counts: list[int], ascii_only: bool, expected: str) -> None:
    assert sparkline(counts, ascii_only) == expected


def test_a_column_plot_is_as_high_as_asked_and_scaled() -> None:
    assert list(columns([0, 1, 10], True, 2)) == ["10 |  #", "   | ##", " 0 +---"]
    assert list(columns([4, 8], False, 1)) == ["8 │▄█", "0 └──"]


def test_text_from_packets_is_harmless_on_a_terminal() -> None:
    analysis = answered([1.0])
    analysis.anomaly(anomaly(1, "pair.late", "note", 1, [1]), 1, at(1))
    analysis.operations._texts[1] = "evil\x1b[2J\u202eop"
    shown = "\n".join(lines(statistics(analysis)))
    assert "\x1b" not in shown and "\u202e" not in shown and r"evil\x1b[2J\u202eop" in shown


@pytest.mark.parametrize("name", ["demo/capture.pcapng", "fogslink-day/capture.pcap"])
def test_the_command_shows_figures_in_both_forms(name: str, call_dissect: Run) -> None:
    path = ROOT / "captures" / name
    told = json.loads(call_dissect("stats", path, "--json").stdout)
    assert told["messages"] == sum(told["messages_over_time"]["counts"]) == sum(one["messages"] for one in told["protocols"])
    shown = call_dissect("stats", path, "--ascii")
    assert shown.returncode == 0 and shown.stdout.isascii() and b"messages over time" in shown.stdout


def test_a_locale_without_utf8_gets_ascii(run_dissect: Run, environment: dict[str, str]) -> None:
    path = ROOT / "captures" / "fogslink-day" / "capture.pcap"
    shown = run_dissect("stats", path, env={**environment, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"})
    assert shown.returncode == 0 and b"\\u2588" not in shown.stdout and b"#" in shown.stdout


def test_a_missing_capture_is_one_line(call_dissect: Run, tmp_path: Path) -> None:
    failed = call_dissect("stats", tmp_path / "none.pcap")
    assert (failed.returncode, failed.stdout) == (1, b"") and failed.stderr.count(b"\n") == 1
