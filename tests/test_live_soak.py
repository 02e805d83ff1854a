"""Two minutes of live traffic of all five protocols: nothing lost, memory flat. `make soak` runs ten, of one scene.

The scenes run side by side, each on interfaces of its own: a busy house, a busy house in which devices come and go, one in which every device
is a new one, and four times a busy house.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.soak.watch import ALLOWED, soak

pytestmark = pytest.mark.slow

SECONDS = 120
SOAKS = [("lasting", 400), ("churn", 400), ("newcomers", 400), ("lasting", 1500)]
"""scene, and packets a second, each of which is a message"""


def test_memory_stays_flat(tmp_path: Path) -> None:
    with ThreadPoolExecutor(len(SOAKS)) as pool:
        running = []
        for place, (scene, rate) in enumerate(SOAKS):
            folder = tmp_path / str(place)
            folder.mkdir()
            running.append(pool.submit(soak, SECONDS, rate, folder, scene))
        found = [one.result() for one in running]
    told = [f"{scene}, {rate} packets a second: {'; '.join(one.lines())}" for (scene, rate), one in zip(SOAKS, found, strict=True)]
    print("\n".join(told))
    for one, (scene, rate) in zip(found, SOAKS, strict=True):
        assert one.dropped == 0 and one.captured >= one.sent, (scene, rate)
        assert one.messages > (0.9 if scene == "lasting" else 0.8) * one.sent, (scene, rate)
        assert one.growth <= ALLOWED, told
