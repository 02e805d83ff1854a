"""What all tests share: hypothesis without a deadline of its own (machines are shared), and the command as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


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
