"""What every source of a field's values answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from dissect.filter.comparison import Test
from dissect.filter.view import View

if TYPE_CHECKING:
    from dissect.filter.view import Indexes, Mask

COLUMN, TABLED, LINKED, BODY = range(4)
"""what asking costs, so that cheap questions come first"""


class Source(ABC):
    """Of one field. It answers twice: `values` what one message has, plainly; `mask` which of many messages have a value that satisfies
    a test, sparing what it can. Tests hold the two against each other."""

    cost = COLUMN

    @abstractmethod
    def values(self, view: View, index: int) -> list[Any]:
        """What the message at *index* has; none: the field is absent."""

    @abstractmethod
    def mask(self, view: View, indexes: Indexes, test: Test | None) -> Mask:
        """Which of the messages at *indexes* have a value that satisfies *test* (None: any value at all)."""

    def values_of_anomaly(self, view: View, index: int) -> list[Any]:
        """What an anomaly that names no message has of this field."""
        return []
