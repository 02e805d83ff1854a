"""`dissect show`: messages as text."""

from __future__ import annotations

import argparse
import sys

from dissect.cli.options import add_analysis, add_captures, add_fail_on
from dissect.errors import FilterError, UsageError
from dissect.text import clean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from dissect.show.times import TIME_FORMS

    add_captures(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="the tree of each message's fields")
    parser.add_argument("-x", "--hex", action="store_true", help="the bytes of each message, and its plaintext where a key opened it (not with --redact)")
    parser.add_argument("-e", "--field", dest="fields", metavar="FIELD", action="append", default=[],
                        help="this field of every message as a column of a table (repeatable; `dissect protocols` lists them, for example "
                        "-e message.id -e fogslink.eqSN); several values of one message stand with commas between")
    parser.add_argument("--csv", action="store_true", help="the table as CSV, values whole and as sent but for control characters, which are escaped "
                        "(nothing is done about cells that a spreadsheet takes for formulas: import them as text)")
    parser.add_argument("-t", "--time", choices=TIME_FORMS, help="how a message's time is shown (default: relative, with -e or --csv utc); relative: "
                        "seconds from the capture's first packet, delta: from the message before")
    add_fail_on(parser)
    add_analysis(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.redact and arguments.hex:
        raise UsageError("-x shows the bytes of messages, and --redact hides what is in them; leave one of them out")
    if arguments.fields or arguments.csv:
        return _table(arguments)
    from dissect.cli.notices import warn
    from dissect.cli.options import names_of
    from dissect.cli.work import analysis_of, exit_status
    from dissect.show import Lines, hexdump, tree

    analysis = analysis_of(arguments, keep_bytes=(arguments.verbose or arguments.hex) and not arguments.redact)
    if not len(analysis) and not arguments.filter:
        warn("no message of a protocol that is known; `dissect streams` says what each conversation was taken for")
    lines = Lines(analysis, arguments.time or "relative", names_of(arguments))
    for index in lines.order:
        print(lines.line(index))
        if arguments.verbose:
            for line in tree(analysis.message_at(index), analysis.raw(index), analysis.plaintext(index)):
                print(line)
            for at in analysis.anomalies_of(index):
                anomaly = analysis.anomaly_at(at)
                print(f"  {anomaly.severity} {anomaly.code}: {clean(anomaly.message)}")
        if arguments.hex:
            for line in hexdump(analysis.raw(index) or b"", "  "):
                print(line)
            plaintext = analysis.plaintext(index)
            if plaintext is not None:
                print("  plaintext")
                for line in hexdump(plaintext, "  "):
                    print(line)
    status = exit_status(analysis, arguments.fail_on)
    analysis.close()
    return status


def _table(arguments: argparse.Namespace) -> int:
    """The fields that -e names."""
    if arguments.verbose or arguments.hex:
        raise UsageError("-e and --csv make a table, -v and -x show messages whole; choose one")
    from dissect.cli.work import analysis_of, exit_status
    from dissect.filter.names import field_named
    from dissect.show.fields import DEFAULT_FIELDS, FieldRows

    names = arguments.fields or list(DEFAULT_FIELDS)
    try:
        for name in names:
            field_named(name)
    except FilterError as error:
        raise UsageError(f"-e: {error}") from None
    analysis = analysis_of(arguments)
    rows = FieldRows(analysis, names, arguments.time or "utc")
    if arguments.csv:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    else:
        from dissect.cli.table import table, terminal_width

        for line in table(names, list(rows), rows.numbers, width=terminal_width()):
            print(line)
    status = exit_status(analysis, arguments.fail_on)
    analysis.close()
    return status
