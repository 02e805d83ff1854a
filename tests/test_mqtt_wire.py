"""The fast reading of MQTT says what the grammar says, on valid, random, truncated and mutated bytes."""

from __future__ import annotations

from typing import Any

import pytest
from construct import ConstructError
from hypothesis import given
from hypothesis import strategies as st

from dissect.carriers.mqtt_wire import INCOMPLETE, KINDS, MALFORMED, Malformed, assigned_client_id, connect, frame, publish
from grammars import mqtt as grammar
from tests.effort import examples

PUBLISH_4 = bytes.fromhex("320f00036162630007") + b'{"cmd":2'


VECTORS = [  # id, bytes, level, expected members of the body
    pytest.param(PUBLISH_4, 4, {"topic": "abc", "packet_identifier": 7, "payload": b'{"cmd":2'}, id="PUBLISH, quality of service 1"),
    pytest.param(b"\x30\x06\x00\x01a\x00hi", 5, {"topic": "a", "packet_identifier": None, "payload": b"hi"}, id="PUBLISH 5.0, no properties"),
    pytest.param(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06client", 4, {"protocol_name": b"MQTT", "client_identifier": "client"}, id="CONNECT 3.1.1"),
    pytest.param(b"\x10\x11\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x03abc", 3, {"protocol_name": b"MQIsdp", "protocol_level": 3}, id="CONNECT 3.1"),
    pytest.param(b"\x20\x02\x00\x00", 4, {"reason_code": 0}, id="CONNACK"),
    pytest.param(b"\x20\x09\x00\x00\x06\x12\x00\x03abc", 5, {"reason_code": 0}, id="CONNACK 5.0 assigns a client identifier"),
    pytest.param(b"\x40\x02\x00\x07", 5, {"packet_identifier": 7, "reason_code": None}, id="PUBACK"),
    pytest.param(b"\x40\x04\x00\x07\x10\x00", 5, {"packet_identifier": 7, "reason_code": 16}, id="PUBACK with a reason"),
    pytest.param(b"\x82\x06\x00\x01\x00\x01#\x02", 4, {"packet_identifier": 1}, id="SUBSCRIBE"),
    pytest.param(b"\x90\x03\x00\x01\x02", 4, {"reason_codes": [2]}, id="SUBACK"),
    pytest.param(b"\xa2\x05\x00\x01\x00\x01#", 4, {"topic_filters": ["#"]}, id="UNSUBSCRIBE"),
    pytest.param(b"\xc0\x00", 4, {}, id="PINGREQ"),
    pytest.param(b"\xe0\x00", 5, {"reason_code": None}, id="DISCONNECT"),
    pytest.param(b"\xf0\x02\x18\x00", 5, {"reason_code": 24}, id="AUTH"),
]
MALFORMED_PACKETS = [
    pytest.param(b"\x00\x00", 4, id="type 0"),
    pytest.param(b"\x30\x80\x80\x80\x80\x00", 4, id="a remaining length of five bytes"),
    pytest.param(b"\x36\x05\x00\x01a\x00\x01", 4, id="quality of service 3"),
    pytest.param(b"\x30\x04\x00\x02\xff\xfe", 4, id="a topic that is not UTF-8"),
    pytest.param(b"\x30\x03\x00\x09a", 4, id="a topic longer than its packet"),
    pytest.param(b"\x30\x06\x00\x01a\x02\x7f\x01", 5, id="an unknown property"),
    pytest.param(b"\xc0\x01x", 4, id="a PINGREQ with a body"),
]


@pytest.mark.parametrize(("packet", "level", "members"), VECTORS)
def test_the_grammar_reads_a_packet_and_builds_it_back(packet: bytes, level: int, members: dict[str, Any]) -> None:
    read = grammar.PACKET.parse(packet, level=level)
    assert {name: list(value) if isinstance(value, list) else value for name, value in read.body.items() if name in members} == members
    assert grammar.PACKET.build(read, level=level) == packet


@pytest.mark.parametrize(("packet", "level"), MALFORMED_PACKETS)
def test_the_grammar_refuses_what_the_standard_forbids(packet: bytes, level: int) -> None:
    with pytest.raises(ConstructError):
        grammar.PACKET.parse(packet, level=level)


def test_repeated_user_properties_are_all_kept() -> None:
    pair = b"\x26\x00\x01k\x00\x01v"
    read = grammar.PACKET.parse(bytes((0x30, 4 + 2 * len(pair))) + b"\x00\x01a" + bytes((2 * len(pair),)) + 2 * pair, level=5)
    assert [(entry.value.name, entry.value.value) for entry in read.body.properties] == [("k", "v"), ("k", "v")]


def test_every_kind_has_a_body_and_a_name() -> None:
    assert set(grammar.BODIES) == set(range(1, 16))
    assert KINDS[1:] == tuple(kind.name for kind in grammar.Kind)


text = st.text(st.characters(codec="utf-8"), max_size=6)
binary = st.binary(max_size=6)
FORMS = {id(grammar.TEXT): text, id(grammar.BINARY): binary, id(grammar.VARIABLE_INTEGER): st.integers(0, (1 << 28) - 1)}


@st.composite
def property_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    entries = []
    for kind in draw(st.lists(st.sampled_from(grammar.PropertyKind), max_size=4)):
        form = grammar.PROPERTY_FORMATS[kind]
        if kind == grammar.PropertyKind.USER_PROPERTY:
            value: Any = {"name": draw(text), "value": draw(text)}
        elif id(form) in FORMS:
            value = draw(FORMS[id(form)])
        else:
            value = draw(st.integers(0, (1 << 8 * form.sizeof()) - 1))
        entries.append({"identifier": int(kind), "value": value})
    return entries


@st.composite
def publishes(draw: st.DrawFn) -> tuple[bytes, int]:
    level = draw(st.sampled_from((3, 4, 5)))
    qos = draw(st.integers(0, 2))
    flags = {"dup": draw(st.booleans()), "qos": qos, "retain": draw(st.booleans())}
    body = {"topic": draw(text), "packet_identifier": draw(st.integers(0, 65535)) if qos else None,
            "properties": draw(property_lists()) if level == 5 else None, "payload": draw(binary)}
    return grammar.PACKET.build({"first_byte": {"kind": 3, "flags": flags}, "kind": 3, "flags": flags, "body": body}, level=level), level


@st.composite
def connects(draw: st.DrawFn) -> tuple[bytes, int]:
    level = draw(st.sampled_from((3, 4, 5)))
    will, user, password = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    body = {"protocol_name": b"MQTT", "protocol_level": level, "keep_alive": 60, "client_identifier": draw(text),
            "connect_flags": {"user_name": user, "password": password, "will_retain": False, "will_qos": 1, "will": will, "clean_start": True,
                              "reserved": False},
            "properties": draw(property_lists()) if level == 5 else None,
            "will_properties": draw(property_lists()) if level == 5 and will else None,
            "will_topic": draw(text) if will else None, "will_payload": draw(binary) if will else None,
            "user_name_text": draw(text) if user else None, "password_bytes": draw(binary) if password else None}
    flags = {"dup": False, "qos": 0, "retain": False}
    return grammar.PACKET.build({"first_byte": {"kind": 1, "flags": flags}, "kind": 1, "flags": flags, "body": body}, level=level), level


@st.composite
def damaged(draw: st.DrawFn, packets: st.SearchStrategy[tuple[bytes, int]]) -> tuple[bytes, int]:
    """A packet, whole, truncated or with bytes changed; or any bytes."""
    packet, level = draw(packets)
    data = bytearray(packet)
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))):]
    return bytes(data), level


