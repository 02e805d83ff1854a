"""Writes the expected report of every sample, report.json, with dissect as it is now: `python -m captures.expect [NAME...]`.

Run it when a report is meant to change, and read the difference: the tests hold every report against this file.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from captures.samples import SAMPLES, Sample
from captures.write import FOLDER

REPORT = "report.json"


def report(sample: Sample, folder: Path = FOLDER) -> bytes:
    """What `dissect report` says of *sample*, run in its folder so that the report holds no path.

    Raises subprocess.CalledProcessError when it fails.
    """
    keys = ["--keys", "keys.toml"] if sample.keys else []
    command = [sys.executable, "-m", "dissect", "report", sample.file_name, *keys]
    environment = {"PYTHONPATH": str(FOLDER.parent)}
    return subprocess.run(command, cwd=folder / sample.name, env=environment, stdout=subprocess.PIPE, check=True, timeout=60).stdout


def main() -> int:
    wanted = set(sys.argv[1:])
    for sample in SAMPLES:
        if not wanted or sample.name in wanted:
            (FOLDER / sample.name / REPORT).write_bytes(report(sample))
    return 0


if __name__ == "__main__":
    sys.exit(main())
