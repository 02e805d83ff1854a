"""C-Life LAN over CoAP: block-wise transfers, repetitions, resets, sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from captures.coap import Block
from grammars.coap import Type
from tests.lan_says import APP, DEVICE, OTHER, PARAMS, PLAIN, down, up
from tests.scene import End, Scene, envelope

# -- CoAP --


def blocks(
    scene: Scene, at: float, source: End, target: End, payload: bytes, *, skip: int = -1, again: int = -1, tokens: bool = False, ports: bool = False
) -> None:
    size = 64
    count = -(-len(payload) // size)
    for number in range(count):
        if number == skip:
            continue
        end = (source[0], source[1] + (number if ports else 0))
        token = bytes([7 + (number if tokens else 0)])
        block, piece = Block(number, number < count - 1, size), payload[number * size : (number + 1) * size]
        mid = scene.coap(at + number * 0.01, end, target, piece, token=token, block=block)
        if number == again:
            scene.coap(at + number * 0.01 + 0.002, end, target, piece, token=token, block=block, mid=mid)
        scene.coap(at + number * 0.01 + 0.005, target, end, code=0x5F if number < count - 1 else 0x44, kind=Type.ACK, mid=mid, token=token)


LARGE = envelope(2006, "02", 5, {"params": [{str(place): "x" * 20} for place in range(20)]}, 1)


@pytest.mark.parametrize("how", [{}, {"tokens": True}, {"tokens": True, "ports": True}, {"again": 0}, {"again": 3}])
def test_blocks_become_one_message(how: dict[str, Any]) -> None:
    scene = Scene()
    blocks(scene, 1, DEVICE, APP, LARGE, **how)
    blocks(scene, 1.003, OTHER, APP, LARGE, **how)
    down(scene, 3, 2007, 5)
    down(scene, 3, 2007, 5, ends=(OTHER, APP))
    told = scene.told(until=300)
    assert told.codes(PLAIN) == {} and told.types() == ["2006", "2006", "2007", "2007"] and told.statuses() == ["ok", "ok"]
    assert told.fields()[0] == json.loads(LARGE) and told.messages[0].size == len(LARGE)


@pytest.mark.parametrize("skip", [0, 3, 8])
def test_a_lost_block_is_told_once(skip: int) -> None:
    scene = Scene()
    up(scene, 0.5, 2006, 1, PARAMS)
    down(scene, 0.6, 2007, 1)
    blocks(scene, 1, DEVICE, APP, LARGE, skip=skip)
    told = scene.told(until=300)
    assert told.codes(PLAIN) == {"coap.incomplete-block": 1} and told.types() == ["2006", "2007"]


def test_answers_in_the_acknowledgement_and_apart() -> None:
    scene = Scene()
    mid = scene.coap(1, DEVICE, APP, envelope(2006, "02", 5, PARAMS, 1))
    scene.coap(1.1, APP, DEVICE, envelope(2007, "20", 5, at=1), code=0x44, kind=Type.ACK, mid=mid)
    mid = scene.coap(2, DEVICE, APP, envelope(2006, "02", 6, PARAMS, 2), token=b"\2")
    scene.ack(2.01, APP, DEVICE, mid)
    mid = scene.coap(2.1, APP, DEVICE, envelope(2007, "20", 6, at=2), code=0x44, token=b"\2")
    scene.ack(2.11, DEVICE, APP, mid)
    told = scene.told(until=100)
    assert told.statuses() == ["ok", "ok"] and told.codes(PLAIN) == {}
    assert [one.carrier and one.carrier["type"] for one in told.messages] == ["CON", "ACK", "CON", "CON"]
    assert {one.carrier and one.carrier["uri"] for one in told.messages} == {"/device/uplink"}


def test_a_coap_repetition_is_a_duplicate_and_no_attempt() -> None:
    scene = Scene()
    payload = envelope(2006, "02", 5, PARAMS, 1)
    mid = scene.coap(1, DEVICE, APP, payload)
    for at in (3, 7):
        scene.coap(at, DEVICE, APP, payload, mid=mid)
    scene.ack(7.1, APP, DEVICE, mid)
    down(scene, 7.2, 2007, 5)
    told = scene.told(until=100)
    first = told.messages[0].id
    assert [one.duplicate_of for one in told.messages] == [None, first, first, None]
    assert told.legs() == [([1], [], 4, None, "ok")] and told.codes(PLAIN) == {} and told.exchanges[0].latency_ms == 6200


def test_a_reset_ends_the_exchange_as_error() -> None:
    scene = Scene()
    mid = scene.coap(1, DEVICE, APP, envelope(2006, "02", 5, PARAMS, 1))
    scene.coap(1.1, APP, DEVICE, code=0, kind=Type.RST, mid=mid)
    told = scene.told(until=200)
    assert told.codes(PLAIN) == {"coap.reset": 1} and told.statuses() == ["error"]


@pytest.mark.parametrize(("until", "codes"), [(46.1, {"coap.unacknowledged": 1}), (45.9, {})])
def test_a_con_is_acknowledged_within_its_span(until: float, codes: dict[str, int]) -> None:
    scene = Scene()
    scene.coap(1, DEVICE, APP, envelope(2006, "02", 5, PARAMS, 1))
    scene.coap(2, APP, DEVICE, envelope(2007, "20", 5, at=2), kind=Type.NON, path="downlink")
    assert scene.told(until=until).codes(PLAIN) == codes


def test_a_session_is_two_addresses_whatever_the_ports() -> None:
    scene = Scene()
    for number in range(3):
        up(scene, 1 + number, 2006, 5 + number, PARAMS, (("192.168.6.6", 50000 + number), APP))
        down(scene, 1.5 + number, 2007, 5 + number, None, (("192.168.6.6", 5683), ("192.168.6.13", 60000 + number)))
    told = scene.told()
    assert len(told.sessions) == 1 and told.statuses() == ["ok"] * 3 and told.codes(PLAIN) == {}
    assert told.sessions[1].streams == [1, 2, 3, 4, 5, 6] and (told.sessions[1].device.port, told.sessions[1].peer.port) == (50000, 5683)


def test_a_message_of_hundreds_of_blocks_from_a_port_of_its_own() -> None:
    scene = Scene()
    blocks(scene, 1, DEVICE, APP, envelope(2006, "02", 5, {"params": [{str(place): "x" * 60} for place in range(200)]}, 1))
    down(scene, 9, 2007, 5)
    assert scene.told().statuses() == ["ok"]


def test_both_on_one_host_are_told_apart_by_what_they_say() -> None:
    scene = Scene()
    ends = (("127.0.0.1", 40000), ("127.0.0.1", 5683))
    down(scene, 1, 2011, 7, PARAMS, ends)
    up(scene, 2, 2006, 7, PARAMS, ends)
    down(scene, 3, 2007, 7, None, ends)
    told = scene.told()
    assert told.legs() == [([1], [], 2, 3, "ok")] and told.codes(PLAIN) == {} and [one.direction for one in told.messages] == ["down", "up", "down"]


@pytest.mark.parametrize("broken", [b"\x80\2\0\1", b"\x49\2\0\1" + bytes(9), b"\x40\2\0\1\xff", b"\x40\0\0\1a", b"hello"])
def test_what_is_no_coap_between_messages_of_ours(broken: bytes) -> None:
    scene = Scene()
    scene.datagram(0.5, DEVICE, APP, broken)
    assert scene.told().codes() == {}
    up(scene, 1, 2006, 5, PARAMS)
    down(scene, 1.1, 2007, 5)
    scene.datagram(2, DEVICE, APP, broken)
    scene.datagram(2, DEVICE, APP, b"")
    told = scene.told()
    assert told.codes(PLAIN)["coap.malformed"] >= 1 and told.types() == ["2006", "2007"]


def test_a_datagram_cut_by_the_snap_length_is_no_broken_message() -> None:
    scene = Scene()
    up(scene, 1, 2006, 5, PARAMS)
    down(scene, 1.1, 2007, 5)
    scene.datagram(2, DEVICE, APP, b"\x40\2\0\x77\xb6device\6uplink\xff" + LARGE, cut=120)
    told = scene.told()
    assert told.codes(PLAIN) == {"capture.truncated-packet": 1} and told.types() == ["2006", "2007"]
