"""The report as a stream of lines, one object each, written as things become known. Keeps nothing but counts."""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from dissect.analysis.records import SEVERITY_CODE
from dissect.jsonwrite import encode
from dissect.model import Anomaly, Device, Exchange, Message, Session, Source, Totals

SOURCE_KIND = "source_kind"
"""the member of a source line that is `kind` in the document"""


class NdjsonSink:
    """A `dissect.sinks.Sink` that writes each object on a line with its `kind`, and the session it belongs to."""

    def __init__(self, out: BinaryIO, messages: bool = True) -> None:
        """*messages*: with their `fields`, `encryption.data` and `raw_b64`, else those are null. *out* and `flush` decide when lines go out.
        Methods raise what *out* raises."""
        self._out = out
        self._messages = messages
        self.worst = 0
        """the highest severity written, 0 none"""

    def flush(self) -> None:
        self._out.flush()

    def _write(self, kind: bytes, data: bytes) -> None:
        self._out.write(b'{"kind":"%b",%b\n' % (kind, data[1:]))

    def _write_in(self, kind: bytes, session: int | None, data: bytes) -> None:
        self._write(kind, b'{"session":%b,%b' % (b"null" if session is None else b"%d" % session, data[1:]))

    def source(self, source: Source) -> None:
        # A line's kind is "source", so the source's own kind (file, live) goes by another name.
        members = {SOURCE_KIND if name == "kind" else name: getattr(source, name) for name in source.__struct_fields__}
        self._write(b"source", encode(members))

    def session(self, session: Session, closed: bool) -> None:
        self._write(b"session", encode(session))

    def device(self, device: Device) -> None:
        self._write(b"device", encode(device))

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        self._write_in(b"message", session, encode(message if self._messages else bare(message)))

    def attribute(self, message_id: int, device_id: str) -> None:
        """A line that was written stays as it is."""

    def exchange(self, exchange: Exchange, session: int) -> None:
        self._write_in(b"exchange", session, encode(exchange))

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        self.worst = max(self.worst, SEVERITY_CODE[anomaly.severity])
        self._write_in(b"anomaly", session, encode(anomaly))

    def finish(self, source: Source, totals: Totals) -> None:
        self.source(source)
        seen = {name: one for name, one in sorted(totals.protocols.items()) if one.sessions}
        self._write(b"totals", encode(msgspec.structs.replace(totals, protocols=seen)))
        self._out.flush()


def bare(message: Message) -> Message:
    """*message* without what `--no-messages` leaves out."""
    encryption = message.encryption
    if encryption is not None:
        encryption = msgspec.structs.replace(encryption, data=None)
    return msgspec.structs.replace(message, fields=None, encryption=encryption, raw_b64=None)
