"""Bytes that must be kept but not in memory: append-only, in memory at first, in a temporary file beyond a limit.

One thread appends; others may read what was appended before, at any time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import BinaryIO

from dissect.errors import DissectError

MEMORY_LIMIT = 64 << 20
"""bytes held in memory before a temporary file is begun"""

BLOCK = 1 << 20
"""bytes that gather in memory between two writes, once there is a file"""


class Spool:
    """Append bytes, read them again by offset and length."""

    def __init__(self, memory_limit: int = MEMORY_LIMIT) -> None:
        self._limit = memory_limit
        self._file: BinaryIO | None = None
        self._tail: tuple[int, bytearray] = (0, bytearray())
        # Where the part in memory begins, and that part: one tuple, replaced whole, so that a reader in another thread
        # has either the old part in memory or finds it in the file.

    def __len__(self) -> int:
        base, buffer = self._tail
        return base + len(buffer)

    @property
    def on_disk(self) -> int:
        """Bytes that went to the temporary file."""
        return self._tail[0]

    def append(self, data: bytes) -> int:
        """Keep *data*; returns its offset. Raises DissectError when the temporary file cannot be written."""
        base, buffer = self._tail
        offset = base + len(buffer)
        buffer += data
        if len(buffer) > self._limit:
            self._flush()
        return offset

    def read(self, offset: int, length: int) -> bytes:
        """The *length* bytes that were appended at *offset* (fewer only when they were never appended)."""
        base, buffer = self._tail
        if offset >= base:
            start = offset - base
            return bytes(buffer[start:start + length])
        file = self._file
        if file is None:
            return b""
        # An append never straddles the file's end: a flush writes whole appends.
        return os.pread(file.fileno(), length, offset)

    def reader(self) -> Callable[[int, int], bytes | bytearray]:
        """`read` for what was appended before, as many pieces after each other as one likes."""
        base, buffer = self._tail
        descriptor = self._file.fileno() if self._file is not None else -1

        def read(offset: int, length: int) -> bytes | bytearray:
            if offset >= base:
                return buffer[offset - base:offset - base + length]
            data = os.pread(descriptor, length, offset)
            return data if offset + length <= base else data[:base - offset] + buffer[:offset + length - base]

        return read

    def close(self) -> None:
        """Give the temporary file back; nothing can be read afterwards."""
        file, self._file = self._file, None
        self._tail = (0, bytearray())
        if file is not None:
            file.close()

    def _flush(self) -> None:
        base, buffer = self._tail
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="dissect-", buffering=0)  # noqa: SIM115 - it lives as long as the spool
                self._limit = min(self._limit, BLOCK)
            with memoryview(buffer) as view:
                written = 0
                while written < len(view):
                    written += os.write(self._file.fileno(), view[written:])
        except OSError as error:
            raise DissectError(f"the temporary file in {tempfile.gettempdir()} cannot be written ({error.strerror}); "
                               "make room there or set TMPDIR to a folder that has it") from error
        self._tail = (base + len(buffer), bytearray())
