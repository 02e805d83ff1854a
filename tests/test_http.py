"""HTTP/1.x over a connection: counts, bodies, pairing; held against h11 and httptools on valid traffic and against any split."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import h11
import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.carriers.api import Unit
from dissect.carriers.coding import MAX_DECODED
from dissect.carriers.http import HttpCarrier
from tests.effort import examples

POST = b"POST /device/register?devId=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
GET = b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
Step = tuple[int, bytes]


def run(steps: list[Step], size: int = 1 << 30) -> tuple[HttpCarrier, list[Unit]]:
    carrier, units, packet = HttpCarrier(), [], 0
    for side, data in steps:
        for place in range(0, len(data), size):
            packet += 1
            units += carrier.data(side, data[place:place + size], packet, packet * 10)
    for side in (0, 1):
        units += carrier.end(side, 10_000)
    return carrier, units


def deflated(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


def coded(name: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: " + name + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


CASES: list[Any] = [  # id, steps, kinds, bodies
    pytest.param([(0, POST), (1, OK)], {"POST": 1, "200": 1}, [b"hello", b"yes"], id="a request and its response"),
    pytest.param([(0, POST + GET), (1, OK + OK)], {"POST": 1, "GET": 1, "200": 2}, [b"hello", b"yes", b"yes"], id="pipelined"),
    pytest.param([(0, b"HEAD / HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + OK)], {"HEAD": 1, "200": 2}, [b"yes"],
                 id="HEAD has no body"),
    pytest.param([(0, POST), (1, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK)], {"POST": 1, "100": 1, "103": 1, "200": 1},
                 [b"hello", b"yes"], id="interim responses"),
    pytest.param([(0, GET + GET), (1, b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n")], {"GET": 2, "204": 1, "304": 1}, [],
                 id="204 and 304 have no body"),
    pytest.param([(0, GET), (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: r\r\n\r\n" + OK)],
                 {"GET": 1, "200": 2}, [b"abc0123456789", b"yes"], id="chunks, an extension, a trailer"),
    pytest.param([(0, GET), (1, b"HTTP/1.0 200 OK\r\n\r\nall to the end")], {"GET": 1, "200": 1}, [b"all to the end"], id="until close"),
    pytest.param([(0, b"\r\nGET /x HTTP/1.1\nA:b\n\tfolded\nno colon\n\n" + GET)], {"GET": 2}, [], id="bare LF, folds, odd fields, empty lines"),
    pytest.param([(0, GET), (1, coded(b"gzip", gzip.compress(b"body")))], {"GET": 1, "200": 1}, [b"body"], id="gzip"),
    pytest.param([(0, GET), (1, coded(b"X-GZIP", gzip.compress(b"bo") + gzip.compress(b"dy")))], {"GET": 1, "200": 1}, [b"body"], id="x-gzip, two members"),
    pytest.param([(0, GET), (1, coded(b"deflate", zlib.compress(b"body")))], {"GET": 1, "200": 1}, [b"body"], id="deflate"),
    pytest.param([(0, GET), (1, coded(b"deflate", deflated(b"body")))], {"GET": 1, "200": 1}, [b"body"], id="raw deflate"),
    pytest.param([(0, b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), (1, b"HTTP/1.1 101 Switching\r\n\r\n\x81\x02hi"), (0, GET)],
                 {"GET": 1, "101": 1}, [], id="nothing is HTTP after 101"),
    pytest.param([(0, b"CONNECT h:443 HTTP/1.1\r\n\r\n" + GET), (1, b"HTTP/1.1 200 OK\r\n\r\n" + OK)], {"CONNECT": 1, "200": 1}, [], id="CONNECT"),
    pytest.param([(0, b"CONNECT h:443 HTTP/1.1\r\n\r\n" + GET), (1, b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" + OK)],
                 {"CONNECT": 1, "403": 1, "GET": 1, "200": 1}, [b"yes"], id="CONNECT refused"),
    pytest.param([(0, b"POST / HTTP/1.1\r\nContent-Length:\r\n\t5\r\n\r\nhello" + GET)], {"POST": 1, "GET": 1}, [b"hello"], id="a length on a folded line"),
    pytest.param([(0, GET), (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,\r\n chunked\r\n\r\n0\r\n\r\n" + OK)], {"GET": 1, "200": 2}, [b"yes"],
                 id="a coding on a folded line"),
    pytest.param([(0, b"RPC_IN_DATA /x HTTP/1.1\r\n\r\nM-SEARCH * HTTP/1.1\r\n\r\n")], {"RPC_IN_DATA": 1, "M-SEARCH": 1}, [], id="odd methods"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 1 << 30])
@pytest.mark.parametrize(("steps", "kinds", "bodies"), CASES)
def test_messages_are_counted_and_bodies_read_however_they_are_cut(steps: list[Step], kinds: dict[str, int], bodies: list[bytes], size: int) -> None:
    carrier, units = run(steps, size)
    assert carrier.kinds == kinds
    assert [unit.payload for unit in units] == bodies
    assert carrier.notes == []


def test_a_response_names_the_request_it_answers() -> None:
    _, units = run([(0, POST), (1, OK)])
    assert [unit.carrier for unit in units] == [
        {"method": "POST", "target": "/device/register?devId=1", "status": None}, {"method": "POST", "target": "/device/register?devId=1", "status": 200}]
    assert [unit.packets for unit in units] == [(1,), (2,)]


def test_a_body_names_the_packets_that_carried_it_and_no_others() -> None:
    _, units = run([(0, POST[:20]), (0, POST[20:-4]), (0, POST[-4:-2]), (0, POST[-2:])])
    assert units[0].packets == (2, 3, 4)


MALFORMED: list[Any] = [  # id, steps, kinds, side of the note
    pytest.param([(0, GET + b"\x16\x03\x01junk\n" + GET), (1, OK)], {"GET": 1, "200": 1}, 0, id="other bytes behind a request"),
    pytest.param([(0, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), (1, OK)], {"POST": 1, "200": 1}, 0, id="a length that is no number"),
    pytest.param([(0, b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd" + GET)], {"POST": 1}, 0, id="two lengths"),
    pytest.param([(0, GET), (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + OK)], {"GET": 1, "200": 1}, 1, id="a chunk size that is none"),
    pytest.param([(0, GET), (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n")], {"GET": 1, "200": 1}, 1, id="a chunk too long"),
    pytest.param([(0, GET), (1, coded(b"gzip", b"no gzip"))], {"GET": 1, "200": 1}, 1, id="a body that is no gzip"),
    pytest.param([(0, GET), (1, coded(b"gzip", gzip.compress(bytes(MAX_DECODED + 1))))], {"GET": 1, "200": 1}, 1, id="a body that bursts"),
]


@pytest.mark.parametrize(("steps", "kinds", "side"), MALFORMED)
def test_malformed_bytes_end_the_counting_of_their_side_alone(steps: list[Step], kinds: dict[str, int], side: int) -> None:
    carrier, _ = run(steps)
    assert carrier.kinds == kinds
    assert [(note.code, note.side) for note in carrier.notes] == [("http.malformed", side)]


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(("hole", "counted"), [(99, 2), (50, 2), (100, 1), (101, 1)])
def test_a_gap_within_a_body_of_known_length_is_skipped(hole: int, counted: int) -> None:
    carrier = HttpCarrier()
    carrier.data(0, GET + GET, 1, 1)
    carrier.data(1, LONG, 2, 2)
    units = [*carrier.gap(1, hole, 3, 3), *carrier.data(1, b"x" * (100 - hole) + OK, 4, 4)]
    assert carrier.kinds == {"GET": 2, "200": counted}
    assert [unit.payload for unit in units] == [b"yes"]


def test_after_a_gap_messages_are_found_again_and_not_counted() -> None:
    carrier = HttpCarrier()
    carrier.data(0, GET[:5], 1, 1)
    carrier.gap(0, 40, 2, 2)
    assert not list(carrier.data(0, b"rest of something\r\n\r\n", 2, 2))
    (unit,) = carrier.data(0, POST, 3, 3)
    assert (unit.payload, dict(carrier.kinds)) == (b"hello", {})


def test_a_request_found_again_does_not_decide_whether_an_answer_has_a_body() -> None:
    carrier, _ = run([(0, b"\x00junk\n"), (0, b"HEAD / HTTP/1.1\r\n\r\n"), (1, OK + OK)])
    assert carrier.kinds == {"200": 2}


tokens = st.text("abcdefgh", min_size=1, max_size=5)
bodies = st.binary(max_size=40)
exchanges = st.lists(st.tuples(st.sampled_from(("GET", "POST", "PUT", "HEAD")), tokens, bodies, st.sampled_from((200, 404, 500)), bodies, st.booleans()),
                     min_size=1, max_size=5)


def written(asked: list[tuple[str, str, bytes, int, bytes, bool]]) -> tuple[bytes, bytes, list[bytes], list[bytes]]:
    """Both sides' bytes as h11 writes them, and their bodies."""
    client, server = h11.Connection(h11.CLIENT), h11.Connection(h11.SERVER)
    up = down = b""
    sent: list[bytes] = []
    answered: list[bytes] = []
    for method, name, body, status, answer, chunked in asked:
        body = body if method in ("POST", "PUT") else b""
        length = [("Content-Length", str(len(body)))] if body else []
        request = (client.send(h11.Request(method=method, target=f"/{name}", headers=[("Host", "h"), *length])) or b"") + (
            client.send(h11.Data(data=body)) or b"" if body else b"") + (client.send(h11.EndOfMessage()) or b"")
        server.receive_data(request)
        while not isinstance(server.next_event(), h11.EndOfMessage):
            pass
        shape = [("Transfer-Encoding", "chunked")] if chunked else [("Content-Length", str(len(answer)))]
        response = (server.send(h11.Response(status_code=status, headers=shape)) or b"") + (
            server.send(h11.Data(data=answer)) or b"" if method != "HEAD" else b"") + (server.send(h11.EndOfMessage()) or b"")
        client.receive_data(response)
        while not isinstance(client.next_event(), h11.EndOfMessage):
            pass
        up, down = up + request, down + response
        sent.append(body)
        answered.append(b"" if method == "HEAD" else answer)
        client.start_next_cycle()
        server.start_next_cycle()
    return up, down, sent, answered


