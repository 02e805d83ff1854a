"""dissect.timefmt: times as text, and as users write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.timefmt import format_ns, parse_seconds, parse_time

EIGHT = 1_795_161_600 * 10**9

FORMATTED = [
    (EIGHT + 123_000, 6, "2026-11-20T08:00:00.000123Z"),
    (EIGHT + 123_456_789, 9, "2026-11-20T08:00:00.123456789Z"),
    (EIGHT + 999_999_999, 6, "2026-11-20T08:00:00.999999Z"),
    (EIGHT + 999_999_999, 0, "2026-11-20T08:00:00Z"),
    (EIGHT, 3, "2026-11-20T08:00:00.000Z"),
    (0, 6, "1970-01-01T00:00:00.000000Z"),
    (-1, 9, "1969-12-31T23:59:59.999999999Z"),
    (1 << 63, 6, "2262-04-11T23:47:16.854775Z"),
    (1 << 64, 6, "2554-07-21T23:34:33.709551Z"),
    (10**21, 0, "9999-12-31T23:59:59Z"),
    (-(10**21), 0, "0001-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("time_ns", "digits", "text"), FORMATTED)
def test_times_are_written_with_the_captures_precision(time_ns: int, digits: int, text: str) -> None:
    assert format_ns(time_ns, digits) == text


@given(st.integers(-62_135_596_800, 253_402_300_799), st.integers(0, 999_999_999))
def test_what_is_written_is_read_again(second: int, rest: int) -> None:
    time_ns = second * 10**9 + rest
    text = format_ns(time_ns, 9)
    assert parse_time(text) == time_ns
    assert datetime.fromisoformat(text[:19] + "+00:00") == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


READ = [
    ("2026-11-20T08:00:00Z", EIGHT), ("2026-11-20 08:00", EIGHT), ("2026-11-20t09:00:00+01:00", EIGHT),
    ("2026-11-20T02:30:00.5-0530", EIGHT + 500_000_000),
    ("2026-11-20", EIGHT - 8 * 3600 * 10**9), ("1795161600", EIGHT), ("1795161600.000000001", EIGHT + 1), ("2026-11-20T07:59:60Z", EIGHT),
]


@pytest.mark.parametrize(("text", "time_ns"), READ)
def test_forms_in_which_a_user_writes_a_time(text: str, time_ns: int) -> None:
    assert parse_time(text) == time_ns


NO_TIMES = ["", "yesterday", "2026-13-01", "2026-11-31T00:00:00Z", "2026-11-20T25:00:00Z", "8:00", "2026-11-20T08:00:00ZZ", "٢٠٢٦-11-20"]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_refused_with_the_form_wanted(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 2026-11-20T08:00:00Z"):
        parse_time(text)


@pytest.mark.parametrize(("text", "seconds"), [("10", 10), ("10s", 10), ("0.5s", 0.5), (".5", 0.5), ("86400", 86400)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0", "-1", "1e3", "inf", "nan", "86401", "10m", "1_0"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no number of seconds"):
        parse_seconds(text)
