"""`dissect anomalies`: the catalogue."""

from __future__ import annotations

import argparse

from dissect.cli.table import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prefix", nargs="?", default="", metavar="PREFIX", help="only codes that begin with it, for example pair.")


def run(arguments: argparse.Namespace) -> int:
    from dissect.catalogue import CATALOGUE
    from dissect.errors import DissectError

    rows = [(kind.code, kind.severity.label, kind.meaning) for kind in CATALOGUE.values() if kind.code.startswith(arguments.prefix)]
    if not rows:
        raise DissectError(f"no anomaly's code begins with {arguments.prefix!r}; `dissect anomalies` lists them all")
    for line in table(("code", "severity", "meaning"), rows):
        print(line)
    return 0
