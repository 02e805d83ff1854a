"""Bounds on tables that are kept in order of insertion.

CPython looks for a dict's first entry from the start of its slots, emptied ones included: taking entries off the front one by one is
quadratic, so they go in batches.
"""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Any


def make_room(table: dict[Any, Any], most: int) -> None:
    """With *most* entries or more, forget the oldest eighth."""
    if len(table) >= most:
        for key in list(islice(table, most // 8 + 1)):
            del table[key]


def take_before(table: dict[Any, tuple[Any, ...]], time_ns: int) -> list[tuple[Any, ...]]:
    """Take off the front all entries whose first item is less than *time_ns*, and give them back."""
    old = list(takewhile(lambda item: item[1][0] < time_ns, table.items()))
    for key, _ in old:
        del table[key]
    return [entry for _, entry in old]
