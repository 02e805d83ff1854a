"""Readings derived from a grammar: its fixed front as a struct.Struct, its table of fields, and the byte spans of one instance.

The grammar stays the only declaration: nothing here knows a format. Fields of a bit structure are folded into the integer that
holds them; each bit field keeps its place in it (`Bits`).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import construct
from construct import Bytes, BytesInteger, Construct, ConstructError, Container, FormatField, IfThenElse, Renamed, Switch
from construct.core import Array, BitsInteger, Enum, Flag, FlagsEnum, GreedyRange, Padded, Transformed

_INTEGER_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Bits(NamedTuple):
    """Where a bit field lies: `value >> shift & mask` of the integer field *field*."""

    field: str
    shift: int
    mask: int

    def of(self, value: int) -> int:
        return value >> self.shift & self.mask


class Front:
    """The leading part of a grammar whose length is fixed, read in one go."""

    __slots__ = ("struct", "names", "size", "offsets", "formats", "bits")

    def __init__(self, order: str, columns: list[tuple[str, str, int]], bits: dict[str, Bits]) -> None:
        self.struct = struct.Struct(order + "".join(code for _, code, _ in columns))
        self.size = self.struct.size
        named = [(name, code, offset) for name, code, offset in columns if name]
        self.names = tuple(name for name, _, _ in named)
        self.offsets = {name: offset for name, _, offset in named}
        """byte offset of each named field"""
        self.formats = {name: order + code for name, code, _ in named}
        """struct format of each named field, byte order included; for integers it is numpy's as well"""
        self.bits = bits

    def read(self, data: bytes | memoryview, offset: int = 0) -> dict[str, Any]:
        """All fields by name, bit fields too. Raises struct.error when *data* is too short."""
        values: dict[str, Any] = dict(zip(self.names, self.struct.unpack_from(data, offset), strict=True))
        values.update({name: bits.of(values[bits.field]) for name, bits in self.bits.items()})
        return values


class Field(NamedTuple):
    """One row of a grammar's table of fields."""

    name: str
    """dotted path"""
    doc: str
    unit: str
    spec: str
    offset: int | None
    """in bytes; None behind a field of variable length"""
    size: int | None
    """in bytes; None when it varies"""
    bits: Bits | None


class Span(NamedTuple):
    """The bytes of one field in one parsed instance."""

    name: str
    start: int
    end: int
    bits: Bits | None
    value: Any
    doc: str


def front(grammar: Construct) -> Front:
    """The longest leading part of *grammar* made of integers, bytes and bit structures of fixed size in one byte order."""
    columns: list[tuple[str, str, int]] = []
    bits: dict[str, Bits] = {}
    order, offset = "", 0
    for name, subcon in _fixed(grammar, ""):
        code, own = _code(subcon)
        if code is None or (own and order and own != order):
            break
        order = order or own
        columns.append((name, code, offset))
        if _is_bits(subcon):
            bits.update(_bit_fields(name, subcon))
        offset += subcon.sizeof()
    return Front(order or ">", columns, bits)


def field_table(grammar: Construct) -> list[Field]:
    """Every named field in order of the bytes; the cases of a switch are not entered."""
    rows: list[Field] = []
    _tabulate(grammar, "", 0, rows)
    return rows


def spans(grammar: Construct, data: bytes) -> list[Span]:
    """The fields that are whole in *data*, in order; bytes that are cut or violate the grammar end the list. Raises nothing."""
    found: list[Span] = []
    context = Container(_params=Container(), _parsing=True, _building=False, _sizing=False)
    try:
        _walk(grammar, "", "", io.BytesIO(data), context, found)
    except ConstructError:
        return found  # what stands before the place that could not be read
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError, OverflowError, RecursionError):
        return found  # a lambda or an adapter of the grammar met a value it does not expect, which Construct lets escape
    return found


def _bare(subcon: Construct) -> Construct:
    """*subcon* without its names."""
    while isinstance(subcon, Renamed):
        subcon = subcon.subcon
    return subcon


def _is_bits(subcon: Construct) -> bool:
    return isinstance(subcon, Transformed) and isinstance(_bare(subcon.subcon), construct.Struct)


def _join(path: str, name: str | None) -> str:
    return f"{path}.{name}" if path and name else name or path


def _fixed(grammar: Construct, path: str) -> Iterator[tuple[str, Construct]]:
    """Leaves of nested structures in order; the name of a leaf without one is empty."""
    bare = _bare(grammar)
    if not isinstance(bare, construct.Struct):
        yield path, bare
        return
    for subcon in bare.subcons:
        inner = _bare(subcon)
        if isinstance(inner, construct.Struct):
            yield from _fixed(inner, _join(path, subcon.name))
        else:
            yield _join(path, subcon.name) if subcon.name else "", inner


