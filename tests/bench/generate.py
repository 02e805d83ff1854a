"""Writes one workload into a folder, unless it is there: `python -m tests.bench.generate FOLDER NAME [TENTH]`.

A process of its own, since the memory a parent holds when it starts a child counts as the child's peak.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from tests.bench.packets import write
from tests.bench.workloads import WORKLOADS


def main() -> int:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    workload = WORKLOADS[name]
    folder.mkdir(parents=True, exist_ok=True)
    for path, part in ((folder / f"{name}.pcap", 1), (folder / f"{name}-tenth.pcap", 10)):
        if part == 10 and "tenth" not in sys.argv[3:]:
            continue
        if not path.exists():
            packets = workload.packets()
            if part == 10:
                total = (folder / f"{name}.count").read_text()
                packets = itertools.islice(packets, int(total) // part)
            count = write(path, packets)
            if part == 1:
                (folder / f"{name}.count").write_text(str(count))
    if workload.keys:
        keys = folder / f"{name}.toml"
        keys.write_text(workload.keys, encoding="utf-8")
        keys.chmod(0o600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
