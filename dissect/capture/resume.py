"""Finding the next block of a pcapng file behind damage."""

from __future__ import annotations

from typing import Literal

import numpy as np

from dissect.capture.blocks import SMALLEST_BLOCK, SMALLEST_SECTION
from grammars.pcapng import BYTE_ORDER_MAGIC, SECTION

_FIRST_WINDOW = 4096
_CODES: dict[Literal["little", "big"], str] = {"little": "<u4", "big": ">u4"}


def next_block(buffer: bytes, place: int, order: str, over: bool, longest: int) -> tuple[int | None, bool]:
    """The next place at or after *place* (in steps of 4 bytes) where the two lengths of a block agree, and whether that is certain.

    An uncertain place is one whose trailing length lies beyond the buffer, while more may come (*over* is False): read on and ask again.
    A section header counts in either byte order.
    """
    size = len(buffer)
    window = _FIRST_WINDOW
    while place + SMALLEST_BLOCK <= size:
        stop = min(size, place + window)
        # Windows grow, so that many small damages cost what they span and no more.
        found = _scan(buffer, place, stop, order, over, longest)
        if found is not None:
            return found
        place += max(4, (stop - place - SMALLEST_BLOCK) // 4 * 4 + 4)
        window *= 4
    return None, False


def _scan(buffer: bytes, place: int, stop: int, order: str, over: bool, longest: int) -> tuple[int, bool] | None:
    size = len(buffer)
    count = max(0, (stop - place - SMALLEST_BLOCK) // 4 + 1)
    if not count:
        return None
    best: tuple[int, bool] | None = None
    for name, code in _CODES.items():
        words = np.frombuffer(buffer, code, count + 2, place).astype(np.int64)
        kinds, lengths = words[:count], words[1:count + 1]
        fits = (lengths >= SMALLEST_BLOCK) & (lengths % 4 == 0) & (lengths <= longest)
        if name != order:
            fits &= (kinds == SECTION) & (words[2:count + 2] == BYTE_ORDER_MAGIC) & (lengths >= SMALLEST_SECTION)
        else:
            fits &= (kinds != SECTION) | (words[2:count + 2] == BYTE_ORDER_MAGIC)
        ends = np.arange(place, place + 4 * count, 4) + lengths
        if over:
            fits &= ends <= size
        for index in np.flatnonzero(fits).tolist():
            start, end = place + 4 * index, int(ends[index])
            if best is not None and best[0] <= start:
                break
            if end > size:
                best = (start, False)
                break
            if int.from_bytes(buffer[end - 4:end], name) == lengths[index]:
                best = (start, True)
                break
    return best
