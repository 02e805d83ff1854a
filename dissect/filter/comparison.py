"""Literals and what it means to compare with them: tests of one value, made once for a filter.

JSON in the wild has numbers as text and text as numbers, so members of protocols are compared leniently: a number holds for a text
that spells it, a text for a number spelled so. All other fields are of one type, and a literal of another is an error.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dissect.errors import FilterError
from dissect.filter.suggest import did_you_mean
from dissect.filter.syntax import Value
from dissect.model import SEVERITIES
from dissect.timefmt import parse_time

if TYPE_CHECKING:
    import numpy

    Column = numpy.ndarray[Any, numpy.dtype[Any]]

MATCHED = 4096
"""characters of a text that `matches` looks at"""

ORDERED: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
SEARCHES = ("contains", "matches")
MIRRORED = {"==": "==", "!=": "!=", "===": "===", "!==": "!==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9A-Fa-f]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_DURATION = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(us|ms|s|min|m|h|d)", re.ASCII)
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LONGEST_NUMBER = 400
LARGEST_EXACT = 1 << 62
# Beyond it a column of 64-bit integers is compared with a float, which orders the same.


class Test:
    """Whether one value satisfies a comparison."""

    __slots__ = ("holds", "column", "equal")

    def __init__(self, holds: Callable[[Any], Any], column: Callable[[Column], Column] | None = None, equal: bytes | None = None) -> None:
        self.holds = holds
        self.column = column
        """the same for a column of numbers at once"""
        self.equal = equal
        """what the JSON of a value that satisfies it is, in quotes or not, unless it holds a backslash"""


def opposite(test: Test) -> Test:
    holds, column = test.holds, test.column
    return Test(lambda value: not holds(value), None if column is None else (lambda values: ~column(values)))


def either(tests: list[Test]) -> Test:
    """Any of *tests*."""
    if len(tests) == 1:
        return tests[0]
    all_hold = [test.holds for test in tests]
    columns = [test.column for test in tests]

    def column(values: Column) -> Column:
        found = columns[0](values)  # type: ignore[misc]  # only called when all have one
        for one in columns[1:]:
            found = found | one(values)  # type: ignore[misc]
        return found

    return Test(lambda value: any(holds(value) for holds in all_hold), None if None in columns else column)


def both(low: Test, high: Test) -> Test:
    first, second, low_column, high_column = low.holds, high.holds, low.column, high.column
    column = None if low_column is None or high_column is None else (lambda values: low_column(values) & high_column(values))
    return Test(lambda value: first(value) and second(value), column)


def number_of(text: str) -> int | float | None:
    """The number that *text* spells, decimal or 0x...; None when it spells none."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    if "x" in text or "X" in text:
        return int(text, 16)
    return float(text) if any(mark in text for mark in ".eE") else int(text)


