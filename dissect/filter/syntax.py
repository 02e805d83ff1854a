"""What a filter says, before anything is known of the fields it names. Positions are 0-based columns of its text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """A field's name or a literal: which of them an unquoted word is, `dissect.filter.compile` decides."""

    text: str
    """without quotes, escapes resolved"""
    position: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    value: Value


@dataclass(frozen=True, slots=True)
class Relation:
    """`a < b`, or a chain of them as `a < b <= c`, which holds when each pair does."""

    values: tuple[Value, ...]
    operators: tuple[str, ...]
    """==, !=, ===, !==, <, <=, >, >=, contains, matches"""
    quantifier: str | None = None
    """any or all"""


@dataclass(frozen=True, slots=True)
class Range:
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class Membership:
    value: Value
    items: tuple[Value | Range, ...]
    negated: bool = False
    quantifier: str | None = None


@dataclass(frozen=True, slots=True)
class Negation:
    child: Node
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Junction:
    """Two or more joined by the same word."""

    word: str
    """and, or, xor"""
    children: tuple[Node, ...]
    depth: int = 1


Node = Present | Relation | Membership | Negation | Junction


def depth_of(node: Node) -> int:
    """How many negations and junctions stand in each other."""
    return node.depth if isinstance(node, Negation | Junction) else 0
