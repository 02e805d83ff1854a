"""Chromium without a window, driven through its debugging socket: open an address, wait, take a picture."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from pathlib import Path
from typing import Any

import aiohttp


async def picture_of(address: str, folder: Path, *, seconds: float = 8, size: tuple[int, int] = (1280, 800), keys: str = "",
                     typed_into: list[str] | None = None) -> bytes:
    """A PNG of what *address* shows after *seconds*; *keys* are typed half-way, without a click.

    *typed_into* is told the class of what had the focus then.
    """
    profile = folder / "profile"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}",
               f"--window-size={size[0]},{size[1]}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = await _port(profile)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = await answer.json()
            target = next(page for page in pages if page["type"] == "page")["webSocketDebuggerUrl"]
            async with session.ws_connect(target, max_msg_size=0) as page:
                await _call(page, 1, "Page.navigate", {"url": address})
                await asyncio.sleep(seconds / 2)
                if typed_into is not None:
                    found = await _call(page, 3, "Runtime.evaluate", {"expression": "document.activeElement.className"})
                    typed_into.append(found["result"]["value"])
                for number, key in enumerate(keys):
                    await _call(page, 10 + number, "Input.dispatchKeyEvent", {"type": "char", "text": key})
                await asyncio.sleep(seconds / 2)
                shot = await _call(page, 2, "Page.captureScreenshot", {"format": "png"})
                return base64.b64decode(shot["data"])
    finally:
        process.terminate()
        process.wait(10)


async def _port(profile: Path) -> int:
    for _ in range(150):
        file = profile / "DevToolsActivePort"
        if file.exists() and file.read_text().strip():
            return int(file.read_text().split()[0])
        await asyncio.sleep(0.1)
    raise AssertionError("chromium did not start")


async def _call(page: Any, number: int, method: str, parameters: dict[str, Any]) -> Any:
    await page.send_json({"id": number, "method": method, "params": parameters})
    while True:
        message = await page.receive_json(timeout=30)
        if message.get("id") == number:
            assert "error" not in message, message
            return message["result"]
