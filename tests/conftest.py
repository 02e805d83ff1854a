"""What all tests share: how much is tried, and the command as a user runs it, in a process of its own or in this one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest

from tests.effort import set_effort

ROOT = Path(__file__).resolve().parent.parent

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def pytest_configure(config: pytest.Config) -> None:
    set_effort(config.option.markexpr)


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """With the commands of this installation first on the path."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def run_dissect(environment: dict[str, str]) -> Run:
    """`run_dissect("report", path, input=…)`: the command in a process of its own, at most a minute."""

    def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "dissect", *map(str, arguments)]
        return subprocess.run(command, **{"capture_output": True, "timeout": 60, "env": environment, **options})  # type: ignore[call-overload,no-any-return]

    return run


@pytest.fixture
def call_dissect(monkeypatch: pytest.MonkeyPatch) -> Run:
    """As `run_dissect`, without the second that a new process takes to begin: the same command line, carried out in this process."""
    from dissect.cli import main

    def call(*arguments: str | Path, input: bytes = b"", cwd: Path = Path()) -> subprocess.CompletedProcess[bytes]:
        words = list(map(str, arguments))
        out, err = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patch, chdir(cwd):
            for name, stream in (("stdin", io.BytesIO(input)), ("stdout", out), ("stderr", err)):
                patch.setattr(sys, name, io.TextIOWrapper(stream, encoding="utf-8", write_through=True))
            try:
                status = main(words)
            except SystemExit as leaving:
                status = int(leaving.code or 0)
            return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())

    return call
