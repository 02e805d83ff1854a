"""Bytes as offset, hex and ASCII."""

from __future__ import annotations

from collections.abc import Iterator

ROW = 16
_SHOWN = bytes(code if 0x20 <= code < 0x7F else 0x2E for code in range(256))


def hexdump(data: bytes, indent: str = "") -> Iterator[str]:
    """Lines of sixteen bytes; what is not printable ASCII is a dot in the right column."""
    for offset in range(0, len(data), ROW):
        row = data[offset:offset + ROW]
        digits = f"{row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}"
        yield f"{indent}{offset:04x}  {digits}  {row.translate(_SHOWN).decode('ascii')}"
