"""The forms in which `-t` shows a message's time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dissect.timefmt import format_ns

TIME_FORMS = ("relative", "delta", "utc", "local")
"""relative: seconds since the first message; delta: since the message before; utc, local: date and time"""

_LAST_LOCAL_NS = 253_402_214_400 * 10**9
# A day before the year 10000: a zone east of UTC still has a date for it.


def time_column(form: str, first_ns: int, digits: int) -> Callable[[int], str]:
    """A function from a message's time to its text, called for one message after the other; *digits* of fraction (0 to 9)."""
    match form:
        case "utc":
            return lambda time_ns: format_ns(time_ns, digits)
        case "local":
            return lambda time_ns: _local(time_ns, digits)
        case "delta":
            return _Delta(first_ns, digits)
        case _:
            return lambda time_ns: _seconds(time_ns - first_ns, digits)


def _seconds(span_ns: int, digits: int) -> str:
    whole, rest = divmod(abs(span_ns), 10**9)
    return f"{'-' if span_ns < 0 else ''}{whole}.{rest // 10 ** (9 - digits):0{digits}d}"


def _local(time_ns: int, digits: int) -> str:
    if not 0 <= time_ns < _LAST_LOCAL_NS:
        return format_ns(time_ns, digits)
    second, rest = divmod(time_ns, 10**9)
    moment = datetime.fromtimestamp(second).astimezone()
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 10 ** (9 - digits):0{digits}d}{moment:%z}"


class _Delta:
    def __init__(self, first_ns: int, digits: int) -> None:
        self._before_ns = first_ns
        self._digits = digits

    def __call__(self, time_ns: int) -> str:
        before_ns, self._before_ns = self._before_ns, time_ns
        return _seconds(time_ns - before_ns, self._digits)
