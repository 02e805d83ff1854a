"""`dissect stats`: an analysis in numbers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dissect.cli.options import add_analysis, add_captures, add_fail_on
from dissect.cli.table import table, terminal_width, wrapped
from dissect.text import counted

if TYPE_CHECKING:
    from dissect.stats import OperationStatistics, Statistics, Timeline

DEVICES_SHOWN = 50
LEAST_NAME = 15
"""cells that are left of names and addresses where a terminal is narrow: those of an IPv4 address"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_captures(parser)
    parser.add_argument("--json", action="store_true", help="as JSON, with every figure")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    add_fail_on(parser)
    add_analysis(parser)


def run(arguments: argparse.Namespace) -> int:
    from dissect.cli.options import names_of
    from dissect.cli.work import analysis_of, exit_status
    from dissect.stats import statistics, to_json

    analysis = analysis_of(arguments)
    figures = statistics(analysis)
    if arguments.json:
        sys.stdout.flush()
        sys.stdout.buffer.write(to_json(figures))
        sys.stdout.buffer.flush()
    else:
        ascii_only = arguments.ascii or not (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
        for line in lines(figures, ascii_only, names_of(arguments), terminal_width()):
            print(line)
    status = exit_status(analysis, arguments.fail_on)
    analysis.close()
    return status


def lines(figures: Statistics, ascii_only: bool = False, names: Mapping[str, str] | None = None, width: int | None = None) -> Iterator[str]:
    """What a terminal of *width* cells shows (None: of any width); *names* are shown beside ids."""
    from dissect.show.lines import beside

    span = f", {figures.first_packet} to {figures.last_packet}" if figures.first_packet else ""
    yield from wrapped(f"{counted(figures.packets, 'packet')}, {figures.packets_used} of them used{span}", width)
    yield ", ".join((counted(figures.sessions, "session"), counted(figures.messages, "message"), counted(figures.exchanges, "exchange"),
                     counted(figures.retries, "retry", "retries")))
    if not figures.messages:
        return
    yield from _part("protocols", ("protocol", "devices", "sessions", "messages", "exchanges", "anomalies"), [
        (one.name, one.devices, one.sessions, one.messages, one.exchanges, one.anomalies) for one in figures.protocols], {1, 2, 3, 4, 5}, width)
    yield from _part("devices", ("device", "addresses", "sessions", "messages", "exchanges", "answered", "failed", "retries", "anomalies"), [
        (beside(one.id, names or {}, one.id, *one.addresses), " ".join(one.addresses[:3]) + (" ..." if len(one.addresses) > 3 else ""),
         one.sessions, one.messages, one.exchanges, one.answered, one.failed,
         one.retries, one.anomalies)
        for one in figures.devices[:DEVICES_SHOWN]], {2, 3, 4, 5, 6, 7, 8}, width)
    if len(figures.devices) > DEVICES_SHOWN:
        yield f"and {len(figures.devices) - DEVICES_SHOWN} more (--json has them all)"
    yield from _part("answer times in ms", (
        "protocol", "operation", "n", "answered", "failed", "late", "timeout", "pending", "retries", "min", "p50", "p95", "p99", "max"),
        [_operation(one) for one in figures.operations], set(range(2, 14)), width, keys=2)
    yield from _timeline(figures.messages_over_time, ascii_only)
    if figures.anomalies:
        yield from _part("anomalies", ("severity", "anomaly", "times", "protocols"), [
            (one.severity, one.code, one.n, " ".join(one.protocols)) for one in figures.anomalies], {2}, width)
    else:
        yield ""
        yield "no anomalies"


def _part(title: str, head: Sequence[str], rows: Sequence[Sequence[object]], right: set[int], width: int | None, keys: int = 1) -> Iterator[str]:
    """A titled table; none of no rows."""
    if rows:
        yield ""
        yield title
        yield from table(head, rows, right, width=width, keys=keys, least=LEAST_NAME)


def _operation(one: OperationStatistics) -> tuple[object, ...]:
    times = (one.min_ms, one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms)
    return (one.protocol, one.operation, one.n, one.answered, one.failed, one.late, one.timeout, one.pending, one.retries,
            *(None if time is None else f"{time:.3f}" for time in times))


def _timeline(timeline: Timeline, ascii_only: bool) -> Iterator[str]:
    from dissect.plot import columns, sparkline

    yield ""
    yield f"messages over time, {timeline.interval_s:g} s each, from {timeline.start}"
    yield from columns(timeline.counts, ascii_only)
    if len(timeline.protocols) > 1:
        width = max(map(len, timeline.protocols))
        for name, counts in timeline.protocols.items():
            yield f"{name:>{width}} {sparkline(counts, ascii_only)} {sum(counts)}".rstrip()
