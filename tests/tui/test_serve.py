"""The interface in a browser: who gets in, who does not, and that it is drawn there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.browser import picture_of
from tests.tui.conftest import DEMO, DEMO_KEYS, ROOT
from tui.serve import Door, announce, command_of, free_port

ORIGIN = "http://127.0.0.1:8123"
HOST = "127.0.0.1:8123"


@pytest.fixture
def door() -> tuple[Door, str]:
    one = Door(ORIGIN)
    cookie = one.take(one.token or "")
    assert cookie is not None
    return one, cookie


def test_the_token_opens_once() -> None:
    door = Door(ORIGIN)
    token = door.token or ""
    assert door.take("x" + token[1:]) is None
    assert door.take(token) is not None
    assert door.take(token) is None


@pytest.mark.parametrize(("path", "host", "origin", "good_cookie", "passes"), [
    pytest.param("/", HOST, None, True, True, id="the page"),
    pytest.param("/ws", HOST, ORIGIN, True, True, id="its socket"),
    pytest.param("/ws", HOST, None, True, False, id="a socket without origin"),
    pytest.param("/ws", HOST, "http://evil.example", True, False, id="a page elsewhere, even with the cookie"),
    pytest.param("/", "evil.example:8123", None, True, False, id="a name that points here (DNS rebinding)"),
    pytest.param("/", HOST, None, False, False, id="no cookie"),
    pytest.param("/static/js/textual.js", HOST, None, False, False, id="a static file without cookie"),
])
def test_who_gets_in(door: tuple[Door, str], path: str, host: str, origin: str | None, good_cookie: bool, passes: bool) -> None:
    one, cookie = door
    assert (one.refusal(path, host, origin, cookie if good_cookie else None) is None) == passes
    assert one.refusal(path, host, origin, "wrong") is not None


def test_the_command_is_quoted_for_the_shell() -> None:
    command = command_of(["tui", "--serve", "a b;rm -rf x.pcap", "--port", "80", "--keys", "$(k)"])
    assert command.endswith("-m dissect tui 'a b;rm -rf x.pcap' --keys '$(k)'")


@pytest.fixture
def server() -> Iterator[str]:
    """The address that it prints."""
    with subprocess.Popen([sys.executable, "-m", "dissect", "tui", "--serve", str(DEMO), "--keys", str(DEMO_KEYS)], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            found = re.search(rb"http://127\.0\.0\.1:\d+/\?token=\S+", process.stdout.readline())
            assert found is not None
            yield found[0].decode()
        finally:
            process.kill()


@pytest.mark.slow
def test_without_the_token_there_is_nothing(server: str) -> None:
    base = server.partition("?")[0]
    for path in ("", "ws", "static/js/textual.js"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(base + path, timeout=10)
        assert refused.value.code == 403


async def test_the_address_is_told_when_somebody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    announcing = asyncio.create_task(announce(port, "open it"))
    await asyncio.sleep(0.1)
    assert capsys.readouterr().out == ""
    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", port):
        await asyncio.wait_for(announcing, 5)
    assert capsys.readouterr().out == "open it\n"


@pytest.mark.slow
async def test_a_browser_shows_it(server: str, tmp_path: Path) -> None:
    """The picture that Chromium takes is the interface, not the page that waits for it; keys are for it without a click; afterwards the address
    is of no more use."""
    typed_into: list[str] = []
    picture = await picture_of(server, tmp_path, typed_into=typed_into)
    assert typed_into == ["xterm-helper-textarea"]
    (tmp_path / "browser.png").write_bytes(picture)
    assert picture.startswith(b"\x89PNG") and len(picture) > 60_000
    with pytest.raises(urllib.error.HTTPError) as refused:
        await asyncio.to_thread(urllib.request.urlopen, server, timeout=10)
    assert refused.value.code == 403
