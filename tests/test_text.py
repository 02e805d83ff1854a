"""dissect.text: nothing that steers a terminal or hides from the eye gets through (the table of attacks in the notes on hostile bytes)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.text import LIMIT, cell_width, cells, clean, column, ends, is_clean

ATTACKS = [
    pytest.param("\x1b[31mred", "\\x1b[31mred", id="CSI"),
    pytest.param("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07", id="OSC 52 clipboard"),
    pytest.param("\x9b31m", "\\x9b31m", id="C1 CSI"),
    pytest.param("a\r\nb\tc\x08\x7f\x00", "a\\x0d\\x0ab\\x09c\\x08\\x7f\\x00", id="line ends, backspace, DEL, NUL"),
    pytest.param("\u202eexe\u2066", "\\u202eexe\\u2066", id="bidi"),
    pytest.param("\u200b\u200d\ufeff", "\\u200b\\u200d\\ufeff", id="zero width"),
    pytest.param("\u2028\u2029", "\\u2028\\u2029", id="line and paragraph separator"),
    pytest.param("\u034f\u3164\ufe0f\u2800", "\\u034f\\u3164\\ufe0f\\u2800", id="printable to Python, invisible to us"),
    pytest.param("\U000e0041\U000e0100", "\\U000e0041\\U000e0100", id="tags and selectors beyond the BMP"),
    pytest.param("\ud800", "\\ud800", id="lone surrogate"),
    pytest.param("\u0378\ue000", "\\u0378\\ue000", id="unassigned, private"),
]

HARMLESS = ["", "report packed", "报告　数据", "é ü ß", "[bold]not markup[/bold]", "\\x1b as text", "emoji 😀"]


@pytest.mark.parametrize(("text", "shown"), ATTACKS)
def test_an_attack_is_shown_and_does_nothing(text: str, shown: str) -> None:
    assert clean(text) == shown
    assert not is_clean(text) and is_clean(shown)


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text and is_clean(text)


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 50))
def test_whatever_comes_out_is_printable_and_short(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert all(character == "\u3000" or character.isprintable() for character in shown)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for character in shown)
    assert clean(shown, limit) == shown


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert clean("x" * LIMIT) == "x" * LIMIT
    assert clean("x" * 1_000_000) == "x" * (LIMIT - 1) + "…"
    assert len(clean("\x00" * 1_000_000)) == LIMIT


WIDTHS = [("abc", 3), ("报告", 4), ("e\u0301", 1), ("😀", 2), ("　", 2), ("", 0)]


@pytest.mark.parametrize(("text", "width"), WIDTHS)
def test_cells_are_counted(text: str, width: int) -> None:
    assert cell_width(text) == width


@given(st.text(), st.integers(0, 30))
def test_a_column_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert cell_width(cells(text, width)) <= width
    assert cell_width(column(text, width)) == cell_width(column(text, width, right=True)) == width


def test_a_wide_character_is_never_split() -> None:
    assert cells("报告数据", 6) == "报告…" and cells("报告数据", 5) == "报告…" and cells("报告数据", 4) == "报…" and cells("报告", 0) == ""
    assert cells("报告数据", 8) == "报告数据"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("861000000000001", 15, "861000000000001"),
        ("861000000000001", 12, "861…00000001"),
        ("客厅插座的灯", 8, "客…的灯"),
        ("861000000000001", 3, "86…"),
        ("abc", 0, ""),
    ],
)
def test_ids_that_are_too_long_keep_both_ends(text: str, width: int, shown: str) -> None:
    assert ends(text, width) == shown


@given(st.text(max_size=40), st.integers(0, 30))
def test_both_ends_never_take_more_than_asked(text: str, width: int) -> None:
    assert cell_width(ends(text, width)) <= width