class Heard:
    """What httptools tells of a side's messages."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.all: list[bytes] = []

    def on_message_begin(self) -> None:
        self.parts = []

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        self.all.append(b"".join(self.parts))


@examples(150)
@given(exchanges, st.integers(1, 60))
def test_valid_traffic_reads_as_h11_wrote_it_and_as_httptools_reads_it(asked: list[tuple[str, str, bytes, int, bytes, bool]], size: int) -> None:
    up, down, sent, answered = written(asked)
    carrier, units = run([(0, up), (1, down)], size)
    assert [unit.payload for unit in units if unit.side == 0] == [body for body in sent if body]
    assert [unit.payload for unit in units if unit.side == 1] == [body for body in answered if body]
    assert sum(carrier.kinds.values()) == 2 * len(asked)
    heard = Heard()
    httptools.HttpRequestParser(heard).feed_data(up)
    assert heard.all == sent
    if all(method != "HEAD" for method, *_ in asked):  # httptools knows of no requests when it reads responses
        heard = Heard()
        httptools.HttpResponseParser(heard).feed_data(down)
        assert heard.all == answered


@examples(300)
@given(exchanges, st.data())
def test_mutated_traffic_raises_nothing_and_reads_the_same_however_cut(asked: list[tuple[str, str, bytes, int, bytes, bool]], data: st.DataObject) -> None:
    up, down, _, _ = written(asked)
    sides = [bytearray(up), bytearray(down)]
    for side in sides:
        for _ in range(data.draw(st.integers(0, 3))):
            side[data.draw(st.integers(0, len(side) - 1))] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):
            del side[data.draw(st.integers(0, len(side))):]
    steps = [(0, bytes(sides[0])), (1, bytes(sides[1]))]
    whole, _ = run(steps)
    split, _ = run(steps, data.draw(st.integers(1, 50)))
    assert split.kinds == whole.kinds
