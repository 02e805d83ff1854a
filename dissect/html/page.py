"""The page, written out part by part."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import BinaryIO

from dissect import __version__
from dissect.analysis import Analysis
from dissect.catalogue import CATALOGUE
from dissect.html.charts import answers_chart, operations_chart, timeline_chart
from dissect.html.gather import anomaly_groups, answers_of
from dissect.html.markup import milliseconds, more, number, shown, table
from dissect.html.sessions import choose, session_parts
from dissect.model import SEVERITIES
from dissect.show.lines import beside
from dissect.stats import Statistics, statistics

DEVICES_SHOWN = 200
FILES_SHOWN = 20
NAMED_IN_TITLE = 2


def write_html(analysis: Analysis, out: BinaryIO, messages: bool = True, redacted: bool = False, names: Mapping[str, str] | None = None) -> None:
    """The page of a finished *analysis*, UTF-8; without *messages* their fields are left out. *redacted*: say that pseudonyms stand in it.
    *names*: id or address -> what the user calls it, shown beside it.

    Raises what *out* raises.
    """
    style = files("dissect.html").joinpath("page.css").read_text(encoding="utf-8")
    frame = files("dissect.html").joinpath("page.html").read_text(encoding="utf-8")
    # The browser takes this style and no other: whatever markup might slip in from a packet, it could neither run nor dress up.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    head, _, tail = frame.partition("{body}")
    for name, value in (("hash", f"sha256-{digest}"), ("generator", f"dissect {__version__}"), ("title", shown(_title(analysis), 120)), ("style", style)):
        head = head.replace("{" + name + "}", value, 1)
    out.write(head.encode())
    for part in _body(analysis, messages, redacted, names or {}):
        out.write(part.encode("utf-8", "backslashreplace"))
    out.write(tail.encode())


def _title(analysis: Analysis) -> str:
    names = [one.name for one in analysis.source_info.files] if analysis.source_info else []
    if not names and analysis.source_info and analysis.source_info.interface:
        names = [analysis.source_info.interface]
    return "dissect: " + (", ".join(names[:NAMED_IN_TITLE]) + (f" and {len(names) - NAMED_IN_TITLE} more" if len(names) > NAMED_IN_TITLE else "") or "report")


def _body(analysis: Analysis, messages: bool, redacted: bool, names: Mapping[str, str]) -> Iterator[str]:
    figures = statistics(analysis)
    chosen = choose(analysis)
    yield f"<header><h1>{shown(_title(analysis), 200)}</h1>\n"
    span = f"{figures.first_packet} to {figures.last_packet}" if figures.first_packet else "no packets"
    hidden = " · credentials, device ids, addresses and values are pseudonyms" if redacted else ""
    yield f'<p class="faint">{shown(span)}{hidden}</p>\n'
    yield ('<nav><a href="#anomalies">Anomalies</a><a href="#times">Answer times</a><a href="#devices">Devices</a><a href="#sessions">Sessions</a>'
           '<a href="#source">Source</a></nav></header>\n')
    yield from _summary(figures)
    yield from timeline_chart(figures.messages_over_time)
    yield '<h2 id="anomalies">Anomalies</h2>\n'
    yield from _anomalies(analysis, set(chosen.idents))
    yield '<h2 id="times">Answer times</h2>\n'
    yield from _times(analysis, figures)
    yield '<h2 id="devices">Devices</h2>\n'
    yield from _devices(figures, names)
    yield '<h2 id="sessions">Sessions</h2>\n'
    yield from session_parts(analysis, chosen, messages, names)
    yield '<h2 id="source">Source</h2>\n'
    yield from _source(analysis)
    yield f"<footer>dissect {__version__}. Times are UTC. This page loads nothing and runs nothing.</footer>\n"


def _summary(figures: Statistics) -> Iterator[str]:
    by_severity = dict.fromkeys(reversed(SEVERITIES), 0)
    for one in figures.anomalies:
        by_severity[one.severity] += one.n
    answered = sum(one.answered for one in figures.operations)
    figure = [("packets", figures.packets, ""), ("devices", len(figures.devices), ""), ("sessions", figures.sessions, ""), ("messages", figures.messages, ""),
              ("exchanges", figures.exchanges, ""), ("answered", answered, ""), ("retries", figures.retries, "")]
    figure += [(f"{name}s", count, name if count else "") for name, count in by_severity.items()]
    yield '<ul class="figures">' + "".join(f'<li class="{kind}"><b>{number(count)}</b><span>{name}</span></li>' for name, count, kind in figure) + "</ul>\n"
    if figures.protocols:
        head = (("protocol", "nowrap"), ("devices", "right"), ("sessions", "right"), ("messages", "right"), ("exchanges", "right"), ("anomalies", "right"))
        yield from table(head, ((shown(one.name), number(one.devices), number(one.sessions), number(one.messages), number(one.exchanges), number(one.anomalies))
                                for one in figures.protocols))


def _anomalies(analysis: Analysis, linked: set[int]) -> Iterator[str]:
    groups = anomaly_groups(analysis)
    if not groups:
        yield "<p>None was found.</p>\n"
    for position, group in enumerate(groups):
        opened = " open" if position == 0 else ""
        kind = CATALOGUE.get(group.code)
        yield (f'<details class="{group.severity}"{opened}><summary><span class="chip {group.severity}">{group.severity}</span> <b>{shown(group.code)}</b> '
               f'× {number(group.times)}<br><span class="faint">{shown(kind.meaning if kind else "", 600)}</span></summary>\n')
        if group.references:
            yield f'<p class="faint">Document: {shown("; ".join(group.references), 600)}</p>\n'
        head = (("time", "nowrap mono"), ("session", "nowrap"), ("messages", "mono"), ("frames", "mono"), ("what", "wrap"))
        yield '<div class="scroll">'
        yield from table(head, (
            (shown(one.time), _session_link(session, linked), shown(_listed(one.messages)), shown(_listed(one.frames)), shown(one.message, 400))
            for one, session in group.shown))
        yield "</div>"
        yield more(group.times - len(group.shown), "of these")
        yield "</details>\n"


def _session_link(ident: int, linked: set[int]) -> str:
    if not ident:
        return ""
    return f'<a href="#session-{ident}">session {ident}</a>' if ident in linked else f"session {ident}"


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:6])) + (" …" if len(numbers) > 6 else "")


def _times(analysis: Analysis, figures: Statistics) -> Iterable[str]:
    if not figures.operations:
        yield "<p>Nothing was asked.</p>\n"
        return
    yield from operations_chart(figures.operations)
    yield ('<p class="more">A line goes from the shortest to the longest time, its thick part from the median to the 95th percentile; '
           'the figures are those two.</p>\n')
    answers = answers_of(analysis)
    if answers and figures.first_packet and figures.last_packet:
        yield from answers_chart(answers, figures.first_packet, figures.last_packet)
        yield ('<p class="more">Each point is an answer: when its request was sent, and how long it took. '
               'Dense places show their median and their longest.</p>\n')
    figures_shown = ("n", "answered", "failed", "late", "timeout", "pending", "retries", "min", "p50", "p95", "p99", "max")
    head = (("protocol", "nowrap"), ("operation", "nowrap"), *((title, "right") for title in figures_shown))
    yield '<div class="scroll">'
    yield from table(head, (
        (shown(one.protocol), shown(one.operation), *map(number, (one.n, one.answered, one.failed, one.late, one.timeout, one.pending, one.retries)),
         *map(milliseconds, (one.min_ms, one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms))) for one in figures.operations))
    yield "</div>"


def _devices(figures: Statistics, names: Mapping[str, str]) -> Iterator[str]:
    if not figures.devices:
        yield "<p>None became known.</p>\n"
        return
    head = (("device", "wrap"), ("addresses", "mono wrap"), ("sessions", "right"), ("messages", "right"), ("exchanges", "right"), ("answered", "right"),
            ("failed", "right"), ("retries", "right"), ("anomalies", "right"))
    yield '<div class="scroll">'
    yield from table(head, (
        (shown(beside(one.id, names, one.id, *one.addresses), 120), shown(" ".join(one.addresses[:4]) + (" …" if len(one.addresses) > 4 else "")),
         *map(number, (one.sessions, one.messages, one.exchanges, one.answered, one.failed, one.retries, one.anomalies)))
        for one in figures.devices[:DEVICES_SHOWN]))
    yield "</div>"
    yield more(len(figures.devices) - DEVICES_SHOWN, "devices")


def _source(analysis: Analysis) -> Iterator[str]:
    source = analysis.source_info
    if source is None:
        return
    head = (("file", "wrap"), ("format", "nowrap"), ("link types", ""), ("packets", "right"), ("bytes", "right"), ("", ""))
    yield from table(head, (
        (shown(one.name), shown(one.format + (f", {one.compression}" if one.compression else "")), shown(" ".join(one.link_types)), number(one.packets),
         number(one.bytes), "damaged" if one.damaged else "") for one in source.files[:FILES_SHOWN]))
    yield more(len(source.files) - FILES_SHOWN, "files")
    yield (f'<p class="faint">{number(source.packets_used)} of {number(source.packets)} packets belong to conversations; '
           f'{number(source.packets_dropped)} were dropped.</p>\n')
