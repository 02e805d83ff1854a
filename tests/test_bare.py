"""Messages right on TCP before anything tells who is who, and lines of several objects (the protocols' own stories are told in their files)."""

from __future__ import annotations

import time

import pytest

from dissect.inlets import bare
from dissect.inlets.bare import EARLY_LIMIT, BareReader
from dissect.options import Options
from dissect.pipeline import Pipeline
from dissect.streams.api import Conversation
from grammars import fogslink
from tests.ladder import Told


def reader() -> BareReader:
    conversation = Conversation(1, "tcp", ("10.0.0.1", "10.0.0.2"), (40000, 63321), 0)
    return BareReader(Pipeline(Told(), Options()), conversation, fogslink.PROTOCOL, True)


def test_garbage_before_any_message_is_held_in_a_bounded_number() -> None:
    one = reader()
    for number in range(4 * EARLY_LIMIT):
        one.data(0, b"garbage\n", number, number)
        assert len(one._early or ()) <= EARLY_LIMIT
    assert len(one.sessions) == 1


@pytest.mark.parametrize(("line", "pieces"), [
    (b'{"a":1} {"b":2}', [b'{"a":1}', b'{"b":2}']), (b'{"a":1}{"b":"} {"}', [b'{"a":1}', b'{"b":"} {"}']), (b'{"a":1} {"b":', []), (b'{"a":1}', []),
])  # fmt: skip
def test_objects_of_one_line(line: bytes, pieces: list[bytes]) -> None:
    assert bare._split_glued(line) == pieces


def test_a_string_that_never_ends_with_thousands_of_braces_in_it_is_read_a_bounded_number_of_times() -> None:
    line = b'{"a":"' + (b"} {" + b" " * 250) * 4000
    started = time.process_time()
    assert bare._split_glued(line) == []
    assert time.process_time() - started < 4
