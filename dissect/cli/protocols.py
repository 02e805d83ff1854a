"""`dissect protocols`: what it knows, with the filter fields."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dissect.cli.table import table
from dissect.text import counted

if TYPE_CHECKING:
    from dissect.fields import Field


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="PROTOCOL", help="show these in full; without it all of them")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    from dissect.errors import UsageError
    from dissect.fields import GENERAL, fields_of
    from grammars.registry import PROTOCOLS

    unknown = [name for name in arguments.names if name not in PROTOCOLS]
    if unknown:
        raise UsageError(f"no protocol is called {unknown[0]!r}; known are {', '.join(PROTOCOLS)}")
    chosen = [PROTOCOLS[name] for name in arguments.names] or list(PROTOCOLS.values())
    if arguments.json:
        return _json([{"name": one.name, "title": one.title, "document": one.document, "carriers": list(one.carriers),
                       "fields": [row._asdict() for row in fields_of(one)]} for one in chosen])
    for protocol in chosen:
        print(f"{protocol.name}: {protocol.title}")
        carriers = ", ".join(protocol.carriers)
        print(f"  document {protocol.document}, over {carriers}, {counted(len(protocol.messages), 'message')}, deadline {protocol.deadline_s:g} s")
        _print_fields(fields_of(protocol))
    if not arguments.names:
        print("every message")
        _print_fields(GENERAL)
    return 0


def _print_fields(rows: tuple[Field, ...]) -> None:
    cells = [(row.name, "|".join(row.types), row.unit or None, row.section or None, row.meaning) for row in rows]
    for line in table(("field", "type", "unit", "section", "meaning"), cells):
        print("  " + line)
    print()


def _json(value: object) -> int:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))
    return 0
