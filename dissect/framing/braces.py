"""Where a JSON object ends, by its matching brace."""

from __future__ import annotations

import re

MARK = re.compile(rb'["{}\[\]]')
STRING_MARK = re.compile(rb'["\\]')


def object_length(data: bytes | bytearray, end: int) -> int:
    """Length of the object that *data* begins with, by matching braces outside of strings; 0 when it is not whole before *end* or none."""
    at = depth = 0
    if data[:1] != b"{":
        return 0
    while at < end:
        mark = MARK.search(data, at, end)
        if mark is None:
            return 0
        at = mark.end()
        byte = data[mark.start()]
        if byte == 0x22:
            while True:
                quote = STRING_MARK.search(data, at, end)
                if quote is None:
                    return 0
                at = quote.end()
                if data[quote.start()] == 0x22:
                    break
                at += 1
        elif byte == 0x7B or byte == 0x5B:
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return at
    return 0
