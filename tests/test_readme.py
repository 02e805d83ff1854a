"""What README.md and CONTRIBUTING.md tell a reader to type works."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from captures.samples import SAMPLES
from dissect.keys import KeyKind, load_keys
from tests.conftest import ROOT, Run

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def shell_lines(text: str) -> list[str]:
    """Lines of the `sh` blocks, without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.split(" #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


LINES = shell_lines(README)
INTERACTIVE = ("dissect tui", "dissect live")
"""need a terminal, or an interface: they have tests of their own, and here only their options are held"""
DISSECT_LINES = [line for line in LINES if "dissect " in line]
TARGETS = sorted(set(re.findall(r"\bmake ([a-z]+)\b(?=`|$)", README + CONTRIBUTING, re.MULTILINE)))
LINKS = sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README + CONTRIBUTING)))


def test_the_two_commands_stand_on_lines_of_their_own() -> None:
    assert {"make demo", "make test"} <= set(README.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("line", DISSECT_LINES)
def test_a_line_of_the_readme_runs(line: str, tmp_path: Path, environment: dict[str, str]) -> None:
    shutil.copy(ROOT / "captures" / "demo" / "capture.pcapng", tmp_path / "capture.pcapng")
    # Nothing is captured from a network here: the sample stands in for tcpdump.
    command = line.replace("tcpdump -w -", "cat capture.pcapng")
    if line.startswith(INTERACTIVE):
        command += " --help"
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout or len(list(tmp_path.iterdir())) > 1


def test_the_summary_that_is_shown_is_the_demos(call_dissect: Run, tmp_path: Path) -> None:
    """Line by line; `...` stands for any number of lines."""
    (block,) = re.findall(r"^```\n(\d+ packets.*?)^```", README, re.MULTILINE | re.DOTALL)
    demo = ROOT / "captures" / "demo"
    done = call_dissect("report", demo / "capture.pcapng", "--keys", demo / "keys.toml", "--summary", "-o", tmp_path / "report.json")
    shown = re.escape(block).replace(re.escape("...\n"), "(?:.*\n)*")
    assert re.match(shown, done.stderr.decode())


def test_the_keys_file_that_is_shown_is_one(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "keys.toml").write_text(block, encoding="utf-8")
    keyring = load_keys(tmp_path / "keys.toml")
    assert {entry.kind for entry in keyring.entries} == set(KeyKind) and keyring.tls_keylog and keyring.names


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_that_is_named_exists(target: str) -> None:
    assert re.search(rf"^\.PHONY:.*\b{target}\b", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_number_of_captures_is_right() -> None:
    assert len(SAMPLES) == 11 and "eleven small captures" in README
