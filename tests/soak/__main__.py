"""`python -m tests.soak [--minutes 10] [--rate 1500] [--scene churn]`: exit status 1 when memory grew or packets were lost."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.traffic import SCENES
from tests.soak.watch import ALLOWED, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=1500, help="packets a second")
    parser.add_argument("--scene", choices=SCENES, default="lasting", help="how devices come and go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        found = soak(arguments.minutes * 60, arguments.rate, Path(folder), arguments.scene)
    print("\n".join(found.lines()))
    return int(found.growth > ALLOWED or found.dropped > 0 or found.captured < found.sent)


if __name__ == "__main__":
    sys.exit(main())
