"""What `tui.smooth` changes holds while the interface runs and no longer."""

from __future__ import annotations

import gc
import sys

import pytest

from tui.core import resident_mb
from tui.smooth import SWITCH_S, THRESHOLDS, give_back, smooth


def test_the_interpreter_is_as_before_when_the_interface_ends() -> None:
    before = gc.get_threshold(), sys.getswitchinterval()
    with pytest.raises(KeyError), smooth():
        assert gc.get_threshold() == THRESHOLDS and sys.getswitchinterval() == pytest.approx(SWITCH_S)
        raise KeyError
    assert gc.get_threshold() == before[0]
    assert sys.getswitchinterval() == pytest.approx(before[1])


def test_what_was_needed_for_a_moment_goes_back_to_the_system() -> None:
    pieces = [bytes(20_000) for _ in range(5_000)]
    for piece in range(len(pieces) - 1):
        pieces[piece] = b""  # the last one lies behind them, so that nothing goes back by itself
    before = resident_mb()
    give_back()
    assert before - resident_mb() > 50
