"""Whom a message is about, where several devices share what it comes through: scopes of keys, devices that can be the same, the request that is meant."""

from __future__ import annotations

from typing import Any

from dissect.pairing.exchanges import Pending, Seen
from dissect.pairing.topics import OTHER_DEVICE, SAME_DEVICE, UNKNOWN, relation


def scope_of(seen: Seen) -> Any:
    """Within what a key tells requests apart: a connection, all legs of a broker, or all that one device is sent."""
    session, row = seen.session, seen.row
    if row is not None and row.across:
        return "device", session.ends[session.device_side][0]
    if session.protocol.self_naming or session.broker_leg:
        return session.protocol.name
    return session.id


def same_device(one: Seen, other: Seen) -> bool:
    """Whether two messages with the same key can be about the same device."""
    if one.device_id is not None and other.device_id is not None:
        return one.device_id == other.device_id
    return one.topic == other.topic or one.topic is None or other.topic is None


def can_be_one_device(seen: Seen, early: Seen) -> bool:
    """Whether two messages of one scope can be about the same device."""
    if seen.session is early.session and (seen.session.own or not seen.session.broker_leg):
        return True
    if seen.device_id is not None and early.device_id is not None:
        return seen.device_id == early.device_id
    return not (seen.topic and early.topic and relation(seen.topic, early.topic) == OTHER_DEVICE)


def choose(candidates: list[tuple[Pending, bool]], seen: Seen) -> tuple[Pending, bool] | None:
    """The oldest that can be meant. Where several devices share a scope (a broker), who, where and under which topic tell them apart."""
    if not candidates:
        return None
    if not (seen.session.broker_leg or seen.session.protocol.self_naming):
        return min(candidates, key=lambda one: (one[1], one[0].serial))
    best, best_score = None, 0
    for pending, wrong in candidates:
        request = pending.request
        related = relation(request.topic, seen.topic) if request.topic and seen.topic else UNKNOWN
        # A device's own connection holds its messages alone, a platform's those of many.
        together = request.session is seen.session and (seen.session.own or not seen.session.broker_leg)
        score = 1 + (32 if together else 0) + max(related, 0)
        if request.device_id is not None and seen.device_id is not None:
            if request.device_id == seen.device_id:
                score += 8
            elif not (seen.session.protocol.self_naming and (together or related == SAME_DEVICE or len(candidates) == 1)):
                continue
        elif related == OTHER_DEVICE and not together:
            continue
        if wrong:
            score -= 1
        if score > best_score or best is None:
            best, best_score = (pending, wrong), score
    return best
