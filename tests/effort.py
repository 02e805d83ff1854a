"""How much is tried: everything in `make test`; in `make check`, which leaves slow tests out, a share of the examples and of a ladder's rungs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

QUICK_MARKS = "not slow"
"""the `-m` of a quick run"""

QUICK_SHARE = 5
"""one in so many examples is tried in a quick run, but never fewer than FEWEST"""

FEWEST = 20
DEFAULT_EXAMPLES = 100
COMPLETE, QUICK = "complete", "quick"

# Machines are shared: no example has a deadline of its own.
settings.register_profile(COMPLETE, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=DEFAULT_EXAMPLES)
settings.register_profile(QUICK, settings.get_profile(COMPLETE), max_examples=DEFAULT_EXAMPLES // QUICK_SHARE)


def set_effort(marks: str) -> None:
    """What the tests that are collected from now on try, given the `-m` of the run."""
    settings.load_profile(QUICK if marks == QUICK_MARKS else COMPLETE)


def examples(count: int, **more: Any) -> settings:
    """Decorator of a property: *count* examples, in a quick run a share of them. *more*: as `hypothesis.settings` takes it."""
    quick = settings.get_current_profile_name() == QUICK
    return settings(max_examples=max(count // QUICK_SHARE, min(count, FEWEST)) if quick else count, **more)


def rungs(values: Iterable[Any], every: int = 7) -> list[Any]:
    """Parameters of a ladder. In a quick run the first, the last and one in *every* of those between; in the complete one all."""
    found = list(values)
    return [value if place % every == 0 or place == len(found) - 1 else pytest.param(value, marks=pytest.mark.slow) for place, value in enumerate(found)]
