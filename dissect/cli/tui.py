"""`dissect tui`: the terminal interface over captures, also over one that is still being written."""

from __future__ import annotations

import argparse

from dissect.cli.live import add_capturing, check_capturing
from dissect.cli.options import add_analysis, add_captures, value_of
from dissect.errors import CaptureError, UsageError

THEMES = ("textual-dark", "textual-light", "nord", "gruvbox", "dracula", "ansi-dark", "ansi-light")

KEPT = 500_000
"""messages of an interface that are kept, where --keep says nothing else"""
FEWEST, MOST = 1000, 5_000_000
LIVE_ONLY = ("bpf", "promiscuous", "write", "ring", "count", "duration", "keep")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_captures(parser, nargs="*")
    parser.add_argument("--follow", action="store_true", help="the capture is still being written: go on at its end, and show what comes")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII alone (by itself where the locale is not UTF-8, or where lines are drawn wide)")
    parser.add_argument("--theme", metavar="NAME", help=f"colours: {', '.join(THEMES)} and others; ansi-* leave them to the terminal")
    parser.add_argument("--serve", action="store_true", help="in a browser on this machine instead: prints an address with a one-time token")
    parser.add_argument("--port", type=int, default=0, help="of --serve (default: a free one)")
    group = parser.add_argument_group("live")
    group.add_argument("-i", "--interface", metavar="IFACE", help="capture here instead (`dissect live --list` names them)")
    add_capturing(group)
    group.add_argument("--keep", metavar="N", type=value_of(_kept), help=f"keep the N messages that came last (default {KEPT:,}); how many went is shown, "
                       "and --write saves the packets of all")
    add_analysis(parser)
    parser.set_defaults(filter="")  # the interface begins with it, and takes it away again


def _kept(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not FEWEST <= int(text[:18]) <= MOST:
        raise ValueError(f"{text!r} is no number from {FEWEST:,} to {MOST:,}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    import os
    import sys

    from dissect.cli.options import options_of

    options = options_of(arguments, keep_bytes=not arguments.redact)
    _check(arguments)
    if not arguments.serve and not (sys.stdout.isatty() and sys.stderr.isatty()) and "TEXTUAL_DRIVER" not in os.environ:
        raise UsageError("the interface needs a terminal; use `dissect show` or `dissect report` for a pipe, or --serve for a browser")
    if arguments.serve:
        from tui.serve import serve

        return serve(arguments)
    from tui.start import start

    return start(arguments, options)


def _check(arguments: argparse.Namespace) -> None:
    import os

    if arguments.interface is not None:
        _check_live(arguments)
        return
    for option in LIVE_ONLY:
        if getattr(arguments, option) not in (None, False):
            raise UsageError(f"--{option} is for an interface; name one with -i, or leave it out")
    if not arguments.captures:
        raise UsageError("name a capture file, or an interface with -i")
    for path in arguments.captures:
        if path != "-" and not os.path.exists(path):
            raise CaptureError(f"{path}: cannot be opened (No such file or directory)")
    if not arguments.follow:
        return
    if len(arguments.captures) != 1 or not (arguments.captures[0] == "-" or os.path.isfile(arguments.captures[0])):
        raise UsageError("--follow takes one capture file")
    if arguments.engine == "tshark" or arguments.tls_keylog is not None:
        raise UsageError("tshark needs the whole of a capture: open it without --follow, or leave --engine tshark and --tls-keylog out")


def _check_live(arguments: argparse.Namespace) -> None:
    if arguments.captures:
        raise UsageError("either capture files or an interface with -i, not both")
    if arguments.follow:
        raise UsageError("--follow is for a file; an interface is followed anyway")
    check_capturing(arguments)
