"""JSON as devices send it: strict, then the two repairs, then nothing; what is told of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.jsontext import decode, decode_part, decode_plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


@pytest.mark.parametrize(
    ("text", "view", "codes"),
    [
        (b'{"a":"2"}', {"a": "2"}, []),
        (b'{ "a" : "2" }\r', {"a": "2"}, []),
        (b'{"eVal":"1",eVal2:"2.34"}', {"eVal": "1", "eVal2": "2.34"}, ["schema.lenient-json"]),
        (b'{"a":1,}', {"a": 1}, ["schema.lenient-json"]),
        (b'{"a":[1,2,],b:{c:1,},}', {"a": [1, 2], "b": {"c": 1}}, ["schema.lenient-json"]),
        (b'{"a":"{b:1,}"}', {"a": "{b:1,}"}, []),
        (b'{"a":"x\\",}",b:1}', {"a": 'x",}', "b": 1}, ["schema.lenient-json"]),
        (b'{" devNum":"1"}', {"devNum": "1"}, ["schema.lenient-json"]),
        (b'{"a ":1," b":2}', {"a": 1, "b": 2}, ["schema.lenient-json", "schema.lenient-json"]),
        (b'{"a":1,"a":2}', {"a": 2}, ["schema.duplicate-key"]),
        (b'{"a":1,"a":1,"a":1}', {"a": 1}, ["schema.duplicate-key"]),
        (b'{"a":{"b":1,"b":2},"c":1,"c":2}', {"a": {"b": 2}, "c": 2}, ["schema.duplicate-key", "schema.duplicate-key"]),
        (b'{"a":1,"a":2,}', {"a": 2}, ["schema.lenient-json", "schema.duplicate-key"]),
        (b'{"a":"\\u4e2d"}', {"a": "中"}, []),
        (b'{"a":1e5}', {"a": 1e5}, []),
    ],
)
def test_what_is_read_and_what_is_told(text: bytes, view: Any, codes: list[str]) -> None:
    decoded = decode(text)
    assert decoded is not None
    assert decoded.view == view
    assert [one.code for one in decoded.findings] == codes


@pytest.mark.parametrize(
    "text",
    [b"", b"x", b'"a"', b"1", b"null", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1', b"{'a':1}", b'{"a":1,,}', b'{"a" "b"}', b'{"a":"\xff"}',
     b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 100_000, b'{"a":1}}'],
)  # fmt: skip
def test_what_is_no_json(text: bytes) -> None:
    assert decode(text) is None
    assert decode_plain(text) is None


def test_sixty_four_levels_are_read() -> None:
    assert decode(b"[" * 64 + b"]" * 64) is not None
    assert decode(b'{"a":"' + b"[{" * 200 + b'"}') is not None


def test_names_with_blanks_are_kept_as_sent() -> None:
    decoded = decode(b'{" a":{"b ":1}}')
    assert decoded is not None
    assert decoded.value == {" a": {"b ": 1}}


@given(VALUES.filter(lambda value: isinstance(value, (dict, list))), st.booleans())
def test_all_json_is_read_as_python_reads_it(value: Any, compact: bool) -> None:
    decoded = decode(json.dumps(value, separators=(",", ":") if compact else None).encode())
    assert decoded is not None
    assert decoded.value == value


@given(st.binary(max_size=60) | st.text('{}[]":,ab1 \\', max_size=40).map(str.encode))
def test_no_bytes_raise(data: bytes) -> None:
    decoded = decode(data)
    plain = decode_plain(data)
    assert plain is None or (decoded is not None and decoded.value == plain and not decoded.findings)


def test_a_part_that_is_json_text() -> None:
    assert decode_part({"heartbeat": "AT"}, "command") == ({"heartbeat": "AT"}, {"heartbeat": "AT"}, ())
    decoded = decode_part({"command": b'{"a":1,}'}, "command")
    assert decoded is not None
    assert (decoded.view, [one.code for one in decoded.findings]) == ({"command": {"a": 1}}, ["schema.lenient-json"])
    assert decode_part({"command": b"[1]"}, "command") is None


def test_a_string_that_never_ends_is_looked_through_once() -> None:
    """Each escaped quote in it is no beginning of a string of its own."""
    started = time.process_time()
    assert decode(b'{"' + b'\\"' * 200_000) is None
    assert decode(b'{"' + b'\\"' * 200_000 + b"\\") is None
    assert time.process_time() - started < 2
