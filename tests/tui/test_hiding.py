"""Hiding by the keys: single messages, commands, anomalies by code and by code and device; counted, listed, undone, remembered, exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tui.conftest import Running, app_of, make_app, screen_text, settled
from tui.export.files import FORMATS, Job, export
from tui.model.hiding import Suppression
from tui.settings import load, load_suppressed

pytestmark = pytest.mark.slow


async def test_messages_and_commands(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        whole = app.listing.matched
        await pilot.press("j", "i")
        await settled(pilot)
        assert app.listing.matched == whole - 1 and "  1 hidden" in screen_text(app)
        await pilot.press("space", "space", "i")
        await settled(pilot)
        assert app.listing.matched == whole - 3 and not app.selected
        kind = app.store.analysis.message_at(app.messages.index or 0).type
        await pilot.press("I")
        await settled(pilot)
        assert kind not in {app.store.analysis.message_at(index).type for index in app.listing.rows().tolist()
                            if app.store.session_of(index).protocol == "fogslink"}
        await pilot.press("2")
        await settled(pilot)
        shown = set(app.pane.shown().members().tolist())
        assert shown and not shown - set(app.listing.members().tolist())
        await pilot.press("1", "W")
        await pilot.pause(0.2)
        assert "fogslink" in screen_text(app) and "2 messages" in screen_text(app)
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert "1 message " not in screen_text(app)
        await pilot.press("escape", "u", "u")
        await settled(pilot)
        assert app.listing.matched == whole and not app.hiding.steps
        await pilot.press("u")
        assert app.is_running


async def test_suppressions_are_counted_listed_undone_and_remembered(running: Running, tmp_path: Path) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("4")
        await settled(pilot)
        rows = app.pane.home()
        whole, shown = len(rows.anomalies.kept), screen_text(app)  # type: ignore[attr-defined]
        code = rows.anomalies.code_of(0)  # type: ignore[attr-defined]
        assert code in shown
        await pilot.press("g", "S")
        await settled(pilot)
        left = rows.anomalies  # type: ignore[attr-defined]
        assert left.suppressed == whole - len(left.kept) > 0 and f"{left.suppressed} suppressed" in screen_text(app)
        assert load_suppressed() == [Suppression(code)]
        await pilot.press("g", "enter", "j", "S")
        await settled(pilot)
        [first, second] = app.hiding.suppressions
        assert first.device is None and second.device is not None and load_suppressed() == [first, second]
        assert f"suppressed: {code}" in "\n".join(app.pane.lines())
        job = Job(app.store, app.loader, app.context, list(range(app.store.count)), app.pane.lines, app.hiding)
        by_name = {form.name: form for form in FORMATS}
        export(job, by_name["suppressions"], tmp_path / "s.json")
        found = json.loads((tmp_path / "s.json").read_text())["suppressions"]
        assert [(one["code"], one["device"]) for one in found] == [(first.code, None), (second.code, second.device)] and all(one["hides"] for one in found)
        export(job, by_name["anomalies-csv"], tmp_path / "a.csv")
        assert code not in (tmp_path / "a.csv").read_text()
    async with running(app=make_app()) as pilot:
        again = app_of(pilot)
        assert again.hiding.suppressions == [first, second]
        await pilot.press("4", "W")
        await pilot.pause(0.2)
        assert code in screen_text(again)
        await pilot.press("delete", "delete", "delete", "escape")
        await settled(pilot)
        assert not again.hiding.steps and load_suppressed() == []
        assert len(again.pane.home().anomalies.kept) == whole  # type: ignore[attr-defined]


def test_what_was_saved_by_an_older_version_or_is_spoilt_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "dissect"
    folder.mkdir(parents=True)
    (folder / "suppressed.json").write_text('["pair.timeout", 5, {"code": "x.y", "device": "d"}, {"code": 1}, {"device": "d"}]')
    assert load_suppressed() == [Suppression("pair.timeout"), Suppression("x.y", "d")]
    (folder / "suppressed.json").write_text("{")
    assert load_suppressed() == [] and load("suppressed.json") is None
