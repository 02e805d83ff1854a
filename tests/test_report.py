"""dissect.report: the JSON document (report.md), its stream of lines, both against the schema."""

from __future__ import annotations

import io
import json
from typing import Any

import jsonschema
import pytest

from dissect import __version__
from dissect.analysis import Analysis
from dissect.model import Totals
from dissect.report import NdjsonSink, totals_of, write_json
from dissect.report.schema import report_schema
from tests.schema import check_line, check_report
from tests.synthetic import at, feed, message, session, source


def written(analysis: Analysis, messages: bool = True) -> bytes:
    out = io.BytesIO()
    write_json(analysis, out, messages)
    return out.getvalue()


@pytest.fixture
def analysis() -> Analysis:
    kept = Analysis()
    feed(kept)
    return kept


@pytest.fixture
def report(analysis: Analysis) -> Any:
    return json.loads(written(analysis))


def lines(messages: bool = True) -> list[Any]:
    out = io.BytesIO()
    feed(NdjsonSink(out, messages))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_report_follows_its_schema(report: Any) -> None:
    check_report(report)


def test_the_document_says_what_it_is(report: Any) -> None:
    assert list(report) == ["schema", "tool", "source", "totals", "devices", "sessions", "anomalies"]
    assert report["schema"] == "dissect-report/1" and report["tool"] == {"name": "dissect", "version": __version__}
    assert report["source"]["files"][0]["name"] == "made.pcap" and report["source"]["packets_used"] == 6


def test_sessions_messages_exchanges_and_anomalies_are_in_order(report: Any) -> None:
    assert [one["id"] for one in report["sessions"]] == [1, 2]
    assert [[one["id"] for one in each["messages"]] for each in report["sessions"]] == [[2, 3, 4, 5, 6], [1]]
    assert [[(one["id"], one["request"]) for one in each["exchanges"]] for each in report["sessions"]] == [[(2, 2)], [(1, 1)]]
    assert [[(one["id"], one["code"]) for one in each["anomalies"]] for each in report["sessions"]] == [
        [(2, "pair.retransmission"), (3, "framing.malformed")], [(4, "pair.timeout")]]
    assert [one["code"] for one in report["anomalies"]] == ["capture.damaged-file"]


def test_totals_count_what_is_listed(report: Any) -> None:
    assert report["totals"] == {
        "sessions": 2, "messages": 6, "exchanges": 2, "anomalies": {"error": 2, "note": 1, "warning": 1},
        "limits": {"open_requests": 0, "streams": 0, "bytes_beyond_holes": 0},
        "protocols": {"clife-lan": {"sessions": 1, "messages": 1, "exchanges": 1, "anomalies": 1},
                      "fogslink": {"sessions": 1, "messages": 5, "exchanges": 1, "anomalies": 2}}}


def test_a_message_is_reported_with_what_became_known_later(report: Any) -> None:
    attributed, duplicate = report["sessions"][0]["messages"][0], report["sessions"][0]["messages"][3]
    assert attributed["device_id"] == "fogslink:12345678" and duplicate["duplicate_of"] == 4
    assert report["sessions"][0]["device_id"] == "fogslink:12345678"


def test_the_same_analysis_gives_the_same_bytes(analysis: Analysis) -> None:
    again = Analysis()
    feed(again)
    assert written(analysis) == written(analysis) == written(again)


def test_without_messages_bodies_are_null_and_ids_stay(analysis: Analysis, report: Any) -> None:
    bare = json.loads(written(analysis, messages=False))
    check_report(bare)
    for whole_session, bare_session in zip(report["sessions"], bare["sessions"], strict=True):
        for whole, stripped in zip(whole_session["messages"], bare_session["messages"], strict=True):
            wanted = {**whole, "fields": None, "raw_b64": None}
            if whole["encryption"]:
                wanted["encryption"] = {**whole["encryption"], "data": None}
            assert stripped == wanted
        assert bare_session["exchanges"] == whole_session["exchanges"] and bare_session["anomalies"] == whole_session["anomalies"]


@pytest.mark.parametrize("whole", [True, False])
def test_surrogates_are_written_as_their_escapes(whole: bool) -> None:
    kept, out = Analysis(), io.BytesIO()
    for sink in (kept, NdjsonSink(out, whole)):
        sink.source(source())
        sink.session(session(1), False)
        sink.message(message(1, fields={"text": "\ud800"}, type="\udfff"), 1, at(0), b"", None)
        sink.finish(source(), Totals(sessions=1, messages=1))
    for data in (written(kept, whole), out.getvalue()):
        assert b'"\\udfff"' in data and (b'"\\ud800"' in data) is whole


