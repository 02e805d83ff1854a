"""The report, written: one JSON document, or a stream of lines (report.md)."""

from dissect.report.document import write_json
from dissect.report.ndjson import NdjsonSink
from dissect.report.replay import replay
from dissect.report.totals import totals_of

__all__ = ["NdjsonSink", "replay", "totals_of", "write_json"]
