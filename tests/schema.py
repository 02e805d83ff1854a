"""The report's schemas, each made once: what a test writes holds to them."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from dissect.report.schema import line_schema, report_schema


@cache
def _validator(line: bool) -> jsonschema.Draft202012Validator:
    schema = line_schema() if line else report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check_report(report: Any) -> None:
    """Raises ValidationError when *report* is none (report.md)."""
    _validator(False).validate(report)


def check_line(line: Any) -> None:
    """Raises ValidationError when *line* is no line of NDJSON (report.md)."""
    _validator(True).validate(line)
