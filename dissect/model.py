"""The data types of an analysis, in the shape of the report (`dissect-report/1`), and nothing else.

The JSON Schema that `dissect schema` prints is derived from these structures. Times are RFC 3339 UTC text with the
capture's own precision; durations end in `_ms`; bytes that are no text are base64 in members ending `_b64`.
An absent value is None, never a missing member. Ids are unique in one report.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any, Literal

from msgspec import Struct, field

SCHEMA = "dissect-report/1"

JSON = Any
"""A value as a message carried it: text, number, boolean, None, list or dict (or `msgspec.Raw`, the bytes as sent)."""


class Severity(IntEnum):
    """As in Wireshark's expert information."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        return self.name.lower()


SEVERITIES = {severity.label: severity for severity in Severity}
"""by label, the slightest first"""


class Direction(StrEnum):
    UP = "up"
    """from the device"""
    DOWN = "down"
    """towards the device"""


class Status(StrEnum):
    """How an exchange ended (report.md, `status` of an exchange)."""

    OK = "ok"
    ERROR = "error"
    LATE = "late"
    TIMEOUT = "timeout"
    PENDING = "pending"


class Outcome(StrEnum):
    """What became of encrypted data."""

    DECRYPTED = "decrypted"
    NO_KEY = "no-key"
    WRONG_KEY = "wrong-key"
    BAD_CIPHERTEXT = "bad-ciphertext"
    PLAINTEXT = "plaintext"


class Endpoint(Struct, frozen=True):
    address: str
    port: int


class Tool(Struct, frozen=True):
    name: str
    version: str


class SourceFile(Struct, frozen=True, kw_only=True):
    name: str
    """as given on the command line, `-` for standard input"""
    format: str
    """pcap, pcap-ns or pcapng"""
    compression: str | None
    link_types: list[str]
    packets: int
    bytes: int
    truncated_packets: int
    damaged: bool


class Source(Struct, frozen=True, kw_only=True):
    kind: Literal["file", "live"]
    files: list[SourceFile]
    interface: str | None = None
    capture_filter: str | None = None
    first_packet: str | None = None
    last_packet: str | None = None
    packets: int = 0
    packets_used: int = 0
    packets_dropped: int = 0


class Encryption(Struct, frozen=True, kw_only=True):
    status: str
    key: str | None = None
    """the entry's name in the keys file, or `userId`; never the key itself"""
    exchange: str | None = None
    iv: str | None = None
    key_form: str | None = None
    data: JSON = None


class Message(Struct, frozen=True, kw_only=True, gc=False):
    id: int
    time: str
    frames: list[int]
    """1-based packet numbers in their file that carried its bytes"""
    file: int
    direction: str
    type: str | None
    name: str | None
    key: dict[str, JSON] | None
    fields: JSON
    encryption: Encryption | None
    size: int
    device_id: str | None
    carrier: dict[str, JSON] | None
    duplicate_of: int | None
    raw_b64: str | None


class Exchange(Struct, frozen=True, kw_only=True, gc=False):
    id: int
    operation: str
    key: dict[str, JSON] | None
    request: int
    response: int | None
    acknowledgement: int | None
    attempts: list[int]
    intermediate: list[int]
    status: str
    latency_ms: float | None
    """from the last attempt that precedes the response to the response"""

    def messages(self) -> list[int]:
        """All that it names, each once."""
        named = (self.request, self.response, self.acknowledgement, *self.attempts, *self.intermediate)
        return list(dict.fromkeys(one for one in named if one is not None))


class Anomaly(Struct, frozen=True, kw_only=True, gc=False):
    id: int
    code: str
    severity: str
    time: str
    message: str
    messages: list[int]
    file: int
    frames: list[int]
    reference: str | None


class Device(Struct, frozen=True, kw_only=True):
    id: str
    protocol: str
    identity: dict[str, JSON]
    addresses: list[str]
    sessions: list[int]


class Session(Struct, frozen=True, kw_only=True):
    id: int
    protocol: str
    carrier: str
    device: Endpoint
    peer: Endpoint
    device_id: str | None
    client_id: str | None
    streams: list[int]
    first_time: str
    last_time: str
    complete: bool


class SessionReport(Session, frozen=True, kw_only=True):
    """A session with what it holds, as the JSON report lists it."""

    messages: list[Message] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)


class Limits(Struct, kw_only=True):
    """What a bound made us give up, counted."""

    open_requests: int = 0
    streams: int = 0
    bytes_beyond_holes: int = 0


class ProtocolTotals(Struct, kw_only=True):
    sessions: int = 0
    messages: int = 0
    exchanges: int = 0
    anomalies: int = 0


class Totals(Struct, kw_only=True):
    sessions: int = 0
    messages: int = 0
    exchanges: int = 0
    anomalies: dict[str, int] = field(default_factory=lambda: dict.fromkeys(reversed(SEVERITIES), 0))
    limits: Limits = field(default_factory=Limits)
    protocols: dict[str, ProtocolTotals] = field(default_factory=dict)


class Report(Struct, frozen=True, kw_only=True):
    """The whole document."""

    schema: Literal["dissect-report/1"]
    tool: Tool
    source: Source
    totals: Totals
    devices: list[Device]
    sessions: list[SessionReport]
    anomalies: list[Anomaly]
    """those that belong to no session"""
