"""Values in a message's body: members of its fields, of its decrypted data, of its carrier. JSON is read only where it must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from dissect.filter.base import BODY, Source
from dissect.filter.comparison import Test
from dissect.filter.view import View
from dissect.jsonwrite import decode
from dissect.model import Session

if TYPE_CHECKING:
    from dissect.filter.view import Indexes, Mask

BLOCK_ROWS = 1 << 14
MOST_VALUES = 100_000
"""values of one message that are looked through for one field"""

MOST_BETWEEN = 4
"""times the size of the bodies looked for that the bytes they lie among may be, to be read and searched at once"""

DATA = "data"

_PADDING = {b" ": re.compile(rb' (?:(?<=" )|(?="))'), b"\\": re.compile(rb"\\")}
# A text that may begin or end with a blank, or is spelled with escapes: looked for by one byte, which is found many times faster than two of which
# one is common.


class BodySource(Source):
    """One path into `fields` or `carrier`. Arrays are transparent, names are keys; null is absent."""

    cost = BODY

    def __init__(self, part: str, path: tuple[str, ...], *, carrier: str | None = None, protocols: frozenset[str] | None = None,
                 sealed: bool = False) -> None:
        """*part*: fields or carrier. *carrier*, *protocols*: which sessions have it at all. *sealed*: a path that begins with `data` means
        the decrypted data where there is one."""
        self._part = part
        self._path = path
        self._carrier = carrier
        self._protocols = protocols
        self._sealed = sealed and path[:1] == (DATA,)
        self._quickly = _quick_reader(part, path, self._sealed)

    def _of(self, session: Session) -> bool:
        if self._protocols is not None:
            return session.protocol in self._protocols
        return self._carrier in session.carrier.split("/")

    def values(self, view: View, index: int) -> list[Any]:
        if not self._of(view.analysis.sessions[int(view.column("session")[index])]):
            return []
        return list(self._reach(decode(view.analysis.message_json(index))))

    def mask(self, view: View, indexes: Indexes, test: Test | None) -> Mask:
        import numpy

        found = self._sessions(view)[view.column("session")[indexes]]
        places = numpy.flatnonzero(found)
        found[:] = False
        good: list[int] = []
        holds: Callable[[Any], Any] = _any_value if test is None else test.holds
        pattern, look = self._pattern(test), self._look
        offsets, lengths = view.column("offset"), view.column("length")
        for start in range(0, len(places), BLOCK_ROWS):
            block = places[start:start + BLOCK_ROWS]
            rows = indexes[block]
            good += [int(block[at]) for at, data in _candidates(view, offsets[rows], lengths[rows], pattern) if look(data, holds)]
        found[good] = True
        return found

    def _pattern(self, test: Test | None) -> re.Pattern[bytes]:
        """What the JSON of a body that can satisfy *test* holds at least once, if it is not `_padded`: the last name of the path, with the
        beginning of its value."""
        name = re.escape(_json(self._path[-1])) + b":"
        if test is not None and test.equal is not None:
            name += rb'(?:"?' + re.escape(test.equal) + rb"|\[)"
        return re.compile(name)

    def _sessions(self, view: View) -> Mask:
        return view.session_mask(self._of)

    def _look(self, data: bytes | bytearray, holds: Callable[[Any], Any]) -> bool:
        """Whether the JSON of a body has a value here that *holds*."""
        try:
            holder, path = self._quickly(data)
        except msgspec.DecodeError:  # no object where one usually is; a lone surrogate
            return any(holds(value) for value in self._reach(decode(data)))
        if holder is msgspec.UNSET:
            # A name with blanks around it, which packets hold, is not what the quick reading looks for.
            return _padded(data) and any(holds(value) for value in self._reach(decode(data)))
        if not path and type(holder) is not dict and type(holder) is not list:
            return holder is not None and bool(holds(holder))
        return any(holds(value) for value in _walk(holder, path))

    def _reach(self, body: Any) -> Iterator[Any]:
        """The values here of a whole *body*."""
        holder, path = body[self._part], self._path
        if self._sealed and body["encryption"] is not None and body["encryption"]["data"] is not None:
            holder, path = body["encryption"]["data"], path[1:]
        return _walk(holder, path)


def _candidates(view: View, offsets: Indexes, lengths: Indexes, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, bytes | bytearray]]:
    """Which of the bodies at *offsets* hold the *pattern* or are padded: their place and JSON. What lies together is read and searched at once."""
    import numpy

    if not len(offsets):
        return
    read = view.reader
    order = numpy.argsort(offsets, kind="stable")
    starts = offsets[order].astype(numpy.int64)
    ends = starts + lengths[order]
    low, high = int(starts[0]), int(ends[-1])
    if high - low > MOST_BETWEEN * int(lengths.sum()):
        for place, start, end in zip(order.tolist(), starts.tolist(), ends.tolist(), strict=True):
            data = read(start, end - start)
            if pattern.search(data) or _padded(data):
                yield place, data
        return
    block = read(low, high - low)
    # One pattern after the other: an alternative in a pattern costs the speed with which its first letters are looked for.
    hits = low + numpy.fromiter((match.start() for one in (pattern, *_padding(block)) for match in one.finditer(block)), numpy.int64)
    nearest = numpy.searchsorted(starts, hits, side="right") - 1
    inside = (nearest >= 0) & (hits < ends[nearest])
    for at in numpy.unique(nearest[inside]).tolist():
        yield int(order[at]), block[int(starts[at]) - low:int(ends[at]) - low]


def _quick_reader(part: str, path: tuple[str, ...], sealed: bool) -> Callable[[bytes | bytearray], tuple[Any, tuple[str, ...]]]:
    """A function from a body's JSON to what the first name of *path* leads to (UNSET: to nothing) and the rest of the path.

    It reads that member alone. It raises DecodeError where the body is made otherwise.
    """
    first, rest = path[0], path[1:]
    inner = msgspec.defstruct("Inner", [("it", Any, msgspec.UNSET)], rename={"it": first}, gc=False)
    if not sealed:
        read = msgspec.json.Decoder(msgspec.defstruct("Body", [(part, inner | None, None)], gc=False)).decode

        def plain(data: bytes | bytearray) -> tuple[Any, tuple[str, ...]]:
            holder = getattr(read(data), part)
            return (None if holder is None else holder.it), rest

        return plain
    opened = msgspec.defstruct("Opened", [("data", Any, None)], gc=False)
    read_sealed = msgspec.json.Decoder(msgspec.defstruct("Body", [("fields", inner | None, None), ("encryption", opened | None, None)], gc=False)).decode

    def unsealed(data: bytes | bytearray) -> tuple[Any, tuple[str, ...]]:
        body: Any = read_sealed(data)
        if body.encryption is not None and body.encryption.data is not None:
            return body.encryption.data, rest
        return (None if body.fields is None else body.fields.it), rest

    return unsealed


def _json(name: str) -> bytes:
    return msgspec.json.encode(name)


def _padded(data: bytes | bytearray) -> bool:
    """Whether a text in *data* may begin or end with a blank, or is spelled with escapes."""
    return b' "' in data or b'" ' in data or b"\\" in data


def _padding(data: bytes | bytearray) -> list[re.Pattern[bytes]]:
    """What to look for to find where *data* is padded: as a rule nothing."""
    return [pattern for mark, pattern in _PADDING.items() if mark in data]


def _any_value(value: Any) -> bool:
    return True


def _walk(holder: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """The values at *path*, each entry of arrays; an empty array itself, since it is there."""
    waiting = [(holder, 0)]
    count = 0
    while waiting and count < MOST_VALUES:
        value, at = waiting.pop()
        count += 1
        if type(value) is list:
            if value or at < len(path):
                waiting += [(entry, at) for entry in reversed(value)]
            else:
                yield value
        elif at == len(path):
            if value is not None:
                yield value
        elif type(value) is dict:
            found = value.get(path[at], _MISSING)
            if found is _MISSING:
                found = next((inner for name, inner in value.items() if name.strip() == path[at]), None)
            if found is not None:
                waiting.append((found, at + 1))


_MISSING: Any = object()
