"""Rows as aligned text, fitted to a terminal where one is looking."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

from dissect.text import cell_width, clean, column

GAP = "  "
WIDEST = 60
"""cells of one column, the last one excepted"""

LEAST = 8
"""cells that a column of text is left with where it has to give way"""


def terminal_width() -> int | None:
    """Cells of a line of the terminal that standard output is; None where it is none, and nothing needs to fit."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(text: str, width: int | None) -> list[str]:
    """*text*, a sentence, as lines of at most *width* cells; as one line without."""
    return [text] if width is None else textwrap.wrap(text, width) or [""]


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: frozenset[int] | set[int] = frozenset(), *, width: int | None = None,
          keys: int = 0, least: int = LEAST) -> Iterator[str]:
    """Lines: *head*, then *rows*, every cell cleaned; columns numbered in *right* hold figures and are flush right. None is shown as `-`.

    *width*: cells of a line, if they are limited. Columns of text then give way, the widest first, down to *least* cells; figures never do.
    *keys*: where that is not enough, the columns are shown in several parts, one below the other, each of which begins with the first
    *keys* columns. Without *keys* lines are longer than *width* then.
    """
    shown = [["-" if cell is None else clean(str(cell)) for cell in row] for row in rows]
    last = len(head) - 1
    widths = [max(len(title), *(cell_width(row[place]) for row in shown), 0) for place, title in enumerate(head)]
    widths = [size if place == last or place in right else max(min(size, WIDEST), len(head[place])) for place, size in enumerate(widths)]
    places = list(range(len(head)))
    needed = [size if place in right else min(size, least) for place, size in enumerate(widths)]
    parts = [places] if width is None or not keys else _parts(places[:keys], places[keys:], needed, width)
    for number, part in enumerate(parts):
        if number:
            yield ""
        fitted = widths if width is None else _fitted(part, widths, needed, width)
        for row in (list(head), *shown):
            yield GAP.join(row[place] if width is None and place == last and place not in right else column(row[place], fitted[place], place in right)
                           for place in part).rstrip()


def _parts(keys: list[int], places: list[int], needed: list[int], width: int) -> list[list[int]]:
    """*places* in parts that each fit beside the *keys*."""
    parts = [list(keys)]
    for place in places:
        if len(parts[-1]) > len(keys) and _total([*parts[-1], place], needed) > width:
            parts.append(list(keys))
        parts[-1].append(place)
    return parts


def _fitted(part: list[int], widths: list[int], needed: list[int], width: int) -> list[int]:
    """Widths of the columns of *part*, those that may give way narrowed until all fit or none can give more."""
    fitted = [min(size, max(width, need)) for size, need in zip(widths, needed, strict=True)]
    while _total(part, fitted) > width:
        widest = max(part, key=lambda place: fitted[place] - needed[place] and fitted[place])
        if fitted[widest] <= needed[widest]:
            break
        fitted[widest] -= 1
    return fitted


def _total(part: list[int], widths: list[int]) -> int:
    return sum(widths[place] for place in part) + len(GAP) * (len(part) - 1)
