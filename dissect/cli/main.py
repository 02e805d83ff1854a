"""From arguments to a command and from its failures to an exit status. The one place that catches what a user can mend."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from dissect import __version__
from dissect.cli.commands import COMMANDS
from dissect.errors import DissectError, FilterError, UsageError

DONE, FAILED, WRONG_USAGE, ANOMALY_FOUND = 0, 1, 2, 3
"""exit statuses (cli.md)"""

CARET_CONTEXT = 60
"""characters of a wrong filter that are shown on either side of the place"""

COLLECTING = (100_000, 10, 10)
"""thresholds of the garbage collector while a command runs"""

STATUSES = "exit status: 0 done, 1 the work failed, 2 wrong usage, 3 an anomaly as asked for with --fail-on was found"


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; returns its exit status, or leaves with SystemExit for --help and wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what a locale cannot write is escaped, never a failure
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except UsageError as error:
        return _say(error, WRONG_USAGE)
    except FilterError as error:
        return _say_filter(error)
    except DissectError as error:
        return _say(error, FAILED)
    except BrokenPipeError:
        return _closed_pipe()
    except KeyboardInterrupt:
        return _say("interrupted", FAILED)
    except OSError as error:
        return _say(f"{error.filename or 'output'}: {error.strerror or error}", FAILED)
    except MemoryError:
        return _say("not enough memory; --format ndjson needs the least", FAILED)


def _run(words: list[str]) -> int:
    parser, own, chosen = _parsers(words)
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        own.error(f"unrecognized arguments: {' '.join(unknown)}")
    if chosen is None:
        parser.error("a command is needed; `dissect --help` lists them")
    from dissect.cli.notices import forget_warnings, say_warnings

    forget_warnings()
    with _seldom_collected():
        status: int = importlib.import_module(f"dissect.cli.{chosen}").run(arguments)
    sys.stdout.flush()
    say_warnings()
    return status


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """What an analysis keeps lives long and hardly ever in cycles: going through all of it again and again would cost a tenth of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*COLLECTING)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _parsers(words: list[str]) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, str | None]:
    """The parser of a command line, complete for the command that it names, the parser of that command, and its name.

    Where it names none, the second is the first one.
    """
    parser = _Parser(prog="dissect", description="Dissects captures of five IoT protocols: messages, exchanges, anomalies.",
                     epilog=STATUSES + "; `dissect COMMAND --help` shows a command's options and an example")
    parser.add_argument("--version", action="version", version=f"dissect {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    chosen = next((word for word in words if not word.startswith("-")), None)
    names = [command.name for command in COMMANDS]
    named: argparse.ArgumentParser = parser
    for command in COMMANDS:
        own = commands.add_parser(command.name, help=command.help, description=command.help[0].upper() + command.help[1:] + ".",
                                  epilog=f"example: {command.example}")
        if command.name == chosen:
            named = own
            importlib.import_module(f"dissect.cli.{chosen}").add_arguments(own)
    return parser, named, chosen if chosen in names else None


class _Parser(argparse.ArgumentParser):
    """No abbreviated options: a longer one that comes later would change what they mean."""

    def __init__(self, *args: object, **named: object) -> None:
        named["allow_abbrev"] = False
        super().__init__(*args, **named)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        from dissect.text import clean

        self.exit(WRONG_USAGE, f"{self.prog}: {clean(message)} (see {self.prog} --help)\n")


def _say(error: object, status: int) -> int:
    from dissect.cli.notices import say

    try:
        sys.stdout.flush()
        say(str(error))
    except BrokenPipeError:
        return _closed_pipe()
    return status


def _say_filter(error: FilterError) -> int:
    """The sentence, and below it the filter with a caret under the place that is wrong."""
    from dissect.text import cell_width, clean

    status = _say(f"--filter, column {error.position + 1}: {error}", WRONG_USAGE)
    start = max(0, error.position - CARET_CONTEXT)
    before, behind = clean(error.text[start:error.position]), clean(error.text[error.position:error.position + CARET_CONTEXT])
    print(f"  {before}{behind}\n  {' ' * cell_width(before)}^", file=sys.stderr)
    return status


def _closed_pipe() -> int:
    """Whoever read our output has seen enough (`| head`): that is an end, not a failure, and needs no words."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return DONE
