"""Members held against their declarations; the quick look and the thorough one agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.engine.validation import check, clean, compile_members
from grammars.vocabulary import ARRAY, INTEGER, Member

MEMBERS = compile_members((
    Member(name="kind", meaning="", values=frozenset({"a", "b"})),
    Member(name="place", meaning="", pattern=r"P\d+", required=False),
    Member(name="count", meaning="", types=INTEGER, required=lambda holder: holder.get("kind") == "b"),
    Member(name="list", meaning="", types=ARRAY, required=False, members=(Member(name="x", meaning=""),)),
    Member(name="items", meaning="", types=ARRAY, required=False, item=Member(name="", meaning="", values=frozenset({"v"}))),
))  # fmt: skip


@pytest.mark.parametrize(
    ("holder", "codes"),
    [
        ({"kind": "a"}, []),
        ({}, ["schema.missing-field"]),
        ({"kind": "c"}, ["schema.bad-value"]),
        ({"kind": 1}, ["schema.bad-type", "schema.bad-value"]),
        ({"kind": None}, ["schema.bad-type"]),
        ({"kind": "b"}, ["schema.missing-field"]),
        ({"kind": "b", "count": 1}, []),
        ({"kind": "b", "count": True}, ["schema.bad-type"]),
        ({"kind": "a", "place": "P1"}, []),
        ({"kind": "a", "place": "P1\n"}, ["schema.bad-value"]),
        ({"kind": "a", "place": "Q"}, ["schema.bad-value"]),
        ({"kind": "a", "list": [{"x": "1"}, {}, 5]}, ["schema.missing-field", "schema.bad-type"]),
        ({"kind": "a", "items": ["v", "w"]}, ["schema.bad-value"]),
        ({"kind": "a", "unknown": object()}, []),
    ],
)
def test_findings(holder: dict[str, Any], codes: list[str]) -> None:
    assert [one.code for one in check(MEMBERS, holder)] == codes


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b", "P1", "v", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "place", "x", "count"]), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["kind", "place", "count", "list", "items"]), JSON, max_size=5))
def test_what_the_quick_look_passes_has_nothing_to_find(holder: dict[str, Any]) -> None:
    if clean(MEMBERS, holder):
        assert not list(check(MEMBERS, holder))
