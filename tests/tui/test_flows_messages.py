"""The view of messages through a pilot: details, bytes, mates, marks, order, folding, keys loaded while running."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.conftest import DEMO_KEYS, Running, app_of, make_app, screen_text, settled
from tui.model.details import DECRYPTED, MESSAGE, PACKET
from tui.screens.diff import DiffDialog
from tui.screens.stream import StreamDialog
from tui.settings import load_columns

pytestmark = pytest.mark.slow


async def test_details_and_bytes_are_linked_both_ways(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        view = app.messages
        await pilot.press("tab")
        assert app.focused is view.details
        place = next(place for place, node in enumerate(view.details.nodes) if node.label == "eqSN")
        view.details.reveal(place)
        await pilot.pause(0.05)
        node = view.details.nodes[place]
        assert view.hex.tab == MESSAGE and view.hex.span == (node.start, node.end)
        assert view.hex.shown[node.start:node.end] == b'"eqSN":"20260030"'
        await pilot.press("tab")
        assert view.hex.has_focus
        await pilot.press("home", "right")
        await pilot.pause(0.05)
        chosen = view.details.node
        assert chosen is not None and chosen.start <= view.hex.byte < chosen.end
        assert "fogslink" in str(view.said.render())


async def test_raw_goes_through_the_tabs_and_a_decrypted_message_has_three(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        index = next(index for index in range(app.store.count) if app.store.analysis.plaintext(index))
        app.go_to_message(index)
        await pilot.pause(0.2)
        seen = []
        for _ in range(3):
            await pilot.press("r")
            seen.append(app.messages.hex.tab)
        assert set(seen) == {PACKET, MESSAGE, DECRYPTED}


async def test_mate_and_session_steps_lead_where_they_should(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        row = app.store.exchange_row(0)
        assert row is not None
        await pilot.press("percent_sign")
        assert app.messages.index == row["response"]
        await pilot.press("percent_sign")
        assert app.messages.index == 0
        session = app.store.session_of(0).id
        await pilot.press("full_stop")
        assert app.messages.index is not None and app.messages.index > 0 and app.store.session_of(app.messages.index).id == session
        await pilot.press("comma")
        assert app.messages.index == 0


async def test_marks_selection_and_diff(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("m", "down", "down", "m", "g", "apostrophe")
        assert app.messages.list.cursor == 2
        await pilot.press("M")
        await settled(pilot)
        assert len(app.listing) == 2
        await pilot.press("M")
        await settled(pilot)
        await pilot.press("g", "space", "space", "d")
        await pilot.pause(0.1)
        assert isinstance(app.screen, DiffDialog)
        assert "differ" in screen_text(app)
        await pilot.press("escape")


async def test_find_goes_to_the_next_place_and_back(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("ctrl+f")
        await pilot.pause(0.1)
        await pilot.press(*"ht", "enter")
        await pilot.pause(0.1)
        app.find_text = "20260031"
        await pilot.press("g", "n")
        await settled(pilot)
        first = app.messages.index
        await pilot.press("n")
        await settled(pilot)
        assert first is not None and app.messages.index is not None and app.messages.index > first
        await pilot.press("N")
        await settled(pilot)
        assert app.messages.index == first


async def test_sorting_by_size_and_turning_it_round(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        app.sort_by("size")
        await settled(pilot)
        sizes = [int(app.store.analysis.columns.value(int(index), "size")) for index in app.listing.rows()]
        assert sizes == sorted(sizes)
        await pilot.press("z")
        await settled(pilot)
        assert [int(app.store.analysis.columns.value(int(index), "size")) for index in app.listing.rows()] == sorted(sizes, reverse=True)
        await pilot.press("greater_than_sign", "less_than_sign")
        await settled(pilot)


async def test_heartbeats_fold_and_open(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        folded = len(app.listing)
        assert app.listing.matched == app.store.count > folded
        await pilot.press("o")
        await settled(pilot)
        assert len(app.listing) == app.store.count


async def test_time_forms_colours_columns_layouts_and_zoom(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        for form in ("delta", "utc", "local", "relative"):
            await pilot.press("t")
            assert app.context.time_form == form
        for colour in ("protocol", "direction", "state"):
            await pilot.press("c")
            assert app.messages.list.colour == colour
        for _ in range(3):
            await pilot.press("vertical_line")
            await pilot.pause(0.05)
        await pilot.press("backslash")
        await pilot.pause(0.05)
        assert app.messages.list.size.height > 28
        await pilot.press("escape")
        await pilot.press("right_curly_bracket", "left_curly_bracket", "x", "x")
        await pilot.press("f10")
        await pilot.pause(0.1)
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert len(app.messages.list.columns) >= 8
        await pilot.press("f10", "j", "j", "j", "j", "space", "enter")
        await pilot.pause(0.1)
        assert "device" not in {one.name for one in app.messages.list.columns} and load_columns() and "device" not in load_columns()


async def test_the_conversation_as_text(running: Running) -> None:
    async with running() as pilot:
        await pilot.press("T")
        await pilot.pause(0.1)
        app = app_of(pilot)
        assert isinstance(app.screen, StreamDialog) and '> {"req001"' in screen_text(app)
        await pilot.press("r", "escape")


async def test_goto_and_copy(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("ctrl+g")
        await pilot.pause(0.1)
        await pilot.press(*"35", "enter")
        await pilot.pause(0.1)
        assert app.messages.index is not None and app.store.analysis.id_of(app.messages.index) == 35
        await pilot.press("y")
        assert "35" in app.clipboard


async def test_keys_loaded_while_running_decrypt_in_place(running: Running) -> None:
    async with running(app=make_app(keys=None)) as pilot:
        app = app_of(pilot)
        before = sum(app.store.analysis.plaintext(index) is not None for index in range(app.store.count))
        app.go_to_message(8)
        app._load_keys(str(DEMO_KEYS))
        await pilot.pause(0.2)
        await settled(pilot)
        after = sum(app.store.analysis.plaintext(index) is not None for index in range(app.store.count))
        assert after > before
        assert app.messages.index == 8


async def test_a_wrong_keys_file_is_told_and_changes_nothing(running: Running, tmp_path: Path) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        store = app.store
        app._load_keys(str(tmp_path / "none.toml"))
        await pilot.pause(0.2)
        assert app.store is store and "none.toml" in str([notice.message for notice in app._notifications])


async def test_what_is_copied_can_go_to_a_file(running: Running, tmp_path: Path) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        for _ in range(2):
            await pilot.press("Y")
            await pilot.pause(0.1)
            app.screen.query_one("#prompt").value = str(tmp_path / "copied.txt")  # type: ignore[attr-defined]
            await pilot.press("enter", "down")
            await pilot.pause(0.1)
        first, second = (tmp_path / "copied.txt").read_text().splitlines()
        assert "req001" in first and "res001" in second
        await pilot.press("Y")
        await pilot.pause(0.1)
        app.screen.query_one("#prompt").value = str(tmp_path)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert app.is_running and any("cannot be written" in one.message for one in app._notifications)
