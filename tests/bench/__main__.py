"""`python -m tests.bench`: dissect against tshark, scapy and pyshark on generated captures, in one run.

Prints a Markdown table of wall times (the median of the rounds), peak memory, and ratios. The captures are kept in .bench/.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.bench.measure import CommandFailed, Subject, alternate, table

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("devices", "foreign", "encrypted", "million", "connections")
"""Of tests.bench.workloads; not imported here, since what this process holds in memory counts in its children's peaks."""
DEFAULT = ("devices", "foreign", "encrypted")
PYTHON = sys.executable
DISSECT = (PYTHON, "-m", "dissect")


def prepare(folder: Path, names: list[str]) -> None:
    for name in names:
        print(f"  writing {name}, where it is not there yet", file=sys.stderr)
        subprocess.run([PYTHON, "-m", "tests.bench.generate", str(folder), name, *(["tenth"] if name == "devices" else [])], cwd=ROOT, check=True)


def subjects_of(name: str, folder: Path) -> list[Subject]:
    """Every reader that is held against dissect on this capture; dissect's JSON report comes first."""
    path = str(folder / f"{name}.pcap")
    keys = ("--keys", str(folder / f"{name}.toml")) if (folder / f"{name}.toml").exists() else ()
    found = [
        Subject(name, "dissect report", (*DISSECT, "report", path, *keys, "-o", str(folder / f"{name}.json"))),
        Subject(name, "dissect report --format ndjson", (*DISSECT, "report", path, *keys, "--format", "ndjson", "-o",
                                                              str(folder / f"{name}.ndjson"))),
        Subject(name, "tshark -r", ("tshark", "-r", path)),
    ]
    if name == "devices":
        tenth = str(folder / f"{name}-tenth.pcap")
        readers = (PYTHON, "-m", "tests.bench.readers")
        found += [
            Subject(name, "tshark -T json", ("tshark", "-r", path, "-T", "json")),
            Subject(name, "scapy RawPcapReader", (*readers, "scapy-raw", path)),
            Subject(name, "scapy PcapReader", (*readers, "scapy", path), once=True),
            Subject(name, "pyshark", (*readers, "pyshark", tenth), share=10, once=True),
        ]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="dissect against tshark, scapy and pyshark on generated captures.")
    parser.add_argument("--only", default=",".join(DEFAULT), help=f"captures, separated by commas, of {', '.join(NAMES)} (default: %(default)s)")
    parser.add_argument("--readers", default="", help="only readers whose label contains one of these, besides dissect")
    parser.add_argument("--runs", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=600, help="seconds that one command may take (default: %(default)s)")
    parser.add_argument("--no-interface", dest="interface", action="store_false", help="without the terminal interface over a million messages "
                        "(`python -m tests.bench.interface`), which comes last when --only leaves the choice")
    parser.add_argument("--generate", action="store_true", help="only write the captures")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="where they are kept (default: .bench)")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    wrong = [name for name in names if name not in NAMES]
    if wrong:
        parser.error(f"no such capture: {', '.join(wrong)}; there are {', '.join(NAMES)}")
    os.chdir(ROOT)
    prepare(arguments.folder, names)
    if arguments.generate:
        return 0
    wanted = [part for part in arguments.readers.split(",") if part]
    subjects = [subject for name in names for subject in subjects_of(name, arguments.folder)
                if not wanted or "dissect" in subject.label or any(part in subject.label for part in wanted)]
    try:
        alternate(subjects, arguments.runs, arguments.limit)
        start = [Subject("none", "dissect --help", (*DISSECT, "--help"))]
        alternate(start, max(5, arguments.runs), arguments.limit)
    except CommandFailed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, the median of {arguments.runs} rounds in turn\n")
    print(table(subjects))
    print(f"\n`dissect --help`: {start[0].time_s:.2f} s\n", flush=True)
    if arguments.interface and arguments.only == ",".join(DEFAULT):
        # Its table says what is missed; the benchmark has done its work all the same.
        subprocess.run([PYTHON, "-m", "tests.bench.interface", str(arguments.folder / "million.pcap")], cwd=ROOT, check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
