"""`dissect export`: the packets behind what a filter keeps, for other tools."""

from __future__ import annotations

import argparse
import sys

from dissect.cli.options import add_analysis, add_captures, add_fail_on
from dissect.cli.output import check_output, output
from dissect.errors import UsageError
from dissect.text import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_captures(parser)
    parser.add_argument("-w", "--write", required=True, metavar="FILE.pcapng", help="where to write them (-: stdout)")
    parser.add_argument("--strip-secrets", action="store_true", help="leave out the decryption secrets that the captures hold (TLS keys)")
    add_fail_on(parser)
    add_analysis(parser, redact=False)


def run(arguments: argparse.Namespace) -> int:
    if arguments.redact:
        raise UsageError("export writes packets as they are, and --redact hides what is in them; leave --redact out")
    from dissect.cli.options import filter_of, options_of
    from dissect.cli.work import exit_status, watched_capture

    chosen = filter_of(arguments)
    if chosen is None:
        raise UsageError("export wants to know which packets: give --filter EXPR")
    check_output(arguments.write, arguments.captures, "-w")
    options = options_of(arguments)
    from dissect.analysis import Analysis
    from dissect.export import PacketLog, write_packets
    from dissect.filter import select
    from dissect.pipeline import analyse

    with watched_capture(arguments.captures, options, keep=True) as capture:
        log = PacketLog(capture)
        whole = Analysis()
        analyse(log, whole, options)
        kept = select(whole, chosen).analysis()
        packets = log.packets_of({stream for session in kept.sessions.values() for stream in session.streams})
        with output(arguments.write) as out:
            count = write_packets(capture, packets, out, not arguments.strip_secrets)
    print(f"{counted(count, 'packet')} of {counted(len(kept.sessions), 'session')}", file=sys.stderr)
    status = exit_status(kept, arguments.fail_on)
    kept.close()
    return status
