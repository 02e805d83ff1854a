"""Marks: at once by one key, named by a letter after it, gone to by name from any view, listed in the palette; moving on after a mark stays moving on."""

from __future__ import annotations

import string

import pytest

from tests.tui.conftest import Running, app_of, screen_text, settled
from tui import marking
from tui.app import DissectApp
from tui.marking import MOVING

pytestmark = pytest.mark.slow


def mark_of(app: DissectApp, number: int) -> str:
    """What stands in the list before the message of that number, in the place of marks."""
    listed = [line[app.messages.list.content_region.x:] for line in screen_text(app).splitlines()]
    return next(line for line in listed if f" {number} " in line[:14])[0]


async def test_a_letter_after_m_names_the_mark_and_after_the_apostrophe_goes_to_it(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("m", "a", "down", "down", "m")
        await pilot.pause(0.1)
        assert "a letter now names the mark" in screen_text(app)
        await pilot.press("z", "down")
        await pilot.pause(0.1)
        assert app.mark_names == {"a": 0, "z": 2} and app.marked == {0, 2}
        assert (mark_of(app, 1), mark_of(app, 3)) == ("a", "z")
        await pilot.press("G", "apostrophe", "a")
        assert app.messages.list.cursor == 0
        await pilot.press("grave_accent")
        await pilot.pause(0.1)
        assert "go to the mark  a: 1  z: 3" in screen_text(app)
        await pilot.press("z")
        assert app.messages.list.cursor == 2
        await pilot.press("m", "escape")
        assert app.marked == {0} and app.mark_names == {"a": 0}
        await pilot.press("M")
        await settled(pilot)
        assert len(app.listing) == 1


async def test_after_m_the_keys_that_move_still_move(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("m", "j", "m", "j", "m", "m", "k", "m", "down", "m", "G")
        assert not app.mark_names and app.marked == {0, 2} and app.messages.list.cursor == app.messages.list.count - 1
        await pilot.press("m", "g")
        assert app.messages.list.cursor == 0 and not app.mark_names


async def test_after_a_while_a_letter_is_a_key_again(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "LETTER_S", 0.0)
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("m")
        await pilot.pause(0.1)
        assert app.awaited is None
        await pilot.press("c")
        assert not app.mark_names and app.messages.list.colour == "protocol"


async def test_by_the_quotation_mark_every_letter_is_a_name_and_esc_gives_none(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        for letter in string.ascii_lowercase:
            await pilot.press("quotation_mark", letter, "down")
        assert set(app.mark_names) == set(string.ascii_lowercase) > MOVING
        assert [app.listing.row_of(app.mark_names[letter]) for letter in "abc"] == [0, 1, 2]
        await pilot.press("quotation_mark", "escape")
        assert len(app.mark_names) == 26 and app.current == "messages"
        await pilot.press("quotation_mark", "a")
        assert app.mark_names["a"] == app.messages.index


async def test_names_hold_in_every_view_and_stand_in_the_palette(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("m", "a", "down", "2")
        await settled(pilot)
        await pilot.press("down", "m", "b")
        await pilot.pause(0.1)
        assert "b " in next(line for line in screen_text(app).splitlines() if " 3 " in line[:12])[:4]
        await pilot.press("4", "grave_accent", "b")
        await settled(pilot)
        assert app.current == "messages" and app.messages.index == app.mark_names["b"]
        assert "Mark a" in [command.title for command in app.get_system_commands(app.screen)]
        await pilot.press("grave_accent", "q")
        assert app.is_running and app.messages.index == app.mark_names["b"]


async def test_letters_are_text_where_text_is_typed(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("m", "slash", "a")
        assert app.filter_bar.input.value == "a" and not app.mark_names
