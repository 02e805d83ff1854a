"""From a command line to the running interface."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dissect.errors import UsageError
from tui.smooth import smooth

if TYPE_CHECKING:
    import argparse

    from dissect.live import LiveCapture
    from dissect.options import Options
    from tui.app import DissectApp


def app_of(arguments: argparse.Namespace, options: Options) -> DissectApp:
    """The application, not yet running. Raises UsageError."""
    from textual.theme import BUILTIN_THEMES

    from dissect.cli.tui import KEPT
    from tui.app import DissectApp
    from tui.loading import TOLD_LIMIT, Loader
    from tui.model.glyphs import ASCII, glyphs_for
    from tui.settings import forget_all
    from tui.terminal import draws_wide

    theme = arguments.theme or ("ansi-dark" if os.environ.get("TERM") in ("linux", "vt100", "vt220", "ansi") else None)
    if theme is not None and theme not in BUILTIN_THEMES:
        raise UsageError(f"no theme is called {theme!r}; there are {', '.join(sorted(BUILTIN_THEMES))}")
    paths, stdin = list(arguments.captures), None
    if "-" in paths:
        # The terminal's keys come by standard input: the capture keeps the pipe, the keys are read from the terminal itself.
        stdin = os.fdopen(os.dup(0), "rb")
        try:
            terminal = os.open("/dev/tty", os.O_RDWR)
        except OSError as error:
            raise UsageError("a capture by standard input leaves the keys to the terminal, and there is none; save it to a file first") from error
        os.dup2(terminal, 0)
        sys.stdin = os.fdopen(0, closefd=False)
        sys.__stdin__ = sys.stdin  # type: ignore[misc]
    if arguments.redact:
        forget_all()
    names = dict(options.keys.names) if options.keys is not None and not arguments.redact else {}
    if arguments.interface is not None:
        told: deque[str] = deque(maxlen=TOLD_LIMIT)
        loader = Loader([], replace(options, endless=True), live=_capturing(arguments, told.append), keep=arguments.keep or KEPT,
                        redact=arguments.redact, told=told)
    else:
        loader = Loader(paths, options, follow=arguments.follow and paths != ["-"], stdin=stdin, redact=arguments.redact)
    ascii_only = arguments.ascii or glyphs_for() is ASCII or draws_wide()
    return DissectApp(loader, ascii_only=ascii_only, names=names, filter_text=arguments.filter,
                      follow=arguments.follow or arguments.interface is not None, theme=theme)


def _capturing(arguments: argparse.Namespace, notify: Callable[[str], None]) -> LiveCapture:
    """The interface, opened while there is still a plain terminal to say why not. Raises CaptureError, UsageError."""
    from dissect.live import LiveCapture

    return LiveCapture(arguments.interface, arguments.bpf, promiscuous=arguments.promiscuous, write=arguments.write, ring=arguments.ring,
                       count=arguments.count, duration_s=arguments.duration, notify=notify)


def start(arguments: argparse.Namespace, options: Options) -> int:
    """Run it until the user leaves; exit status."""
    app = app_of(arguments, options)
    try:
        with smooth():
            app.run()
    finally:
        app.loader.close()
    if app.fault is not None:
        raise app.fault
    error = app.loader.error
    if error is not None and not len(app.loader.analysis):
        raise error
    return app.return_code or 0
