"""--filter, --fail-on, show -e and --csv on the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from dissect.cli import main
from dissect.show.fields import FieldRows
from tests.filter_world import world
from tests.schema import check_line, check_report

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
DEMO = str(CAPTURES / "demo" / "capture.pcapng")
LAN = CAPTURES / "clife-lan-dh"


def run(*words: str) -> int:
    try:
        return main(words)
    except SystemExit as leaving:
        return int(leaving.code or 0)


def report(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run("report", DEMO, *words) == 0
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    return made


def test_a_filtered_report_keeps_to_its_schema_and_counts_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    made = report(capsys, "--filter", "anomaly.severity >= warning")
    check_report(made)
    whole = report(capsys)
    messages = {one["id"]: one for holder in whole["sessions"] for one in holder["messages"]}
    assert {one["code"] for holder in made["sessions"] for one in holder["anomalies"] if one["severity"] != "note"} == {
        one["code"] for holder in whole["sessions"] for one in holder["anomalies"] if one["severity"] != "note"}
    kept = [one for holder in made["sessions"] for one in holder["messages"]]
    assert all(messages[one["id"]] == one for one in kept) and 0 < len(kept) == made["totals"]["messages"] < whole["totals"]["messages"]
    assert made["source"] == whole["source"]


def test_a_blank_filter_keeps_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(capsys, "--filter", " ") == report(capsys)


def test_filtered_lines_are_those_of_the_filtered_report(capsys: pytest.CaptureFixture[str]) -> None:
    expression = 'exchange.status == "timeout" or imei.cmd == "QD"'
    made = report(capsys, "--filter", expression)
    assert run("report", DEMO, "--filter", expression, "--format", "ndjson") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in lines:
        check_line(line)
    assert lines[0]["kind"] == "source" and [line["kind"] for line in lines[-2:]] == ["source", "totals"]
    told: dict[str, list[Any]] = {}
    for line in lines:
        told.setdefault(line.pop("kind"), []).append(line)
    for kind, part in (("message", "messages"), ("exchange", "exchanges"), ("anomaly", "anomalies")):
        held = [{"session": holder["id"], **one} for holder in made["sessions"] for one in holder[part]] + [
            {"session": None, **one} for one in made["anomalies"] if part == "anomalies"]
        assert sorted(told[kind], key=lambda one: one["id"]) == sorted(held, key=lambda one: one["id"])
    assert [one["id"] for one in told["message"]] == sorted(one["id"] for one in told["message"])
    assert told["totals"][0] == made["totals"] and [one["id"] for one in told["device"]] == [one["id"] for one in made["devices"]]
    assert len(told["session"]) == 2 * len(made["sessions"])


def test_a_redacted_report_is_filtered_by_what_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    expression = 'fogslink.eqSN == "20260031" && exchange.status == "timeout"'
    clear, hidden = report(capsys, "--filter", expression), report(capsys, "--filter", expression, "--redact")
    assert "20260031" in json.dumps(clear) and "20260031" not in json.dumps(hidden)
    kept, shown = ([one["id"] for holder in made["sessions"] for one in holder["messages"]] for made in (clear, hidden))
    assert kept == shown
    assert clear["totals"] == hidden["totals"] and clear["totals"]["messages"]


@pytest.mark.parametrize(("expression", "level", "status"), [
    ("fogslink", "warning", 3), ("fogslink", "error", 3), ("message.id == 1", "note", 0), ("exchange.status == timeout", "warning", 3),
    ("exchange.status == timeout", "error", 0), ('anomaly.severity == "note"', "error", 0), ('anomaly.severity == "error"', "error", 3)])
@pytest.mark.parametrize("words", [("report", "--format", "json"), ("report", "--format", "ndjson"), ("show",), ("stats",), ("show", "-e", "message.id")])
def test_fail_on_asks_what_is_kept(capsys: pytest.CaptureFixture[str], expression: str, level: str, status: int, words: tuple[str, ...]) -> None:
    if expression == "fogslink" and level == "error":
        status = 3 if any(one["severity"] == "error" for holder in report(capsys, "--filter", expression)["sessions"] for one in holder["anomalies"]) else 0
    assert run(words[0], DEMO, *words[1:], "--filter", expression, "--fail-on", level) == status


@pytest.mark.parametrize("command", ["report", "show", "stats", "export", "extract"])
def test_a_wrong_filter_is_wrong_usage_with_a_caret_and_no_work_is_done(command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    more = {"export": ("-w", str(tmp_path / "x.pcapng")), "extract": ("--to", str(tmp_path / "folder"))}.get(command, ())
    assert run(command, "no-such.pcap", *more, "--filter", "udp && fogslink.eqSM") == 2
    said = capsys.readouterr()
    first, second, third = said.err.splitlines()
    assert "column 8" in first and "did you mean fogslink.eqSN" in first and not said.out
    assert (second, third) == ("  udp && fogslink.eqSM", "         ^")


def test_the_caret_stands_under_wide_characters_and_what_steers_a_terminal_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", DEMO, "--filter", 'message.name == "设备\x1b[31m" && x') == 2
    _, shown, caret = capsys.readouterr().err.splitlines()
    assert "\x1b" not in shown and caret.index("^") == len('  message.name == "设备\\x1b[31m" && ') + 2


def test_show_prints_kept_messages_under_their_ids(capsys: pytest.CaptureFixture[str]) -> None:
    made = report(capsys, "--filter", "exchange.status == timeout")
    assert run("show", DEMO, "--filter", "exchange.status == timeout") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in lines] == sorted(one["id"] for holder in made["sessions"] for one in holder["messages"])


def test_chosen_fields_make_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    fields = ("-e", "message.id", "-e", "clife.data.params.0")
    words = ("show", str(LAN / "capture.pcap"), "--keys", str(LAN / "keys.toml"), "--filter", "clife.data.params.0", *fields)
    assert run(*words) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["message.id", "clife.data.params.0"] and len([row for row in rows if len(row.split()) == 2]) > 1
    assert run(*words, "--csv") == 0
    told = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert told[0] == ["message.id", "clife.data.params.0"] and [row.split()[0] for row in rows] == [row[0] for row in told[1:]]


def test_csv_without_fields_has_the_usual_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", DEMO, "--csv") == 0
    told = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    made = report(capsys)
    messages = sorted((one for holder in made["sessions"] for one in holder["messages"]), key=lambda one: one["id"])
    assert [(row["message.id"], row["frame.time"], row["message.type"], row["device.id"]) for row in told] == [
        (str(one["id"]), one["time"], one["type"] or "", one["device_id"] or "") for one in messages]


TIMES = [
    ("utc", "2026-11-20T08:00:00.000000Z", "2026-11-20T08:00:00.010000Z"), ("relative", "0.000000", "0.010000"), ("delta", "0.000000", "0.010000")]


@pytest.mark.parametrize(("form", "first", "second"), TIMES)
def test_times_have_the_form_asked_for(form: str, first: str, second: str) -> None:
    rows = list(FieldRows(world(), ["frame.time"], form))
    assert (rows[0], rows[1]) == ([first], [second])


CELLS = {
    "fogslink.eqData.eVal": {1: "2.34,-5"}, "fogslink.eqSN": {1: "12345678", 2: "12345678", 3: "12345678", 15: "\\ud800"}, "camera.sn": {9: "S\\x07N"},
    "clife.data.params": {7: '{"0":"1"},{"1":25.5}', 12: '{"5":true}', 13: '{"5":1180591620717411303424}'},
    "clife.data.params.5": {12: "true", 13: "1180591620717411303424"},
    "anomaly.severity": {3: "warning,warning", 5: "warning", 6: "warning", 7: "note", 8: "note", 14: "error"}, "exchange.status": {
        1: "ok", 2: "ok", 3: "timeout", 4: "error", 5: "error", 6: "error,ok", 7: "late", 8: "late", 12: "pending", 13: "pending"},
    "udp": {7: "udp", 8: "udp"}, "fogslink.eqData": {1: '{"eChan":"P0-C1","eVal":"2.34"},{"eChan":"P0-C2","eVal":"-5"}', 3: "[]"},
    "coap.mid": {7: "77", 8: "77"},
    "exchange.latency_ms": {1: "10.0", 2: "10.0", 4: "0.5", 5: "0.5", 6: "0.5", 7: "600.0", 8: "600.0"}}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_holds_every_value_cleaned(name: str) -> None:
    rows = FieldRows(world(), ["message.id", name])
    assert {int(ident): cell for ident, cell in rows if cell} == CELLS[name]


@pytest.mark.parametrize(("words", "says"), [
    (("-e", "fogslink.eqSM"), "did you mean fogslink.eqSN"), (("-e", "nope.field"), "the nearest is "), (("--filter", "nope.field"), "the nearest is "),
    (("-e", "nope.field"), "`dissect protocols` lists all"), (("-e", "message.id", "-v"), "choose one"), (("--csv", "-x"), "choose one")])
def test_wrong_fields_are_wrong_usage(words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", DEMO, *words) == 2
    assert says in capsys.readouterr().err
