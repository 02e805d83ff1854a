"""Which ids requests bore lately: one that comes again for something else is told (anomalies.md, pair.id-reuse)."""

from __future__ import annotations

from typing import Any

from dissect.pairing.exchanges import GRACE_NS, Seen
from dissect.pairing.meant import scope_of
from grammars.vocabulary import MessageType, Party

RECENT_LIMIT = 50_000
"""ids remembered at least, of the last GRACE_NS"""
_TIME_SHIFT = 64
_SIGNATURE = (1 << _TIME_SHIFT) - 1


class RecentIds:
    """There are many: of each the hash of who used it, with the time and the signature of its request in one number."""

    def __init__(self) -> None:
        self._fresh: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._since = 0

    def used(self, seen: Seen, name: str, key: dict[str, Any], rival: bool) -> str | None:
        """Remember the id called *name* of a request; what is wrong with it. *rival*: another request of this key is still open."""
        place = _place(seen, seen.sender, key)
        now = seen.time_ns
        signature = seen.signature() & _SIGNATURE
        earlier = self._fresh.get(place) or self._old.get(place)
        text: str | None = None
        if earlier is not None and earlier & _SIGNATURE != signature and (rival or now - (earlier >> _TIME_SHIFT) <= GRACE_NS):
            text = f"{name} {key[name]} was used {(now - (earlier >> _TIME_SHIFT)) / 1e9:.1f} s before for another request"
        if now - self._since > GRACE_NS or len(self._fresh) > RECENT_LIMIT:
            self._fresh, self._old = {}, self._fresh
            self._since = now
        self._fresh[place] = now << _TIME_SHIFT | signature
        return text

    def known(self, seen: Seen, asked: MessageType, key: dict[str, Any]) -> bool:
        """Whether a request of this type with the key of its answer *seen* came lately."""
        place = _place(seen, asked.sender, key)
        return place in self._fresh or place in self._old


def _place(seen: Seen, sender: Party, key: dict[str, Any]) -> int:
    # Names beside the id in the key tell devices apart that share a connection.
    return hash((scope_of(seen), sender, seen.device_id or seen.topic, *map(str, key.values())))
