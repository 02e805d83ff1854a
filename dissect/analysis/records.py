"""What one row of an analysis holds, and the JSON that is spooled for it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from dissect.model import JSON, Direction, Encryption, Severity, Status

MESSAGES = (
    ("time_ns", "q"), ("id", "I"), ("session", "I"), ("type", "I"), ("name", "I"), ("direction", "B"), ("severity", "B"), ("file", "H"),
    ("frame", "Q"), ("size", "I"), ("exchange", "I"), ("device", "I"), ("duplicate_of", "I"), ("offset", "Q"), ("length", "I"),
    ("raw_length", "I"), ("plain_length", "I"),
)
"""Columns of messages, by index in order of arrival.

id: as the sink was given it. type, name: numbers in the tables of those texts. direction: 0 up, 1 down. severity: the worst of the
anomalies that name it, 0 none. file, frame: where its last byte came from. exchange: number of its exchange by arrival, from 1,
0 none. device: number in the table of devices. duplicate_of: number of the message by arrival, from 1, 0 none. offset, length: its
JSON in the spool. raw_length, plain_length: of what lies behind that when bytes are kept, the message's own bytes and its plaintext
(length + 1; 0 none).
"""

EXCHANGES = (
    ("id", "I"), ("session", "I"), ("request", "I"), ("response", "I"), ("acknowledgement", "I"), ("status", "B"), ("operation", "I"),
    ("latency_ms", "d"), ("offset", "Q"), ("length", "I"),
)
"""Columns of exchanges, by index in order of arrival. request, response, acknowledgement: numbers of messages by arrival, from 1, 0
none. status: index in STATUSES. operation: number in its table. latency_ms: NaN for none."""

ANOMALIES = (("id", "I"), ("session", "I"), ("time_ns", "q"), ("code", "I"), ("severity", "B"), ("offset", "Q"), ("length", "I"))
"""Columns of anomalies, by index in order of arrival. session: 0 none. code: number in its table. severity: as `Severity`."""

LINKS = (("message", "I"), ("anomaly", "I"))
"""Which message (index) an anomaly (index) names."""

STATUSES = tuple(status.value for status in Status)
STATUS_CODE = {status: code for code, status in enumerate(STATUSES)}
DIRECTIONS: tuple[str, ...] = tuple(direction.value for direction in Direction)
SEVERITY_CODE = {severity.label: severity.value for severity in Severity}
SEVERITY_LABEL = {severity.value: severity.label for severity in Severity}

LARGEST = 0xFFFFFFFF


class Body(Struct, frozen=True, gc=False):
    """A message without what may still change: its id, its device, what it repeats. Members as in `dissect.model.Message`."""

    time: str
    frames: list[int]
    file: int
    direction: str
    type: str | None
    name: str | None
    key: dict[str, JSON] | None
    fields: JSON
    encryption: Encryption | None
    size: int
    carrier: dict[str, JSON] | None
    raw_b64: str | None


class RawBody(Struct, frozen=True, gc=False):
    """A body whose parts stay bytes: what leaves parts out needs not read them."""

    time: msgspec.Raw
    frames: msgspec.Raw
    file: msgspec.Raw
    direction: msgspec.Raw
    type: msgspec.Raw
    name: msgspec.Raw
    key: msgspec.Raw
    fields: msgspec.Raw
    encryption: msgspec.Raw
    size: msgspec.Raw
    carrier: msgspec.Raw
    raw_b64: msgspec.Raw


class ExchangeBody(Struct, frozen=True, gc=False, array_like=True):
    """What of an exchange is no column. Messages by number of arrival, from 1; *attempts* None: the request alone."""

    key: Any
    attempts: list[int] | None
    intermediate: list[int]
    operation: str | None


class AnomalyBody(Struct, frozen=True, gc=False, array_like=True):
    """What of an anomaly is no column. Messages by number of arrival, from 1."""

    time: str
    message: str
    messages: list[int]
    file: int
    frames: list[int]
    reference: str | None
