"""The filter language (cli.md): Wireshark's display filters over the fields of `dissect.fields`.

    chosen = compile_filter('fogslink.eqSN == "12345678" && exchange.latency_ms > 500')
    chosen.mask(analysis)                       # which messages match
    chosen.matches(analysis, index)             # whether one does
    select(analysis, chosen).analysis()         # what the filter keeps, as an analysis of its own
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissect.errors import FilterError
from dissect.filter.compile import Compiler
from dissect.filter.parse import parse
from dissect.filter.selection import Selection, select
from dissect.filter.view import View

if TYPE_CHECKING:
    from dissect.analysis import Analysis
    from dissect.filter.view import Indexes, Mask


class Filter:
    """A compiled filter; it holds nothing of what it is asked about."""

    def __init__(self, text: str) -> None:
        """Raises FilterError."""
        self.text = text
        compiler = Compiler()
        try:
            self.predicate = compiler.compile(parse(text))
        except FilterError as error:
            error.text = text
            raise
        self.fields_used = frozenset(compiler.used)

    def mask(self, analysis: Analysis, indexes: Indexes | None = None) -> Mask:
        """Which of the messages at *indexes* (default: all) match; may be asked in another thread while the analysis grows."""
        import numpy

        view = View(analysis)
        return self.predicate.mask(view, numpy.arange(view.messages) if indexes is None else indexes)

    def matches(self, analysis: Analysis, index: int) -> bool:
        """Whether the message at *index* matches, plainly computed: for a few messages; `mask` is for many."""
        view = View(analysis)
        return self.predicate.holds(lambda source: source.values(view, index))


def compile_filter(text: str) -> Filter:
    """Raises FilterError, whose `position` is the 0-based column in *text* where it is wrong."""
    return Filter(text)


__all__ = ["Filter", "FilterError", "Selection", "compile_filter", "select"]
