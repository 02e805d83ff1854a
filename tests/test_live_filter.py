"""`--filter` on lines as they come keeps what a filter keeps of the whole, told as early as it can be known."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from captures.write import FOLDER
from dissect.analysis import Analysis
from dissect.capture import Batch, open_capture
from dissect.filter import compile_filter, select
from dissect.keys import load_keys
from dissect.live import filtered
from dissect.live.filtered import FilteredLines
from dissect.options import Options
from dissect.pipeline import Pipeline, analyse
from dissect.report import NdjsonSink, replay
from dissect.sources import Passing
from dissect.streams.table import ConversationTable

FILTERS = (
    "fogslink", "message.direction == \"up\"", "message.type == \"req200\"", "clife.cmd in {2006, 2011}", "exchange.status == \"timeout\"",
    "exchange.latency_ms > 20", "!(exchange.status == \"ok\")", "exchange.status != \"ok\" && message.direction == \"down\"",
    "anomaly.severity >= warning", "anomaly.code matches \"^pair\\\\.\"", "!anomaly.code", "anomaly.code == \"timing.heartbeat-gap\" or mqtt",
    "exchange.latency_ms > 5 xor message.direction == \"up\"", "camera && exchange.operation contains \"snap\"", "tcp.port == 1",
)  # fmt: skip


def sample(name: str) -> tuple[str, Options]:
    folder = FOLDER / name
    capture = next(path for path in sorted(folder.glob("capture.*")) if ".pcap" in path.name)
    keys = folder / "keys.toml"
    return str(capture), Options(keys=load_keys(keys) if keys.exists() else None)


def outline(lines: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """What is told, but for ids, which follow the order of writing."""
    messages = {line["id"]: f"{line['time']} {line['frames']} {line['type']} {line['fields']}" for line in lines if line["kind"] == "message"}
    found: dict[str, Counter[str]] = {"message": Counter(messages.values()), "exchange": Counter(), "anomaly": Counter(), "session": Counter()}
    sessions = {}
    for line in lines:
        if line["kind"] == "exchange":
            named = [line["request"], line["response"], line["acknowledgement"], *line["attempts"], *line["intermediate"]]
            found["exchange"][f"{line['operation']} {line['status']} {line['latency_ms']} {[messages[one] for one in named if one]}"] += 1
        elif line["kind"] == "anomaly":
            found["anomaly"][f"{line['code']} {line['time']} {line['message']} {[messages[one] for one in line['messages']]}"] += 1
        elif line["kind"] == "session":
            sessions[line["id"]] = f"{line['device']} {line['peer']} {line['device_id']} {line['last_time']}"
    found["session"] = Counter(sessions.values())
    return found


def parsed(out: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def live(name: str, text: str, size: int) -> list[dict[str, Any]]:
    """The lines of a filter on a sample, fed *size* packets at a time."""
    path, options = sample(name)
    out = io.BytesIO()
    sink = FilteredLines(NdjsonSink(out), compile_filter(text))

    class Fed(Passing):
        def __iter__(self) -> Iterator[Batch]:
            import numpy as np

            for batch in self._capture:
                ordered = batch.in_time_order()
                for begin in range(0, len(ordered), size):
                    part = ordered.select(np.arange(begin, min(begin + size, len(ordered))))
                    yield part
                    sink.settle(int(part.time_ns[-1]))

    with open_capture([path]) as capture:
        analyse(Fed(capture), sink, options)
    return parsed(out)


def offline(name: str, text: str) -> list[dict[str, Any]]:
    path, options = sample(name)
    analysis, out = Analysis(), io.BytesIO()
    with open_capture([path]) as capture:
        analyse(capture, analysis, options)
    replay(select(analysis, compile_filter(text)).analysis(), NdjsonSink(out))
    return parsed(out)


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("name", ["demo", "fogslink-day", "clife-cloud-upgrade", "camera-mqtt"])
def test_what_is_kept_is_what_a_filter_keeps_of_the_whole(name: str, text: str) -> None:
    ours, theirs = live(name, text, 7), offline(name, text)
    assert outline(ours) == outline(theirs)
    assert {key: value for key, value in ours[-1].items() if key != "protocols"} == {key: value for key, value in theirs[-1].items() if key != "protocols"}
    assert ours[-1]["protocols"] == theirs[-1]["protocols"]


@pytest.mark.parametrize("text", FILTERS)
def test_what_is_told_is_in_order(text: str) -> None:
    """A session before what it holds, a message before what names it, each once."""
    sessions: set[int] = set()
    messages: set[int] = set()
    for line in live("demo", text, 7):
        if line["kind"] == "session":
            sessions.add(line["id"])
        elif line["kind"] == "message":
            assert line["session"] in sessions and line["id"] not in messages
            messages.add(line["id"])
        elif line["kind"] == "exchange":
            assert messages.issuperset([line["request"], *line["attempts"], *line["intermediate"]])
        elif line["kind"] == "anomaly":
            assert messages.issuperset(line["messages"])


class Story:
    """A fogslink device that reports and is answered, message by message."""

    def __init__(self, text: str) -> None:
        from tests.soak.traffic import Life, connection

        self.out = io.BytesIO()
        self.sink = FilteredLines(NdjsonSink(self.out), compile_filter(text))
        self.pipeline = Pipeline(self.sink, Options())
        self.table = ConversationTable(self.pipeline)
        self._frames = connection("fogslink", 1, 1, Life().pairs)
        self.now = 10**18

    def step(self, count: int = 1, after_s: float = 0.01) -> Counter[str]:
        """*count* more packets; the kinds and types that were told so far."""
        for _ in range(count):
            self.now += int(after_s * 1e9)
            data = next(self._frames)
            self.table.feed(Batch.of([(self.now, data, len(data))], 1, first_number=1 + self.now % 1000))
        self.sink.settle(self.now)
        return Counter(line.get("type") or line["kind"] for line in parsed(self.out) if line["kind"] in ("message", "exchange"))


def test_a_match_is_told_with_its_packet_and_its_exchange_when_final() -> None:
    story = Story('message.type == "req200"')
    assert story.step(5) == {}
    assert story.step() == {"req200": 1}
    assert story.step() == {"req200": 1, "res200": 1, "exchange": 1}


def test_an_exchange_that_is_asked_for_is_told_when_final() -> None:
    story = Story('exchange.operation == "report packed"')
    assert story.step(6) == {}
    assert story.step() == {"req200": 1, "res200": 1, "exchange": 1}


def test_what_waits_has_a_bound_and_what_it_cuts_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtered, "HELD", 3)
    story = Story('message.type == "res200"')
    # The request went before its answer came: many others came between.
    story.step(6)
    held = story.sink._held
    assert len(held) <= 3
    held.clear()
    assert story.step() == {"res200": 1}
    assert story.sink.totals.limits.open_requests == 1


def test_nothing_waits_for_ever() -> None:
    story = Story("tcp.port == 1")
    story.step(40, after_s=10)
    assert len(story.sink._held) < 20


@pytest.mark.slow
@pytest.mark.parametrize("redact", [(), ("--redact",)], ids=["plain", "redacted"])
def test_filtered_lines_of_an_interface(redact: tuple[str, ...], environment: dict[str, str]) -> None:
    from tests.live_play import Stage
    from tests.namespaces import Network
    from tests.test_live import BPF, Live, scripts

    with Network() as network:
        filter_ = ("--filter", 'message.type == "req200"')
        lines = Live(network, "--bpf", BPF, *filter_, *redact, environment=environment)
        Stage(network, 0).play(scripts("fogslink-day")[0])
        until_told = [line for line in lines.end() if line["kind"] == "message"]
        assert {line["type"] for line in until_told} == {"req200", "res200"}
        serials = {line["fields"]["eqSN"] for line in until_told}
        assert all(serial.startswith("eqSN-") for serial in serials) == bool(redact)
