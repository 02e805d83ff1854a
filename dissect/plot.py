"""Small plots of counts as lines of text: block characters, or plain ASCII where those cannot be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII_STEPS = " .:-=+*%#"
HEIGHT = 5
"""lines of a column plot"""


def sparkline(counts: Sequence[int], ascii_only: bool = False, highest: int | None = None) -> str:
    """One character a count; a count above zero is always to be seen."""
    steps = ASCII_STEPS if ascii_only else BLOCKS
    top = max(highest or max(counts, default=0), 1)
    return "".join(steps[-(-count * (len(steps) - 1) // top)] for count in counts)


def columns(counts: Sequence[int], ascii_only: bool = False, height: int = HEIGHT) -> Iterator[str]:
    """Lines, the highest first, with the scale on the left."""
    top = max(max(counts, default=0), 1)
    steps = 1 if ascii_only else len(BLOCKS) - 1
    levels = [-(-count * height * steps // top) for count in counts]
    width = len(str(top))
    corner, axis = ("|", "-") if ascii_only else ("│", "─")
    for line in range(height - 1, -1, -1):
        filled = [min(max(level - line * steps, 0), steps) for level in levels]
        cells = "".join(("#" if part else " ") if ascii_only else BLOCKS[part] for part in filled)
        scale = str(top) if line == height - 1 else ""
        yield f"{scale:>{width}} {corner}{cells}".rstrip()
    yield f"{'0':>{width}} {'+' if ascii_only else '└'}{axis * len(counts)}"
