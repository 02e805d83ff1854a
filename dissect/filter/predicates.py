"""A filter ready to be asked: conditions over sources, for one message or for many at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dissect.filter.base import BODY, Source
from dissect.filter.comparison import Test
from dissect.filter.view import View

if TYPE_CHECKING:
    from dissect.filter.view import Indexes, Mask

ValuesOf = Callable[[Source], list[Any]]


class Predicate(ABC):
    cost = 0
    rising = True
    """what holds of a message goes on to hold, whatever exchanges and anomalies come to name it"""

    @abstractmethod
    def holds(self, values: ValuesOf) -> bool:
        """For one thing, given what its fields have."""

    @abstractmethod
    def mask(self, view: View, indexes: Indexes) -> Mask:
        """Which of the messages at *indexes* it holds for; the array is the caller's."""


class Has(Predicate):
    """A value of the source satisfies the test (None: there is a value)."""

    def __init__(self, source: Source, test: Test | None = None) -> None:
        self._source = source
        self._test = test
        self.cost = source.cost

    def holds(self, values: ValuesOf) -> bool:
        found = values(self._source)
        return bool(found) if self._test is None else any(self._test.holds(value) for value in found)

    def mask(self, view: View, indexes: Indexes) -> Mask:
        return self._source.mask(view, indexes, self._test)


class Pair(Predicate):
    """Some (or, with *every*, each) value of one source compares with some (each) value of another."""

    cost = 2 * BODY

    def __init__(self, left: Source, right: Source, compare: Callable[[Any, Any], bool], every: bool) -> None:
        self._left = left
        self._right = right
        self._compare = compare
        self._every = every
        self.rising = not every

    def holds(self, values: ValuesOf) -> bool:
        left, right = values(self._left), values(self._right)
        found = (self._compare(a, b) for a in left for b in right)
        return bool(left and right) and all(found) if self._every else any(found)

    def mask(self, view: View, indexes: Indexes) -> Mask:
        return _one_by_one(self, view, indexes)


class Without(Predicate):
    rising = False

    def __init__(self, child: Predicate) -> None:
        self._child = child
        self.cost = child.cost

    def holds(self, values: ValuesOf) -> bool:
        return not self._child.holds(values)

    def mask(self, view: View, indexes: Indexes) -> Mask:
        return ~self._child.mask(view, indexes)


class Every(Predicate):
    """All of its children; the dear ones are asked only of what the cheap ones leave."""

    def __init__(self, children: list[Predicate]) -> None:
        self._children = sorted(children, key=lambda child: child.cost)
        self.cost = self._children[-1].cost
        self.rising = all(child.rising for child in children)

    def holds(self, values: ValuesOf) -> bool:
        return all(child.holds(values) for child in self._children)

    def mask(self, view: View, indexes: Indexes) -> Mask:
        import numpy

        left = numpy.arange(len(indexes))
        for child in self._children:
            if not len(left):
                break
            left = left[child.mask(view, indexes[left])]
        found = numpy.zeros(len(indexes), numpy.bool_)
        found[left] = True
        return found


class Some(Predicate):
    """At least one of its children; the dear ones are asked only where the cheap ones do not hold."""

    def __init__(self, children: list[Predicate]) -> None:
        self._children = sorted(children, key=lambda child: child.cost)
        self.cost = self._children[-1].cost
        self.rising = all(child.rising for child in children)

    def holds(self, values: ValuesOf) -> bool:
        return any(child.holds(values) for child in self._children)

    def mask(self, view: View, indexes: Indexes) -> Mask:
        import numpy

        found = numpy.zeros(len(indexes), numpy.bool_)
        for child in self._children:
            left = numpy.flatnonzero(~found)
            if not len(left):
                break
            found[left] = child.mask(view, indexes[left])
        return found


class Odd(Predicate):
    """An odd number of its children: `a xor b xor c`."""

    rising = False

    def __init__(self, children: list[Predicate]) -> None:
        self._children = children
        self.cost = max(child.cost for child in children)

    def holds(self, values: ValuesOf) -> bool:
        return sum(child.holds(values) for child in self._children) % 2 == 1

    def mask(self, view: View, indexes: Indexes) -> Mask:
        found = self._children[0].mask(view, indexes)
        for child in self._children[1:]:
            found = found ^ child.mask(view, indexes)
        return found


class Anything(Predicate):
    """What a blank filter says."""

    def holds(self, values: ValuesOf) -> bool:
        return True

    def mask(self, view: View, indexes: Indexes) -> Mask:
        import numpy

        return numpy.ones(len(indexes), numpy.bool_)


def _one_by_one(predicate: Predicate, view: View, indexes: Indexes) -> Mask:
    import numpy

    found = [predicate.holds(lambda source, at=index: source.values(view, at)) for index in indexes.tolist()]  # type: ignore[misc]
    return numpy.array(found, numpy.bool_)
