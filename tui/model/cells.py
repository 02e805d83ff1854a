"""Pieces of a line: text that is safe to draw, and the role that a theme gives a style to.

Nothing from a packet becomes a Cell but through `cell`, which cleans it; widgets draw Cells only, and never read them as markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dissect.text import cell_width, cells, clean, column, ends


class Cell(NamedTuple):
    text: str
    role: str = ""
    """name of a style (tui/theme.tcss, `rows--<role>`); empty: plain"""


Line = list[Cell]


def cell(text: object, role: str = "", limit: int = 4096) -> Cell:
    """Anything as a Cell of at most *limit* characters."""
    return Cell(clean(text if isinstance(text, str) else str(text), limit), role)


def fixed(text: str, width: int, role: str = "", right: bool = False) -> Cell:
    """*text* in exactly *width* cells."""
    return Cell(column(text, width, right), role)


def ident(text: str, width: int, role: str = "", right: bool = False) -> Cell:
    """As `fixed`, for ids: one too long keeps both ends."""
    return fixed(ends(text, width), width, role, right)


def width_of(line: Iterable[Cell]) -> int:
    return sum(cell_width(one.text) for one in line)


def fit(line: Line, width: int) -> Line:
    """*line* in exactly *width* cells: cut behind, or filled with blanks."""
    fitted: Line = []
    left = width
    for one in line:
        size = cell_width(one.text)
        if size > left:
            shown = cells(one.text, left)
            fitted.append(Cell(shown, one.role))
            left -= cell_width(shown)
            break
        fitted.append(one)
        left -= size
    if left > 0:
        fitted.append(Cell(" " * left))
    return fitted


def plain(line: Iterable[Cell]) -> str:
    """The text alone, without blanks at its end."""
    return "".join(one.text for one in line).rstrip()
