"""Times as text and back: integer nanoseconds since the epoch, RFC 3339 in UTC (report.md). No clock is read here."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND = -62135596800
_LAST_SECOND = 253402300799
# RFC 3339 has years 0001 to 9999; a damaged time stamp outside of them is written as the nearest it can write.

_SECOND_NS = 1_000_000_000
_DIVISOR = tuple(10 ** (9 - digits) for digits in range(10))
_LEADING_ONE = tuple(10**digits for digits in range(10))

_cached: tuple[int, str] = (0, "1970-01-01T00:00:00.")
# A second's start and its text. One tuple, replaced whole: neighbouring packets share their second, and another thread never
# sees half of it.


@lru_cache(maxsize=1024)
def _seconds_text(second: int) -> str:
    bounded = min(max(second, _FIRST_SECOND), _LAST_SECOND)
    return (_EPOCH + timedelta(seconds=bounded)).replace(tzinfo=None).isoformat(timespec="seconds") + "."


def format_ns(time_ns: int, digits: int = 6) -> str:
    """*time_ns* as RFC 3339 in UTC with *digits* (0 to 9) of fraction, cut off, not rounded: what the capture had."""
    global _cached
    start_ns, text = _cached
    rest = time_ns - start_ns
    if not 0 <= rest < _SECOND_NS:
        second, rest = divmod(time_ns, _SECOND_NS)
        text = _seconds_text(second)
        _cached = second * _SECOND_NS, text
    if not digits:
        return text[:-1] + "Z"
    # The digits of a number with a one in front, that one cut off: faster than a format with leading zeros.
    return text + str(rest // _DIVISOR[digits] + _LEADING_ONE[digits])[1:] + "Z"


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?)?\s*(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII)
_EPOCH_SECONDS = re.compile(r"(\d{1,12})(?:\.(\d{1,9})\d*)?", re.ASCII)


def parse_time(text: str) -> int:
    """Nanoseconds of an RFC 3339 time, of one without zone (UTC), a date (its start), or seconds since the epoch.

    Raises ValueError with a sentence that shows the form wanted.
    """
    seconds = _EPOCH_SECONDS.fullmatch(text.strip())
    if seconds:
        return int(seconds[1]) * _SECOND_NS + _fraction_ns(seconds[2])
    parts = _TIME.fullmatch(text.strip())
    if not parts:
        raise ValueError(f"{text!r} is no time; write it as 2026-11-20T08:00:00Z")
    year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time ({error}); write it as 2026-11-20T08:00:00Z") from None
    whole = (moment - _EPOCH) // timedelta(seconds=1) + (second - min(second, 59))
    if parts[9]:
        offset = (int(parts[10]) * 60 + int(parts[11])) * 60
        whole += -offset if parts[9] == "+" else offset
    return whole * _SECOND_NS + _fraction_ns(parts[7])


def _fraction_ns(digits: str | None) -> int:
    return int(digits.ljust(9, "0")) if digits else 0


def parse_seconds(text: str) -> float:
    """A duration in seconds, with or without a trailing `s`; more than 0, at most a day. Raises ValueError."""
    number = text.strip().removesuffix("s").strip()
    if not re.fullmatch(r"\d+(\.\d+)?|\.\d+", number, re.ASCII) or not 0 < float(number) <= 86_400:
        raise ValueError(f"{text!r} is no number of seconds between 0 and 86400")
    return float(number)
