"""Start lines and header fields of HTTP/1.x (RFC 9112), read leniently: bare LF, folded lines, odd fields."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LINE = 64 << 10
MAX_HEAD = 256 << 10
_REQUEST = re.compile(rb"([A-Z_-]++)[ \t]++(.*)[ \t]HTTP/1\.[0-9]*+[ \t]*+\r?\Z", re.DOTALL)
# Possessive, and with one blank before the version: what blanks can be shared out takes the square or the cube of their number.
_STATUS = re.compile(rb"HTTP/1\.[0-9]*[ \t]+([0-9]{3})(?:[ \t][^\n]*)?\r?\Z")
_METHOD = re.compile(rb"[A-Z_-]+")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_VERSION = b"HTTP/1."
_OTHER_FIELDS = frozenset(bytes((letter,)) for letter in b"ABDEFGHIJKLMNOPQRSUVWXYZabdefghijklmnopqrsuvwxyz")
"""first bytes of fields that say nothing of the body: most of them"""


class Request(NamedTuple):
    method: str
    target: str


class Head(NamedTuple):
    """A start line and the fields that say how long the body is and how it is coded."""

    request: Request | None
    status: int | None
    """of a response"""
    length: int | None
    """Content-Length"""
    chunked: bool
    codings: tuple[str, ...]
    """content and transfer codings in the order they were applied, chunked left out"""
    fault: str | None
    """why the end of its body cannot be told"""


def request_line(line: bytes) -> Request | None:
    """`METHOD target HTTP/1.x`; the method is any token of capital letters, `_` and `-`."""
    match = _REQUEST.match(line)
    target = match[2].rstrip(b" \t") if match else b""
    if match is None or not target:
        return None
    return Request(match[1].decode(), target.decode("utf-8", "backslashreplace"))


def status_line(line: bytes) -> int | None:
    match = _STATUS.match(line)
    return int(match[1]) if match else None


def first_line(data: bytes) -> tuple[str, bool] | None:
    """What the first bytes of a side are: ("request"|"status"|"", certain). None: more are needed. Empty lines before are skipped."""
    start = 0
    size = len(data)
    while start < size and data[start] in b"\r\n":
        start += 1
    end = data.find(b"\n", start, start + MAX_LINE)
    if end >= 0:
        line = data[start:end]
        if request_line(line):
            return "request", True
        return ("status" if status_line(line) is not None else ""), True
    if size - start >= MAX_LINE or start > 64:
        return "", True
    line = data[start:start + 64]
    if not line or _VERSION.startswith(line[:7]) or line[:7] == _VERSION:
        return None
    method = _METHOD.match(line)
    if method and (method.end() == len(line) or line[method.end()] in b" \t"):
        return None
    return "", True


def looks_like_http(data: bytes) -> bool | None:
    """Whether the first bytes of a side are a request or status line of HTTP/1.x; None: more bytes are needed."""
    found = first_line(data)
    return None if found is None else bool(found[0])


def end_of_head(data: bytes, start: int) -> int:
    """Position behind the empty line that ends a head, looked for from *start*; -1 while it is not there."""
    match = _END_OF_HEAD.search(data, start)
    return match.end() if match else -1


def _tokens(value: bytes) -> list[str]:
    return [token for part in value.decode("latin-1").split(",") if (token := part.split(";")[0].strip().lower())]


def read_head(data: bytes) -> Head | None:
    """The head whose bytes, empty line included, are *data* (leading empty lines taken off). None: its first line is neither request nor status."""
    lines = data.split(b"\n")
    request = request_line(lines[0])
    status = None if request else status_line(lines[0])
    if request is None and status is None:
        return None
    length: int | None = None
    fault: str | None = None
    transfer: list[str] = []
    content: list[str] = []
    fields: list[tuple[bytes, list[bytes]]] = []
    folds = False
    for line in lines[1:]:
        if line[:1] in _OTHER_FIELDS:
            folds = False
        elif line[:1] in (b" ", b"\t"):
            if folds:
                fields[-1][1].append(line.strip())  # RFC 9112, 5.2: a folded line goes on with the field before
        else:
            name, _, first = line.partition(b":")
            fields.append((name.strip().lower(), [first.strip()]))
            folds = True
    for name, parts in fields:
        value = b" ".join(parts).strip()
        if name == b"content-length":
            for number in value.split(b","):
                number = number.strip()
                if not number.isdigit() or len(number) > 18:
                    fault = fault or "a Content-Length that is no number"
                elif length is not None and length != int(number):
                    fault = fault or "two different Content-Length"
                else:
                    length = int(number)
        elif name == b"transfer-encoding":
            transfer += _tokens(value)
        elif name == b"content-encoding":
            content += _tokens(value)
    chunked = bool(transfer) and transfer[-1] == "chunked"
    if transfer:
        length = None  # RFC 9112, 6.3: Transfer-Encoding overrides Content-Length
        fault = None
        if request and not chunked:
            fault = "a request whose last transfer coding is not chunked"
    codings = tuple(token for token in content + transfer if token not in ("chunked", "identity"))
    return Head(request, status, length, chunked, codings, fault)
