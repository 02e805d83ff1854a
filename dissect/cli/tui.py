"""`dissect tui`: the terminal interface over captures, also over one that is still being written."""

from __future__ import annotations

import argparse

from dissect.cli.options import add_analysis
from dissect.errors import CaptureError, UsageError

THEMES = ("textual-dark", "textual-light", "nord", "gruvbox", "dracula", "ansi-dark", "ansi-light")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("captures", nargs="+", metavar="CAPTURE",
                        help="a pcap or pcapng file, plain or gzip, zstd or lz4; a folder of them; - for standard input")
    parser.add_argument("--follow", action="store_true", help="the capture is still being written: go on at its end, and show what comes")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII alone (by itself where the locale is not UTF-8)")
    parser.add_argument("--theme", metavar="NAME", help=f"colours: {', '.join(THEMES)} and others; ansi-* leave them to the terminal")
    parser.add_argument("--serve", action="store_true", help="in a browser on this machine instead: prints an address with a one-time token")
    parser.add_argument("--port", type=int, default=0, help="of --serve (default: a free one)")
    add_analysis(parser)
    parser.set_defaults(filter="")  # the interface begins with it, and takes it away again


def run(arguments: argparse.Namespace) -> int:
    import os
    import sys

    from dissect.cli.options import options_of

    options = options_of(arguments, keep_bytes=True)
    for path in arguments.captures:
        if path != "-" and not os.path.exists(path):
            raise CaptureError(f"{path}: cannot be opened (No such file or directory)")
    if arguments.follow and (len(arguments.captures) != 1 or not (arguments.captures[0] == "-" or os.path.isfile(arguments.captures[0]))):
        raise UsageError("--follow takes one capture file")
    if arguments.serve:
        from tui.serve import serve

        return serve(arguments)
    if not sys.stdout.isatty() and "TEXTUAL_DRIVER" not in os.environ:
        raise UsageError("the interface needs a terminal; use `dissect show` or `dissect report` for a pipe, or --serve for a browser")
    from tui.start import start

    return start(arguments, options)
