"""Answers that came out before what they answer: a hole, or a line without its end, may still hold their request up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from dissect.pairing.exchanges import GRACE_NS, Seen
from dissect.pairing.meant import can_be_one_device, scope_of

EARLY_LIMIT = 256
"""answers of one scope that wait"""
EARLY_IN_ALL = 10_000
"""of all scopes; beyond, the oldest is told as an orphan before its time"""


class EarlyAnswers:
    """They wait for GRACE_NS; then they are answers to nothing, and told so."""

    def __init__(self, tell: Callable[[Seen], None]) -> None:
        self._tell = tell
        self.waiting: dict[Any, list[tuple[Seen, dict[str, Any] | None]]] = {}
        """of each scope, answers and their keys in order of arrival"""
        self._due: deque[tuple[int, Seen]] = deque()

    def add(self, seen: Seen, key: dict[str, Any] | None) -> None:
        early = self.waiting.setdefault(scope_of(seen), [])
        early.append((seen, key))
        self._due.append((seen.time_ns + GRACE_NS, seen))
        if len(early) > EARLY_LIMIT:
            self._tell(early.pop(0)[0])
        if len(self._due) > EARLY_IN_ALL:
            self._over()

    def take(self, seen: Seen, key: dict[str, Any] | None, kinds: tuple[str, ...], since_ns: int) -> Seen | None:
        """The first answer of one of these *kinds* and this key, not older than *since_ns*, that came out before *seen*, which it belongs to."""
        scope = scope_of(seen)
        waiting = self.waiting.get(scope)
        for place, (early, told) in enumerate(waiting or ()):
            row = early.row
            if row is None or row.kind not in kinds or early.sender is seen.sender or early.time_ns < since_ns or not can_be_one_device(seen, early):
                continue
            if row.in_order or (key is not None and told is not None and list(map(str, key.values())) == list(map(str, told.values()))):
                assert waiting is not None
                del waiting[place]
                if not waiting:
                    del self.waiting[scope]
                return early
        return None

    def settle(self, scope: Any) -> None:
        """No request can come out any more that an answer of this scope belongs to."""
        for early, _ in self.waiting.pop(scope, ()):
            self._tell(early)

    def finish(self) -> None:
        """Nothing more comes."""
        for scope in list(self.waiting):
            self.settle(scope)

    def advance(self, now_ns: int) -> None:
        """The clock has reached *now_ns*."""
        while self._due and self._due[0][0] < now_ns:
            self._over()

    def _over(self) -> None:
        """The answer that waits longest for its request waits no more."""
        seen = self._due.popleft()[1]
        scope = scope_of(seen)
        waiting = self.waiting.get(scope, [])
        if waiting and waiting[0][0] is seen:
            # They wait in order of arrival: what stands first is the oldest.
            del waiting[0]
            if not waiting:
                del self.waiting[scope]
            self._tell(seen)
