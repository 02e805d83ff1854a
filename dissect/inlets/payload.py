"""A carried payload as a message of one of the protocols."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from dissect.jsontext import decode, may_be_json
from grammars.registry import PROTOCOLS
from grammars.vocabulary import ApplicationProtocol, Classified, Finding

CARRIED: dict[str, tuple[tuple[ApplicationProtocol, re.Pattern[bytes]], ...]] = {
    carrier: tuple((protocol, re.compile(protocol.signature)) for protocol in PROTOCOLS.values() if carrier in protocol.carriers)
    for carrier in ("http", "mqtt", "coap")
}

Read = tuple[ApplicationProtocol, Classified, Any, tuple[Finding, ...]]


def read_payload(payload: bytes, carrier: str, known: Iterable[str] = ()) -> Read | None:
    """A carried payload as a message: (protocol, kind and fields, fields as sent, findings). The first of a protocol on its conversation must be plain:
    a kind of the table with at most one member of the envelope missing."""
    if not may_be_json(payload):
        return None
    candidates = [protocol for protocol, signature in CARRIED[carrier] if protocol.name in known or signature.search(payload)]
    if not candidates:
        return None
    decoded = decode(payload)
    if decoded is None or type(decoded.view) is not dict:
        return None
    for protocol in candidates:
        classified = protocol.classify(decoded.view, None)
        if classified is None:
            continue
        if protocol.name not in known:
            missing = len(protocol.required_on_bare_tcp - decoded.view.keys())
            if missing > 1 or (missing and classified.kind not in protocol.messages):
                continue
        return protocol, classified, decoded.value, decoded.findings + classified.findings
    return None
