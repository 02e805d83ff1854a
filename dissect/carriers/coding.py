"""Content codings of HTTP undone, within a bound."""

from __future__ import annotations

import zlib

MAX_DECODED = 16 << 20
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class Undecodable(Exception):
    """A body that its coding does not fit, that grows beyond the bound, or whose coding is none we know."""


def _inflate(data: bytes, window: int) -> bytes:
    out: list[bytes] = []
    left = MAX_DECODED
    while data:
        inflater = zlib.decompressobj(window)
        part = inflater.decompress(data, left + 1)
        left -= len(part)
        if left < 0:
            raise Undecodable(f"it grows beyond {MAX_DECODED} bytes")
        if not inflater.eof:
            raise Undecodable("it ends early")
        out.append(part)
        data = inflater.unused_data
        if data[:2] != b"\x1f\x8b":
            break  # padding behind the last member
    return b"".join(out)


def decode(data: bytes, codings: tuple[str, ...]) -> bytes:
    """*data* with *codings*, in the order applied, undone. Raises Undecodable."""
    for coding in reversed(codings):
        try:
            if coding in ("gzip", "x-gzip"):
                data = _inflate(data, _GZIP_OR_ZLIB)
            elif coding == "deflate":
                try:
                    data = _inflate(data, _GZIP_OR_ZLIB)
                except zlib.error:
                    # Microsoft's servers meant the raw format by `deflate`; browsers read both
                    data = _inflate(data, _RAW)
            else:
                raise Undecodable(f"coding {coding[:40]!r} is not known")
        except zlib.error:
            raise Undecodable(f"it is no {coding}") from None
    return data
