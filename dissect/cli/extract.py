"""`dissect extract`: the files inside messages."""

from __future__ import annotations

import argparse

from dissect.cli.options import add_analysis, add_captures, add_fail_on
from dissect.cli.table import table
from dissect.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_captures(parser)
    parser.add_argument("--to", required=True, dest="folder", metavar="DIR", help="the folder to write them into; it is made when there is none")
    add_fail_on(parser)
    add_analysis(parser, until="--until", redact=False)


def run(arguments: argparse.Namespace) -> int:
    if arguments.redact:
        raise UsageError("extract writes what messages hold, and --redact hides it; leave --redact out")
    from dissect.cli.work import analysis_of, exit_status
    from dissect.extract import check_folder, extracts, make_folder, write

    check_folder(arguments.folder)
    analysis = analysis_of(arguments, keep_bytes=True)
    rows: list[tuple[object, ...]] = []
    for one in extracts(analysis):
        if not rows:
            make_folder(arguments.folder)
        new = write(arguments.folder, one)
        rows.append((one.name, len(one.content), one.media_type, one.session, one.message, one.time, one.member, "written" if new else "was there"))
    if rows:
        for line in table(("file", "bytes", "media type", "session", "message", "time", "member", ""), rows, {1, 3, 4}):
            print(line)
    else:
        print("no message holds a file")
    status = exit_status(analysis, arguments.fail_on)
    analysis.close()
    return status
