"""What a connection is: told by its bytes on any port, never by the port alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.inlets.recognition import Recogniser
from dissect.options import DecodeAs, Options
from tests.fogslink_says import ANNOUNCE, ANNOUNCED, BEAT, BEATEN, channel
from tests.imei_says import HT, HT_OK, command
from tests.ladder import down, fin, ladder, up


@pytest.mark.parametrize("port", [63321, 12306, 1883, 80, 5000])
@pytest.mark.parametrize(("steps", "protocol"), [((up(0, ANNOUNCE), down(0.1, ANNOUNCED)), "fogslink"), ((up(0, HT), down(0.1, HT_OK)), "imei-tcp")])
def test_bytes_decide_whatever_the_port(port: int, steps: tuple[object, ...], protocol: str) -> None:
    told = ladder(*steps, port=port)  # type: ignore[arg-type]
    assert [one.protocol for one in told.sessions.values()] == [protocol]
    assert told.statuses() == ["ok"]


@pytest.mark.parametrize("port", [63321, 12306])
@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"SSH-2.0-x\r\n", b'{"hello":1}\n', b"\x00" * 100,
    b"AT+CGMI\r\n",
])  # fmt: skip
def test_a_port_alone_makes_no_session(port: int, data: bytes) -> None:
    assert not ladder(up(0, data), down(0.1, data), fin("up", 1), port=port).sessions


@pytest.mark.parametrize("at", range(1, len(ANNOUNCE)))
def test_a_first_message_in_two_segments(at: int) -> None:
    assert ladder(up(0, ANNOUNCE[:at]), up(0.1, ANNOUNCE[at:]), down(0.2, ANNOUNCED)).statuses() == ["ok"]


@pytest.mark.parametrize("at", range(1, len(HT)))
def test_a_first_frame_in_two_segments(at: int) -> None:
    assert ladder(up(0, HT[:at]), up(0.1, HT[at:]), down(0.2, HT_OK), port=4000).statuses() == ["ok"]


def test_garbage_before_the_first_message_is_told_of_too() -> None:
    told = ladder(up(0, b"garbage\n"), up(0.1, ANNOUNCE), down(0.2, ANNOUNCED))
    assert (told.codes(), told.statuses()) == ({"framing.malformed": 1}, ["ok"])


def test_a_first_message_without_its_line_end() -> None:
    told = ladder(up(0, BEAT[:-1]), fin("up", 1), fin("down", 1))
    assert told.types() == ["req100"]


def test_the_device_is_the_client_and_midstream_the_side_without_the_known_port() -> None:
    for midstream, port, client_port in ((False, 9000, 40000), (True, 63321, 40000), (True, 9000, 40000)):
        told = ladder(up(0, BEAT), down(0.1, BEATEN), midstream=midstream, port=port, client_port=client_port)
        (one,) = told.sessions.values()
        assert (one.device.port, one.peer.port) == (client_port, port)
    told = ladder(down(0, channel()), up(0.1, BEATEN), midstream=True, port=40000, client_port=63321)
    assert [one.direction for one in told.messages] == ["up", "down"]


def test_decode_as_overrides_what_the_bytes_do_not_show() -> None:
    options = Options(decode_as=[DecodeAs("tcp", 9000, "imei-tcp")])
    assert ladder(up(0, b"AT"), port=9000, options=options).types() == ["heartbeat"]
    assert ladder(up(0, b"AT"), port=9001, options=options).types() == []


def test_a_web_command_after_one_that_is_broken() -> None:
    assert "command" in ladder(up(0, b"command{", command()), port=12306).types()


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8), st.booleans(), st.sampled_from([12306, 63321, 1883, 80]))
def test_no_bytes_make_it_fail(chunks: list[bytes], midstream: bool, port: int) -> None:
    ladder(*[(up, down)[number % 2](number / 10, chunk) for number, chunk in enumerate(chunks)], midstream=midstream, port=port)


A_MEGABYTE = 1 << 20


@pytest.mark.parametrize(("first", "segment"), [
    (b'{"msgId": 1, "a":"', b"a" * 1400), (b'{"msgId": 1, "a":"', b"}" * 1400), (b'x"msgId": 1', b"{}" * 700), (b'x"msgId": 1', b"{" * 1400),
    (b"x req001", b"0" * 1399 + b"\n"),
], ids=["a picture", "braces", "objects", "openings", "lines"])  # fmt: skip
def test_a_signature_without_a_message_costs_no_more_for_each_byte_than_for_the_first(first: bytes, segment: bytes) -> None:
    recogniser = Recogniser(False, (40000, 7777), ())
    recogniser.look(0, first)
    started = time.process_time()
    for _ in range(A_MEGABYTE // len(segment)):
        recogniser.look(0, segment)
    assert time.process_time() - started < 8
