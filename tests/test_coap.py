"""CoAP's two layers over a whole capture, told as ladders: `app>dev` lines of messages, and what is made of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.carriers.api import Note, Unit
from dissect.carriers.blockwise import Block, Transfers, Whole
from dissect.carriers.coap import CoapLayer
from dissect.streams.api import Conversation
from grammars.coap import Type, build
from tests.effort import examples

SECOND = 1_000_000_000
CON, NON, ACK, RST = Type
POST, GET, CHANGED, CONTENT, CONTINUE = 2, 1, 0x44, 0x45, 0x5F
UPLINK = [(11, b"device"), (11, b"uplink")]


class Ladder:
    """Hands datagrams to a layer; conversations are made by their ports."""

    def __init__(self) -> None:
        self.layer = CoapLayer()
        self.units: list[Unit] = []
        self.packet = 0
        self._conversations: dict[tuple[str, str, int, int], Conversation] = {}

    def say(self, side: int, data: bytes, at: float = 0, port: int = 40000, ends: tuple[str, str] = ("10.0.0.1", "10.0.0.2")) -> list[Unit]:
        conversation = self._conversations.setdefault((*ends, port, 5683), Conversation(
            len(self._conversations) + 1, "udp", ends, (port, 5683), 0))
        self.packet += 1
        units = list(self.layer.datagram(conversation, side, data, (self.packet,), int(at * SECOND)))
        self.units += units
        return units

    def end(self, at: float) -> list[Note]:
        self.layer.finish(int(at * SECOND))
        return [note for _, note in self.layer.notes]


def request(payload: bytes = b"{q}", message_id: int = 1, token: bytes = b"t", kind: Type = CON, options: list[tuple[int, bytes]] | None = None) -> bytes:
    return build(kind, POST, message_id, token, UPLINK + (options or []), payload)


def answer(payload: bytes = b"{a}", message_id: int = 1, token: bytes = b"t", kind: Type = ACK, code: int = CHANGED,
           options: list[tuple[int, bytes]] | None = None) -> bytes:
    return build(kind, code, message_id, token, options or [], payload)


def empty(kind: Type, message_id: int = 1) -> bytes:
    return build(kind, 0, message_id)


def test_a_piggybacked_answer_knows_the_uri_of_its_request() -> None:
    ladder = Ladder()
    ladder.say(0, request())
    (unit,) = ladder.say(1, answer())
    assert unit.carrier == {"type": "ACK", "code": "2.04", "message_id": 1, "token": "74", "uri": "/device/uplink"}
    assert ladder.end(100) == []


def test_a_separate_answer_and_the_acknowledgements_of_both() -> None:
    ladder = Ladder()
    ladder.say(0, request())
    ladder.say(1, empty(ACK))
    (unit,) = ladder.say(1, answer(kind=CON, message_id=900), at=3)
    ladder.say(0, empty(ACK, 900), at=3)
    assert unit.carrier is not None
    assert unit.carrier["uri"] == "/device/uplink"
    assert ladder.end(100) == []


def test_a_separate_answer_acknowledges_its_request_too() -> None:
    ladder = Ladder()
    ladder.say(0, request())
    ladder.say(1, answer(kind=NON, message_id=900), at=1)
    assert ladder.end(100) == []


def test_an_answer_from_another_address_to_a_broadcast_is_matched_by_token() -> None:
    ladder = Ladder()
    ladder.say(0, request(kind=NON), ends=("10.0.0.1", "10.0.0.255"))
    (unit,) = ladder.say(1, answer(kind=NON, message_id=7), ends=("10.0.0.1", "10.0.0.9"))
    assert unit.carrier is not None
    assert unit.carrier["uri"] == "/device/uplink"


@pytest.mark.parametrize(("end", "reported"), [(45, 0), (45.1, 1), (300, 1)])
def test_a_con_without_acknowledgement_is_reported_when_the_capture_goes_on_past_45_s(end: float, reported: int) -> None:
    ladder = Ladder()
    (unit,) = ladder.say(0, request())
    ladder.say(0, request(), at=10)  # a retransmission does not restart the wait
    notes = ladder.end(end)
    assert [(note.code, note.serial, note.time_ns) for note in notes] == [("coap.unacknowledged", unit.serial, 45 * SECOND)] * reported


def test_a_reset_names_the_message_it_refuses() -> None:
    ladder = Ladder()
    (unit,) = ladder.say(0, request())
    ladder.say(1, empty(RST))
    assert [(note.code, note.side, note.serial) for note in ladder.end(100)] == [("coap.reset", 1, unit.serial)]


def test_a_ping_and_its_reset_are_no_fault() -> None:
    ladder = Ladder()
    ladder.say(0, empty(CON, 5))
    ladder.say(1, empty(RST, 5))
    assert ladder.end(100) == []


@pytest.mark.parametrize(("at", "repeats"), [(1, True), (247, True), (248, False)])
def test_the_same_message_id_within_247_s_is_a_repetition(at: float, repeats: bool) -> None:
    ladder = Ladder()
    (first,) = ladder.say(0, request())
    (again,) = ladder.say(0, request(), at=at)
    assert again.repeats == (first.serial if repeats else None)
    assert again.serial != first.serial


def test_message_ids_of_both_sides_and_of_replies_are_different_spaces() -> None:
    ladder = Ladder()
    ladder.say(0, request(message_id=5))
    ladder.say(1, request(message_id=5))
    ladder.say(0, answer(message_id=5))
    ladder.say(1, answer(message_id=5))
    assert [unit.repeats for unit in ladder.units] == [None] * 4


def test_notifications_know_their_uri_long_after_the_request() -> None:
    ladder = Ladder()
    ladder.say(0, build(CON, GET, 1, b"ob", [(6, b""), *UPLINK]))
    ladder.say(1, answer(token=b"ob", code=CONTENT, options=[(6, b"\1")]))
    ladder.layer.tick(4000 * SECOND)
    (unit,) = ladder.say(1, answer(token=b"ob", code=CONTENT, kind=NON, message_id=77, options=[(6, b"\2")]), at=5000)
    assert unit.carrier is not None
    assert unit.carrier["uri"] == "/device/uplink"


def test_malformed_datagrams_are_reported_and_give_no_unit() -> None:
    ladder = Ladder()
    assert ladder.say(0, b"\x40\x02\x00\x01\xff") == []
    assert [note.code for note in ladder.end(0)] == ["coap.malformed"]


LARGE = bytes(range(256)) * 3


def block(number: int, more: bool, exponent: int) -> bytes:
    value = number << 4 | more << 3 | exponent
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def pieces(payload: bytes, exponent: int) -> list[tuple[bytes, bytes]]:
    """(option value, bytes) of each block"""
    size = 16 << exponent
    count = (len(payload) + size - 1) // size
    return [(block(number, number < count - 1, exponent), payload[number * size:(number + 1) * size]) for number in range(count)]


@pytest.mark.parametrize("exponent", range(6))
@pytest.mark.parametrize(("tokens", "ports"), [("one", "one"), ("many", "one"), ("many", "many")])
def test_a_request_in_blocks_is_one_unit(exponent: int, tokens: str, ports: str) -> None:
    ladder = Ladder()
    for number, (option, piece) in enumerate(pieces(LARGE, exponent)):
        token = b"t" if tokens == "one" else number.to_bytes(2, "big")
        port = 40000 if ports == "one" else 40000 + number
        ladder.say(0, request(piece, number, token, options=[(27, option)]), at=number / 10, port=port)
        ladder.say(1, answer(b"", number, token, code=CONTINUE, options=[(27, option)]), at=number / 10, port=port)
    assert [(unit.payload, unit.side) for unit in ladder.units] == [(LARGE, 0)]
    assert ladder.units[0].packets == tuple(range(1, ladder.packet, 2))
    assert ladder.units[0].carrier is not None
    assert ladder.units[0].carrier["code"] == "POST"
    assert ladder.end(1000) == []


@pytest.mark.parametrize("tokens", ["one", "many"])
def test_an_answer_in_blocks_is_one_unit(tokens: str) -> None:
    ladder = Ladder()
    for number, (option, piece) in enumerate(pieces(LARGE, 4)):
        token = b"t" if tokens == "one" else bytes((number,))
        ladder.say(0, build(CON, GET, number, token, [*UPLINK, (23, block(number, False, 4))]))
        ladder.say(1, answer(piece, number, token, code=CONTENT, options=[(23, option), (4, b"etag")]))
    assert [(unit.payload, unit.side) for unit in ladder.units] == [(LARGE, 1)]
    assert ladder.end(1000) == []


def test_repeated_and_exchanged_blocks_change_nothing() -> None:
    ladder = Ladder()
    listed = list(enumerate(pieces(LARGE, 5)))
    assert len(listed) == 2
    listed = list(enumerate(pieces(LARGE, 4)))
    for number, (option, piece) in (listed[0], listed[0], listed[2], listed[1], listed[1], listed[2]):
        ladder.say(0, request(piece, number, kind=NON, options=[(27, option)]))
    assert [unit.payload for unit in ladder.units] == [LARGE]
    assert ladder.end(1000) == []


def test_the_block_size_may_change_on_the_way() -> None:
    ladder = Ladder()
    ladder.say(0, request(LARGE[:256], 1, kind=NON, options=[(27, block(0, True, 4))]))
    for number in range(4, 12):
        ladder.say(0, request(LARGE[64 * number:64 * number + 64], number, kind=NON, options=[(27, block(number, number < 11, 2))]))
    assert [unit.payload for unit in ladder.units] == [LARGE]


@pytest.mark.parametrize("lost", range(3))
def test_a_missing_block_is_reported_once(lost: int) -> None:
    ladder = Ladder()
    for number, (option, piece) in enumerate(pieces(LARGE, 4)):
        if number != lost:
            ladder.say(0, request(piece, number, kind=NON, options=[(27, option)]))
    assert ladder.units == []
    assert [note.code for note in ladder.end(1)] == ["coap.incomplete-block"]


def test_transfers_of_two_clients_on_one_address_are_kept_apart() -> None:
    ladder = Ladder()
    other = LARGE[::-1]
    for number, (mine, yours) in enumerate(zip(pieces(LARGE, 4), pieces(other, 4), strict=True)):
        ladder.say(0, request(mine[1], number, options=[(27, mine[0])], kind=NON), port=40000)
        ladder.say(0, request(yours[1], number, options=[(27, yours[0])], kind=NON), port=50000)
    assert [unit.payload for unit in ladder.units] == [LARGE, other]


def test_a_transfer_that_grows_beyond_its_bound_is_given_up() -> None:
    ladder = Ladder()
    piece = bytes(1024)
    message = request(piece, kind=NON, options=[(27, block(1 << 16, True, 6))])
    head = message.index(block(1 << 16, True, 6))
    for number in range(8 * 1024 + 2):
        ladder.say(0, message[:2] + number.to_bytes(2, "big") + message[4:head] + (number << 4 | 14).to_bytes(3, "big") + message[head + 3:])
    assert "coap.incomplete-block" in [note.code for note in ladder.end(1)]


@examples(300)
@given(st.lists(st.tuples(
    st.integers(0, 1), st.integers(0, 400), st.binary(max_size=12), st.sampled_from(Type), st.integers(0, 3), st.booleans()), max_size=25))
def test_no_datagram_raises_and_serials_name_units(steps: list[tuple[int, int, bytes, Type, int, bool]]) -> None:
    ladder = Ladder()
    for side, at, payload, kind, message_id, blocked in steps:
        data = request(payload, message_id, kind=kind, options=[(27, payload[:3])] if blocked else None)
        ladder.say(side, data, at=at)
        ladder.say(side, payload + data[:message_id], at=at)
    serials = {unit.serial for unit in ladder.units}
    assert len(serials) == len(ladder.units)
    assert {unit.repeats for unit in ladder.units} - {None} <= serials
    assert {note.serial for note in ladder.end(10_000)} - {None} <= serials


def test_blocks_behind_a_hole_are_not_walked_again_with_each() -> None:
    transfers, key = Transfers(), ("10.0.0.1", "10.0.0.2", "/x", 2)
    conversation = Conversation(1, "udp", ("10.0.0.1", "10.0.0.2"), (40000, 5683), 0)

    def add(number: int, more: bool = True) -> Whole | None:
        return transfers.add(key, Block(conversation, 0, 40000, number * 16, more, b"x" * 16, None, (number,), 0))

    started = time.process_time()
    count = 20_000
    add(0)
    add(count, more=False)
    for number in range(1, count):
        if number != count // 2:
            assert add(number) is None
    for number in range(count + 1, 2 * count):
        assert add(number) is None
    assert time.process_time() - started < 3
    whole = add(count // 2)
    assert whole is not None and whole.payload == b"x" * 16 * (count + 1)
