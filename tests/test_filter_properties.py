"""dissect.filter on whatever is typed: nothing but FilterError, two ways of asking with one answer, and syntax that is written out reads the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.errors import FilterError
from dissect.fields import all_fields
from dissect.filter import compile_filter, select
from dissect.filter.parse import parse
from dissect.filter.pattern import compiled
from dissect.filter.syntax import Junction, Membership, Negation, Node, Present, Range, Relation, Value
from tests.effort import examples
from tests.filter_world import world

WORLD = world()

NAMES = st.sampled_from([name for name in sorted(all_fields()) if name.count(".") < 4])
LITERALS = st.one_of(
    st.integers(-(2**70), 2**70).map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(max_size=6).map(lambda text: quoted(text)),
    st.sampled_from(["true", "10.0.0.0/8", "fe80::1", "warning", "error",
                     "2026-11-20T08:00:00.05Z", "5ms", '"timeout"', '"12345678"', '"^r.q"', "timeout", "0x1f",
                     '"7"', '"pair.late"', '"req200"', '"up"', "80", "2006"]))
OPERATORS = st.sampled_from(["==", "!=", "===", "!==", "<", "<=", ">", ">=", "contains", "matches", "eq", "all_ne", "any_ne", "~"])
SETS = st.lists(st.one_of(LITERALS, st.tuples(LITERALS, LITERALS).map("..".join)), min_size=1, max_size=3).map(lambda items: "{" + ", ".join(items) + "}")
TESTS = st.one_of(
    NAMES, st.tuples(NAMES, OPERATORS, LITERALS).map(" ".join),
    st.tuples(NAMES, OPERATORS, NAMES).map(" ".join), st.tuples(LITERALS, OPERATORS, NAMES).map(" ".join),
    st.tuples(NAMES, st.sampled_from([" in ", " not in "]), SETS).map("".join),
    st.tuples(st.sampled_from(["any ", "all "]), NAMES, st.sampled_from([" == ", " != ", " > "]), LITERALS).map("".join))
EXPRESSIONS = st.recursive(TESTS, lambda inner: st.one_of(
    st.tuples(st.just("!("), inner, st.just(")")).map("".join), st.tuples(st.just("not "), inner).map("".join),
    st.tuples(inner, st.sampled_from(["and", "or", "xor", "&&", "||", "^^"]), inner).map(" ".join),
    inner.map(lambda text: f"({text})")), max_leaves=6)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


@given(EXPRESSIONS)
@examples(400)
def test_both_ways_of_asking_agree_and_what_is_kept_is_whole(text: str) -> None:
    try:
        chosen = compile_filter(text)
    except FilterError as error:
        assert 0 <= error.position <= len(text) and str(error)
        return
    mask = chosen.mask(WORLD).tolist()
    assert mask == [chosen.matches(WORLD, index) for index in range(len(WORLD))]
    selection = select(WORLD, chosen)
    part = selection.analysis()
    everything = {WORLD.id_of(index): WORLD.message_at(index) for index in range(len(WORLD))}
    assert all(part.message_at(index) == everything[part.id_of(index)] for index in range(len(part)))
    assert {part.id_of(index) for index in range(len(part))} >= {WORLD.id_of(index) for index, matches in enumerate(mask) if matches}
    assert list(part.exchanges) == [WORLD.exchange_at(int(index)) for index in selection.exchanges.nonzero()[0]]
    assert list(part.anomalies) == [WORLD.anomaly_at(int(index)) for index in selection.anomalies.nonzero()[0]]


@given(st.one_of(st.text(max_size=60), st.text(alphabet='()!=<>{}"\\ .,&|^~andorit0123456789:/r', max_size=40),
                 st.lists(st.one_of(NAMES, LITERALS, OPERATORS,
                                    st.sampled_from(["(", ")", "{", "}", "!", "not", "in", "and", ",", "..", '"', "="])), max_size=8).map(" ".join)))
@examples(600)
def test_whatever_is_typed_raises_nothing_but_a_filter_error_with_a_place(text: str) -> None:
    try:
        compile_filter(text).mask(WORLD)
    except FilterError as error:
        assert 0 <= error.position <= len(text) and str(error)


@given(st.recursive(
    st.one_of(
        st.builds(Present, st.builds(Value, NAMES, st.just(0))),
        st.builds(lambda name, operation, text: Relation((Value(name, 0), Value(text, 0, True)), (operation,)), NAMES,
                  st.sampled_from(["==", "!=", "===", "!==", "<", "<=", ">", ">=", "contains", "matches"]), st.text(max_size=5)),
        st.builds(lambda name, low, high, no: Membership(Value(name, 0), (Range(Value(str(low), 0), Value(str(high), 0)), Value("x", 0, True)), no), NAMES,
                  st.integers(), st.integers(), st.booleans())),
    lambda inner: st.one_of(
        st.builds(Negation, inner),
        st.builds(Junction, st.sampled_from(["and", "or", "xor"]), st.lists(inner, min_size=2, max_size=3).map(tuple))), max_leaves=8))
def test_syntax_that_is_written_out_reads_the_same(node: Node) -> None:
    read = parse(written(node))
    assert read is not None and bare(read) == bare(node)


def written(node: Node) -> str:
    match node:
        case Present(value):
            return value.text
        case Relation(values, operators):
            return f"{values[0].text} {operators[0]} {quoted(values[1].text)}"
        case Membership(value, items, negated):
            shown = [f"{one.low.text}..{one.high.text}" if isinstance(one, Range) else quoted(one.text) for one in items]
            return f"{value.text}{' not' if negated else ''} in {{{', '.join(shown)}}}"
        case Negation(child):
            return f"!({written(child)})"
        case Junction(word, children):
            return f" {word} ".join(f"({written(child)})" for child in children)


def bare(node: object) -> object:
    """Without places and depths, which writing changes."""
    match node:
        case Value(text, _, is_quoted):
            return text, is_quoted
        case Range(low, high):
            return bare(low), bare(high)
        case Present(value):
            return bare(value)
        case Relation(values, operators, quantifier):
            return tuple(map(bare, values)), operators, quantifier
        case Membership(value, items, negated, quantifier):
            return bare(value), tuple(map(bare, items)), negated, quantifier
        case Negation(child):
            return "not", bare(child)
        case Junction(word, children):
            return word, tuple(map(bare, children))
    raise AssertionError(node)


HARMLESS = ["^pair\\.", "a*b+c?", "(foo|bar)", "(abc)+", "[a-z]+", "(?:a|b)c*", "(a{2})+", "x{1,1000}", "[(]+", "\\(+\\)*", "(ab)?c", "(?i)x", "[]a]+", "(a+)?"]
DANGEROUS = ["(a+)+", "(a*)*b", "(a|b)*", "((a+)b)*", "(a{1,})+", "((a|b))+", "(a+){20}", "(a)\\1", "(?P<x>a)(?P=x)", "(a)(?(1)b)", "(\\w+\\s?)*", "(x{2,50})*"]


@pytest.mark.parametrize("pattern", HARMLESS)
def test_a_harmless_pattern_is_taken(pattern: str) -> None:
    assert compiled(pattern, 0)


@pytest.mark.parametrize("pattern", DANGEROUS)
def test_a_pattern_whose_repeats_repeat_each_other_is_not(pattern: str) -> None:
    with pytest.raises(FilterError, match="take for ever"):
        compiled(pattern, 0)
