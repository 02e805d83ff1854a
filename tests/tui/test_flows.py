"""Keys and screens through a pilot: what a user presses, and what is then to be seen."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import DEMO_KEYS, Running, make_app, screen_text, settled
from tui.app import DissectApp
from tui.keys import KEYS
from tui.model.details import DECRYPTED, MESSAGE, PACKET
from tui.screens.diff import DiffDialog
from tui.screens.help import HelpDialog
from tui.screens.stream import StreamDialog
from tui.settings import load_columns

pytestmark = pytest.mark.slow

VIEWS = ("messages", "ladder", "pairs", "anomalies", "stats", "help")
SIZES = ((120, 40), (100, 30), (80, 24))


def app_of(pilot: Pilot[None]) -> DissectApp:
    return cast("DissectApp", pilot.app)


async def filtered(pilot: Pilot[None], text: str) -> None:
    app_of(pilot).set_filter(text)
    await settled(pilot)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_view_comes_up_by_its_number_and_by_the_brackets(running: Running, size: tuple[int, int]) -> None:
    async with running(size=size) as pilot:
        app = app_of(pilot)
        for number, name in enumerate(VIEWS, start=1):
            await pilot.press(str(number))
            assert app.current == name
            await pilot.pause(0.05)
            assert app.pane.region.size.area > 0
        await pilot.press("right_square_bracket")
        assert app.current == "messages"
        await pilot.press("left_square_bracket")
        assert app.current == "help"
        await pilot.press("escape")
        assert app.current == "messages"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_tab_goes_through_the_panes_of_the_view_alone(running: Running, size: tuple[int, int]) -> None:
    async with running(size=size) as pilot:
        app = app_of(pilot)
        for number in range(1, len(VIEWS) + 1):
            await pilot.press(str(number))
            panes = app.pane.panes()
            for key, step in (("tab", 1), ("tab", 1), ("tab", 1), ("shift+tab", -1)):
                before = panes.index(app.focused)  # type: ignore[arg-type]
                await pilot.press(key)
                assert app.focused is panes[(before + step) % len(panes)]


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


async def test_movement_keys(running: Running) -> None:
    async with running() as pilot:
        rows = app_of(pilot).messages.list
        await pilot.press("j", "j", "k")
        assert rows.cursor == 1
        await pilot.press("pagedown")
        assert rows.cursor == 1 + rows.page
        await pilot.press("ctrl+b")
        assert rows.cursor == 1
        await pilot.press("ctrl+d", "ctrl+u")
        assert rows.cursor == 1
        await pilot.press("G")
        assert rows.cursor == rows.count - 1
        await pilot.press("g")
        assert rows.cursor == 0
        await pilot.press("end", "home", "down", "up")
        assert rows.cursor == 0


async def test_filter_typed_checked_and_cleared(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        whole = len(app.listing)
        await pilot.press("slash", *"imei.status =")
        await pilot.pause(0.4)
        assert app.filter_bar.input.has_class("-invalid")
        assert len(app.listing) == whole
        await pilot.press("equals_sign", "space", *'"200"', "enter")
        await settled(pilot)
        assert app.focused is app.messages.list
        assert 0 < len(app.listing) < whole
        assert all(app.store.session_of(int(index)).protocol == "imei-tcp" for index in app.listing.rows())
        await pilot.press("ctrl+l")
        await settled(pilot)
        assert len(app.listing) == whole


async def test_completion_takes_fields_and_values_seen(running: Running) -> None:
    from tui.model.filters import completion

    async with running() as pilot:
        store = app_of(pilot).store
        assert completion("fogslink.eqS", store) == "fogslink.eqSN"
        assert completion('fogslink.eqSN == "2026003', store) in ('fogslink.eqSN == "20260030"', 'fogslink.eqSN == "20260031"', 'fogslink.eqSN == "20260032"')
        assert completion("exchange.status == t", store) == 'exchange.status == "timeout"'


async def test_a_field_becomes_a_filter_and_a_column(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("tab")
        view = app.messages
        view.details.reveal(next(place for place, node in enumerate(view.details.nodes) if node.label == "eqSN"))
        await pilot.press("a")
        assert "fogslink.eqSN" in [column.name for column in view.list.columns]
        await pilot.press("equals_sign")
        await settled(pilot)
        assert app.filter_text == 'fogslink.eqSN == "20260030"'
        await pilot.press("exclamation_mark")
        await settled(pilot)
        assert len(app.listing) == 0


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


async def test_ladder_of_a_session_its_mate_and_the_way_back(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        app.messages.list.focus()
        await pilot.press("enter")
        await pilot.pause(0.3)
        assert app.current == "ladder" and app.ladder.index == 0
        await pilot.press("percent_sign")
        await pilot.pause(0.1)
        row = app.store.exchange_row(0)
        assert row is not None and app.ladder.index == row["response"]
        await pilot.press("t", "s", "9", "0", "less_than_sign", "greater_than_sign", "o")
        await settled(pilot)
        await pilot.press("enter")
        assert app.current == "messages"


async def test_sessions_chosen_with_space_are_merged_in_the_ladder(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        app.messages.sessions.focus()
        await pilot.press("space", "space")
        await settled(pilot)
        assert len(app.chosen_sessions) == 2
        assert {app.store.session_of(int(index)).id for index in app.listing.rows()} == set(app.chosen_sessions)
        await pilot.press("2")
        await pilot.pause(0.2)
        assert app.ladder.list.ladder is not None and len(app.ladder.list.ladder.lanes) >= 2
        await pilot.press("escape", "escape")
        await settled(pilot)
        assert not app.chosen_sessions


async def test_pairs_sort_group_and_open(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("3")
        await pilot.pause(0.1)
        for _ in range(4):
            await pilot.press("greater_than_sign")
        await pilot.press("z", "b")
        await pilot.pause(0.1)
        assert "Operation" in screen_text(app)
        await pilot.press("enter")
        await settled(pilot)
        assert app.filter_text.startswith("exchange.operation ==")
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert app.current == "messages"


async def test_anomalies_open_to_the_message_and_can_be_narrowed(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("4")
        await pilot.pause(0.2)
        view = app.panes[3]
        whole = app.focused.count  # type: ignore[union-attr]
        await pilot.press("enter")
        assert app.focused.count > whole  # type: ignore[union-attr]
        await pilot.press("down", "enter")
        await pilot.pause(0.1)
        assert app.current == "messages" and app.messages.index is not None and app.store.severity(app.messages.index) == 3
        await pilot.press("4", "plus", "plus")
        assert view.minimum == 3  # type: ignore[attr-defined]
        await pilot.press("minus", "minus", "b", "b", "b", "L", "L")
        await pilot.press("g", "S")
        assert app.hiding.suppressions


async def test_help_shows_the_keys_of_this_place_and_the_syntax_has_fields(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("question_mark")
        await pilot.pause(0.1)
        assert isinstance(app.screen, HelpDialog) and "request <-> answer" in screen_text(app)
        await pilot.press("escape")
        await pilot.press("slash", "f1")
        await pilot.pause(0.1)
        assert isinstance(app.screen, HelpDialog) and "exchange.latency_ms > 500" in screen_text(app)
        await pilot.press("escape")


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


async def test_no_key_of_the_table_fails_in_any_view(running: Running) -> None:
    """Every key, pressed in every view; dialogs that it opens are left again."""
    async with running(size=(100, 30)) as pilot:
        app = app_of(pilot)
        for view in VIEWS:
            for key in KEYS:
                if key.action in ("quit_now", "back", "filter", "command_palette") or key.where == "list":
                    continue
                app.action_view(view)
                await pilot.press(key.keys.split(",")[0])
                while len(app.screen_stack) > 1:
                    app.pop_screen()
                    await pilot.pause()
        await settled(pilot)


async def test_the_palette_has_every_action(running: Running) -> None:
    async with running() as pilot:
        titles = {command.title for command in app_of(pilot).get_system_commands(pilot.app.screen)}
        assert {key.help[:1].upper() + key.help[1:] for key in KEYS if key.where == "messages"} <= titles


async def test_quitting_by_q_at_the_root(running: Running) -> None:
    async with running() as pilot:
        await pilot.press("q")
        await pilot.pause(0.1)
        assert not app_of(pilot).is_running or app_of(pilot)._exit


def test_no_two_actions_share_a_key() -> None:
    seen: dict[str, str] = {}
    for one in KEYS:
        for key in one.keys.split(","):
            assert key not in seen, f"{key}: {seen.get(key)} and {one.action}"
            seen[key] = one.action


async def test_equals_filters_on_what_the_view_is_about_and_keys_of_messages_are_quiet_elsewhere(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("4")
        await settled(pilot)
        code = app.panes[3].list.anomalies.code_of(0)  # type: ignore[attr-defined]
        await pilot.press("g", "equals_sign")
        await settled(pilot)
        assert app.filter_text == f'anomaly.code == "{code}"' and 0 < app.listing.matched < 10
        await pilot.press("ctrl+l")
        await settled(pilot)
        await pilot.press("3", "g")
        await settled(pilot)
        await pilot.press("exclamation_mark")
        await settled(pilot)
        assert app.filter_text == 'exchange.operation != "announce"'
        await pilot.press("4", "x", "r", "f10", "z", "greater_than_sign", "vertical_line", "backslash")
        await pilot.pause(0.1)
        assert app.focused is app.pane.home() and app.sort_name is None and len(app.screen_stack) == 1


async def test_a_story_of_an_upgrade_shows_its_stages(running: Running) -> None:
    folder = DEMO_KEYS.parents[1] / "clife-cloud-upgrade"
    keys = folder / "keys.toml"
    async with running(app=make_app(next(folder.glob("capture.*")), keys if keys.exists() else None)) as pilot:
        app = app_of(pilot)
        index = next(index for index in range(app.store.count) if (one := app.store.exchange_of(index)) is not None and one.intermediate)
        app.go_to_message(index)
        await pilot.press("2")
        await settled(pilot)
        assert screen_text(app).count("respCont=") >= 4, "how far each is"


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


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_wrong_filter_says_what_may_be_meant_at_every_size(running: Running, size: tuple[int, int]) -> None:
    async with running(size=size) as pilot:
        await pilot.press("slash", *"fogslink.eqSNN")
        await pilot.pause(0.4)
        assert "did you mean fogslink.eqSN" in screen_text(app_of(pilot))


@pytest.mark.parametrize("part", [1, 30, 75, 144])
async def test_what_the_analysis_has_and_the_interface_has_not_taken_in_yet_harms_nothing(running: Running, part: int) -> None:
    """Exchanges, anomalies and counts are read from the analysis, which another thread feeds: they are ahead of the messages listed."""
    async with running() as pilot:
        app = app_of(pilot)
        store = app.store
        store.update = lambda: False  # type: ignore[method-assign]
        store.count = part
        for name in ("", "anomaly.severity >= warning", "exchange.status == \"ok\""):
            app.set_filter(name)
            await pilot.pause(0.3)
            assert app.listing.taken == part
            for number in range(1, len(VIEWS) + 1):
                await pilot.press(str(number))
                for key in ("end", "b", "L", "end", "enter", "home", "percent_sign", "full_stop", "s", "o"):
                    await pilot.press(key)
                    await pilot.pause(0)
                    assert app._exception is None
                app.action_view("messages")


async def test_a_fault_of_ours_ends_it_with_one_line_and_shows_no_values() -> None:
    app = make_app()

    def broken() -> None:
        secret = "8AEAF7E5E65C2F4F"
        raise ZeroDivisionError(secret)

    app.action_mark = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            await pilot.press("m")
    app.loader.close()
    assert str(app.fault) == f"a fault of dissect itself, please report it: ZeroDivisionError in test_flows.py, line {broken.__code__.co_firstlineno + 2}"
    assert not app._exit_renderables
