"""The fast reading of CoAP says what the grammar says, on valid, random, truncated and mutated bytes."""

from __future__ import annotations

from typing import Any

import pytest
from construct import ConstructError
from hypothesis import given
from hypothesis import strategies as st

from dissect.carriers.coap_wire import CODES, REGISTERED, CoapMessage, CoapProblem, parse
from grammars import coap as grammar
from grammars.coap import Type, build
from tests.effort import examples

VECTORS = [  # id, hex, type, code, message ID, token, options, payload
    pytest.param("40017d34", 0, 1, 0x7D34, b"", [], b"", id="GET without anything"),
    pytest.param("40017d34bb74656d7065726174757265", 0, 1, 0x7D34, b"", [(11, b"temperature")], b"", id="RFC 7252, figure 16"),
    pytest.param("60457d34ff32322e332043", 2, 0x45, 0x7D34, b"", [], b"22.3 C", id="RFC 7252, figure 16, its answer"),
    pytest.param("41017d3520bb74656d7065726174757265", 0, 1, 0x7D35, b" ", [(11, b"temperature")], b"", id="RFC 7252, figure 17"),
    pytest.param("70007d34", 3, 0, 0x7D34, b"", [], b"", id="RST"),
    pytest.param("4d0100010000010203040506070809 0a0b0c".replace(" ", ""), 0, 1, 1, bytes(range(13)), [], b"", id="RFC 8974, a token of 13 bytes"),
    pytest.param("40010001d1ef41", 0, 1, 1, b"", [(252, b"A")], b"", id="an extended delta"),
]
PROBLEMS = [
    pytest.param("400100", "shorter", id="three bytes"),
    pytest.param("80010001", "version 2", id="version 2"),
    pytest.param("49010001" + "00" * 9, "token length", id="a token length of 9"),
    pytest.param("4f010001" + "00" * 15, "token length", id="a token length of 15"),
    pytest.param("44010001aabb", "token goes past", id="a token cut"),
    pytest.param("40010001b5aa", "option goes past", id="an option cut"),
    pytest.param("40010001d1", "option goes past", id="an extended option cut"),
    pytest.param("40010001f1aa", "option delta", id="a reserved delta"),
    pytest.param("400100011f", "option length", id="a reserved length"),
    pytest.param("40010001ff", "payload marker", id="a payload marker and nothing"),
    pytest.param("4000000100", "Empty", id="Empty with a byte"),
]


@pytest.mark.parametrize(("text", "kind", "code", "message_id", "token", "options", "payload"), VECTORS)
def test_a_message_reads_and_builds(text: str, kind: int, code: int, message_id: int, token: bytes, options: list[tuple[int, bytes]],
                                    payload: bytes) -> None:
    data = bytes.fromhex(text)
    read = parse(data)
    assert isinstance(read, CoapMessage)
    assert (read.type, read.code, read.message_id, read.token, list(read.options.listed), read.payload) == (kind, code, message_id, token, options, payload)
    assert build(Type(kind), code, message_id, token, options, payload) == data


@pytest.mark.parametrize(("text", "reason"), PROBLEMS)
def test_a_format_error_is_named(text: str, reason: str) -> None:
    read = parse(bytes.fromhex(text))
    assert isinstance(read, CoapProblem)
    assert reason in read.reason
    with pytest.raises(ConstructError):
        grammar.MESSAGE.parse(bytes.fromhex(text))


messages = st.builds(
    build, st.sampled_from(Type), st.integers(1, 255), st.integers(0, 65535), st.binary(max_size=8) | st.binary(min_size=13, max_size=300),
    st.lists(st.tuples(st.sampled_from(sorted(grammar.OPTIONS)) | st.integers(0, 2000), st.binary(max_size=20) | st.binary(min_size=260, max_size=280)),
             max_size=5), st.binary(max_size=12))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(messages | st.binary(max_size=24)))
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))):]
    return bytes(data)


def by_grammar(data: bytes) -> Any:
    try:
        return grammar.MESSAGE.parse(data)
    except ConstructError:
        return None


@examples(1000)
@given(damaged())
def test_a_datagram_reads_as_the_grammar_says(data: bytes) -> None:
    expected = by_grammar(data)
    for read in (parse(data), parse(data)):  # the second time from what was kept of its options
        if expected is None:
            assert isinstance(read, CoapProblem)
            continue
        assert isinstance(read, CoapMessage)
        options = []
        number = 0
        for option in expected.options:
            number += option.delta
            options.append((number, option.value))
        assert (read.type, read.code, read.message_id, read.token, list(read.options.listed), read.payload) == (
            expected.first_byte.type, expected.code, expected.message_id, expected.token, options, expected.payload or b"")


def test_codes_have_the_names_of_the_registry() -> None:
    assert [CODES[code] for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 0x45, 0x84, 0xE1)] == [
        "Empty", "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH", "0.08", "2.05", "4.04", "7.01"]
    assert 0x45 in REGISTERED
    assert not REGISTERED & {0, 8, 0x40, 0xE1}


@pytest.mark.parametrize(("number", "value", "expected"), [
    (11, b"uplink", "uplink"), (11, b"\xff", b"\xff"), (12, b"\x32", 50), (23, b"\x1e", (1, True, 1024)),
    (4, b"tag", b"tag"), (5, b"", None), (9999, b"x", b"x")])
def test_option_values_follow_their_format(number: int, value: bytes, expected: object) -> None:
    assert grammar.option_value(number, value) == expected
