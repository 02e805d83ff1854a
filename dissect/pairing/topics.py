"""What MQTT topics tell of devices: no document fixes them, yet a device's topics differ in the word for the way and are alike in its name.

Behind one platform connection it is the topic that tells two devices with the same msgId apart (protocols.md, the C-Life envelope).
"""

from __future__ import annotations

import re
from functools import lru_cache

OTHER_DEVICE, UNKNOWN, SAME_DEVICE = -1, 0, 16
"""What two topics say of each other; between UNKNOWN and SAME_DEVICE: how much they are alike."""

LONGEST = 512
"""characters of a topic that is taken apart; a longer one tells nothing of devices"""

_WAY = re.compile(
    r"up|down|(up|down)(link|stream)|in|out|rx|tx|pub|sub|publish|subscribe|to|from|req|request|requests|ask|resp?|rsp|response|responses|reply|replies|answer"
    r"|ack|get|set|post|cmd|command|commands|control|ctrl|report|reports|event|events|status|state|data|msg|message|messages|property|service|thing|telemetry"
    r"|device|devices|dev|platform|server|cloud|app|client|[scdp]2[scdp]|will|upload|snapshot|heartbeat|config|file|ota|upgrade"
)


def stem(topic: str) -> tuple[str, ...]:
    """The parts that are no words for a way or a purpose: what is left names the device (and whatever all devices share)."""
    return _stem(topic) if len(topic) <= LONGEST else ()


@lru_cache(maxsize=16_384)
def _stem(topic: str) -> tuple[str, ...]:
    return tuple(part for part in topic.split("/") if part and not _WAY.fullmatch(part.lower()))


def relation(one: str, other: str) -> int:
    """Whether two topics can be one device's: SAME_DEVICE, OTHER_DEVICE, or how many parts they share when that cannot be told."""
    if one == other:
        return SAME_DEVICE
    return _relation(one, other) if len(one) <= LONGEST >= len(other) else UNKNOWN


@lru_cache(maxsize=16_384)
def _relation(one: str, other: str) -> int:
    first, second = stem(one), stem(other)
    if first and first == second:
        return SAME_DEVICE
    if len(first) == len(second) and sum(mine != its for mine, its in zip(first, second, strict=True)) == 1:
        return OTHER_DEVICE
    return min(3, len(set(first) & set(second)))


def covers_many(topic_filter: str, topic: str) -> bool:
    """Whether a subscription that brought *topic* stands for several devices: its wildcards lie where the topic names the device."""
    if len(topic) > LONGEST:
        return False
    parts = topic_filter.split("/")
    if parts[0] == "$share":
        parts = parts[2:]
    names = stem(topic)
    for place, part in enumerate(topic.split("/")):
        if place >= len(parts):
            return False
        if parts[place] == "#":
            return any(rest in names for rest in topic.split("/")[place:])
        if parts[place] == "+":
            if part in names:
                return True
        elif parts[place] != part:
            return False
    return False
