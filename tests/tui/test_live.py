"""A capture that grows while it is looked at: rows come, the reader's place stays, following goes to the end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import cast

import pytest

from tests.bench.packets import SYN, Flow, address, write
from tests.tui.conftest import Running, make_app
from tui.app import DissectApp

pytestmark = pytest.mark.slow


def fog_packets(count: int) -> list[tuple[float, bytes]]:
    flow = Flow(address(10, 0, 0, 5), address(203, 0, 113, 10), 40000, 63321, 1)
    packets = [(0.0, flow.tcp(0, b"", SYN))]
    for number in range(count):
        packets.append((1 + number * 0.1, flow.tcp(0, b'{"req200":{"eqSN":"20260030","packID":"%d","totalSize":0,"eqData":[]}}\n' % number)))
        packets.append((1 + number * 0.1 + 0.03, flow.tcp(1, b'{"res200":{"eqSN":"20260030","packID":"%d","code":"8"}}\n' % number)))
    return packets


async def until(what: object, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.05)


async def test_a_growing_file_is_followed_without_a_jump(running: Running, tmp_path: Path) -> None:
    whole, growing = tmp_path / "whole.pcap", tmp_path / "growing.pcap"
    write(whole, fog_packets(400))
    data = whole.read_bytes()
    half = len(data) // 2
    growing.write_bytes(data[:half])
    app = make_app(growing, None, growing=True)
    async with running(app=app) as pilot:
        application = cast("DissectApp", pilot.app)
        rows = application.messages.list
        await until(lambda: rows.count > 300)
        await pilot.press("pagedown", "j")
        cursor, top, index, before = rows.cursor, rows.top, application.messages.index, rows.count
        with growing.open("ab") as file:
            file.write(data[half:])
        await until(lambda: rows.count > before + 300)
        assert (rows.cursor, rows.top, application.messages.index) == (cursor, top, index)
        assert "LIVE" in str(application.query_one("TitleBar").cells(120))  # type: ignore[attr-defined]
        await pilot.press("F")
        await until(lambda: rows.cursor == rows.count - 1)
        application.loader.cancel()
        await until(lambda: application.store.finished)


async def test_pausing_holds_new_rows_back_and_counts_them(running: Running, tmp_path: Path) -> None:
    whole, growing = tmp_path / "whole.pcap", tmp_path / "growing.pcap"
    write(whole, fog_packets(400))
    data = whole.read_bytes()
    growing.write_bytes(data[:len(data) // 2])
    async with running(app=make_app(growing, None, growing=True)) as pilot:
        app = cast("DissectApp", pilot.app)
        await until(lambda: app.messages.list.count > 300)
        await asyncio.sleep(0.5)
        await pilot.press("p")
        shown = app.messages.list.count
        with growing.open("ab") as file:
            file.write(data[len(data) // 2:])
        await until(lambda: app.waiting_rows > 100)
        assert app.messages.list.count == shown
        await pilot.press("p")
        await until(lambda: app.messages.list.count > shown + 100)


async def test_standard_input_is_read_and_a_missing_capture_is_told(running: Running, tmp_path: Path) -> None:
    app = make_app(tmp_path / "none.pcap", None)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(lambda: app.loader.done)
        await pilot.pause(0.3)
        assert app.loader.error is not None and "none.pcap" in str(app.loader.error)
        assert app.is_running
    app.loader.close()


async def test_reading_can_be_stopped_and_what_was_read_stays(running: Running, tmp_path: Path) -> None:
    growing = tmp_path / "growing.pcap"
    write(growing, fog_packets(50))
    async with running(app=make_app(growing, None, growing=True)) as pilot:
        app = cast("DissectApp", pilot.app)
        await until(lambda: app.messages.list.count > 50)
        await pilot.press("ctrl+c")
        await until(lambda: app.store.finished)
        assert app.messages.list.count >= 50 and app.is_running
