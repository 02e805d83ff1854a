"""In tmux, as users run it: opens the demo, walks all views at three sizes, and quits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.conftest import DEMO, DEMO_KEYS

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
VIEWS = (("1", "Messages"), ("2", "Ladder"), ("3", "Pairs"), ("4", "Anomalies"), ("5", "Stats"), ("6", "Help"))


class Tmux:
    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "tmux")
        self._name = f"dissect-{uuid.uuid4().hex[:8]}"

    def run(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-S", self._socket, "-f", "/dev/null", *arguments], capture_output=True, text=True, timeout=20, check=True)
        return done.stdout

    def open(self, command: str, size: tuple[int, int]) -> None:
        self.run("new-session", "-d", "-s", self._name, "-x", str(size[0]), "-y", str(size[1]), command)

    def screen(self) -> str:
        return self.run("capture-pane", "-p", "-t", self._name)

    def press(self, *keys: str) -> None:
        self.run("send-keys", "-t", self._name, *keys)

    def wait_for(self, text: str, seconds: float = 25) -> str:
        end = time.monotonic() + seconds
        shown = ""
        while time.monotonic() < end:
            shown = self.screen()
            if text in shown:
                return shown
            time.sleep(0.2)
        raise AssertionError(f"{text!r} did not appear in\n{shown}")

    def there(self) -> bool:
        return subprocess.run(["tmux", "-S", self._socket, "has-session", "-t", self._name], capture_output=True, timeout=20).returncode == 0

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, timeout=20)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    one = Tmux(tmp_path)
    yield one
    one.close()


@pytest.mark.parametrize("size", [(120, 40), (100, 30), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_demo_is_opened_walked_through_and_left(tmux: Tmux, size: tuple[int, int]) -> None:
    environment = f"PYTHONPATH={ROOT} LANG=C.UTF-8 TERM=screen-256color XDG_STATE_HOME={os.environ.get('TMPDIR', '/tmp')}"
    tmux.open(f"env -u COLUMNS -u LINES {environment} {sys.executable} -m dissect tui {DEMO} --keys {DEMO_KEYS}", size)
    tmux.wait_for("145 msgs")
    for key, name in VIEWS:
        tmux.press(key)
        shown = tmux.wait_for(name)
        lines = shown.rstrip("\n").split("\n")
        assert len(lines) == size[1] and max(map(len, lines)) > size[0] - 12 and "Traceback" not in shown
    tmux.press("1")
    tmux.press("Enter")
    tmux.wait_for("Ladder  session")
    tmux.press("Escape")
    tmux.wait_for("Messages 1/")
    tmux.press("q")
    for _ in range(50):
        if not tmux.there():
            return
        time.sleep(0.2)
    raise AssertionError(f"it did not quit:\n{tmux.screen()}")


def test_ascii_alone_is_drawn_when_asked_for(tmux: Tmux) -> None:
    tmux.open(f"env -u COLUMNS -u LINES PYTHONPATH={ROOT} LANG=C TERM=vt100 {sys.executable} -m dissect tui --ascii {DEMO}", (100, 30))
    shown = tmux.wait_for("145 msgs")
    tmux.press("2")
    shown += tmux.wait_for("Ladder  session")
    assert all(character.isascii() for character in shown), {character for character in shown if not character.isascii()}
    tmux.press("Q")
