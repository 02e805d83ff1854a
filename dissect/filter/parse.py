"""Text to syntax: lark reads the grammar beside this file (LALR), here its words get their kinds and its errors their sentences."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from dissect.errors import FilterError
from dissect.filter.syntax import Junction, Membership, Negation, Node, Present, Range, Relation, Value, depth_of

LONGEST = 16_384
"""characters of a filter"""

DEEPEST = 100
"""levels of parentheses and negations that stand in each other"""

ALIASES = {
    "eq": "==", "any_eq": "==", "ne": "!=", "all_ne": "!=", "all_eq": "===", "any_ne": "!==", "gt": ">", "ge": ">=", "lt": "<", "le": "<=",
    "contains": "contains", "matches": "matches", "~": "matches",
}
"""other words for operators"""

_WORDS = {"and": "AND", "or": "OR", "xor": "XOR", "not": "NOT", "in": "IN", "any": "QUANTIFIER", "all": "QUANTIFIER",
          **{word: "COMPARE" for word in ALIASES if word != "~"}}

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0-7]{1,3}|[\s\S])")

_MENDED = {"=": 'for "equal" write ==', "&": "for \"and\" write && or and", "|": "for \"or\" write || or or", "^": "for \"exclusive or\" write ^^ or xor",
           "'": 'text stands in double quotes: "..."', '"': "a text has no closing double quote", "[": "parts of a field cannot be taken"}


def parse(text: str) -> Node | None:
    """What *text* says; None when it is blank. Raises FilterError."""
    if len(text) > LONGEST:
        raise FilterError(f"a filter has at most {LONGEST} characters", LONGEST)
    try:
        node: Node | None = _parser().parse(text)  # type: ignore[assignment]  # with a transformer, parsing gives what `start` gives
    except UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        character = text[position]
        raise FilterError(_MENDED.get(character) or f"{character!r} means nothing in a filter", position) from None
    except UnexpectedToken as error:
        raise _misplaced(text, error) from None
    return node


@cache
def _parser() -> Lark:
    grammar = resources.files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="basic", transformer=_Syntax(), lexer_callbacks={"WORD": _kind}, maybe_placeholders=True)


def _kind(token: Token) -> Token:
    kind = _WORDS.get(token)
    return token if kind is None else Token.new_borrow_pos(kind, token.value, token)


def _misplaced(text: str, error: UnexpectedToken) -> FilterError:
    token: Any = error.token
    expected = set(error.accepts or error.expected)
    if token.type == "$END":
        return FilterError("the filter ends too early: " + _wanted(expected), len(text))
    shown = str(token) if len(token) <= 40 else str(token)[:39] + "…"
    upper = shown.lower() if shown.lower() in _WORDS and shown not in _WORDS else None
    hint = f"write {upper} in small letters" if upper else _wanted(expected)
    return FilterError(f"{shown} is not expected here: {hint}", token.start_pos)


def _wanted(expected: set[str]) -> str:
    if "WORD" in expected and "BANG" not in expected:
        return "a field or a value is wanted"
    if "WORD" in expected:
        return "a field or a condition is wanted"
    if "LBRACE" in expected:
        return "a set as {1, 2, 5..9} is wanted"
    if "RBRACE" in expected:
        return "a } is wanted"
    if "IN" in expected and "NOT" in expected and "SYMBOL" not in expected:
        return "in is wanted"
    if "RPAR" in expected and "SYMBOL" not in expected:
        return "and, or, or a ) is wanted"
    return "an operator (==, <, contains, in ...), and, or, or the end is wanted"


def _unescape(text: str, position: int) -> str:
    """The text of a quoted string's inside. *position*: of its first character."""
    def resolve(found: re.Match[str]) -> str:
        code = found[1]
        if code in _ESCAPES:
            return _ESCAPES[code]
        if code[0] in "xuU" and len(code) > 1 and int(code[1:], 16) <= 0x10FFFF:
            return chr(int(code[1:], 16))
        if code[0] in "01234567" and int(code, 8) < 256:
            return chr(int(code, 8))
        raise FilterError(f'\\{code} is no escape; write \\\\{code}, or a raw string as r"..."', position + found.start())

    return _ESCAPE.sub(resolve, text)


class _Syntax(Transformer[Token, Any]):
    """Syntax from what the parser found, as it finds it: nothing here recurses, however deep a filter nests."""

    def start(self, children: list[Any]) -> Node | None:
        return children[0] if children else None

    def value(self, children: list[Token]) -> Value:
        token = children[0]
        position = token.start_pos or 0
        if token.type == "WORD":
            return Value(str(token), position)
        if token.type == "RAW_STRING":
            return Value(token[2:-1], position, True)
        return Value(_unescape(token[1:-1], position + 1), position, True)

    def comparison(self, children: list[Token]) -> str:
        return ALIASES.get(children[0], str(children[0]))

    def present(self, children: list[Value]) -> Node:
        return Present(children[0])

    def relation(self, children: list[Any]) -> Node:
        quantifier, *rest = children
        return Relation(tuple(rest[::2]), tuple(rest[1::2]), None if quantifier is None else str(quantifier))

    def item(self, children: list[Any]) -> Value | Range:
        return children[0] if children[1] is None else Range(children[0], children[2])

    def membership(self, children: list[Any]) -> Node:
        quantifier, value, negated, _, *items = children
        return Membership(value, tuple(items), negated is not None, None if quantifier is None else str(quantifier))

    def negation(self, children: list[Any]) -> Node:
        return Negation(children[1], _deeper((children[1],), children[0].start_pos))

    def group(self, children: list[Any]) -> Node:
        node: Node = children[0]
        return node

    def either(self, children: list[Any]) -> Node:
        return _junction("or", children)

    def one_of(self, children: list[Any]) -> Node:
        return _junction("xor", children)

    def both(self, children: list[Any]) -> Node:
        return _junction("and", children)


def _junction(word: str, children: list[Any]) -> Node:
    nodes = tuple(children[::2])
    return Junction(word, nodes, _deeper(nodes, children[1].start_pos))


def _deeper(nodes: tuple[Node, ...], position: int) -> int:
    depth = 1 + max(map(depth_of, nodes))
    if depth > DEEPEST:
        raise FilterError(f"conditions stand in each other more than {DEEPEST} deep", position)
    return depth
