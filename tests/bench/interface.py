"""The interface over a million messages, held against its targets: `python -m tests.bench.interface [CAPTURE]`.

Runs it without a terminal (Textual's pilot): time to the first rows, to the last, memory, paging, filtering, and how long the event
loop ever was away. Prints a Markdown table; exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = 60
FILTER = "message.size > 100"
TEXT_FILTER = 'fogslink.packID == "3"'
INDEXED_S = 30.0
REFERENCE_S = 11.0
"""what `tshark -r` took for a million packets on the machine for which the targets were set: machines differ, ratios hold"""
SIZE = (120, 40)


class Figure(NamedTuple):
    what: str
    value: float
    unit: str
    target: float | None
    """at most; None: told only"""

    @property
    def met(self) -> bool:
        return self.target is None or self.value <= self.target


class Lag:
    """How late the event loop wakes up."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.all: list[float] = []

    async def run(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            late = time.perf_counter() - before - 0.01
            self.longest = max(self.longest, late)
            self.all.append(late)

    def take(self) -> tuple[float, float]:
        """Longest and 95th percentile since the last time, in ms."""
        ordered = sorted(self.all) or [0.0]
        found = self.longest * 1000, ordered[int(len(ordered) * 0.95)] * 1000
        self.longest, self.all = 0.0, []
        return found


def memory_mb() -> float:
    """Resident now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure(path: Path) -> list[Figure]:
    from dissect.options import Options
    from tui.app import DissectApp
    from tui.loading import Loader

    started, began = time.perf_counter(), time.process_time()
    app = DissectApp(Loader([str(path)], Options(keep_bytes=True)), ascii_only=False)
    figures: list[Figure] = []
    lag = Lag()
    async with app.run_test(size=SIZE) as pilot:
        watcher = asyncio.create_task(lag.run())
        while not app.messages.list.count:
            await asyncio.sleep(0.01)
        figures.append(Figure("first rows", time.perf_counter() - started, "s", 1.0))
        while not app.store.finished:
            await asyncio.sleep(0.02)
        figures.append(Figure(f"{app.store.count:,} messages indexed", time.perf_counter() - started, "s", INDEXED_S))
        longest, late = lag.take()
        figures += [Figure("the same, processor time of reader and interface", time.process_time() - began, "s", None),
                    Figure("event loop away while loading, longest", longest, "ms", 100.0), Figure("the same, p95", late, "ms", None)]
        while app.listing.taken < app.store.count or app._counted != app._marks() or app.building:
            await asyncio.sleep(0.05)
        figures.append(Figure("memory", memory_mb(), "MB", 300.0))
        lag.take()
        rows = app.messages.list
        took, before_pages = [], time.process_time()
        for number in range(PAGES):
            before = time.perf_counter()
            rows.action_page(1 if number % 7 else 900)
            await rows.wait_for_refresh()
            took.append(time.perf_counter() - before)
            await pilot.pause()
        # The panes below follow when the cursor rests: their time is in the processor's, not in that of the page.
        figures.append(Figure("a page further until it is painted, p95", sorted(took)[int(PAGES * 0.95)] * 1000, "ms", 50.0))
        figures.append(Figure("a page further with all panes, processor time", (time.process_time() - before_pages) / PAGES * 1000, "ms", 50.0))
        for text in (FILTER, TEXT_FILTER):
            before_listing = app.listing
            before = time.perf_counter()
            app.set_filter(text)
            while app.listing is before_listing:
                await asyncio.sleep(0.01)
            figures.append(Figure(f"filter `{text}`: {app.listing.matched:,} found", time.perf_counter() - before, "s", 2.0))
        for view in ("ladder", "pairs", "anomalies", "stats"):
            app.set_filter("")
            before = time.perf_counter()
            app.action_view(view)
            await pilot.pause()
            figures.append(Figure(f"view {view}", (time.perf_counter() - before) * 1000, "ms", None))
        await asyncio.sleep(1)
        longest, _ = lag.take()
        figures.append(Figure("event loop away while paging, filtering, changing views, longest", longest, "ms", 100.0))
        watcher.cancel()
    figures.append(Figure("peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", None))
    app.loader.close()
    return figures


def beside_tshark(path: Path, indexed_s: float) -> list[Figure]:
    """The same packets through `tshark -r`, and how many times as long the interface took."""
    started = time.perf_counter()
    subprocess.run(["tshark", "-r", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    took = time.perf_counter() - started
    return [Figure("`tshark -r` of the same capture", took, "s", None),
            Figure("indexed, as a multiple of that", indexed_s / took, "times", INDEXED_S / REFERENCE_S)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.interface", description="The interface over a million messages, held against its targets.")
    parser.add_argument("capture", nargs="?", type=Path, default=ROOT / ".bench" / "million.pcap", help="default: .bench/million.pcap, written if need be")
    arguments = parser.parse_args()
    if not arguments.capture.exists():
        subprocess.run([sys.executable, "-m", "tests.bench.generate", str(arguments.capture.parent), "million"], cwd=ROOT, check=True)
    from tui.smooth import smooth

    with smooth():
        figures = asyncio.run(measure(arguments.capture))
    indexed = next(place for place, one in enumerate(figures) if one.what.endswith("indexed"))
    figures[indexed + 1:indexed + 1] = beside_tshark(arguments.capture, figures[indexed].value)
    print("| the interface | measured | target | |\n| --- | ---: | ---: | --- |")
    for one in figures:
        target = f"{one.target:.3g} {one.unit}" if one.target is not None else ""
        print(f"| {one.what} | {one.value:.2f} {one.unit} | {target} | {'' if one.met else 'missed'} |")
    return 0 if all(one.met for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
