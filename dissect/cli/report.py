"""`dissect report`: the JSON report, or its stream of lines."""

from __future__ import annotations

import argparse
import sys

from dissect.cli.options import FORMATS, add_analysis, add_captures, add_fail_on
from dissect.cli.output import check_output, json_output, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_captures(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there instead of to stdout (-)")
    parser.add_argument("--format", choices=FORMATS, default="json",
                        help="json (default): one document; ndjson: an object a line, as things become known (with --filter: at the "
                        "end, in order of time); html: one page to look at or send to someone, which loads and runs nothing")
    parser.add_argument("--no-messages", dest="messages", action="store_false", help="leave the bodies of messages out")
    parser.add_argument("--summary", action="store_true", help="say in short on stderr what was found, also when that is no terminal")
    add_fail_on(parser)
    add_analysis(parser)


def run(arguments: argparse.Namespace) -> int:
    check_output(arguments.output, arguments.captures)
    if arguments.format == "ndjson":
        return _stream(arguments)
    from dissect.cli.options import names_of
    from dissect.cli.work import analysis_of, exit_status

    analysis = analysis_of(arguments)
    with output(arguments.output) as out:
        if arguments.format == "html":
            from dissect.html import write_html

            write_html(analysis, out, arguments.messages, arguments.redact, names_of(arguments))
        else:
            from dissect.report import write_json

            write_json(analysis, json_output(out), arguments.messages)
    if arguments.summary or (arguments.output not in (None, "-") and sys.stderr.isatty()):
        from dissect.cli.summary import summary

        for line in summary(analysis):
            print(line, file=sys.stderr)
    status = exit_status(analysis, arguments.fail_on)
    analysis.close()
    return status


def _stream(arguments: argparse.Namespace) -> int:
    from dissect.cli.options import filter_of
    from dissect.cli.work import analyse_into, analysis_of, status_of
    from dissect.report import NdjsonSink, replay

    if filter_of(arguments) is not None:
        # What a filter keeps is known when all is known: an answer that comes late makes its request part of an exchange that is kept.
        analysis = analysis_of(arguments)
        with output(arguments.output) as out:
            sink = NdjsonSink(json_output(out), arguments.messages)
            replay(analysis, sink)
        analysis.close()
    else:
        with output(arguments.output) as out:
            sink = NdjsonSink(json_output(out), arguments.messages)
            analyse_into(sink, arguments)
    return status_of(sink.worst, arguments.fail_on)
