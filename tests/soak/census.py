"""What an analysis remembers, table by table, while endless traffic passes through it in compressed time: `python -m tests.soak.census SCENE PACKETS`.

Finds the table that grows for ever without waiting for days: twice the traffic must not make any of them larger.
"""

from __future__ import annotations

import io
import sys
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from dissect.capture import Batch
from dissect.options import Options
from dissect.pipeline import Pipeline
from dissect.report import NdjsonSink
from dissect.sinks import Sink
from dissect.streams.policy import LIVE, Policy
from dissect.streams.table import ConversationTable
from tests.bench.packets import START_S
from tests.soak.traffic import SCENES, Life, endless

BATCH = 200
_ATOMS = (str, bytes, bytearray, int, float, type, ModuleType, FunctionType, BuiltinFunctionType)


class _Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


class Replay:
    """An analysis as `dissect live` runs it, fed with frames at *rate* packets a second of the capture's time."""

    def __init__(self, life: Life, rate: float = 1500, policy: Policy = LIVE, devices: int = 8, redact: bool = False) -> None:
        sink: Sink = NdjsonSink(io.BufferedWriter(_Nowhere()))
        if redact:
            from dissect.redact import RedactingSink

            sink = RedactingSink(sink)
        self.pipeline = Pipeline(sink, Options(endless=True))
        self.pipeline.engine.digits = {0: 9}
        self.table = ConversationTable(self.pipeline, policy)
        self.packets = 0
        self._sink = sink
        self._frames = endless(devices, life=life)
        self._step_ns = int(1e9 / rate)

    def feed(self, packets: int) -> None:
        """*packets* more, in whole batches."""
        for _ in range(packets // BATCH):
            now = START_S * 10**9 + self.packets * self._step_ns
            rows = [(now + place * self._step_ns, data, len(data)) for place, data in enumerate(islice(self._frames, BATCH))]
            self.table.feed(Batch.of(rows, 1, first_number=self.packets + 1))
            self.packets += BATCH

    def tables(self) -> Counter[str]:
        """Entries of all containers that are reached, by the place where they hang; objects of a class by its name with #."""
        found: Counter[str] = Counter()
        for place, size in _containers({"pipeline": self.pipeline, "table": self.table, "sink": self._sink}):
            found[place] += size
        return found


def _containers(roots: dict[str, Any]) -> Iterator[tuple[str, int]]:
    seen: set[int] = set()
    waiting: deque[tuple[Any, str]] = deque((value, name) for name, value in roots.items())
    while waiting:
        value, place = waiting.popleft()
        if isinstance(value, MethodType):
            value = value.__self__
        if isinstance(value, _ATOMS) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            yield place, len(value)
            waiting.extend((one, place + "{}") for one in value.values())
            waiting.extend((one, place + "{key}") for one in value)
        elif isinstance(value, list | tuple | set | frozenset | deque):
            if not isinstance(value, tuple):
                yield place, len(value)
            waiting.extend((one, place + "[]") for one in value)
        elif type(value).__module__.startswith(("dissect", "collections")):
            name = type(value).__name__
            yield "#" + name, 1
            for member in _members(value):
                waiting.append((getattr(value, member, None), f"{name}.{member}"))


def _members(value: object) -> set[str]:
    names = set(getattr(value, "__struct_fields__", ())) | set(getattr(value, "__dict__", ()))
    for one in type(value).__mro__:
        slots = getattr(one, "__slots__", ())
        names |= {slots} if isinstance(slots, str) else set(slots)
    return names


def resident() -> int:
    import resource

    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> int:
    replay = Replay(SCENES[sys.argv[1]])
    for _ in range(10):
        replay.feed(int(sys.argv[2]) // 10)
        print(f"{replay.packets:>9} packets, {resident() / 1e6:.0f} MB", flush=True)
    for place, size in replay.tables().most_common(40):
        print(f"{size:>9} {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
