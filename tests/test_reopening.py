"""Keys that come while a capture is read once: whenever they come, what was kept is decrypted as if they had been there from the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dissect.analysis import Analysis
from dissect.analysis.rolling import Rolling
from dissect.capture import Batch, open_capture
from dissect.keys import Keyring, joined, load_keys
from dissect.options import Options
from dissect.pipeline import Pipeline, analyse
from dissect.sources import Passing

CAPTURES = Path(__file__).resolve().parents[1] / "captures"
SEALED = ("clife-cloud-register", "clife-lan-dh", "clife-lan-ecdh", "clife-lan-fixed", "clife-lan-nanoec", "demo")
LATE = {"crypto.no-key", "crypto.wrong-key", "security.weak-key-exchange", "security.key-reuse", "security.invalid-public-key"}
"""what may be told of a message that the keys came too late for, or not be told"""


class Slowly(Passing):
    """A capture in batches of one packet; behind the packet of that number *then* is done."""

    def __init__(self, folder: str, after: int, then: Callable[[], object]) -> None:
        super().__init__(open_capture([str(next((CAPTURES / folder).glob("capture.pcap*")))]))
        self._after, self._then = after, then

    def __iter__(self) -> Iterator[Batch]:
        count = 0
        for batch in self._capture:
            ordered = batch.in_time_order()
            for place in range(len(ordered)):
                yield ordered.select(np.array([place]))
                count += 1
                if count == self._after:
                    self._then()


def read(folder: str, keys: Keyring | None, sink: Any, after: int = -1, then: Callable[[Pipeline], object] = lambda pipeline: None,
         keep_bytes: bool = True) -> Pipeline:
    made: list[Pipeline] = []
    analyse(Slowly(folder, after, lambda: then(made[0])), sink, Options(keys=keys, keep_bytes=keep_bytes), made.append)
    return made[0]


def assert_same(ours: Analysis, theirs: Analysis) -> None:
    assert len(ours) == len(theirs)
    for index in range(len(theirs)):
        assert ours.message_at(index) == theirs.message_at(index)
        assert (ours.raw(index), ours.plaintext(index)) == (theirs.raw(index), theirs.plaintext(index))
    assert list(ours.exchanges) == list(theirs.exchanges)
    told, expected = ([(one.code, tuple(one.messages)) for one in analysis.anomalies if one.code not in LATE] for analysis in (ours, theirs))
    assert sorted(told) == sorted(expected)
    assert "crypto.no-key" not in {one.code for one in ours.anomalies} - {one.code for one in theirs.anomalies}
    for index in range(len(ours)):
        assert ours.columns.value(index, "severity") == max(
            (ours.anomaly_columns.value(at, "severity") for at in ours.anomalies_of(index)), default=0)


@pytest.mark.parametrize("folder", SEALED)
def test_all_that_was_kept_is_opened_once_all_is_read(folder: str) -> None:
    keys = load_keys(CAPTURES / folder / "keys.toml")
    whole, late = Analysis(True), Rolling(10_000, True, memory_limit=1000)
    read(folder, keys, whole)
    pipeline = read(folder, None, late)
    before, shown = late.analysis, [late.analysis.message_at(index) for index in range(len(late.analysis))]
    assert late.reopen(pipeline.engine, keys) == sum(whole.plaintext(index) is not None for index in range(len(whole))) > 0
    assert late.analysis.finished
    assert_same(late.analysis, whole)
    assert [before.message_at(index) for index in range(len(before))] == shown, "who still reads the old one finds it as it was"


@pytest.mark.parametrize("folder", ["clife-lan-dh", "clife-lan-nanoec", "clife-cloud-register"])
def test_keys_that_come_after_any_packet_open_what_was_and_what_comes(folder: str) -> None:
    keys = load_keys(CAPTURES / folder / "keys.toml")
    whole = Analysis(True)
    read(folder, keys, whole)
    assert whole.source_info is not None
    for after in range(1, whole.source_info.packets, 3):
        late = Rolling(10_000, True)
        read(folder, None, late, after, lambda pipeline, late=late: late.reopen(pipeline.engine, keys))  # type: ignore[misc]
        assert_same(late.analysis, whole)


def test_the_wrong_keys_open_nothing_and_change_nothing() -> None:
    other = load_keys(CAPTURES / "clife-cloud-register" / "keys.toml")
    late = Rolling(10_000, True)
    pipeline = read("clife-lan-fixed", None, late)
    before = late.analysis
    assert late.reopen(pipeline.engine, other) == 0 and late.analysis is before


def test_without_bytes_nothing_kept_is_opened_but_what_comes_is() -> None:
    keys = load_keys(CAPTURES / "clife-lan-fixed" / "keys.toml")
    late = Rolling(10_000, False)
    opened: list[int] = []
    read("clife-lan-fixed", None, late, 6, lambda pipeline: opened.append(late.reopen(pipeline.engine, keys)), keep_bytes=False)
    states = [message.encryption.status for message in (late.analysis.message_at(index) for index in range(len(late.analysis))) if message.encryption]
    assert opened == [0] and "no-key" in states and states[-1] == "decrypted"


def test_what_is_opened_rolls_on() -> None:
    """A rewritten analysis is full like any other: its first half goes, the rest is told as it was."""
    keys = load_keys(CAPTURES / "demo" / "keys.toml")
    whole, rolling = Analysis(True), Rolling(80, True, memory_limit=500)
    read("demo", keys, whole)
    read("demo", None, rolling, 120, lambda pipeline: rolling.reopen(pipeline.engine, keys))
    part = rolling.analysis
    assert rolling.evicted > 0
    for index in range(len(part)):
        at = whole.index_of(int(part.columns.value(index, "id")))
        assert (part.raw(index), part.plaintext(index), part.body(index)) == (whole.raw(at), whole.plaintext(at), whole.body(at))


def test_keyrings_are_joined() -> None:
    first, more = (load_keys(CAPTURES / name / "keys.toml") for name in ("clife-lan-fixed", "clife-cloud-register"))
    both = joined(first, more)
    assert set(both.entries) == {*first.entries, *more.entries} and joined(both, first).entries == both.entries
