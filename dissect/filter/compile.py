"""Syntax to predicates: names become fields, literals are held against their types, and every error gets its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dissect.errors import FilterError
from dissect.filter import comparison
from dissect.filter.comparison import MIRRORED, ORDERED, SEARCHES, Test
from dissect.filter.names import Resolved, is_field, resolve
from dissect.filter.predicates import Anything, Every, Has, Odd, Pair, Predicate, Some, Without
from dissect.filter.sources import CLOSED_SETS
from dissect.filter.suggest import did_you_mean
from dissect.filter.syntax import Junction, Membership, Negation, Node, Present, Range, Relation, Value

_JUNCTIONS: dict[str, Callable[[list[Predicate]], Predicate]] = {"and": Every, "or": Some, "xor": Odd}


class Compiler:
    """Compiles one filter and remembers which fields it uses."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def compile(self, node: Node | None) -> Predicate:
        """Raises FilterError."""
        match node:
            case None:
                return Anything()
            case Present(value):
                return Has(self._field(value).source)
            case Negation(child):
                return Without(self.compile(child))
            case Junction(word, children):
                return _JUNCTIONS[word]([self.compile(child) for child in children])
            case Membership():
                return self._membership(node)
            case Relation():
                return self._relation(node)

    def _field(self, value: Value) -> Resolved:
        found = resolve(value)
        self.used.add(found.field.name)
        return found

    def _membership(self, node: Membership) -> Predicate:
        field = self._field(node.value)
        tests = []
        for item in node.items:
            if isinstance(item, Range):
                tests.append(comparison.both(_test(field, ">=", item.low, node.value), _test(field, "<=", item.high, node.value)))
            else:
                tests.append(_test(field, "==", item, node.value))
        test = comparison.either(tests)
        if node.negated:
            return Has(field.source, comparison.opposite(test)) if node.quantifier == "any" else Without(Has(field.source, test))
        return _all(field, test) if node.quantifier == "all" else Has(field.source, test)

    def _relation(self, node: Relation) -> Predicate:
        pairs = [self._pair(left, operation, right, node.quantifier)
                 for left, operation, right in zip(node.values, node.operators, node.values[1:], strict=False)]
        return pairs[0] if len(pairs) == 1 else Every(pairs)

    def _pair(self, left: Value, operation: str, right: Value, quantifier: str | None) -> Predicate:
        if is_field(left) and is_field(right):
            return self._fields(left, operation, right, quantifier)
        if is_field(right) and not is_field(left) and _is_literal(left):
            if operation in SEARCHES:
                raise FilterError(f"{operation} wants the field on its left", left.position)
            left, right, operation = right, left, MIRRORED[operation]
        field = self._field(left)
        plain, every = _quantified(operation, quantifier)
        if every:
            return _all(field, _test(field, plain, right, left))
        if plain == "!=" and quantifier is None and operation == "!=":
            return Without(Has(field.source, _test(field, "==", right, left)))
        return Has(field.source, _test(field, plain, right, left))

    def _fields(self, left: Value, operation: str, right: Value, quantifier: str | None) -> Predicate:
        if operation in SEARCHES:
            raise FilterError(f"{operation} compares a field with a text", right.position)
        first, second = self._field(left), self._field(right)
        for field, value in ((first, left), (second, right)):
            if field.kind == "protocol":
                raise FilterError(f"{value.text} is a protocol, which nothing compares with", value.position)
        if first.kind != second.kind and {first.kind, second.kind} & {"address", "time", "severity"}:
            raise FilterError(f"{left.text} and {right.text} are of different types", right.position)
        plain, every = _quantified(operation, quantifier)
        if operation == "!=" and quantifier is None:
            return Without(Pair(first.source, second.source, _comparing("==", first.kind), False))
        return Pair(first.source, second.source, _comparing(plain, first.kind), every)


def _is_literal(value: Value) -> bool:
    """Whether an unquoted word that names no field may be meant as a value."""
    return value.quoted or comparison.number_of(value.text) is not None or not (value.text[:1].isalpha() and "." in value.text)


def _quantified(operation: str, quantifier: str | None) -> tuple[str, bool]:
    """The plain operator, and whether each value must satisfy it (else one is enough)."""
    plain = {"===": "==", "!==": "!="}.get(operation, operation)
    if quantifier is not None:
        return plain, quantifier == "all"
    return plain, operation == "==="


def _all(field: Resolved, test: Test) -> Predicate:
    """Every value satisfies the test, and there is one."""
    return Every([Has(field.source), Without(Has(field.source, comparison.opposite(test)))])


def _test(field: Resolved, operation: str, value: Value, of: Value) -> Test:
    """One value of *field* against a literal. Raises FilterError; *of*: the field's own place."""
    name = field.field.name
    if is_field(value) and not value.quoted and field.kind not in ("text", "severity"):
        raise FilterError(f"{value.text} is a field; a value is wanted here", value.position)
    match field.kind:
        case "protocol":
            raise FilterError(f"{name} is a protocol: it stands alone, nothing compares with it", of.position)
        case "text" | "json" if operation in SEARCHES:
            return comparison.searching(operation, value)
        case _ if operation in SEARCHES:
            raise FilterError(f"{name} is a {field.kind}, {operation} is for text", of.position)
        case "json":
            return comparison.json_test(operation, value, name, field.field.types, field.field.unit)
        case "number":
            return comparison.numeric(operation, comparison.literal_number(value, name, field.field.unit))
        case "time":
            return comparison.numeric(operation, comparison.literal_time(value, name))
        case "severity":
            return comparison.numeric(operation, comparison.literal_severity(value, name))
        case "address":
            return comparison.address_test(operation, value, name)
        case _:
            return comparison.textual(operation, _text(name, operation, value))


def _text(name: str, operation: str, value: Value) -> str:
    """The literal of a text field. Raises FilterError for one that it can never equal."""
    closed = _closed(name)
    if closed is not None and operation in ("==", "!="):
        if value.text not in closed:
            known = f" ({', '.join(closed)})" if len(closed) < 10 else ""
            raise FilterError(f"{name} is never {value.text[:60]}{known}{did_you_mean(value.text, closed)}", value.position)
        return value.text
    if not value.quoted and comparison.number_of(value.text) is None:
        raise FilterError(f'{name} is text, which stands in double quotes: "{value.text[:60]}"', value.position)
    return value.text


def _closed(name: str) -> tuple[str, ...] | None:
    if name == "anomaly.code":
        from dissect.catalogue import CATALOGUE

        return tuple(CATALOGUE)
    return CLOSED_SETS.get(name)


def _comparing(operation: str, kind: str) -> Any:
    """How values of two fields compare."""
    compare = ORDERED[operation]

    def ordered(left: Any, right: Any) -> bool:
        if kind == "address":
            left, right = comparison.place(left), comparison.place(right)
        if isinstance(left, str) != isinstance(right, str):
            numbers = [comparison.number_of(one) if isinstance(one, str) else one for one in (left, right)]
            if None in numbers:
                return operation == "!="
            left, right = numbers
        try:
            return bool(compare(left, right))
        except TypeError:  # an object and a number, a list and a truth value
            return operation == "!="

    return ordered


