"""Where an analysis goes: the pipeline calls a Sink, and report, analysis store, NDJSON and live output are Sinks.

Calls come in the order in which things become known. Message, exchange, anomaly and session ids are given in the order of
writing, from 1; a JSON report renumbers messages by time (`dissect.analysis`).
"""

from __future__ import annotations

from typing import Any, Protocol

from dissect.model import Anomaly, Device, Exchange, Message, Session, Source, Totals


class Sink(Protocol):
    def source(self, source: Source) -> None:
        """Once before anything else (figures still zero)."""

    def session(self, session: Session, closed: bool) -> None:
        """When it opens, with what is known, and again with the same id when it closes: the last one holds."""

    def device(self, device: Device) -> None:
        """When known, and again with the same id when its addresses or sessions change."""

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        """*raw*: the message's own bytes as sent; *plaintext*: what its encrypted data holds, when a key opened it."""

    def attribute(self, message_id: int, device_id: str) -> None:
        """A message handed out before turns out to be from or for this device."""

    def exchange(self, exchange: Exchange, session: int) -> None:
        """When it is final."""

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        """When it is final; *session* None for what belongs to none."""

    def finish(self, source: Source, totals: Totals) -> None:
        """Once, last."""


class Both:
    """A sink that tells two others the same, the first one first."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self._first = first
        self._second = second

    def __getattr__(self, name: str) -> Any:
        first, second = getattr(self._first, name), getattr(self._second, name)

        def tell(*arguments: Any) -> None:
            first(*arguments)
            second(*arguments)

        setattr(self, name, tell)
        return tell