def _code(subcon: Construct) -> tuple[str | None, str]:
    """The struct code of a leaf and its byte order ("" where it has none); code None: it is not fixed."""
    if isinstance(subcon, FormatField):
        order = subcon.fmtstr[0]
        return subcon.fmtstr[1:].replace("L", "I").replace("l", "i"), "" if subcon.length == 1 else {"=": "<", "@": "<"}.get(order, order)
    if _is_bits(subcon):
        size = subcon.sizeof()
        return _INTEGER_CODES.get(size), ">" if size > 1 else ""
    if isinstance(subcon, Bytes) and isinstance(subcon.length, int):
        return f"{subcon.length}s", ""
    if isinstance(subcon, BytesInteger) and isinstance(subcon.length, int) and subcon.length in _INTEGER_CODES and isinstance(subcon.swapped, bool):
        code = _INTEGER_CODES[subcon.length]
        return code.lower() if subcon.signed else code, "" if subcon.length == 1 else "<" if subcon.swapped else ">"
    if isinstance(subcon, Padded) and isinstance(subcon.length, int) and isinstance(_bare(subcon.subcon), type(construct.Pass)):
        return f"{subcon.length}x", ""
    if isinstance(subcon, (Enum, FlagsEnum, construct.Const, construct.Rebuild, construct.Default)):
        return _code(_bare(subcon.subcon))
    return None, ""


def _bit_fields(name: str, subcon: Construct) -> dict[str, Bits]:
    """The bit fields of a bit structure, by their own names."""
    left = subcon.sizeof() * 8
    found = {}
    for member in _bare(subcon.subcon).subcons:
        width = member.sizeof()
        left -= width
        if member.name and isinstance(_bare(member), (BitsInteger, Flag)):
            found[member.name] = Bits(name, left, (1 << width) - 1)
    return found


def _size(subcon: Construct) -> int | None:
    try:
        return int(subcon.sizeof())
    except (ConstructError, KeyError, AttributeError, TypeError):
        return None  # it depends on values that only an instance has


def _row(name: str, subcon: Construct, offset: int | None, size: int | None, bits: Bits | None) -> Field:
    docs = subcon.docs
    return Field(name, str(docs), getattr(docs, "unit", ""), getattr(docs, "spec", ""), offset, size, bits)


def _tabulate(grammar: Construct, path: str, offset: int | None, rows: list[Field]) -> int | None:
    bare = _bare(grammar)
    if not isinstance(bare, construct.Struct):
        return offset
    for subcon in bare.subcons:
        inner, size, name = _bare(subcon), _size(subcon), _join(path, subcon.name)
        if subcon.name:
            rows.append(_row(name, subcon, offset, size, None))
        if _is_bits(inner):
            places = _bit_fields(name, inner)
            rows.extend(_row(_join(name, member.name), member, offset, size, places[member.name])
                        for member in _bare(inner.subcon).subcons if member.name in places)
        elif isinstance(inner, construct.Struct):
            _tabulate(inner, name, offset, rows)
        offset = offset + size if offset is not None and size is not None else None
    return offset


def _walk(grammar: Construct, path: str, doc: str, stream: io.BytesIO, context: Container, found: list[Span]) -> Any:
    """Parse *grammar* from *stream* as Construct would, noting where each field begins and ends."""
    doc = str(grammar.docs) or doc
    bare = _bare(grammar)
    if isinstance(bare, construct.Struct):
        return _walk_struct(bare, path, stream, context, found)
    if isinstance(bare, Switch):
        case = bare.cases.get(_evaluate(bare.keyfunc, context), bare.default)
        return _walk(case, path, doc, stream, context, found)
    if isinstance(bare, IfThenElse):
        return _walk(bare.thensubcon if _evaluate(bare.condfunc, context) else bare.elsesubcon, path, doc, stream, context, found)
    if isinstance(bare, (Array, GreedyRange)):
        return _walk_array(bare, path, doc, stream, context, found)
    start = stream.tell()
    value = bare._parsereport(stream, context, path)
    end = stream.tell()
    if path and end > start:
        found.append(Span(path, start, end, None, value, doc))
        if _is_bits(bare):
            members = {member.name: str(member.docs) for member in _bare(bare.subcon).subcons}
            found.extend(Span(_join(path, name), start, end, bits, value[name], members[name]) for name, bits in _bit_fields(path, bare).items())
    return value


def _walk_struct(bare: Construct, path: str, stream: io.BytesIO, context: Container, found: list[Span]) -> Container:
    values = Container(_io=stream)
    inner = Container(_=context, _params=context._params, _root=None, _parsing=True, _building=False, _sizing=False, _subcons=bare._subcons,
                      _io=stream, _index=context.get("_index", None))
    inner._root = context.get("_root", None) or inner
    for subcon in bare.subcons:
        value = _walk(subcon, _join(path, subcon.name), "", stream, inner, found)
        if subcon.name:
            values[subcon.name] = value
            inner[subcon.name] = value
    return values


def _walk_array(bare: Construct, path: str, doc: str, stream: io.BytesIO, context: Container, found: list[Span]) -> list[Any]:
    count = _evaluate(bare.count, context) if isinstance(bare, Array) else None
    values: list[Any] = []
    size = len(stream.getbuffer())
    while len(values) != count and stream.tell() < size:
        start = stream.tell()
        context._index = len(values)
        values.append(_walk(bare.subcon, f"{path}[{len(values)}]", doc, stream, context, found))
        if stream.tell() == start:
            break  # an element without bytes would repeat for ever
    return values


def _evaluate(value: Any, context: Container) -> Any:
    return value(context) if callable(value) else value


__all__ = ["Bits", "Field", "Front", "Span", "field_table", "front", "spans"]
