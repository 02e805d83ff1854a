"""dissect.filter: what expressions match, what they keep, and where they are wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from dissect.analysis import Analysis
from dissect.filter import FilterError, compile_filter, select
from dissect.report import write_json
from tests.filter_world import world

ALL = set(range(1, 16))


@pytest.fixture(scope="module")
def analysis() -> Iterator[Analysis]:
    made = world()
    yield made
    made.close()


def ids(analysis: Analysis, text: str) -> set[int]:
    """Messages that match, by id; asked for at once and one by one."""
    chosen = compile_filter(text)
    mask = chosen.mask(analysis).tolist()
    assert mask == [chosen.matches(analysis, index) for index in range(len(analysis))], "the quick way and the plain way differ"
    return {analysis.id_of(index) for index, matches in enumerate(mask) if matches}


MATCHES: list[tuple[str, set[int]]] = [
    # of cli.md
    ('fogslink.eqSN == "12345678"', {1, 2, 3}),
    ("clife.cmd in {2006, 2011}", {7, 12, 13}),
    ('clife.data.params.0 == "1"', {7}),
    ('imei.status != "200"', ALL),
    ('imei && imei.status != "404"', {4, 5}),
    ('camera.operate contains "snapshot"', {9, 10}),
    ("ip.addr == 10.0.0.6", {4, 5, 6}),
    ("tcp.port == 12306", {4, 5, 6}),
    ("exchange.latency_ms > 500", {7, 8}),
    ('exchange.status == "timeout"', {3}),
    ("anomaly.severity >= warning", {3, 5, 6, 14}),
    ('anomaly.code matches "^pair\\\\."', {3, 5, 6, 7, 8}),
    # names alone
    ("fogslink", {1, 2, 3, 14, 15}), ("imei", {4, 5, 6}), ("imei-tcp", {4, 5, 6}), ("imei_tcp", {4, 5, 6}), ("clife", {7, 8, 12, 13}),
    ("clife-lan", {7, 8}), ("clife_cloud", {12, 13}), ("camera", {9, 10, 11}),
    ("tcp", ALL - {7, 8}), ("udp", {7, 8}), ("mqtt", {9, 10, 12, 13}), ("coap", {7, 8}), ("http", {11}),
    ("fogslink.eqData", {1, 3}), ("fogslink.eqData.eVal", {1}), ("imei.imei", {5}), ("imei.data", {5}), ("clife.data", {7, 12, 13}),
    ("clife.data.params", {7, 12, 13}),
    ("exchange.status", {1, 2, 3, 4, 5, 6, 7, 8, 12, 13}), ("exchange.latency_ms", {1, 2, 4, 5, 6, 7, 8}), ("anomaly.code", {3, 5, 6, 7, 8, 14}),
    ("coap.token", {7, 8}),
    ("mqtt.topic", {9, 10, 12}), ("mqtt.clientid", {9, 10, 12, 13}), ("http.uri", {11}), ("device.id", {1, 2, 3}), ("message.type", ALL - {14}),
    ("frame.number", ALL), ("", ALL),
    # numbers and their spellings, leniently in messages
    ('fogslink.eqSN == 12345678', {1, 2, 3}), ("fogslink.packID == 7", {1, 3}), ('fogslink.packID == "7"', {1}), ("fogslink.packID == 0x7", {1, 3}),
    ("fogslink.eqData.eVal < 0", {1}), ("fogslink.eqData.eVal > 2.3", {1}), ('clife.cmd == "2006"', {7, 13}), ("clife.cmd == 2011", {12}),
    ("camera.ret == 0", {9}),
    ("clife.data.params.5 == true", {12}), ("clife.data.params.5 == 1", {12}), ('clife.data.params.5 == "true"', {12}),
    ("clife.data.params.5 == False", set()),
    (f"clife.data.params.5 == {2 ** 70}", {13}), ("clife.data.params.5 > 1e30", set()), ("clife.data.params.1 == 25.5", {7}),
    ("camera.timestamp == 1500000000", {11}),
    ('fogslink.totalSize == "2"', {1}), ("imei.length in {20..30}", {5}), ("imei.length in {6, 20..30}", {5, 6}),
    # text
    ('message.type == "req200"', {1, 3}), ('message.type == 2006', {7, 13}), ('message.type matches "^REQ"', {1, 3}),
    ('message.type ~ r"^\\d+$"', {6, 7, 8, 12, 13}),
    ('message.type in {"req200", "QD"}', {1, 3, 5}), ('message.name contains "report"', {1, 2}), ('message.direction == "down"', {2, 6, 8, 15}),
    ('message.direction == up', ALL - {2, 6, 8, 15}), ('mqtt.topic == "cam/7/up"', {9, 10}), ('mqtt.clientid == ""', {12, 13}),
    ('http.uri contains "x=1"', {11}),
    ('coap.token == "0a0b"', {7, 8}), ("coap.mid == 77", {7, 8}), ('camera.sn == "S\\aN"', {9}), ('camera.sn == "S\\x07N"', {9}),
    ('fogslink.eqSN == "\\ud800"', {15}),
    ('device.id == "fogslink:1"', {1, 2, 3}), ('clife.data.userId == "u1"', {7}), ('clife.data contains "c2V"', set()),
    ('message.type >= "req"', {1, 2, 3, 9, 10, 15}),
    # columns
    ("frame.number == 2", {1, 2}), ("frame.number <= 3 and frame.number > 1", {1, 2, 3}), ("message.size == 138", {1}), ("session.id == 4", {9, 10}),
    ("message.id in {3..5, 9}", {3, 4, 5, 9}), ("1 < message.id <= 3", {2, 3}), ("3 >= message.id", {1, 2, 3}), ("frame.number < 1e99", ALL),
    ("frame.number < 2.5", {1, 2}),
    (f"frame.number < {10 ** 30}", ALL), (f"frame.number > {10 ** 30}", set()), (f"frame.number > -{10 ** 390}", ALL),
    ("frame.time >= 2026-11-20T08:00:00.120Z", {14, 15}), ('frame.time < "2026-11-20T08:00:00.01Z"', {1}),
    ('frame.time == "2026-11-20 08:00:00.01"', {2}),
    # addresses
    ("ip.addr == 10.0.0.0/8", ALL - {7, 8}), ("ip.addr == fe80::1", {7, 8}), ("ip.addr == fe80::/10", {7, 8}), ('ip.addr == "10.0.0.7"', {9, 10, 11}),
    ("ip.addr in {10.0.0.6, 10.0.0.7..10.0.0.8}", {4, 5, 6, 9, 10, 11, 12, 13}), ("ip.addr < 10.0.0.6", {1, 2, 3, 14, 15}),
    ("ip.addr > fe80::1", {7, 8}),
    # several values
    ("ip.addr != 10.0.0.6", ALL - {4, 5, 6}), ("ip.addr !== 10.0.0.6", ALL), ("ip.addr === 10.0.0.6", set()),
    ("all tcp.port > 4000", {1, 2, 3, 4, 5, 6, 14, 15}),
    ("any tcp.port != 80", ALL - {7, 8}), ("all ip.addr == fe80::/10", {7, 8}), ("fogslink.eqData.eChan != \"P0-C1\"", ALL - {1}),
    ("any fogslink.eqData.eChan != \"P0-C1\"", {1}), ("tcp.port not in {80, 1883}", ALL - {9, 10, 11, 12, 13}), ("all udp.port in {5683}", {7, 8}),
    ('anomaly.code == "pair.timeout" && anomaly.code == "schema.bad-type"', {3}), ('exchange.status == "error" && exchange.status == "ok"', {6}),
    # durations, severities
    ("exchange.latency_ms >= 0.6s", {7, 8}), ("exchange.latency_ms < 11ms", {1, 2, 4, 5, 6}), ("anomaly.severity == note", {7, 8}),
    ('anomaly.severity == "error"', {14}),
    ("anomaly.severity < error", {3, 5, 6, 7, 8}), ('exchange.operation == "control"', {12, 13}),
    # fields with fields
    ("message.id == frame.number", ALL - {1}), ("message.id < coap.mid", {7, 8}), ("message.type == clife.cmd", {7, 8, 12, 13}),
    ("message.id != frame.number", {1}),
    # words: and binds tighter than xor, xor than or; not binds tightest, but less than a comparison
    ("http or fogslink and udp", {11}), ("(http or fogslink) and tcp", {1, 2, 3, 11, 14, 15}), ("udp || http && mqtt", {7, 8}),
    ("not udp and mqtt", {9, 10, 12, 13}),
    ("!message.id == 1", ALL - {1}), ("! ! http", {11}), ("not (udp or mqtt)", ALL - {7, 8, 9, 10, 12, 13}), ("udp xor coap", set()),
    ("mqtt ^^ camera", {11, 12, 13}),
    ("udp or mqtt xor camera", {7, 8, 11, 12, 13}), ("http xor tcp and camera", {9, 10}), ("udp xor udp xor udp", {7, 8}),
    ("session.id eq 1 and message.id ne 1 or session.id gt 5", {2, 3, 12, 13, 14, 15}), ("message.id ge 14", {14, 15}),
    ("message.id lt 2 or message.id le 1", {1}),
]


@pytest.mark.parametrize(("text", "expected"), MATCHES, ids=[text or "blank" for text, _ in MATCHES])
def test_an_expression_matches(analysis: Analysis, text: str, expected: set[int]) -> None:
    assert ids(analysis, text) == expected


def test_not_equal_is_the_negation_of_equal_whatever_the_field(analysis: Analysis) -> None:
    for comparison in ('== "12345678"', "== 7", "== 10.0.0.6", "== warning", '== "pair.late"'):
        for name in ("fogslink.eqSN", "fogslink.packID", "ip.addr", "anomaly.severity", "anomaly.code", "tcp.port"):
            try:
                equal = ids(analysis, f"{name} {comparison}")
            except FilterError:
                continue
            assert ids(analysis, f"{name} {comparison.replace('==', '!=')}") == ALL - equal == ids(analysis, f"!({name} {comparison})")


def test_a_filter_tells_which_fields_it_uses() -> None:
    used = compile_filter('clife_lan || fogslink.eqSN == "1" && !(anomaly.code in {"pair.late"}) || message.id < coap.mid').fields_used
    assert used == {"clife-lan", "fogslink.eqSN", "anomaly.code", "message.id", "coap.mid"}


def report(analysis: Analysis, text: str) -> dict[str, Any]:
    out = io.BytesIO()
    write_json(select(analysis, compile_filter(text)).analysis(), out)
    made: dict[str, Any] = json.loads(out.getvalue())
    return made


def kept(made: dict[str, Any], part: str) -> set[int]:
    return {one["id"] for holder in made["sessions"] for one in holder[part]} | ({one["id"] for one in made["anomalies"]} if part == "anomalies" else set())


KEEPS = [
    # filter, messages, exchanges, anomalies by code
    ("message.id == 1", {1, 2}, {1}, set()),
    ("message.id == 2", {1, 2}, {1}, set()),
    ("message.id == 3", {3}, {2}, {"pair.timeout", "schema.bad-type"}),
    ("message.id == 13", {12, 13}, {6}, set()),
    ("message.id == 4", {4, 5, 6}, {3}, set()),
    ("message.id == 6", {4, 5, 6}, {3, 4}, {"pair.refused"}),
    ("message.id == 10", {10}, set(), set()),
    ('anomaly.code == "capture.damaged-file"', set(), set(), {"capture.damaged-file"}),
    ("anomaly.severity == error", {14}, set(), {"capture.damaged-file", "framing.malformed"}),
    ('anomaly.code == "timing.heartbeat-gap" && imei', set(), set(), {"timing.heartbeat-gap"}),
    ('anomaly.code == "timing.heartbeat-gap" && fogslink', set(), set(), set()),
    ("!fogslink && !imei", {7, 8, 9, 10, 11, 12, 13}, {5, 6}, {"pair.late"}),
]


@pytest.mark.parametrize(("text", "messages", "exchanges", "codes"), KEEPS, ids=[row[0] for row in KEEPS])
def test_kept_are_the_matching_messages_what_names_one_and_what_that_names(
        analysis: Analysis, text: str, messages: set[int], exchanges: set[int], codes: set[str]) -> None:
    made = report(analysis, text)
    assert (kept(made, "messages"), kept(made, "exchanges")) == (messages, exchanges)
    anomalies = [one for holder in (*made["sessions"], made) for one in holder["anomalies"]]
    assert {one["code"] for one in anomalies} == codes
    totals = made["totals"]
    assert (totals["messages"], totals["exchanges"]) == (len(messages), len(exchanges))
    assert sum(totals["anomalies"].values()) == len(anomalies)
    assert {one["id"] for one in made["sessions"]} == {
        holder["id"] for holder in made["sessions"] if holder["messages"] or holder["exchanges"] or holder["anomalies"]}
    for holder in made["sessions"]:
        for one in holder["exchanges"]:
            named = {one["request"], one["response"], one["acknowledgement"], *one["attempts"], *one["intermediate"]} - {None}
            assert named <= messages
        assert all(set(one["messages"]) <= messages for one in holder["anomalies"])


def test_what_is_kept_is_as_in_the_whole_report(analysis: Analysis) -> None:
    whole, part = report(analysis, ""), report(analysis, "clife or camera or message.id == 3")
    for name in ("messages", "exchanges", "anomalies"):
        everything = {one["id"]: one for holder in whole["sessions"] for one in holder[name]}
        assert kept(part, name) and all(everything[one["id"]] == one for holder in part["sessions"] for one in holder[name])
    assert {one["id"] for one in part["sessions"]} == {1, 3, 4, 5, 6}


def test_a_message_that_repeats_one_not_kept_still_names_it(analysis: Analysis) -> None:
    made = report(analysis, "message.id == 10")
    assert [one["duplicate_of"] for holder in made["sessions"] for one in holder["messages"]] == [9]
    part = select(analysis, compile_filter("message.id == 10")).analysis()
    assert part.message_at(0).duplicate_of == 9 and len(part.ids()) == 1


def test_severity_and_exchange_of_a_kept_message_are_of_what_is_kept(analysis: Analysis) -> None:
    part = select(analysis, compile_filter("message.id == 4")).analysis()
    by_id = {part.id_of(index): index for index in range(len(part))}
    assert part.columns.value(by_id[6], "severity") == 0 and part.anomalies_of(by_id[6]) == []
    assert [part.exchange_of(by_id[ident]) for ident in (4, 5, 6)] == [0, 0, 0]
    assert part.exchange_at(0).attempts == [4, 5]


WRONG = [
    # expression, 0-based place, what is said
    ("fogslink.eqSM == 1", 0, "did you mean fogslink.eqSN"),
    ("udp and eqSN", 8, "did you mean fogslink.eqSN"),
    ("Fogslink", 0, "did you mean fogslink"),
    ("exchange.latency > 5", 0, "did you mean exchange.latency_ms"),
    ("fogslink.eqSN.x", 0, "no field is called"),
    ("clife.", 0, "no field is called"),
    ('tcp.port == "abc"', 12, "is a number"),
    ("tcp.port in {80, x}", 17, "is a number"),
    ("tcp.port > 5ms", 11, "is a number"),
    ('clife.cmd == "abc"', 13, "is a number"),
    ("ip.addr == 300.1.1.1", 11, "is no address"),
    ('ip.addr contains "1"', 0, "is for text"),
    ("frame.time > yesterday", 13, "is no time"),
    ("anomaly.severity >= high", 20, "note, warning, error"),
    ("anomaly.severity >= warn", 20, "did you mean warning"),
    ('exchange.status == "timedout"', 19, "did you mean timeout"),
    ('anomaly.code == "pair.tiemout"', 16, "did you mean pair.timeout"),
    ("message.type == req", 16, "double quotes"),
    ("fogslink.eqSN == abc", 17, 'double quotes: "abc"'),
    ("fogslink == 1", 0, "stands alone"),
    ("ip.addr == tcp.port", 11, "different types"),
    ("fogslink.eqSN == udp", 17, "is a protocol"),
    ('"a" == "b"', 0, "a field is wanted"),
    ("1 == 2", 0, "no field is called"),
    ('"x" contains message.type', 0, "wants the field on its left"),
    ('message.type matches "("', 21, "regular expression is wrong"),
    ('message.type matches "(a+)+"', 21, "take for ever"),
    ('message.type matches r"(a)\\1"', 21, "take for ever"),
    ('message.type matches "\\d"', 22, "is no escape"),
    ("message.id == ", 14, "ends too early"),
    ("message.id = 1", 11, "write =="),
    ("udp & tcp", 4, "write && or and"),
    ("udp AND tcp", 4, "in small letters"),
    ("(udp", 4, "a ) is wanted"),
    ("udp)", 3, "not expected"),
    ('message.type == "a', 16, "no closing"),
    ("message.type == 'a'", 16, "double quotes"),
    ("tcp.port in 80", 12, "a set as"),
    ("!" * 200 + "udp", 99, "deep"),
    ("x" * 20_000, 16_384, "at most"),
]


@pytest.mark.parametrize(("text", "place", "says"), WRONG, ids=[row[0][:40] for row in WRONG])
def test_a_wrong_filter_names_the_place(text: str, place: int, says: str) -> None:
    with pytest.raises(FilterError, match=".") as caught:
        compile_filter(text)
    assert says in str(caught.value) and caught.value.position == place and caught.value.text == text
