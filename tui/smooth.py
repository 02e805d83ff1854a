"""What the interpreter does by itself, made to fit an interface: short waits for threads, few long collections."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.001
"""how long a reading thread keeps the interpreter when the interface wants it: each key takes it many times"""
THRESHOLDS = (10_000, 1_000, 100)
"""of the collector, which stops all threads: a look at ten thousand new objects takes a hundredth of a second; one at all that an analysis keeps
takes half a second, and finds nothing, since that stays: it comes every ten million objects"""


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


def give_back() -> None:
    """Let the system have the memory that reading needed for a moment; the C library (glibc) would keep it. Elsewhere nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
