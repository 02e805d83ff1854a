"""The mouse: what is under the pointer is what is chosen, in lists with a frame, with a rule and without one."""

from __future__ import annotations

import pytest

from tests.tui.conftest import SIZES, Running, app_of, screen_text, settled
from tui.model.details import MESSAGE

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_click_chooses_the_line_under_the_pointer(running: Running, size: tuple[int, int]) -> None:
    async with running(size=size) as pilot:
        app = app_of(pilot)
        rows = app.messages.list
        for y, line in enumerate(screen_text(app).splitlines()):
            x = rows.region.x + 12
            if rows.content_region.contains(x, y) and y > rows.content_region.y:
                await pilot.click(offset=(x, y))
                assert f" {app.store.analysis.id_of(rows.index or 0)} " in line[rows.region.x:][:12], line
                if rows.cursor > 3:
                    break
        await pilot.pause(0.3)
        tree = app.messages.details
        tree.action_first()
        await pilot.pause(0.1)
        texts = screen_text(app).splitlines()
        y = next(number for number, line in enumerate(texts) if "IPv4" in line and tree.region.contains(tree.region.x + 6, number))
        await pilot.click(offset=(tree.region.x + 12, y))
        assert tree.node is not None and tree.node.label.startswith("IPv4")
        await pilot.click(offset=(tree.content_region.x, y))
        await pilot.pause(0.1)
        assert "20 B" not in screen_text(app).splitlines()[y + 1], "the branch opened"


async def test_a_click_on_a_byte_finds_its_field_and_on_a_head_sorts(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.pause(0.2)
        pane = app.messages.hex
        pane.show_span(MESSAGE, 0, 1)
        for offset, x in ((0, 6), (3, 15), (9, 34), (17, 9)):
            await pilot.click(offset=(pane.content_region.x + x, pane.content_region.y + offset // 16))
            assert pane.byte == offset
        assert app.messages.details.node is not None and "eqSN" in app.messages.details.node.label
        head = screen_text(app).splitlines()[app.messages.list.content_region.y]
        await pilot.click(offset=(head.index("Cmd"), app.messages.list.content_region.y))
        await settled(pilot)
        assert app.sort_name == "type" or app.sort_name == "cmd"


async def test_a_click_on_a_tab_shows_its_view(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        line = screen_text(app).splitlines()[2]
        await pilot.click(offset=(line.index("Pairs"), 2))
        await settled(pilot)
        assert app.current == "pairs"
