"""The analysis of the messages that came last: never more than the limit, what is kept told as it was, what is gone counted."""

from __future__ import annotations

import pytest

from dissect.analysis.rolling import Rolling
from dissect.model import Totals
from tests.effort import rungs
from tests.synthetic import MILLISECOND_NS, START_NS, anomaly, exchange, message, session, source


def fed(limit: int, count: int, *, finish: bool = True) -> Rolling:
    """Pairs of a request and its answer a millisecond apart, an anomaly on every tenth message; two sessions, the first of which closes."""
    rolling = Rolling(limit, keep_bytes=True, memory_limit=2000)
    rolling.source(source())
    for ident in (1, 2):
        rolling.session(session(ident), False)
    for number in range(1, count + 1):
        of = 1 if number < count // 4 else 2
        answer = number % 2 == 0
        rolling.message(message(number, number, type="res200" if answer else "req200", direction="down" if answer else "up", fields={"packID": str(number)},
                                duplicate_of=number - 4 if number % 7 == 0 else None),
                        of, START_NS + number * MILLISECOND_NS, b"raw %d" % number, b"plain %d" % number if number % 3 == 0 else None)
        if answer:
            rolling.exchange(exchange(number // 2, number - 1, number, latency_ms=1.0, attempts=[number - 1]), of)
        if number % 10 == 0:
            rolling.anomaly(anomaly(number // 10, "pair.retry", "warning", number, [max(1, number - 3), number]), of, START_NS + number * MILLISECOND_NS)
        if number == count // 4:
            rolling.session(session(1), True)
    if finish:
        rolling.finish(source(count), Totals())
    return rolling


@pytest.mark.parametrize("limit", rungs([10, 2, 3, 64, 999], every=4))
@pytest.mark.parametrize("finish", [True, False])
def test_what_is_kept_is_told_as_it_was(limit: int, finish: bool) -> None:
    count = 1000
    rolling, whole = fed(limit, count, finish=finish), fed(count + 1, count, finish=finish)
    part, all_of_it = rolling.analysis, whole.analysis
    assert len(part) <= limit and rolling.evicted + len(part) == count and not whole.evicted
    for index in range(len(part)):
        at = rolling.evicted + index
        ours, theirs = part.message_at(index), all_of_it.message_at(at)
        assert (ours.time, ours.type, ours.fields, ours.direction) == (theirs.time, theirs.type, theirs.fields, theirs.direction)
        assert part.raw(index) == b"raw %d" % (at + 1) == all_of_it.raw(at)
        assert part.plaintext(index) == all_of_it.plaintext(at)
        assert int(part.columns.value(index, "id")) == at + 1
    assert 2 in part.sessions and part.source_info is not None


def test_exchanges_and_anomalies_name_what_is_kept() -> None:
    rolling = fed(64, 1000, finish=False)
    part = rolling.analysis
    first = int(part.columns.value(0, "id"))
    assert len(part.exchange_columns) >= len(part) // 2 - 1
    for at in range(len(part.exchange_columns)):
        one = part.exchange_at(at)
        assert one.response == one.request + 1 and one.request >= first and one.attempts == [one.request]
    for index in range(len(part)):
        number = int(part.columns.value(index, "id"))
        belongs = part.exchange_of(index)
        if belongs is not None:
            assert number in (part.exchange_at(belongs).request, part.exchange_at(belongs).response)
        if number % 10 == 0:
            assert [part.anomaly_at(at).code for at in part.anomalies_of(index)] == ["pair.retry"]
            assert part.columns.value(index, "severity") == 2
    assert all(set(one.messages) <= set(range(first, 1001)) for one in part.anomalies)
    repeats = [part.message_at(index) for index in range(len(part))]
    assert any(one.duplicate_of for one in repeats)
    assert all(one.duplicate_of is None or one.duplicate_of == one.id - 4 >= first for one in repeats)


def test_device_ids_that_no_message_kept_has_are_forgotten() -> None:
    rolling = Rolling(10)
    rolling.session(session(1), False)
    for number in range(1, 101):
        rolling.message(message(number, number, device_id=f"fogslink:{number // 3}" if number % 2 else None), 1, START_NS + number, b"", None)
    part = rolling.analysis
    assert [part.message_at(index).device_id for index in range(len(part))] == [
        f"fogslink:{number // 3}" if number % 2 else None for number in range(rolling.evicted + 1, 101)]
    assert len(part.device_ids) <= 10
    rolling.attribute(100, "fogslink:new")
    assert part.message_at(len(part) - 1).device_id == "fogslink:new"


def test_the_one_before_can_be_read_as_long_as_someone_holds_it() -> None:
    rolling = fed(10, 9, finish=False)
    held = rolling.analysis
    for number in range(10, 40):
        rolling.message(message(number, number), 1, START_NS + number * MILLISECOND_NS, b"raw %d" % number, None)
    assert rolling.analysis is not held and len(held) == 10
    assert [held.raw(index) for index in range(10)] == [b"raw %d" % number for number in range(1, 11)]


def test_what_names_the_gone_is_dropped_and_a_limit_of_one_is_refused() -> None:
    rolling = fed(10, 100, finish=False)
    before = len(rolling.analysis.exchange_columns), len(rolling.analysis.anomaly_columns)
    rolling.exchange(exchange(900, 1, 100), 2)
    rolling.attribute(1, "fogslink:x")
    rolling.anomaly(anomaly(900, "pair.late", "warning", 100, [1]), 2, START_NS)
    assert (len(rolling.analysis.exchange_columns), len(rolling.analysis.anomaly_columns)) == (before[0], before[1] + 1)
    assert rolling.analysis.anomaly_at(before[1]).messages == []
    with pytest.raises(ValueError, match="two"):
        Rolling(1)
