"""`dissect show`: messages as text."""

from __future__ import annotations

import argparse

from dissect.cli.options import add_analysis, add_captures, add_fail_on
from dissect.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from dissect.show.times import TIME_FORMS

    add_captures(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="the tree of each message's fields")
    parser.add_argument("-x", "--hex", action="store_true", help="the bytes of each message, and its plaintext where a key opened it")
    parser.add_argument("-t", "--time", choices=TIME_FORMS, default="relative", help="how a message's time is shown (default: relative)")
    add_fail_on(parser)
    add_analysis(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.redact and arguments.hex:
        raise UsageError("-x shows the bytes of messages, and --redact hides what is in them; leave one of them out")
    from dissect.cli.work import analysis_of, exit_status
    from dissect.show import Lines, hexdump, tree

    analysis = analysis_of(arguments, keep_bytes=(arguments.verbose or arguments.hex) and not arguments.redact)
    lines = Lines(analysis, arguments.time)
    for index in lines.order:
        print(lines.line(index))
        if arguments.verbose:
            for line in tree(analysis.message_at(index), analysis.raw(index), analysis.plaintext(index)):
                print(line)
            for at in analysis.anomalies_of(index):
                anomaly = analysis.anomaly_at(at)
                print(f"  {anomaly.severity} {anomaly.code}: {_clean(anomaly.message)}")
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


def _clean(text: str) -> str:
    from dissect.text import clean

    return clean(text)
