"""Bytes of a file or pipe in order, decompressed as they come: plain, gzip, zstd or lz4, recognised by content.

Nothing holds more than a chunk and what a decompressor makes of a small piece of it, whatever the compression ratio.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

CHUNK = 1 << 20
_ZSTD_PIECE = 2048
# zstd has no bound on its output; 128 KiB come of as little as 4 bytes, so small pieces keep a bomb under 64 MiB at a time
_MAGICS = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4"))


class Decompressor(Protocol):
    """One stream of compressed bytes; several frames may follow each other."""

    problem: str | None
    """what is wrong with the compressed data, once that is known; no more bytes come then"""

    def push(self, data: bytes) -> bytes: ...

    def more(self) -> bytes:
        """What is left of bytes pushed before; empty when a new push is needed."""

    def end(self) -> None:
        """The compressed bytes are over; sets `problem` when they end inside a frame."""


class _Framed:
    """gzip and lz4: decompressors that bound their output and tell where a frame ends."""

    def __init__(self, make: Callable[[], Any], errors: tuple[type[Exception], ...], name: str, magic: bytes) -> None:
        self._make, self._errors, self._name, self._magic = make, errors, name, magic
        self._decoder = make()
        self._rest = b""
        self._fresh = True
        self.problem: str | None = None

    def push(self, data: bytes) -> bytes:
        self._rest += data
        return self.more()

    def more(self) -> bytes:
        while self.problem is None:
            if self._decoder.eof:
                if not self._begin_next():
                    return b""
            elif not self._rest and not self._pending():
                return b""
            before = self._decoder.copy() if hasattr(self._decoder, "copy") else None
            try:
                out = bytes(self._decoder.decompress(self._rest, CHUNK))
            except self._errors as error:
                self.problem = f"the {self._name} data is damaged ({error})"
                return self._before_damage(before) if before is not None else b""
            self._fresh = False
            self._rest = self._left()
            if out:
                return out
        return b""

    def _before_damage(self, decoder: Any) -> bytes:
        """What *decoder* makes of the bytes that wait, up to those that it refuses: in steps that are halved where it does."""
        out: list[bytes] = []
        data, step = self._rest, len(self._rest)
        while data and step:
            attempt = decoder.copy()
            try:
                part = attempt.decompress(data[:step], CHUNK)
            except self._errors:
                step >>= 1
                continue
            out.append(part)
            decoder, data = attempt, data[step:]
        return b"".join(out)

    def _pending(self) -> bool:
        return not getattr(self._decoder, "needs_input", True)

    def _left(self) -> bytes:
        if self._decoder.eof:
            return bytes(self._decoder.unused_data or b"")
        return bytes(getattr(self._decoder, "unconsumed_tail", b""))

    def _begin_next(self) -> bool:
        """A further frame, when its magic follows; zero bytes behind the last one are padding."""
        rest = self._rest
        if len(rest) < len(self._magic) and self._magic.startswith(rest):
            return False
        if rest.startswith(self._magic):
            self._decoder, self._fresh = self._make(), True
            return True
        if rest.strip(b"\0"):
            self.problem = f"bytes that are no {self._name} data follow it"
        self._rest = b""
        return False

    def end(self) -> None:
        if self.problem is None and (not self._decoder.eof or self._rest.strip(b"\0")):
            self.problem = f"the {self._name} data is cut short"


class _Zstd:
    """zstd frames and skippable frames."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._make = zstandard.ZstdDecompressor().decompressobj
        self._decoder = self._make()
        self._rest = b""
        self._inside = False
        self.problem: str | None = None

    def push(self, data: bytes) -> bytes:
        self._rest += data
        return self.more()

    def more(self) -> bytes:
        out: list[bytes] = []
        size = used = 0
        rest = self._rest
        try:
            while used < len(rest) and size < CHUNK:
                piece = rest[used:used + _ZSTD_PIECE]
                made = self._decoder.decompress(piece)
                used += len(piece)
                self._inside = True
                if self._decoder.eof:
                    used -= len(self._decoder.unused_data)
                    self._decoder, self._inside = self._make(), False
                size += len(made)
                out.append(made)
        except self._error as error:
            self.problem = f"the zstd data is damaged ({error})"
            used = len(rest)
        self._rest = rest[used:]
        return b"".join(out)

    def end(self) -> None:
        if self.problem is None and self._inside:
            self.problem = "the zstd data is cut short"


def _gzip() -> Decompressor:
    return _Framed(lambda: zlib.decompressobj(31), (zlib.error,), "gzip", b"\x1f\x8b")


def _lz4() -> Decompressor:
    import lz4.frame

    return _Framed(lz4.frame.LZ4FrameDecompressor, (RuntimeError, EOFError), "lz4", b"\x04\x22\x4d\x18")


_DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {"gzip": _gzip, "zstd": _Zstd, "lz4": _lz4}


class ByteSource:
    """The plain bytes of *stream*, in chunks as they come. `compression` is known from the start."""

    def __init__(self, stream: BinaryIO, *, live: bool) -> None:
        self._stream = stream
        self._live = live
        self.size = 0
        """bytes taken from the stream so far, as they are on disk"""
        self._over = False
        head = b""
        while len(head) < 4 and (piece := self._raw()):
            head += piece
        self.compression = next((name for magic, name in _MAGICS if head.startswith(magic)), None)
        if self.compression is None and len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
            self.compression = "zstd"  # a skippable frame first
        self._decompressor = _DECOMPRESSORS[self.compression]() if self.compression else None
        self._head = head
        self._started = False

    @property
    def problem(self) -> str | None:
        """What is wrong with the compressed data."""
        return self._decompressor.problem if self._decompressor else None

    @property
    def spooled(self) -> bool:
        """Offsets of the plain bytes are none of a file that can be opened again."""
        return self._live or self._decompressor is not None

    def _raw(self) -> bytes:
        if self._over:
            return b""
        data = self._stream.read1(CHUNK) if self._live and isinstance(self._stream, io.BufferedReader) else self._stream.read(CHUNK)
        self.size += len(data)
        self._over = not data
        return data

    def read(self, at_least: int = 1) -> bytes:
        """The next plain bytes, *at_least* that many unless the end comes before; empty at the end."""
        parts: list[bytes] = []
        have = 0
        while have < at_least:
            part = self._next()
            if not part:
                break
            parts.append(part)
            have += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _next(self) -> bytes:
        decompressor = self._decompressor
        if decompressor is None:
            data, self._head = self._head, b""
            return data or self._raw()
        while decompressor.problem is None:
            if self._started and (data := decompressor.more()):
                return data
            self._started = True
            raw, self._head = self._head, b""
            raw = raw or self._raw()
            if not raw:
                decompressor.end()
                return b""
            if data := decompressor.push(raw):
                return data
        return b""

    def drain(self) -> None:
        """Take what is left, so that `size` is the whole file's."""
        while self._raw():
            pass
