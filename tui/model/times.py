"""How the interface shows moments and spans."""

from __future__ import annotations

from datetime import datetime

from dissect.show.times import TIME_FORMS, time_column
from dissect.timefmt import format_ns

FORMS = TIME_FORMS
WIDTHS = {"relative": 9, "delta": 9, "utc": 15, "local": 15}
_SECOND = 10**9


def moment(time_ns: int, form: str, first_ns: int, before_ns: int | None = None) -> str:
    """*time_ns* as `dissect show -t` has it, in the width of a column: of a date only the time of day. *before_ns*: for delta."""
    if form == "delta":
        return delta(time_ns, before_ns)
    if form == "utc":
        return format_ns(time_ns, 6)[11:-1]
    if form == "local":
        text = time_column("local", first_ns, 6)(time_ns)
        return text[11:26]
    return time_column("relative", first_ns, 4)(time_ns)


def delta(time_ns: int, before_ns: int | None) -> str:
    """Since the message before, with a sign."""
    if before_ns is None:
        return ""
    span = time_ns - before_ns
    return f"{'-' if span < 0 else '+'}{span_text(abs(span))}"


def span_text(span_ns: int) -> str:
    """At most seven characters: 0.038, 12.5, 4m05, 3h12."""
    seconds = span_ns / _SECOND
    if seconds < 10:
        return f"{seconds:.3f}"
    if seconds < 100:
        return f"{seconds:.2f}"
    if seconds < 600:
        return f"{seconds:.1f}"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 600:
        return f"{minutes}m{rest:02d}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}"


def latency(milliseconds: float | None) -> str:
    """Five characters, but for hours: 0.8ms, 38ms, 1.41s, 17.7s, 124s."""
    if milliseconds is None or milliseconds != milliseconds:
        return ""
    if milliseconds < 10:
        return f"{milliseconds:.1f}ms"
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    if milliseconds < 9_995:
        return f"{milliseconds / 1000:.2f}s"
    if milliseconds < 99_950:
        return f"{milliseconds / 1000:.1f}s"
    return f"{milliseconds / 1000:.0f}s"


def count_text(count: int) -> str:
    """At most four characters: 412, 9876, 14k, 148k, 1.2M."""
    if count < 10_000:
        return str(count)
    if count < 1_000_000:
        return f"{count // 1000}k"
    return f"{count / 1e6:.1f}M" if count < 9_950_000 else f"{count // 1_000_000}M"


def size_text(size: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}" if size < 100 * scale else f"{size / scale:.0f} {unit}"
    return f"{size} B"


def zone() -> str:
    """The local zone's distance from UTC."""
    offset = datetime.now().astimezone().utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")
