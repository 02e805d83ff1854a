"""The drawing characters, once for terminals that have them and once in ASCII (`--ascii`)."""

from __future__ import annotations

import codecs
import locale
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Glyphs:
    lifeline: str = "│"
    line: str = "─"
    head_right: str = ">"
    head_left: str = "<"
    dead: str = "x"
    gap: str = "┄"
    bar: str = "█"
    half_bar: str = "▌"
    bar_end: str = "▶"
    spark: str = " ▁▂▃▄▅▆▇█"
    shades: str = " ░▒▓█"
    opened: str = "▾"
    closed: str = "▸"
    cursor: str = ">"
    mark: str = "*"
    selected: str = "●"
    up: str = "→"
    down: str = "←"
    ellipsis: str = "…"
    progress: str = "■"
    rest: str = "·"
    branch: str = "·"
    dot: str = "·"
    tick: str = "✓"
    cross: str = "✗"


UNICODE = Glyphs()
ASCII = Glyphs(
    lifeline="|", line="-", gap=".", bar="#", half_bar="=", bar_end=">", spark=" .:-=+*#@", shades=" .:*#", opened="v", closed=">", selected="+",
    up="->", down="<-", ellipsis="~", progress="#", rest=".", branch=".", dot=".", tick="ok", cross="x",
)


def glyphs_for(ascii_only: bool | None = None) -> Glyphs:
    """*ascii_only* None: ASCII when the locale's characters are not UTF-8."""
    if ascii_only is None:
        name = os.environ.get("PYTHONIOENCODING", "").partition(":")[0] or locale.getpreferredencoding(False)
        try:
            ascii_only = codecs.lookup(name).name != "utf-8"
        except LookupError:
            ascii_only = True
    return ASCII if ascii_only else UNICODE


def spark(values: list[float] | list[int], glyphs: Glyphs) -> str:
    """A character a value, scaled to the largest; zero is the lowest one."""
    top = max(values, default=0)
    if top <= 0:
        return glyphs.spark[1] * len(values)
    steps = len(glyphs.spark) - 2
    return "".join(glyphs.spark[1 + min(steps, round(value / top * steps))] for value in values)
