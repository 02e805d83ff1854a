"""The filter bar through a pilot: typed, completed, made of fields, refused."""

from __future__ import annotations

import pytest

from tests.tui.conftest import SIZES, Running, app_of, screen_text, settled

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_wrong_filter_says_what_may_be_meant_at_every_size(running: Running, size: tuple[int, int]) -> None:
    async with running(size=size) as pilot:
        await pilot.press("slash", *"fogslink.eqSNN")
        await pilot.pause(0.4)
        assert "did you mean fogslink.eqSN" in screen_text(app_of(pilot))
