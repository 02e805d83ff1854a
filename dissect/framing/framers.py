"""Cut the bytes of one side of a stream into messages. A framer is fed what comes and gives back whole messages; it raises nothing."""

from __future__ import annotations

from collections.abc import Callable

from dissect.framing.framed import Framer
from dissect.framing.frames import FrameFramer
from dissect.framing.lines import LineFramer
from dissect.framing.objects import ObjectFramer
from grammars.vocabulary import Frames, Framing, Lines, Objects


def framer(framing: Framing, midstream: bool, accept: Callable[[bytes], bool] | None = None) -> Framer:
    """*accept*: whether bytes are a message, for framings that cannot tell by themselves."""
    match framing:
        case Lines():
            return LineFramer(framing, midstream)
        case Objects():
            return ObjectFramer(framing, midstream, accept)
        case Frames():
            return FrameFramer(framing, midstream)


def alone(framing: Framing) -> Callable[[bytes], bytes | None]:
    """A function that tells whether a segment is exactly one message, and gives its bytes without line end (None: a framer has to look)."""
    match framing:
        case Lines():
            return _one_line
        case Objects():
            return _one_object
        case Frames():
            whole = framing.whole
            return lambda data: data if whole(data) else None


def _one_line(data: bytes) -> bytes | None:
    return data[:-1] if data.find(b"\n") == len(data) - 1 else None


def _one_object(data: bytes) -> bytes | None:
    # What decodes as one object is one object.
    return data if data[:1] == b"{" and data[-1:] == b"}" else None
