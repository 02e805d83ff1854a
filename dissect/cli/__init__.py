"""The command line: one module a command, loaded when it is asked for (cli.md).

A command is a line in `dissect.cli.commands` and a module here with `add_arguments(parser)` and `run(arguments) -> int`.
"""

from dissect.cli.main import main

__all__ = ["main"]
