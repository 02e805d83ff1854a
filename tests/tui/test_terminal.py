"""The interface and the terminal it finds: how wide it draws, colours or none, a capture that comes by standard input."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tui.conftest import DEMO, ROOT
from tests.tui.terminal import Terminal
from tests.tui.test_tmux import Tmux
from tui.terminal import draws_wide

pytestmark = pytest.mark.slow
ASKED = b"\x1b[6n"
COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


@pytest.mark.parametrize(("answer", "is_ascii"), [
    pytest.param("\x1b[1;4R", False, id="narrow"),
    pytest.param("\x1b[12;7R", True, id="wide"),
    pytest.param("jj\x1b[1;7R", True, id="wide, with keys typed ahead"),
    pytest.param("", False, id="no answer"),
    pytest.param("\x1b[1;", False, id="half an answer"),
    pytest.param("x" * 2000, False, id="noise"),
])
def test_a_terminal_that_draws_wide_gets_ascii(answer: str, is_ascii: bool) -> None:
    with Terminal(DEMO) as terminal:
        terminal.wait_for(ASKED)
        if answer:
            terminal.press(answer)
        began = time.monotonic()
        terminal.wait_for(b"145 msgs")
        assert time.monotonic() - began < 15
        terminal.press("2")
        terminal.wait_for(b"Ladder  session")
        drawn = terminal.seen.partition(ASKED)[2].decode("utf-8", "replace")
        assert ("\u2502" not in drawn and "\u2500" not in drawn) == is_ascii
        terminal.press("Q")
        assert terminal.status() == 0


@pytest.mark.parametrize(("arguments", "environment"), [(("--ascii",), {}), ((), {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}), ((), {"TERM": "dumb"})])
def test_it_is_not_asked_where_ascii_is_drawn_anyway_or_nobody_would_answer(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    with Terminal(DEMO, *arguments, environment=environment) as terminal:
        terminal.wait_for(b"145 msgs")
        assert ASKED not in terminal.seen
        terminal.press("Q")
        assert terminal.status() == 0


def test_without_a_terminal_nothing_is_asked(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert draws_wide() is False
    assert ASKED not in b"".join(capfdbinary.readouterr())


def test_script_hands_the_question_on(tmp_path: Path) -> None:
    """`script` records what its inner terminal is told; nobody answers here, and the interface comes up all the same."""
    command = f"{sys.executable} -m dissect tui {DEMO}"
    environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(["script", "-q", "-c", command, str(tmp_path / "typescript")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment, cwd=ROOT) as process:
        assert process.stdin is not None and process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        seen, end = b"", time.monotonic() + 20
        while b"145 msgs" not in seen:
            assert time.monotonic() < end, seen[-500:]
            seen += process.stdout.read() or b""
            time.sleep(0.05)
        process.stdin.write(b"Q")
        process.stdin.flush()
        assert process.wait(10) == 0


def test_tmux_answers(tmp_path: Path) -> None:
    tmux = Tmux(tmp_path)
    try:
        tmux.open(f"env -u COLUMNS -u LINES PYTHONPATH={ROOT} LANG=C.UTF-8 TERM=screen-256color {sys.executable} -m dissect tui {DEMO}", (100, 30))
        shown = tmux.wait_for("145 msgs")
        assert "\u2500" in shown and "[6n" not in shown and shown[:1] != "R"
        tmux.press("Q")
    finally:
        tmux.close()


@pytest.mark.parametrize("theme", [(), ("--theme", "ansi-dark")])
def test_no_color_sends_no_colour(theme: tuple[str, ...]) -> None:
    with Terminal(DEMO, *theme, environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for(b"145 msgs")
        for keys in ("jj", "2", "3", "4", "5", "6", "1", "/f", "\x1b", "e", "\x1b"):
            terminal.press(keys)
            terminal.read(0.3)
        terminal.press("Q")
        assert terminal.status() == 0
        assert not COLOUR.findall(terminal.seen)[:5]
        assert b"\x1b[1m" in terminal.seen or b"\x1b[7m" in terminal.seen, "what stands out does so without colour"


def test_colours_come_without_it() -> None:
    with Terminal(DEMO) as terminal:
        terminal.wait_for(b"145 msgs")
        terminal.press("Q")
        assert terminal.status() == 0 and COLOUR.search(terminal.seen)


def test_a_capture_by_standard_input_leaves_the_keys_to_the_terminal() -> None:
    with Terminal("-", standard_input=DEMO) as terminal:
        terminal.wait_for(b"145 msgs")
        terminal.wait_for(b"standard input")
        terminal.press("2")
        terminal.wait_for(b"Ladder  session")
        terminal.press("K")
        terminal.wait_for(b"Keys file to decrypt")
        terminal.press(str(DEMO.parent / "keys.toml") + "\r")
        terminal.wait_for(b"12 messages are decrypt")
        terminal.press("Q")
        assert terminal.status() == 0


def test_an_empty_or_broken_standard_input_is_said(tmp_path: Path) -> None:
    for name, content, told in (("empty", b"", b"empty"), ("text", b"no capture at all, just text", b"neither pcap nor pcapng")):
        path = tmp_path / name
        path.write_bytes(content)
        with Terminal("-", standard_input=path) as terminal:
            terminal.wait_for(b"Reading failed")
            terminal.press("Q")
            assert terminal.status() == 1 and told in terminal.seen


def test_the_mouse_is_given_back_and_taken_again() -> None:
    with Terminal(DEMO) as terminal:
        terminal.wait_for(b"145 msgs")
        before = len(terminal.seen)
        assert b"\x1b[?1000l" not in terminal.seen
        terminal.press("v")
        terminal.wait_for(b"\x1b[?1000l")
        terminal.press("v")
        terminal.read(0.7)
        given, _, taken = terminal.seen[before:].partition(b"\x1b[?1000l")
        assert b"\x1b[?1000h" in taken and b"\x1b[?1000h" not in given
        terminal.press("Q")
        assert terminal.status() == 0
