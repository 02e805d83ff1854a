"""`dissect schema`: the JSON Schema of the report."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--line", action="store_true", help="the schema of one line of --format ndjson instead")


def run(arguments: argparse.Namespace) -> int:
    from dissect.report.schema import line_schema, report_schema

    print(json.dumps(line_schema() if arguments.line else report_schema(), indent=2, ensure_ascii=False))
    return 0
