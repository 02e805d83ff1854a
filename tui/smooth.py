"""What the interpreter does by itself, made to fit an interface: short waits for threads, few long collections."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.001
"""how long a reading thread keeps the interpreter when the interface wants it: each key takes it many times"""
THRESHOLDS = (100_000, 50, 100)
"""of the collector: a full collection stops all threads for a tenth of a second, and what an analysis keeps stays anyway"""


@contextmanager
def smooth() -> Iterator[None]:
    """Within it, nothing stops the interface for long."""
    thresholds, switching = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(switching)
