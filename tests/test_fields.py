"""dissect.fields: every name that a filter may use, derived from the protocols' tables."""

from __future__ import annotations

import pytest

from dissect.fields import GENERAL, all_fields, fields_of
from grammars.registry import PROTOCOLS

NAMED_BY_THE_USER_GUIDE = [
    "fogslink.eqSN", "clife.cmd", "clife.data.params",
    "imei.status", "camera.operate", "fogslink", "clife-lan", "frame.number", "frame.time", "session.id",
    "message.type", "message.direction", "mqtt.topic", "mqtt.clientid", "coap.token", "coap.mid", "http.uri", "device.id", "ip.addr", "tcp.port",
    "exchange.latency_ms", "exchange.status", "anomaly.severity", "anomaly.code"]


@pytest.mark.parametrize("name", NAMED_BY_THE_USER_GUIDE)
def test_a_documented_field_is_there(name: str) -> None:
    assert name in all_fields()


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_a_protocols_fields_are_described_once_each(protocol: object) -> None:
    rows = fields_of(protocol)  # type: ignore[arg-type]
    assert rows and len({row.name for row in rows}) == len(rows)
    assert all(row.meaning and row.types and row.name.startswith(f"{protocol.prefix}.") for row in rows)  # type: ignore[attr-defined]


def test_general_fields_are_described_once_each() -> None:
    assert len({row.name for row in GENERAL}) == len(GENERAL) and all(row.meaning for row in GENERAL)


def test_a_member_that_only_some_messages_fill_is_described_by_what_these_hold() -> None:
    told = all_fields()["imei.data"].meaning
    assert all(part in told for part in ("QD", "TN", "QR"))