def by_grammar(data: bytes, level: int) -> Any:
    try:
        return grammar.PACKET.parse(data, level=level)
    except ConstructError:
        return None


@examples(400)
@given(damaged(publishes()))
def test_a_publish_reads_as_the_grammar_says(packet: tuple[bytes, int]) -> None:
    data, level = packet
    if not data or data[0] >> 4 != 3:
        return
    body, end = frame(data, 0)
    expected = by_grammar(data, level)
    if body in (INCOMPLETE, MALFORMED) or end > len(data):
        assert expected is None
        return
    try:
        topic, packet_id, _, payload, _ = publish(data, data[0], body, end, level)
    except Malformed:
        assert expected is None
        return
    assert expected is not None
    assert (topic, packet_id, payload) == (expected.body.topic, expected.body.packet_identifier, expected.body.payload)


@examples(400)
@given(damaged(connects()))
def test_a_connect_reads_as_the_grammar_says(packet: tuple[bytes, int]) -> None:
    data, level = packet
    if not data or data[0] >> 4 != 1:
        return
    body, end = frame(data, 0)
    expected = by_grammar(data, level)
    if body in (INCOMPLETE, MALFORMED) or end > len(data):
        assert expected is None
        return
    try:
        read = connect(data, body, end)
    except Malformed:
        assert expected is None
        return
    assert expected is not None
    assert (read.level, read.client_id, read.clean) == (expected.body.protocol_level, expected.body.client_identifier,
                                                       expected.body.connect_flags.clean_start)
    assert (read.will[0:2] if read.will else (None, None)) == (expected.body.will_topic, expected.body.will_payload)


@given(st.binary(max_size=8))
def test_framing_reads_as_the_grammar_says(data: bytes) -> None:
    body, end = frame(data, 0)
    try:
        expected = grammar.FIXED_HEADER.parse(data)
    except ConstructError:
        assert body in (INCOMPLETE, MALFORMED)
    else:
        assert end - body == expected.remaining_length


def test_a_connack_names_the_client_that_the_server_assigned() -> None:
    assert assigned_client_id(b"\x00\x00\x06\x12\x00\x03abc", 0, 9) == "abc"
    assert assigned_client_id(b"\x00\x00\x00", 0, 3) is None
    with pytest.raises(Malformed):
        assigned_client_id(b"\x00\x00\x06\x12\x00\x09abc", 0, 9)
