"""From a command line to the running interface."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dissect.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from dissect.options import Options
    from tui.app import DissectApp


def app_of(arguments: argparse.Namespace, options: Options) -> DissectApp:
    """The application, not yet running. Raises UsageError."""
    from textual.theme import BUILTIN_THEMES

    from tui.app import DissectApp
    from tui.loading import Loader

    theme = arguments.theme or ("ansi-dark" if os.environ.get("TERM") in ("linux", "vt100", "vt220", "ansi") else None)
    if theme is not None and theme not in BUILTIN_THEMES:
        raise UsageError(f"no theme is called {theme!r}; there are {', '.join(sorted(BUILTIN_THEMES))}")
    paths, stdin = list(arguments.captures), None
    if "-" in paths:
        # The terminal's keys come by standard input: the capture keeps the pipe, the keys are read from the terminal itself.
        stdin = os.fdopen(os.dup(0), "rb")
        terminal = os.open("/dev/tty", os.O_RDWR)
        os.dup2(terminal, 0)
        sys.stdin = os.fdopen(0, closefd=False)
        sys.__stdin__ = sys.stdin  # type: ignore[misc]
    names = dict(options.keys.names) if options.keys is not None else {}
    follow = arguments.follow and paths != ["-"]
    loader = Loader(paths, options, follow=follow, stdin=stdin)
    return DissectApp(loader, ascii_only=True if arguments.ascii else None, names=names, filter_text=arguments.filter,
                      follow=arguments.follow, theme=theme)


def start(arguments: argparse.Namespace, options: Options) -> int:
    """Run it until the user leaves; exit status."""
    app = app_of(arguments, options)
    app.run()
    app.loader.close()
    error = app.loader.error
    if error is not None and not len(app.loader.analysis):
        raise error
    return app.return_code or 0
