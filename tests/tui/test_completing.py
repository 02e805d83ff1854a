"""What a filter that is being typed may go on with: where the cursor is, what is offered there, in which order, and what taking it makes of the text."""

from __future__ import annotations

import pytest

from dissect.fields import all_fields
from dissect.filter import compile_filter
from tests.tui.store import Said, store_of
from tui.model.completing import Offer, Place, known_as, offers, place_of
from tui.model.filters import problem_of
from tui.model.values import Seen, values_seen

SEEN = [Seen("2006", 0.5), Seen("2011", 0.3), Seen("two words", 0.004), Seen("living", None)]
SAVED = ["tcp", "clife.cmd == 2006 && tcp", "anomaly.severity >= warning"]


def offered(head: str, saved: list[str] | None = None) -> list[Offer]:
    return offers(head, values=lambda name: SEEN, saved=saved or [], complete=lambda text: not problem_of(text), names={"2011": "set"})


def shown(head: str) -> list[str]:
    return [one.shown for one in offered(head)]


@pytest.mark.parametrize(("head", "place"), [
    ("cli", Place("", 0, "cli")),
    ("fogslink && imei.sta", Place("", 12, "imei.sta")),
    ("clife.cmd == ", Place("clife.cmd", 13, "")),
    ("clife.cmd==20", Place("clife.cmd", 11, "20")),
    ("clife.cmd > ", Place("clife.cmd", 12, "")),
    ('http.uri contains "a b', Place("http.uri", 18, "a b", True)),
    ("message.type eq req", Place("message.type", 16, "req")),
    ("clife.cmd in {", Place("clife.cmd", 14, "")),
    ("tcp and clife.cmd in {2006, 20", Place("clife.cmd", 28, "20")),
    ('message.type in {"a b", "c d', Place("message.type", 24, "c d", True)),
    ("clife.cmd == 2006 ", Place("", 18, "")),
    ("clife.cmd == 2006 and ip", Place("", 22, "ip")),
    ('no.field == "cl', None),
    ("x" * 16_000, Place("", 0, "x" * 16_000)),
])
def test_what_is_wanted_at_the_cursor(head: str, place: Place | None) -> None:
    assert place_of(head) == place


def test_where_nothing_is_typed_there_are_saved_filters_and_all_fields() -> None:
    found = offered("", SAVED)
    assert [one.shown for one in found[:3]] == SAVED[::-1]
    assert [one.shown for one in found[3:]] == list(all_fields())


def test_fields_come_a_step_at_a_time_and_those_that_hold_the_word_after_them() -> None:
    assert shown("exchange.")[:3] == ["exchange.status", "exchange.operation", "exchange.latency_ms"]
    assert shown("eqSN")[0] == "fogslink.eqSN"
    latency = offered("exchange.lat")[0]
    assert (latency.kind, latency.measure, latency.note) == ("field", "number, ms", "Time from the last attempt to the response")


def test_values_come_by_how_often_they_were_seen_and_quoted_where_that_is_needed() -> None:
    assert [(one.text, one.measure, one.note) for one in offered("clife.cmd == ")] == [
        ("clife.cmd == 2006", "50%", ""), ("clife.cmd == 2011", "30%", "set"), ('clife.cmd == "two words"', "< 1%", ""), ("clife.cmd == living", "", "")]
    assert offered('message.type == "tw')[0].text == 'message.type == "two words"'
    assert offered("message.type == 20")[0].text == 'message.type == "2006"'
    assert offered("clife.cmd in {2006, 1")[0].text == "clife.cmd in {2006, 2011"
    assert not offered("clife.cmd == 2006") and not offered('x "clife')


def test_operators_and_what_joins_filters() -> None:
    assert shown("clife.cmd ") == ["==", "!=", "in {", ">", ">=", "<", "<=", "and", "or"]
    assert shown("message.type ")[:5] == ["==", "!=", "contains", "matches", "in {"]
    assert shown("message.type c")[0] == "contains"
    assert offered("message.type =")[0].text == "message.type == "
    assert shown("tcp ") == ["and", "or"] and offered("tcp o")[0].text == "tcp or "
    assert "and" not in shown("clife.cmd == ") and all(name.startswith("fogslink.") for name in shown("fogslink."))


def test_saved_filters_that_go_on_as_typed_are_seen_without_scrolling() -> None:
    found = offered("c", SAVED)
    assert "clife.cmd == 2006 && tcp" in [one.shown for one in found[:7]]
    assert offered("clife.cmd == 2006", SAVED)[-1].kind == "saved"


@pytest.mark.parametrize(("head", "follows"), [
    ("", ""), ("c", ""), ("message.", ""), ("message.type == ", ""), ("clife.cmd == 2", ""), ("clife.cmd in {2006, 2", "}"), ("tcp ", "udp"),
    ("message.type ", '"x"'), ("exchange.latency_ms ", "2"),
])
def test_whatever_is_taken_leads_on_to_a_filter(head: str, follows: str) -> None:
    for one in offered(head, SAVED):
        if one.kind != "operator" or one.shown in ("and", "or"):
            compile_filter(one.text + ("udp" if one.kind == "operator" else follows if one.kind == "value" else ""))
        else:
            compile_filter(one.text + follows + ("}" if one.shown == "in {" else ""))


def test_types_and_codes_are_explained() -> None:
    assert known_as(Place("message.type", 0, ""))["2006"] == "report"
    assert "heartbeat" in known_as(Place("anomaly.code", 0, ""))["timing.heartbeat-gap"]
    assert known_as(Place("clife.cmd", 0, "")) == {} and known_as(None) == {}


def test_values_are_those_of_the_capture_the_most_frequent_first() -> None:
    store = store_of([Said(0), Said(1, 1, "res200", answers=1), Said(2, 1, "req200", anomaly="timing.heartbeat-gap"), Said(3, 2, "req100")])
    assert [(one.text, one.share) for one in values_seen("message.type", store)] == [("req200", 0.5), ("res200", 0.25), ("req100", 0.25)]
    assert values_seen("fogslink.eqSN", store) == [Seen("1", 1.0)]
    assert {one.text for one in values_seen("fogslink.packID", store)} == {"1", "2", "3", "4"}
    assert [one.text for one in values_seen("anomaly.code", store)] == ["timing.heartbeat-gap"]
    assert [one.text for one in values_seen("anomaly.severity", store)] == ["note", "warning", "error"]
    assert "10.0.0.2" in {one.text for one in values_seen("ip.addr", store)}
    assert {one.text for one in values_seen("session.id", store)} == {"1", "2"}
    assert values_seen("frame.time", store) == [] and values_seen("clife.cmd", store) == []
