"""Views and their keys through a pilot: what a user presses, and what is then to be seen."""

from __future__ import annotations

import pytest

from dissect.text import cell_width
from tests.tui.conftest import DEMO_KEYS, SIZES, VIEWS, Running, app_of, make_app, screen_text, settled
from tui.keys import KEYS
from tui.screens.help import MEANING, HelpDialog

pytestmark = pytest.mark.slow


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


async def test_the_focus_is_where_it_was_after_another_window_had_the_keys(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("2")
        app.app_focus = False
        await pilot.resize_terminal(100, 30)
        await pilot.pause(0.1)
        app.app_focus = True
        await pilot.pause(0.1)
        assert app.focused is app.ladder.home()
        await pilot.press("3")
        assert app.current == "pairs" and app.filter_bar.input.value == ""


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


async def test_a_story_of_an_upgrade_shows_its_stages(running: Running) -> None:
    folder = DEMO_KEYS.parents[1] / "clife-cloud-upgrade"
    keys = folder / "keys.toml"
    async with running(app=make_app(next(folder.glob("capture.*")), keys if keys.exists() else None)) as pilot:
        app = app_of(pilot)
        index = next(index for index in range(app.store.count) if (one := app.store.exchange_of(index)) is not None and one.intermediate)
        app.go_to_message(index)
        await pilot.press("2")
        await settled(pilot)
        text = screen_text(app)
        assert sum(text.count(word) for word in ("downloading ", "downloaded ", "upgrading ", "upgraded ")) >= 4, "how far each is"


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


def test_help_has_room_for_what_every_key_does() -> None:
    assert not [one.help for one in KEYS if one.shown and cell_width(one.help) > MEANING]
