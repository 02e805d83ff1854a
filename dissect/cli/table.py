"""Rows as aligned text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dissect.text import cell_width, clean, column

GAP = "  "
WIDEST = 60
"""cells of one column, the last one excepted"""


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: frozenset[int] | set[int] = frozenset()) -> Iterator[str]:
    """Lines: *head*, then *rows*, every cell cleaned; columns numbered in *right* are flush right. None is shown as `-`."""
    shown = [["-" if cell is None else clean(str(cell)) for cell in row] for row in rows]
    widths = [min(max((cell_width(row[index]) for row in shown), default=0), WIDEST) for index in range(len(head))]
    widths = [max(width, len(title)) for width, title in zip(widths, head, strict=True)]
    for row in (list(head), *shown):
        cells = [cell if index == len(row) - 1 and index not in right else column(cell, width, index in right)
                 for index, (cell, width) in enumerate(zip(row, widths, strict=True))]
        yield GAP.join(cells).rstrip()
