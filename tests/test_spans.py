"""Places of members in a message's bytes, of frames and of packet layers."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from dissect.packetspans import layers_of
from dissect.spans import json_parts, message_parts, value_text
from tests.bench.packets import Flow, address

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4), max_leaves=12)


@given(JSON)
def test_every_part_reads_back_as_its_value(value: object) -> None:
    data = json.dumps(value).encode()
    for part in json_parts(data):
        found = value
        for step in part.path:
            found = found[step]  # type: ignore[index]
        assert json.loads(data[part.value_start:part.end]) == found


@given(st.binary(max_size=300))
def test_any_bytes_give_parts_within_them_and_raise_nothing(data: bytes) -> None:
    for protocol in ("fogslink", "imei-tcp", "nothing"):
        for part in message_parts(protocol, data):
            assert 0 <= part.start <= part.value_start <= part.end <= len(data)
            value_text(part, data)


@given(st.binary(max_size=200), st.sampled_from([0, 1, 101, 108, 113, 228, 276, 9999]))
def test_any_packet_gives_layers_within_it(data: bytes, link: int) -> None:
    for layer in layers_of(data, link):
        assert all(0 <= one.start <= one.end <= len(data) for one in layer.fields)


def test_repaired_json_has_places_too() -> None:
    data = b'{"req200":{eqSN:"1","a":[1,2,],}'
    parts = {part.path: data[part.start:part.end] for part in json_parts(data)}
    assert parts["req200", "eqSN"] == b'eqSN:"1"' and parts["req200", "a", 1] == b"2"


def test_a_frame_of_imei_tcp_by_its_grammar() -> None:
    data = b"026000866123000000001QD900"
    found = {part.path[0]: (data[part.start:part.end], part.section) for part in message_parts("imei-tcp", data)}
    assert found["imei"] == (b"866123000000001", "二、与设备接口") and found["data"][0] == b"900" and found["length"][0] == b"026"


def test_a_web_commands_members_lie_behind_the_word() -> None:
    data = b'command{"imei":"866123000000001","type":"stop"}'
    assert {part.path: data[part.start:part.end] for part in message_parts("imei-tcp", data)}["type",] == b'"type":"stop"'


def test_a_packet_layer_by_layer() -> None:
    frame = Flow(address(10, 0, 0, 5), address(203, 0, 113, 10), 40000, 63321, 1).tcp(0, b"x")
    layers = {layer.name: layer for layer in layers_of(frame, 1)}
    assert list(layers) == ["Ethernet", "IPv4", "TCP"]
    assert layers["IPv4"].summary == "10.0.0.5 > 203.0.113.10" and layers["TCP"].summary == "40000 > 63321"
    port = next(one for one in layers["TCP"].fields if one.name == "destination_port")
    assert frame[port.start:port.end] == (63321).to_bytes(2, "big") and port.section == "RFC 9293, 3.1"
