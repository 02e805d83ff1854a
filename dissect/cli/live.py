"""`dissect live`: an interface captured and analysed as it goes, without the interface on the screen."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

from dissect.cli.notices import say, say_warnings
from dissect.cli.options import FORMATS, add_analysis, add_fail_on, filter_of, options_of, value_of
from dissect.errors import UsageError
from dissect.sources import Passing
from dissect.text import counted

if TYPE_CHECKING:
    from dissect.capture import Batch
    from dissect.filter import Filter
    from dissect.live import LiveCapture
    from dissect.live.saving import RingSize
    from dissect.options import Options

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_S = 366 * 86_400
LINE_SUFFIXES = (".ndjson", ".jsonl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-i", "--interface", metavar="IFACE", action=Once, help="capture here (`dissect live --list` names them); any: on all of them, "
                        "through dumpcap")
    parser.add_argument("--list", action="store_true", help="list the interfaces with their addresses")
    add_capturing(parser)
    parser.add_argument("--report", metavar="FILE", help="write the report there instead of to stdout (-)")
    parser.add_argument("--format", choices=FORMATS, help="ndjson: an object a line as things become known (on stdout, and in a FILE.ndjson); "
                        "json, html: one document at the end (default for other files: json)")
    parser.add_argument("--keep", metavar="N", type=value_of(_positive), help="json, html: keep the N sessions that closed last, and those that are open")
    add_fail_on(parser)
    add_analysis(parser, files=False)


class Once(argparse.Action):
    """An option that is given once: of two the first would be forgotten in silence."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} is given once: one interface is captured on, or all of them with `-i any`")
        setattr(namespace, self.dest, values)


def add_capturing(group: argparse._ActionsContainer) -> None:
    """How an interface is captured; `check_capturing` looks at what was given."""
    group.add_argument("--bpf", metavar="EXPR", help="capture only what this filter (pcap-filter) lets through; the kernel applies it")
    group.add_argument("--promiscuous", action="store_true", help="also what is not for this machine")
    group.add_argument("--write", metavar="FILE", help="save the packets as they come, as pcapng")
    group.add_argument("--ring", metavar="SIZE:FILES", type=value_of(_ring), help="with --write: a new file at each SIZE, no more than FILES of them, "
                        "for example 100MB:10")
    group.add_argument("--count", metavar="N", type=value_of(_positive), help="end after N packets")
    group.add_argument("--duration", metavar="S", type=value_of(_duration), help="end after S seconds, or 90m, 12h, 7d")


def check_capturing(arguments: argparse.Namespace) -> None:
    """Raises UsageError for what an interface cannot be asked."""
    from dissect.cli.output import check_output

    if arguments.ring is not None and arguments.write is None:
        raise UsageError("--ring rotates what --write saves; give --write FILE too")
    if arguments.write == "-":
        raise UsageError("--write needs the name of a file; stdout is not for packets")
    if arguments.engine == "tshark" or arguments.tls_keylog is not None:
        raise UsageError("live capture has no tshark engine; save with --write, and open TLS with `dissect report --tls-keylog`")
    if arguments.from_ns is not None or arguments.to_ns is not None:
        raise UsageError("--from and --to choose packets of a file; a live capture has --duration and --count")
    check_output(arguments.write, [], "--write")


def _duration(text: str) -> float:
    number, unit = (text[:-1], text[-1:].lower()) if text[-1:].lower() in _UNITS_S else (text, "s")
    try:
        seconds = float(number) * _UNITS_S[unit] if number.isascii() and number.strip().replace(".", "", 1).isdecimal() else 0
    except ValueError:
        seconds = 0
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(f"{text!r} is no duration of more than 0 and at most 366 days: a number of seconds, or with its unit: 90m, 12h, 7d")
    return seconds


def _ring(text: str) -> RingSize:
    from dissect.live.saving import parse_ring

    return parse_ring(text)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:18]) < 1 << 53:
        raise ValueError(f"{text!r} is no number of 1 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    if arguments.list:
        return _list()
    kind = _format_of(arguments)
    _check(arguments, kind)
    from dissect.cli.work import stoppable
    from dissect.live import LiveCapture

    # Before the interface is opened, and a file of earlier packets is begun anew: what is wrong with these is known now.
    options, chosen = _options(arguments, endless=kind == "ndjson" or arguments.keep is not None), filter_of(arguments)
    with stoppable() as stop, ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, stop)
        capture = stack.enter_context(LiveCapture(
            arguments.interface, arguments.bpf, promiscuous=arguments.promiscuous, write=arguments.write, ring=arguments.ring, count=arguments.count,
            duration_s=arguments.duration, notify=say))
        say(f"capturing on {arguments.interface} ({capture.through}); Ctrl-C ends it")
        status = _analyse(arguments, kind, _Watched(capture, stop), options, chosen)
        if capture.failure is not None:
            raise capture.failure  # after what came has been told
        say(f"{counted(capture.packets, 'packet')} captured, {counted(capture.dropped, 'packet')} dropped by the kernel")
        return status


def _list() -> int:
    from dissect.cli.table import table
    from dissect.live.interfaces import interfaces

    rows = [(one.name, "up" if one.up else "down", one.hardware, ", ".join(one.addresses)) for one in interfaces()]
    for line in table(("interface", "state", "hardware", "addresses"), rows):
        print(line)
    return 0


