"""Where a command's result goes: stdout, or a file that is opened before the work begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from dissect.errors import DissectError, UsageError


@contextmanager
def output(path: str | None, captures: Sequence[str] = ()) -> Iterator[BinaryIO]:
    """Bytes for *path* (None or `-`: stdout). Raises UsageError when it is one of the *captures*, DissectError when it cannot be opened."""
    if path is None or path == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if any(os.path.exists(name) and os.path.exists(path) and os.path.samefile(name, path) for name in captures):
        raise UsageError(f"{path} is the capture itself; name another file for the output")
    try:
        file = open(path, "wb")  # noqa: SIM115 - closed below, after what the caller does with it
    except OSError as error:
        raise DissectError(f"{path} cannot be written ({error.strerror}); name another file with -o") from error
    with file:
        yield file
