"""No text of a packet steers the terminal or is read as markup: held on what really reaches a pty, and on what widgets are given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.color import Color

from tests.tui.conftest import Running, make_app, settled
from tests.tui.hostile import write_hostile
from tests.tui.terminal import Terminal
from tui.safety import SecondNet

FORBIDDEN = (b"\x1b[31mRED", b"\x1b]0;PWNED", b"\x1b]52;", b"PWNED\x07", b"\xc2\x9b", "\u202e".encode(), "\u200b".encode(), "\u200d".encode())
BARE_C1 = re.compile(rb"\xc2[\x80-\x9f]")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "hostile.pcap"
    write_hostile(path)
    return path


@pytest.mark.slow
def test_no_sequence_from_a_packet_reaches_the_terminal(hostile: Path) -> None:
    with Terminal(hostile) as terminal:
        terminal.wait_for(b"msgs")
        terminal.read(2)
        walk = "jjjjjj|i|I|W|\x1b|u|u|4|S|W|\x1b|u|v|v|1|\t|jjjjjj|\t|1|T|jjjjj|\x1b|2|jjj|3|jj|4|\r|jjj|5|6|?|\x1b|1|G|kkk|r|r"
        for keys in walk.split("|"):
            terminal.press(keys)
            terminal.read(0.25)
        terminal.press("Q")
        assert terminal.status() == 0
        for forbidden in FORBIDDEN:
            assert forbidden not in terminal.seen, forbidden
        assert not BARE_C1.search(terminal.seen)
        assert rb"\x1b" in terminal.seen, "the attacks are on the screen, escaped"


@pytest.mark.slow
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_every_view_of_a_hostile_capture_is_drawn(running: Running, hostile: Path, size: tuple[int, int]) -> None:
    async with running(size=size, app=make_app(hostile, None)) as pilot:
        for view in "123456":
            await pilot.press(view)
            await pilot.pause(0.05)
            for key in ("j", "j", "enter", "tab", "j", "l", "y", "escape"):
                await pilot.press(key)
        await settled(pilot)
        assert pilot.app.is_running


@pytest.mark.parametrize("text", ["\x1b[31m", "\x9b", "\u202e", "a\u200bb", "\x07\x08\r"])
def test_the_second_net_replaces_what_came_through(text: str) -> None:
    [segment] = SecondNet().apply([Segment(text)], Color(0, 0, 0))
    assert "\ufffd" in segment.text and not set(text) - set("ab[31m") & set(segment.text)


def test_the_second_net_leaves_text_and_the_drivers_own_codes_alone() -> None:
    plain = [Segment("客厅 │─ ok")]
    assert SecondNet().apply(plain, Color(0, 0, 0)) is plain
