"""Pictures of the main views at three sizes, in a dark theme and in plain ANSI, held against those stored.

After a change that is meant: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at the report.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import SIZES, make_app, settled

pytestmark = pytest.mark.slow

THEMES = ("textual-dark", "ansi-dark")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", ["messages", "ladder", "pairs", "anomalies", "help"])
def test_view(snap_compare: Any, view: str, theme: str, size: tuple[int, int]) -> None:
    app = make_app(theme=theme)

    async def show(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press(*["down"] * 8)
        await pilot.pause(0.2)
        app.action_view(view)
        await settled(pilot)
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_ascii(snap_compare: Any, size: tuple[int, int]) -> None:
    app = make_app(theme="ansi-dark", ascii_only=True)

    async def show(pilot: Pilot[None]) -> None:
        await settled(pilot)
        app.action_view("ladder")
        await settled(pilot)
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=size, run_before=show)
