"""Text looked for in messages: in their JSON as analysed and in their bytes as sent, letters large or small."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.model.store import Store
    from tui.model.view import View


def holds(store: Store, index: int, wanted: bytes) -> bool:
    """Whether a message has *wanted* (lower case) in it."""
    if wanted in store.analysis.message_json(index).lower():
        return True
    raw = store.analysis.raw(index)
    return raw is not None and wanted in raw.lower()


def next_match(store: Store, view: View, text: str, start: int, step: int, stopped: Callable[[], bool]) -> int | None:
    """The next row behind (or before) *start* whose message holds *text*, going round at the end."""
    wanted = text.lower().encode("utf-8", "surrogatepass")
    count = len(view)
    for distance in range(1, count + 1):
        if distance % 1024 == 0 and stopped():
            return None
        row = (start + step * distance) % count
        if holds(store, view.index(row), wanted):
            return row
    return None
