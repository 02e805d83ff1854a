"""Text into markup. Whatever may come from a packet goes through `shown` (or `attribute`), and through nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from dissect.text import cells, clean

TEXT_LIMIT = 300


def shown(text: object, limit: int = TEXT_LIMIT) -> str:
    """*text* cleaned of what hides or steers, cut to *limit* characters, and escaped: safe in an element and in a quoted attribute."""
    return html.escape(clean(str(text), limit), quote=True)


def fitted(text: object, width: int) -> str:
    """As `shown`, cut to *width* cells: for a place of fixed size."""
    return html.escape(cells(str(text), width), quote=True)


def number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}".replace(",", "\u2009")


def numbered(count: int, noun: str) -> str:
    """*count* as `number` writes it, with its *noun*."""
    return f"{number(count)} {noun if count == 1 else noun + 's'}"


def milliseconds(value: float | None) -> str:
    """As people read a duration."""
    if value is None:
        return ""
    if value < 1:
        return f"{value * 1000:.0f} µs"
    if value < 1000:
        return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"
    return f"{value / 1000:.2f} s" if value < 60_000 else f"{value / 60_000:.1f} min"


def table(head: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """*head*: title and class of each column; *rows*: cells that are markup already."""
    yield "<table><thead><tr>" + "".join(f'<th class="{kind}">{shown(title)}</th>' for title, kind in head) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f'<td class="{kind}">{cell}</td>' for cell, (_, kind) in zip(row, head, strict=True)) + "</tr>"
    yield "</tbody></table>\n"


def more(count: int, what: str) -> str:
    """Says how many are not shown; *what* in the plural."""
    noun = what.removesuffix("s") if count == 1 else what
    return f'<p class="more">and {number(count)} more {noun}, not shown</p>\n' if count > 0 else ""
