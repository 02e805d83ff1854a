"""An application over a sample capture, driven by a pilot, with nothing left of one test for the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dissect.keys import load_keys
from dissect.options import Options
from tui.app import DissectApp
from tui.loading import Loader

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "captures" / "demo" / "capture.pcapng"
DEMO_KEYS = ROOT / "captures" / "demo" / "keys.toml"

VIEWS = ("messages", "ladder", "pairs", "anomalies", "stats", "help")
SIZES = ((120, 40), (100, 30), (80, 24))

Running = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saved filters and suppressions go to a folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("tui.model.filters._saved", [])
    monkeypatch.delenv("NO_COLOR", raising=False)


def make_app(path: Path | str = DEMO, keys: Path | None = DEMO_KEYS, **named: Any) -> DissectApp:
    options = Options(keep_bytes=True, keys=load_keys(keys) if keys is not None else None)
    options = replace(options, **named.pop("options", {}))
    follow, redact = named.pop("growing", False), named.pop("redact", False)
    return DissectApp(Loader([str(path)], options, follow=follow, redact=redact), ascii_only=named.pop("ascii_only", False), **named)


def app_of(pilot: Pilot[None]) -> DissectApp:
    app = pilot.app
    assert isinstance(app, DissectApp)
    return app


async def settled(pilot: Pilot[None], seconds: float = 20) -> None:
    """All is read, listed, counted and drawn."""
    app = app_of(pilot)
    for _ in range(int(seconds / 0.02)):
        await asyncio.sleep(0.02)
        quiet = app.store.finished and app.listing.taken >= app.store.count and app._counted == app._marks() and not app.building and not app._advancing
        if quiet and not [worker for worker in app.workers if worker.group in ("build", "stats", "find") and not worker.is_finished]:
            break
    else:
        raise AssertionError("the interface did not come to rest")
    await pilot.pause(0.1)


async def filtered(pilot: Pilot[None], text: str) -> None:
    app_of(pilot).set_filter(text)
    await settled(pilot)


@pytest.fixture
def running() -> Running:
    """`async with running(size=(120, 40)) as pilot`: the interface over the demo capture, wholly read."""

    @asynccontextmanager
    async def run(size: tuple[int, int] = (120, 40), app: DissectApp | None = None, **named: Any) -> AsyncIterator[Pilot[None]]:
        application = app or make_app(**named)
        async with application.run_test(size=size) as pilot:
            if not application.loader.follow:
                await settled(pilot)
            yield pilot
        application.loader.close()

    return run


def screen_text(app: DissectApp) -> str:
    """What the screen shows, as text."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())