def test_an_empty_analysis_is_a_report_too() -> None:
    kept = Analysis()
    kept.source(source())
    kept.finish(source(), Totals())
    report = json.loads(written(kept))
    check_report(report)
    assert report["sessions"] == report["anomalies"] == report["devices"] == []


def test_a_report_larger_than_its_blocks_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dissect.report.document.BLOCK_ROWS", 7)
    monkeypatch.setattr("dissect.report.document.WRITE_SIZE", 1000)
    kept = Analysis()
    kept.source(source())
    for ident in range(1, 6):
        kept.session(session(ident), False)
    for ident in range(1, 101):
        kept.message(message(ident, (ident * 37) % 101), ident % 5 + 1, at((ident * 37) % 101), b"", None)
    kept.finish(source(), Totals())
    report = json.loads(written(kept))
    listed = [one for each in report["sessions"] for one in each["messages"]]
    assert sorted(one["id"] for one in listed) == list(range(1, 101)) and report["totals"]["messages"] == 100
    assert [one["time"] for one in sorted(listed, key=lambda one: one["id"])] == sorted(one["time"] for one in listed)
    assert all([one["id"] for one in each["messages"]] == sorted(one["id"] for one in each["messages"]) for each in report["sessions"])
    assert totals_of(kept).protocols["fogslink"].sessions == 5


def test_every_line_of_the_stream_follows_its_schema() -> None:
    for messages in (True, False):
        for line in lines(messages):
            check_line(line)


def test_the_stream_has_its_objects_in_the_order_in_which_they_become_known() -> None:
    assert [line["kind"] for line in lines()] == [
        "source", "session", "session", "device", *["message"] * 6, "exchange", "exchange", *["anomaly"] * 4,
        "session", "session", "source", "totals"]
    assert [(line["id"], line["session"]) for line in lines() if line["kind"] == "message"] == [(1, 1), (2, 2), (3, 1), (4, 1), (5, 1), (6, 1)]
    assert [line["session"] for line in lines() if line["kind"] == "anomaly"] == [2, 1, 1, None]


def test_the_streams_lines_hold_what_the_document_holds(report: Any) -> None:
    by_time = sorted((line for line in lines() if line["kind"] == "message"), key=lambda line: (line["time"], line["id"]))
    documented = sorted((one for each in report["sessions"] for one in each["messages"]), key=lambda one: one["id"])
    apart = {"id", "kind", "session", "device_id", "duplicate_of"}
    assert [{name: value for name, value in line.items() if name not in apart} for line in by_time] == [
        {name: value for name, value in one.items() if name not in apart} for one in documented]


class Flushes(io.BytesIO):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def flush(self) -> None:
        self.count += 1


def test_lines_are_flushed_at_the_end_and_when_that_is_asked_for() -> None:
    out = Flushes()
    sink = NdjsonSink(out)
    feed(sink)
    assert (out.count, sink.worst) == (1, 3)
    sink.flush()
    assert out.count == 2


def test_the_schema_describes_members_and_closes_sets() -> None:
    schema = report_schema()
    exchange = schema["$defs"]["Exchange"]
    assert exchange["properties"]["status"]["enum"] == ["ok", "error", "late", "timeout", "pending"]
    assert "last attempt" in exchange["properties"]["latency_ms"]["description"]
    assert set(exchange["required"]) == set(exchange["properties"]) and exchange["additionalProperties"] is False


WRONG = [
    pytest.param(lambda report: report["sessions"][0]["messages"][0].pop("key"), id="a missing member"),
    pytest.param(lambda report: report["sessions"][0]["exchanges"][0].update(status="fine"), id="a status that is none"),
    pytest.param(lambda report: report["sessions"][0]["messages"][0].update(direction="left"), id="a direction that is none"),
    pytest.param(lambda report: report["totals"].update(sessions="2"), id="a number as text"),
    pytest.param(lambda report: report.update(extra=1), id="a member that nobody documented"),
    pytest.param(lambda report: report.update(schema="dissect-report/2"), id="another version"),
]


@pytest.mark.parametrize("spoil", WRONG)
def test_the_schema_refuses(report: Any, spoil: Any) -> None:
    spoil(report)
    with pytest.raises(jsonschema.ValidationError):
        check_report(report)
