"""Decrypted records keep their order, direction, packets and times, wherever segments are cut; hostile bytes lose a side, never more."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dissect.streams.api import Conversation, DatagramHandler, StreamHandler
from dissect.tshark.tls import HELD_PLAINTEXT, SEALED_RECORDS, Plaintexts, TlsInlet

HELLO = b"\x16\3\1\0\4\1\0\0\0"


class Recorder:
    """A `StreamHandler` that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.told.append((name, *arguments))

    def bytes_of(self, side: int) -> bytes:
        return b"".join(one[2] for one in self.told if one[0] == "data" and one[1] == side)


def conversation() -> Conversation:
    return Conversation(1, "tcp", ("10.0.0.1", "10.0.0.2"), (40000, 443), 0)


def record(fragment: bytes, kind: int = 23) -> bytes:
    return struct.pack(">BBBH", kind, 3, 3, len(fragment)) + fragment


def sealed(text: bytes, nonce: int, explicit: int) -> bytes:
    """Something as long as AES-GCM makes it."""
    return (nonce.to_bytes(8, "big") if explicit else b"") + bytes(one ^ 0x5A for one in text) + nonce.to_bytes(16, "big") + (b"" if explicit else b"\0")


def inlet(plaintexts: Plaintexts) -> tuple[TlsInlet, Recorder, Conversation]:
    recorder, about = Recorder(), conversation()

    def opened(_: Conversation) -> StreamHandler | DatagramHandler | None:
        return recorder

    return TlsInlet(opened, about, plaintexts), recorder, about


@given(texts=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6), explicit=st.booleans(), data=st.data())
def test_plaintext_is_whole_and_in_its_packets_however_segments_are_cut(texts: list[bytes], explicit: bool, data: st.DataObject) -> None:
    plaintexts = Plaintexts()
    wire, owner = bytearray(HELLO), [-1] * len(HELLO)
    for number, text in enumerate(texts):
        fragment = sealed(text, number + 1, explicit)
        plaintexts.add(fragment, text)
        whole = record(fragment)
        owner += [number] * len(whole)
        wire += whole
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1), max_size=12)))
    reader, recorder, about = inlet(plaintexts)
    carried: dict[int, set[int]] = {}
    for packet, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(wire)], strict=True), 1):
        reader.data(0, bytes(wire[start:end]), packet, packet * 10)
        for place in range(start, end):
            carried.setdefault(owner[place], set()).add(packet)
    assert recorder.bytes_of(0) == b"".join(texts)
    assert about.tls
    packets = [one[3] for one in recorder.told]
    assert packets == sorted(packets) and all(one[4] == one[3] * 10 for one in recorder.told)
    place = 0
    for number, text in enumerate(texts):
        spread = [one[3] for one in recorder.told for _ in one[2]][place:place + len(text)]
        assert set(spread) <= carried[number]
        assert spread[-1] == max(carried[number]), "the last byte cannot be read before its record is whole"
        place += len(text)


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=40)), max_size=12))
def test_hostile_bytes_raise_nothing_and_hold_little(parts: list[tuple[int, bytes]]) -> None:
    reader, recorder, _ = inlet(Plaintexts())
    reader.data(0, HELLO, 1, 1)
    for number, (side, part) in enumerate(parts, 2):
        reader.data(side, part, number, number)
    assert not [one for one in recorder.told if one[0] == "data"]
    reader.closed(99)


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=40)), min_size=1, max_size=12))
def test_what_is_no_tls_passes_as_it_is(parts: list[tuple[int, bytes]]) -> None:
    parts[0] = parts[0][0], b"{" + parts[0][1]
    reader, recorder, about = inlet(Plaintexts())
    for number, (side, part) in enumerate(parts, 1):
        reader.data(side, part, number, number)
    reader.fin(0, 50, 50)
    assert recorder.told == [("data", side, part, number, number) for number, (side, part) in enumerate(parts, 1)] + [("fin", 0, 50, 50)]
    assert not about.tls


def test_an_unopened_record_between_opened_ones_is_a_gap() -> None:
    plaintexts = Plaintexts()
    first, lost, last = (sealed(text, number, 0) for number, text in enumerate((b"one", b"x" * 100, b"three"), 1))
    plaintexts.add(first, b"one")
    plaintexts.add(lost, None)
    plaintexts.add(last, b"three")
    reader, recorder, _ = inlet(plaintexts)
    reader.data(0, HELLO + record(first) + record(lost) + record(last), 7, 70)
    assert recorder.told == [("data", 0, b"one", 7, 70), ("gap", 0, len(lost), 7, 70), ("data", 0, b"three", 7, 70)]


def test_what_wraps_a_handshake_message_is_no_loss() -> None:
    plaintexts = Plaintexts()
    text = sealed(b"text", 2, 0)
    plaintexts.add(text, b"text")
    reader, recorder, _ = inlet(plaintexts)
    reader.data(1, HELLO + record(sealed(b"a ticket" * 30, 1, 0)) + record(text), 3, 30)
    assert recorder.told == [("data", 1, b"text", 3, 30)]


def test_the_end_of_a_connection_is_told_after_its_text() -> None:
    plaintexts = Plaintexts()
    text = sealed(b"text", 1, 0)
    plaintexts.add(text, b"text")
    reader, recorder, _ = inlet(plaintexts)
    reader.fin(1, 2, 2)
    reader.data(0, HELLO + record(text), 3, 3)
    reader.reset(0, 4, 4)
    reader.closed(5)
    assert [one[0] for one in recorder.told] == ["fin", "data", "reset", "closed"]


def test_a_connection_without_key_is_left_alone() -> None:
    plaintexts = Plaintexts()
    reader, recorder, about = inlet(plaintexts)
    reader.data(0, HELLO, 1, 1)
    for number in range(SEALED_RECORDS + 1):
        fragment = sealed(b"secret" * 20, number, 0)
        plaintexts.add(fragment, None)
        reader.data(0, record(fragment), number, number)
    assert not about.wanted and recorder.told == []


def test_plaintexts_that_nobody_asks_for_are_given_up() -> None:
    plaintexts = Plaintexts()
    for number in range(20):
        plaintexts.add(number.to_bytes(4, "big"), bytes(HELD_PLAINTEXT // 10))
    assert plaintexts.of(b"\0\0\0\0") == (False, None)
    assert plaintexts.of((19).to_bytes(4, "big"))[0]
