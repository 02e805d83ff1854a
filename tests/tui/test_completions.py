"""The list under the filter's line, through a pilot: it opens while one types, is chosen from, and never takes the focus or a key that is meant as text."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.tui.conftest import SIZES, Running, app_of, filtered, screen_text, settled
from tui.model.values import Seen
from tui.widgets import filter_bar

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_it_opens_under_the_line_and_tells_fields_with_their_meaning(running: Running, size: tuple[int, int]) -> None:
    async with running(size=size) as pilot:
        app = app_of(pilot)
        await pilot.press("slash", *"exchange.l")
        await pilot.pause(0.3)
        lines = screen_text(app).splitlines()
        row = next(number for number, line in enumerate(lines) if "Time from the last attempt" in line)
        assert 2 < row < 6 and "exchange.latency_ms" in lines[row] and "number, ms" in lines[row]
        assert "Esc: close" in screen_text(app) and all(len(line) <= size[0] for line in lines)
        assert app.focused is app.filter_bar.input
        region = app.filter_bar.offers.region
        assert region.y == 2 and region.right <= size[0] and region.bottom < size[1]


async def test_a_filter_is_made_of_offers_alone(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        line, listed = app.filter_bar.input, app.filter_bar.offers
        await pilot.press("slash", *"exchange.st", "tab")
        await pilot.pause(0.2)
        assert line.value == "exchange.status"
        await pilot.press("space", "tab")
        await pilot.pause(0.2)
        assert line.value == "exchange.status == " and [one.shown for one in listed.offered] == ["ok", "error", "late", "timeout", "pending"]
        await pilot.press("down", "down", "down", "down", "up", "down")
        assert "4/5" in screen_text(app)
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert line.value == 'exchange.status == "timeout"' and app.filter is None and app.focused is line
        await pilot.press("space", "tab", *"fogslin")
        await pilot.pause(0.2)
        await pilot.press("tab", "enter")
        await settled(pilot)
        assert app.filter_text == 'exchange.status == "timeout" and fogslink' and not listed.display and app.messages.list.has_focus
        assert 0 < len(app.listing) < 10


async def test_values_of_this_capture_are_offered_and_a_click_takes_one(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("slash", *"clife.cmd in {2006, ")
        await pilot.pause(0.3)
        listed = app.filter_bar.offers
        assert {"2006", "2011", "1104"} <= {one.shown for one in listed.offered}
        place = next(number for number, one in enumerate(listed.offered) if one.shown == "2011")
        assert await pilot.click(listed, offset=(6, place + 1))
        await pilot.pause(0.2)
        assert app.filter_bar.input.value == "clife.cmd in {2006, 2011" and app.focused is app.filter_bar.input
        await pilot.press("right_curly_bracket", "enter")
        await settled(pilot)
        assert app.filter_text == "clife.cmd in {2006, 2011}" and len(app.listing)


async def test_esc_closes_the_list_then_leaves_the_line_as_it_was(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await filtered(pilot, "tcp")
        await pilot.press("slash")
        await pilot.pause(0.2)
        assert not app.filter_bar.offers.display, "what is in force needs no completing"
        await pilot.press(*" an")
        await pilot.pause(0.2)
        assert app.filter_bar.offers.display
        await pilot.press("escape")
        assert not app.filter_bar.offers.display and app.focused is app.filter_bar.input and app.filter_bar.input.value == "tcp an"
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert app.focused is app.messages.list and app.filter_bar.input.value == "tcp" and not app.filter_bar.offers.display
        await pilot.press("slash", "escape")
        assert app.focused is app.messages.list


async def test_saved_filters_come_first_where_nothing_is_typed_and_by_the_arrow_up(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await filtered(pilot, "tcp && fogslink")
        await filtered(pilot, "udp")
        await pilot.press("ctrl+l", "slash")
        await pilot.pause(0.3)
        assert [one.text for one in app.filter_bar.offers.offered[:2]] == ["udp", "tcp && fogslink"]
        await pilot.press("up", "up")
        await pilot.pause(0.2)
        assert app.filter_bar.input.value == "tcp && fogslink" and not app.filter_bar.offers.display
        await pilot.press("ctrl+u", "down", "down", "enter")
        await pilot.pause(0.2)
        assert app.filter_bar.input.value == "tcp && fogslink"
        await pilot.press("enter")
        await settled(pilot)
        assert app.filter_text == "tcp && fogslink"


async def test_the_middle_of_a_filter_is_completed_and_its_end_kept(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("slash", *" && tcp", "home", *"exchange.operatio")
        await pilot.pause(0.3)
        await pilot.press("tab")
        await pilot.pause(0.1)
        line = app.filter_bar.input
        assert line.value == "exchange.operation && tcp" and line.tail == " && tcp"


async def test_typing_never_waits_for_the_values(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()

    def slow(name: str, store: object) -> list[Seen]:
        assert found.wait(20)
        return [Seen("20260030", 1.0)]

    monkeypatch.setattr(filter_bar, "values_seen", slow)
    async with running() as pilot:
        app = app_of(pilot)
        line, listed = app.filter_bar.input, app.filter_bar.offers
        await pilot.press("slash", *'fogslink.eqSN == "2026003')
        assert line.value == 'fogslink.eqSN == "2026003' and not listed.offered
        found.set()
        for _ in range(100):
            await asyncio.sleep(0.05)
            if listed.offered:
                break
        assert [one.shown for one in listed.offered] == ["20260030"]
        await pilot.press("tab")
        assert line.value == 'fogslink.eqSN == "20260030"'