def _format_of(arguments: argparse.Namespace) -> str:
    if arguments.format is not None:
        return str(arguments.format)
    if arguments.report in (None, "-") or arguments.report.endswith(LINE_SUFFIXES):
        return "ndjson"
    return "html" if arguments.report.endswith((".html", ".htm")) else "json"


def _check(arguments: argparse.Namespace, kind: str) -> None:
    from dissect.cli.output import check_output

    if arguments.interface is None:
        raise UsageError("live: name an interface with -i; `dissect live --list` shows them")
    check_capturing(arguments)
    if arguments.keep is not None and kind == "ndjson":
        raise UsageError("--keep is for --format json and html; ndjson keeps nothing")
    check_output(arguments.report, [], "--report")
    if arguments.write is not None and arguments.report is not None and os.path.abspath(arguments.write) == os.path.abspath(arguments.report):
        raise UsageError("--write and --report name the same file")


class _Watched(Passing):
    """Ends when the user wants an end; *flush* is called when what came has been worked up."""

    def __init__(self, capture: LiveCapture, stop: Any) -> None:
        super().__init__(capture)
        self._live, self._stop = capture, stop
        self.flush: Any = lambda: None

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._live:
            yield batch
            self.flush()
            if self._stop.wanted:
                self._live.stop()


def _analyse(arguments: argparse.Namespace, kind: str, capture: _Watched, options: Options, chosen: Filter | None) -> int:
    from dissect.cli.output import output

    with output(arguments.report, "--report") as out:
        if kind == "ndjson":
            return _lines(arguments, out, capture, options, chosen)
        return _document(arguments, kind, out, capture, options, chosen)


def _lines(arguments: argparse.Namespace, out: BinaryIO, capture: _Watched, options: Options, chosen: Filter | None) -> int:
    from dissect.cli.output import json_output
    from dissect.cli.work import status_of
    from dissect.redact import RedactingSink
    from dissect.report import NdjsonSink

    lines = NdjsonSink(json_output(out))
    sink: Any = RedactingSink(lines) if arguments.redact else lines
    if chosen is None:
        capture.flush = lines.flush
    else:
        from dissect.live.filtered import FilteredLines

        # The filter is about what was sent, what is told may be its pseudonyms.
        sink = kept = FilteredLines(sink, chosen, _longest_deadline_s(arguments))

        def flush() -> None:
            kept.settle(capture.clock_ns)
            lines.flush()

        capture.flush = flush
    _feed(sink, capture, options)
    return status_of(lines.worst, arguments.fail_on)


def _longest_deadline_s(arguments: argparse.Namespace) -> float:
    from grammars.registry import PROTOCOLS

    given = dict(arguments.deadline)
    return max(float(given.get(name, protocol.deadline_s)) for name, protocol in PROTOCOLS.items())


def _document(arguments: argparse.Namespace, kind: str, out: BinaryIO, capture: _Watched, options: Options, chosen: Filter | None) -> int:
    from dissect.analysis import Analysis
    from dissect.cli.work import exit_status
    from dissect.redact import RedactingSink
    from dissect.sinks import Both

    analysis, hidden = Analysis(), Analysis()
    sink: Any = analysis
    if arguments.redact:
        # The filter is about what was sent, what is shown about its pseudonyms: two analyses of one order, so that places in one hold in the other.
        sink = RedactingSink(hidden) if chosen is None else Both(analysis, RedactingSink(hidden))
    if arguments.keep is not None:
        from dissect.live.kept import KeptSessions

        sink = KeptSessions(sink, arguments.keep)
    _feed(sink, capture, options)
    if arguments.keep is not None and sink.forgotten:
        say(f"{sink.forgotten} sessions that closed earlier are not in the report (--keep {arguments.keep})")
    if chosen is not None:
        from dissect.filter import select

        selection = select(analysis, chosen)
        shown = (selection._replace(whole=hidden) if arguments.redact else selection).analysis()
    else:
        shown = hidden if arguments.redact else analysis
    _write(shown, kind, out, arguments.redact, options.keys.names if options.keys is not None and not arguments.redact else {})
    status = exit_status(shown, arguments.fail_on)
    analysis.close()
    hidden.close()
    return status


def _write(analysis: Any, kind: str, out: BinaryIO, redacted: bool, names: Mapping[str, str]) -> None:
    if kind == "html":
        from dissect.html import write_html

        write_html(analysis, out, redacted=redacted, names=names)
        return
    from dissect.cli.output import json_output
    from dissect.report import write_json

    write_json(analysis, json_output(out))


def _options(arguments: argparse.Namespace, endless: bool) -> Options:
    """Raises UsageError, KeysError."""
    from dataclasses import replace

    options = replace(options_of(arguments), endless=endless)
    say_warnings()  # at the end, in days, nobody needs them any more
    if options.keys is not None and options.keys.tls_keylog is not None:
        say("TLS is not opened while capturing: save with --write, and the key log of the keys file opens it in `dissect report`")
    return options


def _feed(sink: Any, capture: _Watched, options: Options) -> None:
    """Run the pipeline until the capture ends."""
    from dissect.pipeline import analyse

    analyse(capture, sink, options)
