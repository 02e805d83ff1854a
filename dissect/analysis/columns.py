"""Records of fixed size kept without an object a record, and texts kept once each.

One thread appends; others may read what is counted, at any time: a record is written whole before the count includes it, and
memory that was handed out never moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

CHUNK_ROWS = 1 << 15

_DTYPE = {"q": "<i8", "Q": "<u8", "I": "<u4", "H": "<u2", "B": "<u1", "d": "<f8"}


class Rows:
    """Append-only rows; *columns* are pairs of a name and a `struct` code (q, Q, I, H, B, d)."""

    def __init__(self, columns: Sequence[tuple[str, str]]) -> None:
        codes = "".join(code for _, code in columns)
        self.names = tuple(name for name, _ in columns)
        self._row = Struct("<" + codes)
        self._size = self._row.size
        self._pack = self._row.pack_into
        self._offset = {name: Struct("<" + codes[:index]).size for index, (name, _) in enumerate(columns)}
        self._cell = {name: (Struct("<" + code), self._offset[name]) for name, code in columns}
        self._dtype = {"names": list(self.names), "formats": [_DTYPE[code] for code in codes], "offsets": list(self._offset.values()),
                       "itemsize": self._size}
        self._chunks: list[bytearray] = []
        self._chunk = bytearray()
        # the last of them
        self._end = 0
        self._at = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, *values: float) -> None:
        """One more row, a value for each column in order. Raises struct.error for a value that its column cannot hold."""
        at = self._at
        if at == self._end:
            self._chunk = bytearray(CHUNK_ROWS * self._size)
            self._chunks.append(self._chunk)
            self._end = CHUNK_ROWS * self._size
            at = 0
        self._pack(self._chunk, at, *values)
        self._at = at + self._size
        self._count += 1

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """The row as a tuple, in the order of the columns. Raises IndexError."""
        if not 0 <= index < self._count:
            raise IndexError(f"row {index} of {self._count}")
        chunk, row = divmod(index, CHUNK_ROWS)
        return self._row.unpack_from(self._chunks[chunk], row * self._size)

    def value(self, index: int, name: str) -> Any:
        """One cell. Raises IndexError."""
        if not 0 <= index < self._count:
            raise IndexError(f"row {index} of {self._count}")
        chunk, row = divmod(index, CHUNK_ROWS)
        cell, offset = self._cell[name]
        return cell.unpack_from(self._chunks[chunk], row * self._size + offset)[0]

    def set(self, index: int, name: str, value: float) -> None:
        """Change one cell. Raises IndexError."""
        if not 0 <= index < self._count:
            raise IndexError(f"row {index} of {self._count}")
        chunk, row = divmod(index, CHUNK_ROWS)
        cell, offset = self._cell[name]
        cell.pack_into(self._chunks[chunk], row * self._size + offset, value)

    def column(self, name: str, start: int = 0, stop: int | None = None) -> numpy.ndarray[Any, Any]:
        """The cells *start* to *stop* (default: all rows counted now) of one column, as a copy."""
        import numpy

        stop = self._count if stop is None else min(stop, self._count)
        edges = [start, *range((start // CHUNK_ROWS + 1) * CHUNK_ROWS, stop, CHUNK_ROWS), stop]
        dtype = numpy.dtype(self._dtype)  # type: ignore[call-overload]
        parts = []
        for begin, end in pairwise(edges):
            if begin < end:
                chunk, row = divmod(begin, CHUNK_ROWS)
                parts.append(numpy.frombuffer(self._chunks[chunk], dtype, end - begin, row * self._size)[name])
        return numpy.concatenate(parts) if parts else numpy.zeros(0, dtype[name])

    def table(self) -> numpy.ndarray[Any, Any]:
        """All rows counted now as an array of records with the columns' names, as a copy."""
        import numpy

        count, dtype = self._count, numpy.dtype(self._dtype)  # type: ignore[call-overload]
        parts = [numpy.frombuffer(chunk, dtype, min(CHUNK_ROWS, count - start))
                 for start, chunk in zip(range(0, count, CHUNK_ROWS), self._chunks, strict=False)]
        return numpy.concatenate(parts) if parts else numpy.zeros(0, dtype)

    def extend(self, table: numpy.ndarray[Any, Any]) -> None:
        """Rows from an array as `table` gives it. Only for rows that are still empty."""
        assert not self._count, "there are rows already"
        data = table.tobytes()
        whole = CHUNK_ROWS * self._size
        self._chunks = [bytearray(data[start:start + whole].ljust(whole, b"\0")) for start in range(0, len(data), whole)]
        self._chunk = self._chunks[-1] if self._chunks else bytearray()
        self._end = whole if self._chunks else 0
        self._at = len(data) - (len(self._chunks) - 1) * whole if self._chunks else 0
        self._count = len(table)


OVERFLOW = 0xFFFFFFFF
"""the code of a text that its table did not take: too long, or one too many"""

TEXT_LIMIT = 1024
TEXTS_LIMIT = 1 << 16


class Texts(dict[str | None, int]):
    """Each text once, by number; 0 is None. Bounded, since texts come from packets.

    Asked for as an item, a text that is new gets its number; OVERFLOW for one that the table does not take.
    """

    def __init__(self, limit: int = TEXTS_LIMIT) -> None:
        super().__init__({None: 0})
        self._limit = limit
        self._texts: list[str | None] = [None]

    def __missing__(self, text: str) -> int:
        code = len(self._texts)
        if len(text) > TEXT_LIMIT or code > self._limit:
            return OVERFLOW
        self._texts.append(text)
        self[text] = code
        return code

    def find(self, text: str | None) -> int | None:
        """The number of *text* if it has one."""
        return self.get(text)

    def text(self, code: int) -> str | None:
        """Raises IndexError for OVERFLOW: the text must be looked up where it came from."""
        return self._texts[code]

    def all(self) -> list[str | None]:
        """The texts by number, as they are now."""
        return list(self._texts)
