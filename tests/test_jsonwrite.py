"""dissect.jsonwrite: the slow writer says what the fast one says, and takes what the fast one refuses."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.jsonwrite import Beyond, decode, encode, number_of, strict
from tests.synthetic import message

values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                      lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20)


@given(values)
def test_both_writers_mean_the_same(value: Any) -> None:
    assert json.loads(strict(value)) == json.loads(encode(value)) == value


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_any_text_survives_surrogates_included(text: str) -> None:
    data = encode({text: [text]})
    assert data.isascii() or data.decode("utf-8")
    # Two escapes that together make one character are one: JSON has no way to say two surrogates in that order.
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert decode(data) == {joined: [joined]}


def test_structures_raw_parts_and_depth() -> None:
    deep: Any = "\ud800"
    for _ in range(5000):
        deep = [deep]
    assert strict(deep).startswith(b"[[[[") and encode(deep) == strict(deep)
    odd = message(1, fields=msgspec.Raw(b'{"a":1e400}'), type="\ud800")
    written = json.loads(encode(odd))
    assert written["type"] == "\ud800" and written["fields"] == {"a": math.inf} and written["frames"] == [1] and written["device_id"] is None


@pytest.mark.parametrize(("number", "written"), [(math.inf, b"1e999"), (-math.inf, b"-1e999"), (math.nan, b"null"), (10**400, b"1" + b"0" * 400)])
def test_numbers_that_no_double_holds_stay_numbers(number: float, written: bytes) -> None:
    assert strict({"n": number}) == b'{"n":' + written + b"}"


@pytest.mark.parametrize("spelling", ["1e400", "-1.50E+999", "2" + "0" * 310 + ".0"])
def test_a_number_beyond_a_double_is_written_as_it_was_sent(spelling: str) -> None:
    number = number_of(spelling)
    assert isinstance(number, Beyond) and math.isinf(number)
    for value in (number, {"n": [number]}, message(1, fields={"n": number})):
        data = encode(value)
        assert spelling.encode() in data and encode(decode(data)) == data
    assert type(number_of("1.5")) is float
