"""Exports: each format read back by something that is not us, or by its own rules."""

from __future__ import annotations

import csv
import json
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dissect.errors import DissectError
from tests.tui.conftest import DEMO, DEMO_KEYS, Running, make_app
from tests.tui.hostile import write_hostile
from tui.app import DissectApp
from tui.export.files import FORMATS, Job, export
from tui.model.columns import Context
from tui.model.glyphs import UNICODE
from tui.model.store import Store

BY_NAME = {form.name: form for form in FORMATS}


def job_of(app: DissectApp, indexes: list[int] | None = None) -> Job:
    app.loader.start()
    assert app.loader.wait(30) and app.loader.error is None
    store = Store(app.loader.analysis)
    store.update()
    chosen = [int(index) for index in store.order()] if indexes is None else indexes
    return Job(store, app.loader, Context(UNICODE, "relative", store.first_ns, {}), chosen, lambda: iter(["a line"]), app.hiding)


@pytest.fixture(scope="module")
def demo() -> Iterator[Job]:
    app = make_app(DEMO, DEMO_KEYS)
    yield job_of(app)
    app.loader.close()


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Job]:
    path = tmp_path / "hostile.pcap"
    write_hostile(path)
    app = make_app(path, None)
    yield job_of(app)
    app.loader.close()


def test_packets_are_those_of_the_messages(demo: Job, tmp_path: Path) -> None:
    from dissect.capture import open_capture

    path = tmp_path / "out.pcapng"
    some = demo._replace(indexes=demo.indexes[:20])
    assert "packets written to" in export(some, BY_NAME["pcapng"], path)
    wanted = {frame for index in some.indexes for frame in demo.store.analysis.body(index).frames}
    with open_capture([str(path)]) as capture:
        batches = list(capture)
    assert sum(map(len, batches)) == len(wanted)
    times = np.concatenate([batch.time_ns for batch in batches])
    assert bool(np.all(np.diff(times) >= 0))


@pytest.mark.slow
def test_wireshark_reads_the_packets(demo: Job, tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    export(demo, BY_NAME["pcapng"], path)
    done = subprocess.run(["tshark", "-r", str(path), "-q", "-z", "io,phs"], capture_output=True, text=True, timeout=60, check=True)
    assert "tcp" in done.stdout and "mqtt" in done.stdout


def test_the_report_holds_the_chosen_messages_and_what_belongs_to_them(demo: Job, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    some = demo._replace(indexes=[0])
    export(some, BY_NAME["json"], path)
    report = json.loads(path.read_bytes())
    ids = {message["id"] for session in report["sessions"] for message in session["messages"]}
    row = demo.store.exchange_row(0)
    assert row is not None and {demo.store.analysis.id_of(0), demo.store.analysis.id_of(row["response"])} <= ids
    export(demo, BY_NAME["ndjson"], tmp_path / "out.ndjson")
    lines = [json.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert sum(line["kind"] == "message" for line in lines) == demo.store.count


def test_a_table_has_a_row_a_message(demo: Job, tmp_path: Path) -> None:
    export(demo, BY_NAME["csv"], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert len(rows) == demo.store.count + 1 and rows[0][:2] == ["No.", "Time"]


def test_ladders_are_text_a_picture_and_a_mermaid_diagram(demo: Job, tmp_path: Path) -> None:
    for name in ("ladder-text", "ladder-svg", "ladder-mermaid"):
        export(demo, BY_NAME[name], tmp_path / name)
    assert "req001" in (tmp_path / "ladder-text").read_text("utf-8")
    assert ElementTree.parse(tmp_path / "ladder-svg").getroot().tag.endswith("svg")
    assert (tmp_path / "ladder-mermaid").read_text("utf-8").startswith("sequenceDiagram")


def test_exports_of_hostile_text_hold_no_control_characters(hostile: Job, tmp_path: Path) -> None:
    for name in ("csv", "ladder-text", "ladder-svg", "ladder-mermaid"):
        export(hostile, BY_NAME[name], tmp_path / name)
        text = (tmp_path / name).read_text("utf-8")
        assert not any(ord(one) < 32 and one not in "\r\n" or 0x7F <= ord(one) < 0xA0 or one in "\u202e\u200b" for one in text), name
    ElementTree.parse(tmp_path / "ladder-svg")


def test_what_cannot_be_written_is_said(demo: Job, tmp_path: Path) -> None:
    with pytest.raises(DissectError, match="cannot be written"):
        export(demo, BY_NAME["csv"], tmp_path / "no" / "out.csv")


@pytest.mark.slow
async def test_the_dialog_writes_what_is_shown(running: Running, tmp_path: Path) -> None:
    from textual.widgets import Input

    async with running() as pilot:
        await pilot.press("e")
        await pilot.pause(0.2)
        pilot.app.screen.query_one("#export-path", Input).value = str(tmp_path / "shown.pcapng")
        await pilot.press("f2")
        end = time.monotonic() + 10
        while not (tmp_path / "shown.pcapng").exists() and time.monotonic() < end:
            await pilot.pause(0.1)
        assert (tmp_path / "shown.pcapng").stat().st_size > 1000


def test_pairs_and_anomalies_as_tables(demo: Job, tmp_path: Path) -> None:
    analysis = demo.store.analysis
    assert f"{len(analysis.exchange_columns):,} rows" in export(demo, BY_NAME["pairs-csv"], tmp_path / "pairs.csv")
    rows = list(csv.DictReader((tmp_path / "pairs.csv").open(encoding="utf-8", newline="")))
    assert {(row["operation"], row["status"], row["request"]) for row in rows} == {
        (one.operation, str(one.status), str(one.request)) for one in map(analysis.exchange_at, range(len(analysis.exchange_columns)))}
    assert f"{len(analysis.anomaly_columns):,} rows" in export(demo, BY_NAME["anomalies-csv"], tmp_path / "anomalies.csv")
    named = analysis.anomalies[0].messages[0]
    some = demo._replace(indexes=[int(np.flatnonzero(analysis.ids() == named)[0])])
    export(some, BY_NAME["anomalies-csv"], tmp_path / "some.csv")
    kept = list(csv.DictReader((tmp_path / "some.csv").open(encoding="utf-8", newline="")))
    assert kept and all(str(named) in row["messages"].split() for row in kept)


def test_tables_of_a_hostile_capture_hold_no_control_and_no_formula(hostile: Job, tmp_path: Path) -> None:
    for name in ("csv", "pairs-csv", "anomalies-csv"):
        export(hostile, BY_NAME[name], tmp_path / "out.csv")
        text = (tmp_path / "out.csv").read_text("utf-8")
        assert "\x1b" not in text and "\u202e" not in text and "\x07" not in text
        assert not [cell for row in csv.reader(text.splitlines()) for cell in row if cell[:1] in ("=", "@")]
