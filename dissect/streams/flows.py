"""Packets of a batch grouped by the conversation they belong to, with numpy."""

from __future__ import annotations

import socket
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dissect.capture.batch import Integers
from dissect.layers.segments import Segments

FlowKey = bytes
"""What `FLOW_KEY` packs, a third of the size of a tuple: tcp, six, then high, low, port of the lower end, high, low, port of the higher end"""
FLOW_KEY = Struct("=8q")

_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB,
                     0x8EBC6AF09C88C6E3, 0x589965CC75374CC3], np.uint64)


class Groups(NamedTuple):
    """The address pairs of a batch. `group` and `direction` run over the rows, the others over the groups."""

    group: Integers
    direction: Integers
    """0: from the lower end to the higher (or to itself), 1: back"""
    keys: list[FlowKey]


def group(segments: Segments) -> Groups:
    source = (segments.source_high, segments.source_low, segments.source_port)
    destination = (segments.destination_high, segments.destination_low, segments.destination_port)
    later = _greater(source, destination)
    lower = [np.where(later, b, a) for a, b in zip(source, destination, strict=True)]
    higher = [np.where(later, a, b) for a, b in zip(source, destination, strict=True)]
    columns = np.stack([segments.tcp, segments.six, *lower, *higher])
    with np.errstate(over="ignore"):
        mixed = np.zeros(columns.shape[1], np.uint64)
        for values, factor in zip(columns.view(np.uint64), _FACTORS, strict=True):
            mixed = (mixed ^ values) * factor
            mixed ^= mixed >> np.uint64(29)
    _, first, inverse = np.unique(mixed, return_index=True, return_inverse=True)
    if not np.array_equal(columns[:, first[inverse]], columns):
        # Two pairs of one hash, which traffic made to measure could bring: sort by what they are.
        _, first, inverse = np.unique(columns, axis=1, return_index=True, return_inverse=True)
    packed, size = columns[:, first].T.tobytes(), FLOW_KEY.size
    keys = [packed[place:place + size] for place in range(0, len(packed), size)]
    return Groups(inverse.reshape(-1), later.astype(np.int64), keys)


def _greater(left: tuple[Integers, ...], right: tuple[Integers, ...]) -> npt.NDArray[np.bool_]:
    """Lexicographic comparison of columns."""
    greater = np.zeros(len(left[0]), np.bool_)
    equal = np.ones(len(left[0]), np.bool_)
    for a, b in zip(left, right, strict=True):
        greater |= equal & (a > b)
        equal &= a == b
    return greater


def first_rows(group: Integers, direction: Integers, groups: int) -> list[int]:
    """For 2 * group + direction: its first row, -1 when there is none."""
    found = np.full(2 * groups, -1, np.int64)
    places = group * 2 + direction
    found[places[::-1]] = np.arange(len(places) - 1, -1, -1)
    return found.tolist()


def last_rows(group: Integers, groups: int) -> Integers:
    """The last row of each group."""
    found = np.zeros(groups, np.int64)
    found[group] = np.arange(len(group))
    return found


@lru_cache(maxsize=4096)
def address_text(six: int, high: int, low: int) -> str:
    """An address as text: IPv6 compressed, without brackets."""
    if not six:
        return socket.inet_ntop(socket.AF_INET, low.to_bytes(4, "big"))
    mask = (1 << 64) - 1
    return socket.inet_ntop(socket.AF_INET6, (high & mask).to_bytes(8, "big") + (low & mask).to_bytes(8, "big"))
