"""Where a command's result goes: stdout or a file. Whether it can go there is asked before the work begins."""

from __future__ import annotations

import codecs
import errno
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from dissect.errors import DissectError, UsageError
from dissect.text import is_clean

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def check_output(path: str | None, captures: Sequence[str], option: str = "-o") -> None:
    """Raises UsageError when *path* is one of the *captures*, DissectError when it cannot be written. Changes nothing. *option*: what
    names the output."""
    if path is None or path == "-":
        return
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise DissectError(f"{path} is a folder; name a file in it with {option}")
    if not os.path.isdir(folder):
        raise DissectError(f"{path} cannot be written (there is no folder {folder}); make it, or name another file with {option}")
    if not os.path.exists(path):
        return
    if any(os.path.exists(name) and os.path.samefile(name, path) for name in captures):
        raise UsageError(f"{path} is the capture itself; name another file for the output")


class JSONOnTerminal:
    """JSON on its way to a terminal: what `dissect.text` would escape is written as JSON's own escape, which says the same to a reader of JSON."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def write(self, data: bytes) -> int:
        text = self._decode(data)
        if not text.isascii() or "\x7f" in text:
            text = "".join(one if one == "\n" or (one != "\x7f" and one.isascii()) or is_clean(one) else json.dumps(one)[1:-1] for one in text)
            text = text.replace("\x7f", "\\u007f")
        self._out.write(text.encode("utf-8"))
        return len(data)

    def flush(self) -> None:
        self._out.flush()


def json_output(out: BinaryIO) -> BinaryIO:
    """*out*, safe where it is a terminal."""
    return cast(BinaryIO, JSONOnTerminal(out)) if out.isatty() else out


@contextmanager
def output(path: str | None, option: str = "-o") -> Iterator[BinaryIO]:
    """Bytes for *path* (None or `-`: stdout). Raises DissectError when it cannot be opened, or has no room. *option*: what names the output."""
    if path is None or path == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = open(path, "wb")  # noqa: SIM115 - closed below, after what the caller does with it
    except OSError as error:
        raise DissectError(f"{path} cannot be written ({error.strerror}); name another file with {option}") from error
    try:
        with file:
            yield file
    except OSError as error:
        if error.filename is None and error.errno in NO_ROOM:
            raise DissectError(f"{path} cannot be written ({error.strerror}); what is in it is not whole") from error
        raise