def _spelled(value: Any) -> str | None:
    """A JSON scalar as text; None for what is none."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is int:
        return str(value) if -10**300 < value < 10**300 else None
    return repr(value) if isinstance(value, float) else None


def numeric(operation: str, number: float) -> Test:
    """Values are numbers."""
    compare = ORDERED[operation]
    bound = float(number) if type(number) is int and abs(number) > LARGEST_EXACT and abs(number) < 10**300 else number
    if type(bound) is int and abs(bound) >= 10**300:
        bound = float("inf") if bound > 0 else float("-inf")
    return Test(lambda value: compare(value, number), lambda values: compare(values, bound))


def _json_number(operation: str, number: float) -> Test:
    compare, equality = ORDERED[operation], operation in ("==", "!=")

    def holds(value: Any) -> bool:
        if type(value) is str:
            value = number_of(value)
        elif type(value) is bool:
            value = int(value) if equality else None
        elif type(value) is not int and not isinstance(value, float):
            value = None
        return compare(value, number) if value is not None else operation == "!="

    return Test(holds)


def _json_boolean(operation: str, wanted: bool) -> Test:
    word = str(wanted).lower()
    equal = operation == "=="

    def holds(value: Any) -> bool:
        return (value is wanted or (type(value) is str and value.lower() == word) or (type(value) is int and value == wanted)) is equal

    return Test(holds)


def textual(operation: str, text: str) -> Test:
    """Values are text, or JSON scalars, which are compared as they are spelled."""
    compare, number = ORDERED[operation], number_of(text)
    ordered = operation not in ("==", "!=")

    def holds(value: Any) -> bool:
        if type(value) is str:
            return compare(value, text)  # type: ignore[no-any-return]
        if ordered and number is not None and (type(value) is int or isinstance(value, float)):
            return compare(value, number)  # type: ignore[no-any-return]
        if not ordered and isinstance(value, float) and type(number) is float:
            return compare(value, number)  # type: ignore[no-any-return]
        spelled = _spelled(value)
        return compare(spelled, text) if spelled is not None else operation == "!="

    return Test(holds, equal=_json_of(text) if operation == "==" and type(number) is not float else None)


def searching(operation: str, value: Value) -> Test:
    """contains and matches. Raises FilterError for a wrong regular expression."""
    text = value.text
    if operation == "contains":
        def contains(candidate: Any) -> bool:
            spelled = _spelled(candidate)
            return spelled is not None and text in spelled

        return Test(contains)
    from dissect.filter.pattern import compiled

    search = compiled(text, value.position).search

    def matches(candidate: Any) -> bool:
        spelled = _spelled(candidate)
        return spelled is not None and search(spelled, 0, MATCHED) is not None

    return Test(matches)


def _json_of(text: str) -> bytes | None:
    plain = text.isascii() and text.isprintable() and '"' not in text and "\\" not in text and bool(text)
    return text.encode() if plain else None


def address_test(operation: str, value: Value, name: str) -> Test:
    """An address, or a network in which addresses lie. Raises FilterError."""
    try:
        network = ipaddress.ip_network(value.text, strict=False)
    except ValueError:
        raise FilterError(f"{value.text} is no address; {name} is compared with 192.168.1.5, 192.168.0.0/16 or fe80::1", value.position) from None
    version, low, high = network.version, int(network.network_address), int(network.broadcast_address)

    def holds(address: Any) -> bool:
        placed = place(address)
        if placed is None or placed[0] != version:
            return operation == "!="
        at = placed[1]
        match operation:
            case "==":
                return low <= at <= high
            case "!=":
                return not low <= at <= high
            case "<":
                return at < low
            case "<=":
                return at <= high
            case ">":
                return at > high
            case _:
                return at >= low

    return Test(holds)


@lru_cache(maxsize=65_536)
def place(address: str) -> tuple[int, int] | None:
    """Version and number of an address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return parsed.version, int(parsed)


def literal_time(value: Value, name: str) -> int:
    """Raises FilterError."""
    try:
        return parse_time(value.text)
    except ValueError as error:
        raise FilterError(f"{name}: {error}", value.position) from None


def literal_number(value: Value, name: str, unit: str) -> int | float:
    """A number, or a duration in the field's own *unit* (ms or s). Raises FilterError."""
    number = None if value.quoted else number_of(value.text)
    if number is not None:
        return number
    duration = None if value.quoted else _DURATION.fullmatch(value.text)
    scale = {"ms": 1e3, "s": 1.0}.get(unit)
    if duration and scale is not None and len(value.text) <= _LONGEST_NUMBER:
        return float(duration[1]) * _SECONDS[duration[2]] * scale
    shown = f'"{value.text[:40]}"' if value.quoted else value.text[:40]
    raise FilterError(f"{name} is a number, {shown} is none", value.position)


def literal_severity(value: Value, name: str) -> int:
    """Raises FilterError."""
    severity = SEVERITIES.get(value.text)
    if severity is None:
        raise FilterError(f"{name} is one of {', '.join(SEVERITIES)}{did_you_mean(value.text, SEVERITIES)}", value.position)
    return severity.value


def json_test(operation: str, value: Value, name: str, types: tuple[str, ...], unit: str) -> Test:
    """A member of a message against a literal. Raises FilterError when it could never be."""
    if value.quoted:
        only_numbers = not {"text", "object", "array", "null", "boolean"} & set(types)
        if only_numbers and number_of(value.text) is None:
            raise FilterError(f'{name} is a number, "{value.text[:40]}" is none', value.position)
        return textual(operation, value.text)
    number = number_of(value.text)
    if number is None and _DURATION.fullmatch(value.text) and unit in ("ms", "s"):
        number = literal_number(value, name, unit)
    if number is not None:
        return _json_number(operation, number)
    if value.text.lower() in ("true", "false") and operation in ("==", "!="):
        return _json_boolean(operation, value.text.lower() == "true")
    raise FilterError(f'{value.text[:40]} is no value; text stands in double quotes: "{value.text[:40]}"', value.position)
