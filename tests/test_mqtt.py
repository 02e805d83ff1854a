"""MQTT over a connection: what is counted, what becomes a unit, and how messages are found again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.carriers.api import Unit
from dissect.carriers.mqtt import MqttCarrier, PublishMemory
from tests.effort import examples

CONNECT = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06client"
CONNECT_5 = b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00"
CONNACK = b"\x20\x02\x00\x00"


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + varint(len(body)) + body


def publish(topic: str, payload: bytes, qos: int = 0, packet_id: int = 0, dup: bool = False, retain: bool = False, properties: bytes | None = None) -> bytes:
    named = topic.encode()
    identifier = packet_id.to_bytes(2, "big") if qos else b""
    listed = b"" if properties is None else varint(len(properties)) + properties
    return packet(0x30 | dup << 3 | qos << 1 | retain, len(named).to_bytes(2, "big") + named + identifier + listed + payload)


def known(payload: bytes) -> bool:
    return payload.startswith(b"{") and payload.endswith(b"}")


def feed(carrier: MqttCarrier, side: int, data: bytes, size: int = 1 << 30, start: int = 1) -> list[Unit]:
    units: list[Unit] = []
    for number, place in enumerate(range(0, len(data), size), start):
        units += carrier.data(side, data[place:place + size], number, number * 10)
    return units


UP = publish("device/up", b'{"cmd":2006}', qos=1, packet_id=7)
CLIENT_SAYS = CONNECT + UP + packet(0x82, b"\x00\x01\x00\x01#\x01") + publish("big", b"{" + b"x" * 300 + b"}") + b"\xc0\x00\xe0\x00"


@pytest.mark.parametrize("size", [*range(1, 24), 1000])
def test_any_size_of_segments_gives_the_same_messages(size: int) -> None:
    carrier = MqttCarrier()
    units = feed(carrier, 0, CLIENT_SAYS, size)
    assert [unit.payload for unit in units] == [b'{"cmd":2006}', b"{" + b"x" * 300 + b"}"]
    assert units[0].carrier == {"topic": "device/up", "qos": 1, "retain": False, "dup": False, "packet_id": 7}
    assert carrier.kinds == {"CONNECT": 1, "PUBLISH": 2, "SUBSCRIBE": 1, "PINGREQ": 1, "DISCONNECT": 1}
    assert (carrier.client_id, carrier.client, carrier.level) == ("client", 0, 4)
    assert not carrier.notes
    begin = CLIENT_SAYS.index(UP)
    segments = tuple(range(begin // size + 1, (begin + len(UP) - 1) // size + 2))
    assert (units[0].packets, units[0].time_ns) == (segments, segments[-1] * 10)


@pytest.mark.parametrize("cut", range(len(CLIENT_SAYS)))
def test_a_message_counts_when_its_last_byte_is_there(cut: int) -> None:
    carrier = MqttCarrier()
    units = feed(carrier, 0, CLIENT_SAYS[:cut])
    units += carrier.end(0, 99)
    ends, place = [], 0
    for whole in (CONNECT, UP, packet(0x82, b"\x00\x01\x00\x01#\x01"), publish("big", b"{" + b"x" * 300 + b"}"), b"\xc0\x00", b"\xe0\x00"):
        place += len(whole)
        ends.append(place)
    assert sum(carrier.kinds.values()) == sum(end <= cut for end in ends)
    assert len(units) == sum(ends[at] <= cut for at in (1, 3))


def test_topic_aliases_of_both_directions_are_told_apart() -> None:
    carrier = MqttCarrier()
    alias = b"\x23\x00\x01"
    feed(carrier, 0, CONNECT_5)
    units = feed(carrier, 1, b"\x20\x09\x00\x00\x06\x12\x00\x03abc" + publish("down", b"{1}", properties=alias) + publish("", b"{2}", properties=alias))
    units += feed(carrier, 0, publish("up", b"{3}", properties=alias) + publish("", b"{4}", properties=alias) + publish("", b"{5}", properties=b"\x23\x00\x09"))
    assert [unit.carrier and unit.carrier["topic"] for unit in units] == ["down", "down", "up", "up", ""]
    assert carrier.client_id == "abc"


def test_a_will_belongs_to_the_connection() -> None:
    carrier = MqttCarrier()
    units = feed(carrier, 0, packet(0x10, b"\x00\x04MQTT\x04\x2e\x00\x3c\x00\x01c\x00\x02wt\x00\x03bye"))
    assert (units, carrier.client_id, carrier.kinds) == ([], "c", {"CONNECT": 1})


def test_a_repeated_publish_names_the_first() -> None:
    carrier = MqttCarrier()
    feed(carrier, 0, CONNECT)
    first, again, other = feed(carrier, 0, UP + publish("device/up", b'{"cmd":2006}', 1, 7, dup=True) + publish("device/up", b"{new}", 1, 7))
    assert (first.repeats, again.repeats, other.repeats) == (None, first.serial, None)


def test_a_publish_repeated_on_the_next_connection_names_the_first() -> None:
    memory = PublishMemory()
    before, after = MqttCarrier(memory=memory), MqttCarrier(memory=memory)
    (first,) = feed(before, 0, CONNECT + UP)
    (again,) = feed(after, 0, CONNECT + publish("device/up", b'{"cmd":2006}', 1, 7, dup=True))
    assert again.repeats == first.serial


@pytest.mark.parametrize("bad", [b"\x00", b"\x30\xff\xff\xff\xff\x01"], ids=["type 0", "a length of five bytes"])
def test_counting_ends_at_malformed_bytes_and_messages_are_found_behind_them(bad: bytes) -> None:
    carrier = MqttCarrier(accept=known)
    feed(carrier, 0, CONNECT + bad + b"garbage", start=1)
    units = feed(carrier, 0, b"more" + UP + UP, start=2)
    assert [unit.payload for unit in units] == [b'{"cmd":2006}'] * 2
    assert carrier.kinds == {"CONNECT": 1}
    assert [(note.code, note.side) for note in carrier.notes] == [("mqtt.malformed", 0)]
    feed(carrier, 1, CONNACK)
    assert carrier.kinds == {"CONNECT": 1, "CONNACK": 1}


STREAM = b"".join(publish(f"t/{number}", b'{"n":%d}' % number) for number in range(6))


@pytest.mark.parametrize("hole", range(len(STREAM) - 1))
def test_a_hole_anywhere_loses_only_the_messages_it_touches(hole: int) -> None:
    carrier = MqttCarrier(accept=known)
    feed(carrier, 0, CONNECT)
    units = feed(carrier, 0, STREAM[:hole])
    units += carrier.gap(0, 1, 5, 50)
    units += feed(carrier, 0, STREAM[hole + 1:], start=6)
    size = len(STREAM) // 6
    assert {unit.payload for unit in units} >= {b'{"n":%d}' % number for number in range(6) if number != hole // size}
    assert carrier.kinds["PUBLISH"] == hole // size


@pytest.mark.parametrize("begin", range(1, len(UP) + 1))
@pytest.mark.parametrize("level", [4, 5])
def test_a_connection_seen_from_its_middle_yields_what_comes_after(begin: int, level: int) -> None:
    whole = UP if level == 4 else publish("device/up", b'{"cmd":2006}', 1, 7, properties=b"\x01\x01")
    carrier = MqttCarrier(midstream=True, accept=known)
    units = feed(carrier, 0, (whole * 3)[begin:], 11)
    assert [unit.payload for unit in units][-2:] == [b'{"cmd":2006}'] * 2
    assert carrier.level == level


def test_midstream_counts_are_those_of_framing_from_the_first_byte() -> None:
    carrier = MqttCarrier(midstream=True, accept=known)
    feed(carrier, 0, b"\xc0\x00" + UP + b"\xc0\x00")
    feed(carrier, 1, b"\xd0\x00\x40\x02\x00\x07")
    assert carrier.kinds == {"PINGREQ": 2, "PUBLISH": 1, "PINGRESP": 1, "PUBACK": 1}
    assert carrier.client == 0


def test_a_packet_too_long_to_keep_is_counted_and_stepped_over() -> None:
    carrier = MqttCarrier()
    length = 20 << 20
    feed(carrier, 0, CONNECT + b"\x30" + varint(length))
    for number in range(20):
        assert not list(carrier.data(0, bytes(1 << 20), number, number))
    assert carrier.kinds == {"CONNECT": 1, "PUBLISH": 1}
    assert [unit.payload for unit in feed(carrier, 0, UP)] == [b'{"cmd":2006}']
    assert carrier.oversized == 1


def test_alternating_damage_and_messages_neither_recurse_nor_hang() -> None:
    carrier = MqttCarrier(accept=known)
    units = feed(carrier, 0, CONNECT + (b"\x00" + UP) * 3000)
    assert len(units) == 3000


@examples(200)
@given(st.binary(max_size=200), st.lists(st.integers(1, 40), max_size=20), st.booleans())
def test_no_bytes_raise_or_make_more_messages_by_how_they_are_cut(data: bytes, cuts: list[int], midstream: bool) -> None:
    mixed = data[:100] + UP + data[100:]
    whole = MqttCarrier(midstream=midstream, accept=known)
    expected = [unit.payload for unit in feed(whole, 0, mixed)]
    split = MqttCarrier(midstream=midstream, accept=known)
    got: list[bytes] = []
    place = 0
    for cut in [*cuts, 1 << 20]:
        got += [unit.payload for unit in split.data(0, mixed[place:place + cut], 1, 1)]
        place += cut
    assert split.kinds == whole.kinds
    assert got == expected
