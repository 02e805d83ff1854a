"""The README's pictures of the interface, as it is now: `python -m tests.tui.pictures`. Look at them before they are committed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from tests.tui.conftest import ROOT, app_of, make_app, settled

FOLDER = ROOT / "docs" / "screenshots"
SIZE = (120, 40)
UPGRADE = ROOT / "captures" / "clife-cloud-upgrade" / "capture.pcapng"


async def field_and_bytes(pilot: Pilot[None]) -> None:
    """A field of a decrypted message, and where it lies in the plaintext."""
    app = app_of(pilot)
    app.go_to_message(next(index for index in range(app.store.count) if b"params" in (app.store.analysis.plaintext(index) or b"")))
    await pilot.pause(0.3)
    await pilot.press("tab")
    details = app.messages.details
    details.reveal(next(place for place, node in enumerate(details.nodes) if node.label == "0"))
    await pilot.pause(0.3)


async def view(pilot: Pilot[None], number: str, *keys: str) -> None:
    await pilot.press(number)
    await settled(pilot)
    await pilot.press(*keys)
    await pilot.pause(0.3)


PICTURES: dict[str, tuple[Path | None, Callable[[Pilot[None]], Awaitable[None]]]] = {
    "messages": (None, field_and_bytes),
    "ladder": (UPGRADE, lambda pilot: view(pilot, "2", *["down"] * 9)),
    "pairs": (None, lambda pilot: view(pilot, "3", "down", "down")),
    "anomalies": (None, lambda pilot: view(pilot, "4", "enter", "down")),
    "stats": (None, lambda pilot: view(pilot, "5")),
}


async def take(name: str) -> None:
    path, show = PICTURES[name]
    app = make_app() if path is None else make_app(path, None)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await show(pilot)
        app.save_screenshot(f"{name}.svg", str(FOLDER))
    app.loader.close()


if __name__ == "__main__":
    for each in PICTURES:
        asyncio.run(take(each))
