"""The second net under `dissect.text.clean`: a filter over all that is drawn, which lets no control character pass to the terminal."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")
REPLACEMENT = "\ufffd"


_PLAIN = {
    "~": "…", "-": "─▀▔╸╺", "|": "│┃▎▊▋▕", "+": "┌┐└┘├┤┬┴┼╭╮╯╰", "=": "━▌▐", "#": "█", "_": "▄▁", "o": "●⭘", "*": "•", ">": "▶❯", "v": "▼", "^": "▲", "x": "✓✕",
    "/": "╱", "\\": "╲",
}
DRAWN = str.maketrans({drawn: letter for letter, many in _PLAIN.items() for drawn in many})
"""drawing characters that widgets of the library use, and what stands for them in ASCII"""


class AsciiLines(LineFilter):
    """`--ascii`: what widgets of the library draw with other characters is drawn in ASCII. Text from packets is left as it is."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [segment if segment.control or segment.text.isascii() else Segment(segment.text.translate(DRAWN), segment.style) for segment in segments]


class Colourless(LineFilter):
    """`NO_COLOR`: bold, underlined and reversed stay, every colour goes (the library's own filter leaves greys)."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [segment if segment.control or segment.style is None else Segment(segment.text, segment.style.without_color) for segment in segments]


class SecondNet(LineFilter):
    """Replaces what should have been escaped long before. Segments that are control codes of the driver itself are left alone."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if not UNSAFE.search("".join([segment.text for segment in segments if not segment.control])):
            return segments
        return [segment if segment.control else Segment(UNSAFE.sub(REPLACEMENT, segment.text), segment.style) for segment in segments]
