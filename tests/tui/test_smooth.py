"""What `tui.smooth` changes holds while the interface runs and no longer."""

from __future__ import annotations

import gc
import sys

import pytest

from tui.smooth import SWITCH_S, THRESHOLDS, smooth


def test_the_interpreter_is_as_before_when_the_interface_ends() -> None:
    before = gc.get_threshold(), sys.getswitchinterval()
    with pytest.raises(KeyError), smooth():
        assert gc.get_threshold() == THRESHOLDS and sys.getswitchinterval() == pytest.approx(SWITCH_S)
        raise KeyError
    assert gc.get_threshold() == before[0]
    assert sys.getswitchinterval() == pytest.approx(before[1])
