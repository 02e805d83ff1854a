"""Two minutes of live traffic of all five protocols: nothing lost, memory flat. `make soak` runs ten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.watch import ALLOWED, soak

pytestmark = pytest.mark.slow

SECONDS, RATE = 120, 400
"""packets a second, each of which is a message: a busy house. What is remembered for a time has to be small beside the rest within two minutes"""


def test_memory_stays_flat(tmp_path: Path) -> None:
    found = soak(SECONDS, RATE, tmp_path)
    print("\n".join(found.lines()))
    assert found.dropped == 0 and found.captured >= found.sent
    assert found.messages > 0.9 * found.sent
    assert found.growth <= ALLOWED, found.lines()
