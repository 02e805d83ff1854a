"""The forms in which `-t` shows a message's time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from dissect.timefmt import format_ns, parse_time

if TYPE_CHECKING:
    from dissect.analysis import Analysis

TIME_FORMS = ("relative", "delta", "utc", "local")
"""relative: seconds since the capture's first packet; delta: since the message before; utc, local: date and time"""

_LAST_LOCAL_NS = 253_402_214_400 * 10**9
# A day before the year 10000: a zone east of UTC still has a date for it.


def message_times(analysis: Analysis, form: str) -> Callable[[int], str]:
    """As `time_column`, of the messages of *analysis* in the order of their times, with the digits that its capture has."""
    order = analysis.order()
    if not len(order):
        return time_column(form, 0, 6)
    index = int(order[0])
    first_ns = int(analysis.columns.value(index, "time_ns"))
    digits = max(len(analysis.message_at(index).time.partition(".")[2]) - 1, 0)
    begun = analysis.source_info.first_packet if analysis.source_info is not None and form == "relative" else None
    return time_column(form, first_ns if begun is None else parse_time(begun), digits)


def time_column(form: str, first_ns: int, digits: int) -> Callable[[int], str]:
    """A function from a message's time to its text, called for one message after the other; *digits* of fraction (0 to 9).

    *first_ns*: what relative times count from; with `delta`, what the first one counts from.
    """
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
