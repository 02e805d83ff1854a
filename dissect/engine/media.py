"""Files inside messages: told by their size and hash in the report, and named by their content, never by what a packet says."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

SHOWN_WHOLE = 1024
"""decoded bytes up to which a file stays in `fields` as sent"""

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"GIF87a", "image/gif", "gif"),
    (b"GIF89a", "image/gif", "gif"),
    (b"BM", "image/bmp", "bmp"),
    (b"II*\x00", "image/tiff", "tiff"),
    (b"MM\x00*", "image/tiff", "tiff"),
    (b"%PDF-", "application/pdf", "pdf"),
    (b"PK\x03\x04", "application/zip", "zip"),
    (b"\x1f\x8b", "application/gzip", "gz"),
)
_UNKNOWN = ("application/octet-stream", "bin")


def media_type(content: bytes) -> tuple[str, str]:
    """(media type, file ending) by content."""
    for signature, media, ending in _SIGNATURES:
        if content.startswith(signature):
            return media, ending
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", "webp"
    if content[4:8] == b"ftyp":
        return "video/mp4", "mp4"
    return _UNKNOWN


def file_of(value: Any) -> bytes | None:
    """The bytes of a base64 member (also as a data: URL), or None."""
    if type(value) is not str:
        return None
    text = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return base64.b64decode("".join(text.split()) if any(one in text for one in "\r\n ") else text, validate=True)
    except (binascii.Error, ValueError):
        return None


def files_in(fields: Any, paths: tuple[tuple[str, ...], ...]) -> list[tuple[tuple[str, ...], bytes]]:
    """Every file embedded in *fields*, with its path."""
    found = []
    for path in paths:
        holder = fields
        for name in path[:-1]:
            holder = holder.get(name) if type(holder) is dict else None
        if type(holder) is dict:
            content = file_of(holder.get(path[-1]))
            if content:
                found.append((path, content))
    return found


def summarise(fields: Any, paths: tuple[tuple[str, ...], ...]) -> Any:
    """*fields* with large embedded files replaced by {"bytes", "sha256", "media_type"}; *fields* itself is not changed."""
    for path, content in files_in(fields, paths):
        if len(content) > SHOWN_WHOLE:
            told = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "media_type": media_type(content)[0]}
            fields = _replace(fields, path, told)
    return fields


def _replace(holder: Any, path: tuple[str, ...], value: Any) -> Any:
    inner = value if len(path) == 1 else _replace(holder[path[0]], path[1:], value)
    return {**holder, path[0]: inner}
