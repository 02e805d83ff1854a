"""A run of days in seconds: whatever connects, leaves, or falls silent, no table of the analysis grows for ever, and bounds that cut are counted."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable

import pytest

from captures.messages import operate
from dissect.capture import Batch
from dissect.options import Options
from dissect.streams.policy import LIVE
from tests.bench.packets import SYN, Flow
from tests.fogslink_says import login
from tests.ladder import ladder
from tests.soak.census import Replay
from tests.soak.traffic import SCENES

SMALL = {
    "dissect.engine.engine.ADDRESSES_REMEMBERED": 64, "dissect.engine.engine.DEVICES_REMEMBERED": 64, "dissect.engine.engine.SESSIONS_TOLD": 16,
    "dissect.engine.engine.FACTS_LIMIT": 32,
    "dissect.pairing.reuse.RECENT_LIMIT": 64, "dissect.pairing.waiting.TIMERS_SPARE": 64, "dissect.streams.table._ENDED_REMEMBERED": 64,
    "dissect.streams.table._REMEMBERED": 1 << 12,
    "dissect.pairing.legs.REMEMBERED": 64, "dissect.pairing.legs.TOPICS": 64, "dissect.pipeline.UNITS_REMEMBERED": 64, "dissect.pipeline.DATAGRAM_SESSIONS": 64,
    "dissect.pipeline.STREAMS_TOLD": 16, "dissect.carriers.coap.MAX_MESSAGES": 64, "dissect.carriers.coap.MAX_REQUESTS": 64,
    "dissect.carriers.mqtt_state.MAX_REMEMBERED_CLIENTS": 64, "dissect.redact.sink.CLOSED_REMEMBERED": 64, "dissect.redact.pseudonyms.REMEMBERED": 64,
    "dissect.engine.validation._REMEMBERED": 16,
}  # fmt: skip
"""every bound by count, so that all of them are reached; those by time are, at twenty packets a second"""
PACKETS, RATE = 12_000, 20
SPARE = 120
"""entries by which a table may differ from one moment to another: batches, requests that are open, tables that are emptied an eighth at a time"""


@pytest.mark.slow
@pytest.mark.parametrize("redact", [False, True], ids=["plain", "redacted"])
@pytest.mark.parametrize("scene", SCENES)
def test_nothing_grows_for_ever(scene: str, redact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(name, value)
    replay = Replay(SCENES[scene], RATE, LIVE._replace(most_flows=200), devices=4, redact=redact)
    replay.feed(PACKETS)
    before = replay.tables()
    replay.feed(PACKETS)
    after = replay.tables()
    assert {place: (before[place], size) for place, size in after.items() if size > before[place] * 1.5 + SPARE} == {}


def test_the_sessions_told_of_a_device_are_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dissect.engine.engine.SESSIONS_TOLD", 16)
    replay = Replay(SCENES["churn"], RATE, devices=1)
    replay.feed(PACKETS)
    engine = replay.pipeline.engine
    open_ones = {session.device_id: session.id for session in engine.sessions.values() if session.device_id is not None}
    assert open_ones
    for ident, session in open_ones.items():
        assert len(engine.devices[ident].sessions) <= 16
        assert session in engine.devices[ident].sessions


def test_a_file_tells_all_sessions_of_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dissect.engine.engine.SESSIONS_TOLD", 2)
    monkeypatch.setattr("dissect.engine.engine.DEVICES_REMEMBERED", 2)
    steps = [step._replace(connection=number, at=step.at + 10 * number) for number in range(1, 7) for step in login()]
    told = ladder(*steps, options=Options())
    assert [len(device.sessions) for device in told.devices.values()] == [6]


def test_sessions_of_datagrams_beyond_the_bound_are_closed_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dissect.pipeline.DATAGRAM_SESSIONS", 16)
    replay = Replay(SCENES["newcomers"], RATE, devices=1)
    replay.feed(PACKETS)
    datagrams = [session for session in replay.pipeline.engine.sessions.values() if session.connectionless]
    assert 0 < len(datagrams) <= 16
    assert replay.pipeline.engine.totals.limits.streams > 0


def left_for_the_collector(feed: Callable[[], None]) -> Counter[str]:
    """Our objects that only the collector frees after *feed*."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        feed()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return Counter(type(one).__name__ for one in gc.garbage if type(one).__module__.startswith("dissect"))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()


@pytest.mark.parametrize("scene", ["churn", "silent"])
def test_what_ended_leaves_no_circle_for_the_collector(scene: str) -> None:
    """It hardly ever runs, and in a run of days circles would pile up."""
    replay = Replay(SCENES[scene], RATE, LIVE._replace(most_flows=50))
    replay.feed(2000)
    assert left_for_the_collector(lambda: replay.feed(8000)) == {}


FOREIGN = {
    "undecided": b"\x16\x03\x01\x02\x00\x01\x00\x01", "unknown": bytes(range(256)) * 300, "empty": b"", "http": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "mqtt": b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a",
}  # fmt: skip


@pytest.mark.parametrize("payload", FOREIGN)
def test_connections_of_others_leave_no_circle_either(payload: str) -> None:
    replay = Replay(SCENES["lasting"], RATE, LIVE._replace(most_flows=50))
    replay.feed(2000)

    def feed() -> None:
        now = 2 * 10**18
        for number in range(400):
            flow = Flow(bytes((172, 16, number >> 8, number & 255)), bytes((9, 9, 9, 9)), 1024 + number, 443, number)
            frames = [flow.tcp(0, b"", SYN), flow.tcp(0, FOREIGN[payload][:1400]), flow.udp(0, b"\x12\x34\1\0\0\1"), flow.udp(1, b"\x40\x01\0\1")]
            replay.table.feed(Batch.of([(now + number * 10**9 + place, data, len(data)) for place, data in enumerate(frames)], 1, first_number=4 * number + 1))

    assert left_for_the_collector(feed) == {}


def test_a_torn_connection_of_ours_leaves_no_circle() -> None:
    """Objects that framing has to find: its framers ask the reader what is a message."""
    replay = Replay(SCENES["lasting"], RATE, LIVE._replace(most_flows=50))
    replay.feed(2000)

    def feed() -> None:
        for number in range(200):
            flow = Flow(bytes((172, 16, number >> 8, number & 255)), bytes((9, 9, 9, 9)), 1024 + number, 1884, number)
            said = operate("heartbeat", str(number), "SN1")
            frames = [flow.tcp(0, b"", SYN), flow.tcp(0, said + said[:20]), flow.tcp(0, said[20:])][number % 2:]
            replay.table.feed(Batch.of([(2 * 10**18 + number * 10**9 + place, data, len(data)) for place, data in enumerate(frames)], 1,
                                       first_number=4 * number + 1))

    assert left_for_the_collector(feed) == {}
