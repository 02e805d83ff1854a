"""dissect.analysis: what is kept, the ids a report gives, and what another thread sees meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest

from dissect.analysis import Analysis
from dissect.analysis.columns import OVERFLOW, TEXT_LIMIT, Rows, Texts
from dissect.analysis.spool import Spool
from dissect.model import Device, Totals
from tests import synthetic
from tests.synthetic import anomaly, at, exchange, feed, message, session, source


@pytest.fixture
def analysis() -> Analysis:
    kept = Analysis(keep_bytes=True)
    feed(kept)
    return kept


def test_messages_are_numbered_by_time_and_then_by_arrival(analysis: Analysis) -> None:
    assert [analysis.id_of(index) for index in range(6)] == [2, 1, 3, 4, 5, 6]
    assert [analysis.message_at(int(index)).id for index in analysis.order()] == [1, 2, 3, 4, 5, 6]


def test_a_message_comes_back_as_it_was_given_under_its_new_ids(analysis: Analysis) -> None:
    kept = analysis.message_at(1)
    given = message(2, 10, type="2001", name="data", key=None, device_id="clife-lan:192.168.6.6", carrier={"type": "CON", "code": "0.02"},
                    fields={"cmd": 2001, "data": "xxx"})
    assert msgspec.structs.replace(kept, id=2, encryption=None) == given
    assert kept.encryption is not None and kept.encryption.data == {"params": ["1"]}
    assert analysis.message_at(4).duplicate_of == 4
    assert analysis.message_at(0).device_id == "fogslink:12345678"


def test_references_of_exchanges_and_anomalies_follow_the_new_ids(analysis: Analysis) -> None:
    first, second = analysis.exchange_at(0), analysis.exchange_at(1)
    assert (first.id, first.request, first.response, first.attempts, first.status, first.latency_ms) == (1, 1, None, [1], "timeout", None)
    assert (second.id, second.request, second.response, second.attempts, second.latency_ms) == (2, 2, 4, [2, 3], 12.5)
    assert [(one.code, one.id, one.messages) for one in analysis.anomalies] == [
        ("pair.timeout", 4, [1]), ("framing.malformed", 3, [6]), ("pair.retransmission", 2, [2, 3]), ("capture.damaged-file", 1, [])]


def test_until_it_is_finished_ids_are_those_given() -> None:
    live = Analysis()
    live.source(source())
    live.session(session(1), False)
    live.message(message(1, 30), 1, at(30), b"", None)
    live.message(message(2, 10), 1, at(10), b"", None)
    live.anomaly(anomaly(1, "pair.late", "note", 1, [2]), 1, at(1))
    assert [live.message_at(index).id for index in range(2)] == [1, 2]
    assert live.anomalies_of(1) == [0] and live.anomalies_of(0) == []
    assert not live.finished


def test_a_session_that_is_open_knows_its_device_as_soon_as_that_is_named() -> None:
    live = Analysis()
    live.session(msgspec.structs.replace(session(1), device_id=None), False)
    live.device(Device(id="fogslink:1", protocol="fogslink", identity={"eqSN": "1"}, addresses=["10.0.0.1"], sessions=[1]))
    assert live.sessions[1].device_id == "fogslink:1"
    live.session(msgspec.structs.replace(session(1), device_id="fogslink:2"), True)
    live.device(Device(id="fogslink:1", protocol="fogslink", identity={"eqSN": "1"}, addresses=["10.0.0.1"], sessions=[1]))
    assert live.sessions[1].device_id == "fogslink:2"


def test_what_belongs_to_a_message_is_found(analysis: Analysis) -> None:
    assert [analysis.exchange_of(index) for index in range(6)] == [1, 0, 1, 1, None, None]
    assert [analysis.anomalies_of(index) for index in range(6)] == [[2], [0], [2], [], [], [1]]
    assert analysis.columns.column("severity").tolist() == [1, 2, 1, 0, 0, 3]
    assert analysis.messages_of(1).tolist() == [0, 2, 3, 4, 5]
    assert analysis.type_of(1) == "2001" and analysis.name_of(5) is None and analysis.direction_of(3) == "down"


def test_bytes_are_kept_only_on_request(analysis: Analysis) -> None:
    assert analysis.raw(0) == synthetic.RAW_REQUEST and analysis.plaintext(0) is None
    assert analysis.plaintext(1) == synthetic.RAW_DATA
    frugal = Analysis()
    feed(frugal)
    assert frugal.raw(0) is None and frugal.plaintext(1) is None


def test_ids_with_gaps_are_found_too() -> None:
    filtered = Analysis()
    filtered.session(session(1), False)
    for ident in (3, 4, 9, 40):
        filtered.message(message(ident, ident), 1, at(ident), b"", None)
    assert [filtered.index_of(ident) for ident in (3, 4, 9, 40)] == [0, 1, 2, 3]
    for absent in (-1, 0, 1, 5, 41):
        with pytest.raises(LookupError):
            filtered.index_of(absent)


ODD_VALUES = [
    pytest.param({"text": "\ud800"}, id="lone surrogate"),
    pytest.param({"\udc00name": [1]}, id="lone surrogate in a name"),
    pytest.param({"number": 10**40}, id="integer beyond 64 bits"),
    pytest.param({"number": 1.0}, id="a float that is whole"),
    pytest.param({"text": "\u202e\x00\x1b[31m"}, id="control characters"),
    pytest.param(msgspec.Raw(b'{"raw": [1,2]}'), id="bytes as sent"),
]


@pytest.mark.parametrize("fields", ODD_VALUES)
def test_odd_values_survive(fields: Any) -> None:
    kept = Analysis()
    kept.session(session(1), False)
    kept.message(message(1, fields=fields, type="\ud800"), 1, at(0), b"", None)
    kept.exchange(exchange(1, 1, None, key={"a": "\udfff"}, operation="\ud800"), 1)
    kept.anomaly(anomaly(1, "pair.late", "note", 1, [1], message="\udead"), 1, at(1))
    kept.finish(source(), Totals())
    wanted = msgspec.json.decode(fields) if isinstance(fields, msgspec.Raw) else fields
    assert kept.message_at(0).fields == wanted and kept.message_at(0).type == "\ud800"
    assert kept.exchange_at(0).key == {"a": "\udfff"} and kept.exchange_at(0).operation == "\ud800"
    assert kept.anomaly_at(0).message == "\udead"


def test_a_type_too_long_for_the_table_is_read_from_the_message() -> None:
    kept = Analysis()
    long = "x" * (TEXT_LIMIT + 1)
    kept.message(message(1, type=long, name=long), 1, at(0), b"", None)
    assert kept.columns.value(0, "type") == OVERFLOW
    assert kept.type_of(0) == long and kept.name_of(0) == long


def test_a_reader_in_another_thread_sees_whole_messages_only() -> None:
    kept = Analysis(keep_bytes=True)
    kept.spool._limit = 4096
    wrong: list[str] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            count = len(kept)
            for index in {0, count // 2, count - 1} if count else ():
                body, raw = kept.message_at(index), kept.raw(index)
                if body.id != index + 1 or raw != b"%d" % body.id * 20:
                    wrong.append(f"{index}: {body.id} {raw!r}")
            if len(kept.columns.column("time_ns")) < count:
                wrong.append("a column shorter than the count")

    reader = threading.Thread(target=read)
    reader.start()
    for ident in range(1, 5001):
        kept.message(message(ident, ident), 1, at(ident), b"%d" % ident * 20, None)
    ended.set()
    reader.join()
    assert not wrong and kept.spool.on_disk > 0


def test_a_spool_gives_back_what_it_took_before_and_after_it_went_to_disk() -> None:
    spool = Spool(memory_limit=100)
    pieces = [bytes([number]) * (number % 50) for number in range(200)]
    offsets = [spool.append(piece) for piece in pieces]
    assert 0 < spool.on_disk <= len(spool) == sum(map(len, pieces))
    assert [spool.read(offset, len(piece)) for offset, piece in zip(offsets, pieces, strict=True)] == pieces
    spool.close()
    assert spool.read(0, 10) == b""


def test_rows_cross_their_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dissect.analysis.columns.CHUNK_ROWS", 4)
    rows = Rows((("a", "q"), ("b", "B"), ("c", "d")))
    for number in range(11):
        rows.append(-number, number, number / 2)
    rows.set(9, "b", 200)
    assert rows[9] == (-9, 200, 4.5) and rows.value(10, "a") == -10
    assert rows.column("a").tolist() == [-number for number in range(11)]
    assert rows.column("b", 3, 10).tolist() == [3, 4, 5, 6, 7, 8, 200]
    assert rows.column("c", 11).tolist() == []
    for index in (-1, 11):
        with pytest.raises(IndexError):
            rows[index]


def test_texts_are_bounded() -> None:
    texts = Texts(limit=2)
    assert [texts[text] for text in (None, "a", "b", "a", "c", "b")] == [0, 1, 2, 1, OVERFLOW, 2]
    assert texts.text(2) == "b" and texts.find("c") is None and texts.all() == [None, "a", "b"]
