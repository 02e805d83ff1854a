"""Bytes as lines of offset, hex and characters, with one span standing out."""

from __future__ import annotations

from tui.model.cells import Cell, Line

_SHOWN = [chr(code) if 0x20 <= code < 0x7F else "." for code in range(256)]


def row_size(width: int) -> int:
    """How many bytes a line of *width* cells has room for: 32, 16, 8 or 4."""
    return next((size for size in (32, 16, 8) if 6 + 3 * size + size // 8 + 1 + size <= width), 4)


def hex_line(data: bytes, row: int, size: int, span: tuple[int, int], cursor: int | None) -> Line:
    """The bytes from `row * size`; those of *span* in the role `bytes`, the one at *cursor* in `cursor`."""
    start = row * size
    part = data[start:start + size]
    line: Line = [Cell(f"{start:04x}  ", "dim")]
    characters: Line = []
    for place in range(size):
        at = start + place
        gap = " " if place == 0 or place % 8 else "  "
        if place >= len(part):
            line.append(Cell("   " if gap == " " or place == 0 else "    "))
            continue
        role = "cursor" if at == cursor else "bytes" if span[0] <= at < span[1] else ""
        inside = role == "bytes" and span[0] < at and place
        line.append(Cell(gap if place else "", "bytes" if inside else ""))
        line.append(Cell(f"{part[place]:02x}", role))
        characters.append(Cell(_SHOWN[part[place]], role))
    used = 6 + 3 * size - 1 + (size - 1) // 8
    filled = 6 + sum(len(one.text) for one in line[1:])
    return [*line, Cell(" " * (used - filled + 2)), *characters]
