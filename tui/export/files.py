"""Messages, as the interface shows them, into files: packets, reports, tables, ladders. No Textual here.

Every exporter takes the indexes of the messages that the user chose (shown, selected, marked or all), and says what it wrote.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.errors import DissectError
from dissect.jsonwrite import encode
from dissect.text import clean
from tui.export.ladder import ladder_mermaid, ladder_svg, ladder_text
from tui.model.columns import COLUMNS, DEFAULT, Context, device_text, row_of
from tui.model.hiding import Suppression

if TYPE_CHECKING:
    from tui.loading import Loader
    from tui.model.hiding import Hiding
    from tui.model.store import Store

SCOPES = ("shown", "selected", "marked", "all")
LADDER_LIMIT = 5000
"""messages in one ladder file"""


class Job(NamedTuple):
    """What an exporter is given."""

    store: Store
    loader: Loader
    context: Context
    indexes: list[int]
    lines: Callable[[], Iterator[str]]
    """the view that is seen, as text"""
    hiding: Hiding


class Format(NamedTuple):
    name: str
    suffix: str
    what: str
    write: Callable[[Job, Path], str]
    """returns what was written, in words; raises OSError, DissectError"""


def write_packets(job: Job, path: Path) -> str:
    """The packets that carried the messages, each once, in order of time."""
    from dissect.capture.write import PcapngWriter

    if job.loader.redact:
        raise DissectError("packets hold what --redact hides; export them without it")
    places = sorted({(body.file, frame) for body in map(job.store.analysis.body, job.indexes) for frame in body.frames})
    records = [record for record in (job.loader.packet(file, frame) for file, frame in places) if record is not None]
    if not records and places:
        raise DissectError("the packets cannot be read any more")
    records.sort(key=lambda record: record.time_ns)
    with path.open("wb") as stream:
        writer = PcapngWriter(stream)
        for record in records:
            writer.packet(writer.interface(record.link), record.time_ns, record.data, record.original_length)
    gone = len(places) - len(records)
    return f"{len(records):,} packets" + (f" ({gone:,} more are no longer kept)" if gone else "")


def _kept(job: Job) -> Any:
    """What the messages keep of the analysis, as one of its own: with their exchanges and anomalies, and the messages that those name."""
    if not job.store.finished and job.loader.done:
        raise DissectError("the capture could not be read to its end, so no report can be made of it; export packets or a table")
    if not job.store.finished:
        raise DissectError("the capture is still being read; a report is written when it has ended")
    from dissect.filter.selection import Selection
    from dissect.filter.view import View

    view = View(job.store.analysis)
    matching = np.zeros(view.messages, np.bool_)
    matching[np.array(job.indexes, np.int64)] = True
    exchanges = view.naming(view.exchange_links, matching, view.exchanges)
    anomalies = view.naming(view.anomaly_links, matching, view.anomalies)
    if matching.all():
        anomalies[:] = True
    messages = matching | view.named(view.exchange_links, exchanges) | view.named(view.anomaly_links, anomalies)
    return Selection(job.store.analysis, matching, messages, exchanges, anomalies).analysis()


def write_report(job: Job, path: Path) -> str:
    from dissect.report import write_json

    kept = _kept(job)
    with path.open("wb") as stream:
        write_json(kept, stream)
    return f"{len(kept)} messages"


def write_ndjson(job: Job, path: Path) -> str:
    from dissect.report import NdjsonSink
    from dissect.report.replay import replay

    kept = _kept(job)
    with path.open("wb") as stream:
        replay(kept, NdjsonSink(stream))
    return f"{len(kept)} messages"


def csv_rows(job: Job) -> Iterator[list[str]]:
    """Head and rows of the message list."""
    columns = [COLUMNS[name] for name in DEFAULT]
    yield [one.head for one in columns]
    before: int | None = None
    for index in job.indexes:
        row = row_of(job.store, index, 1, before)
        before = index
        yield [one.show(row, job.context)[0] for one in columns]


def _harmless(text: str) -> str:
    """A cell that a spreadsheet would take for a formula is quoted by an apostrophe."""
    return "'" + text if text[:1] in ("=", "@", "+", "-") and not text[1:2].isdigit() and text not in ("-", "->", "-x") else text


def pair_rows(job: Job) -> Iterator[list[str]]:
    """Head and rows of the exchanges whose request or answer is one of the messages."""
    yield ["operation", "status", "latency_ms", "request", "response", "acknowledgement", "attempts", "protocol", "device", "key", "time"]
    analysis = job.store.analysis
    told: set[int] = set()
    for index in job.indexes:
        at, row = analysis.exchange_of(index), job.store.exchange_row(index)
        if at is None or row is None or at in told:
            continue
        told.add(at)
        one, session = analysis.exchange_at(at), job.store.session_of(index)
        key = "" if one.key is None else encode(one.key).decode("utf-8", "replace")
        yield [one.operation, str(one.status), "" if one.latency_ms is None else f"{one.latency_ms:g}", str(one.request), _number(one.response),
               _number(one.acknowledgement), " ".join(map(str, one.attempts)), session.protocol, device_text(session, job.context.names), key,
               analysis.body(row["request"]).time]


def anomaly_rows(job: Job) -> Iterator[list[str]]:
    """Head and rows of the anomalies that name one of the messages, and with all messages chosen also those that name none; not the suppressed."""
    yield ["severity", "code", "time", "message", "messages", "packets", "protocol", "device", "reference"]
    analysis = job.store.analysis
    columns = analysis.anomaly_columns
    size = len(columns)
    sessions = columns.column("session", 0, size)
    keep = ~job.hiding.anomalies_mask(job.store, columns.column("code", 0, size), sessions)
    if len(job.indexes) < job.store.count:
        links = analysis.links
        count = len(links)
        named = np.zeros(size, np.bool_)
        messages, anomalies = links.column("message", 0, count), links.column("anomaly", 0, count)
        known = anomalies < size
        named[anomalies[known][np.isin(messages[known], np.array(job.indexes, np.int64))]] = True
        keep &= named
    chosen = np.flatnonzero(keep)
    for at in chosen[np.argsort(columns.column("time_ns", 0, size)[chosen], kind="stable")].tolist():
        one, session = analysis.anomaly_at(at), analysis.sessions.get(int(sessions[at]))
        yield [str(one.severity), one.code, one.time, one.message, " ".join(map(str, one.messages)), " ".join(map(str, one.frames)),
               session.protocol if session else "", device_text(session, job.context.names) if session else "", one.reference or ""]


def _number(ident: int | None) -> str:
    return "" if ident is None else str(ident)


def _csv(rows: Callable[[Job], Iterator[list[str]]]) -> Callable[[Job, Path], str]:
    def write(job: Job, path: Path) -> str:
        count = -1
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            for row in rows(job):
                writer.writerow([_harmless(clean(one)) for one in row])
                count += 1
        return f"{count:,} rows"

    return write


def write_suppressions(job: Job, path: Path) -> str:
    """What of the anomalies is suppressed, and how many of them that hides."""
    found = [{"code": step.code, "device": step.device, "hides": count} for step, count in job.hiding.counted(job.store) if isinstance(step, Suppression)]
    path.write_text(json.dumps({"suppressions": found}, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return f"{len(found)} suppressions"


def write_text(job: Job, path: Path) -> str:
    """The view as it is seen."""
    buffer = io.StringIO()
    count = 0
    for line in job.lines():
        buffer.write(line + "\n")
        count += 1
    path.write_text(buffer.getvalue(), "utf-8")
    return f"{count} lines"


def _ladder(make: Callable[[Store, Context, Sequence[int]], str]) -> Callable[[Job, Path], str]:
    def write(job: Job, path: Path) -> str:
        indexes = job.indexes[:LADDER_LIMIT]
        path.write_text(make(job.store, job.context, indexes), "utf-8")
        left = len(job.indexes) - len(indexes)
        return f"{len(indexes)} messages" + (f" ({left} more than a ladder holds are left out)" if left else "")

    return write


FORMATS: tuple[Format, ...] = (
    Format("pcapng", ".pcapng", "the packets", write_packets),
    Format("json", ".json", "the report", write_report),
    Format("ndjson", ".ndjson", "the report, an object a line", write_ndjson),
    Format("csv", ".csv", "the messages as a table", _csv(csv_rows)),
    Format("pairs-csv", ".pairs.csv", "their exchanges as a table", _csv(pair_rows)),
    Format("anomalies-csv", ".anomalies.csv", "their anomalies as a table", _csv(anomaly_rows)),
    Format("suppressions", ".suppressions.json", "what is suppressed", write_suppressions),
    Format("text", ".txt", "this view as text", write_text),
    Format("ladder-text", ".ladder.txt", "a ladder as text", _ladder(ladder_text)),
    Format("ladder-svg", ".ladder.svg", "a ladder as a picture", _ladder(ladder_svg)),
    Format("ladder-mermaid", ".ladder.mmd", "a ladder for Mermaid", _ladder(ladder_mermaid)),
)


def export(job: Job, form: Format, path: Path) -> str:
    """Write; returns a sentence for the user. Raises DissectError for what the user can mend."""
    try:
        what = form.write(job, path)
    except OSError as error:
        raise DissectError(f"{path} cannot be written ({error.strerror or error})") from error
    return f"{what} written to {path}"
