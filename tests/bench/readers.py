"""Other readers, each reading a whole file: `python -m tests.bench.readers scapy-raw|scapy|pyshark FILE`. Prints how many packets it read."""

from __future__ import annotations

import sys


def scapy_raw(path: str) -> int:
    """Records only, nothing dissected."""
    from scapy.utils import RawPcapReader

    with RawPcapReader(path) as reader:
        return sum(1 for _ in reader)


def scapy(path: str) -> int:
    """Every packet dissected."""
    import scapy.layers.inet  # noqa: F401  # registers IP and what is above
    from scapy.utils import PcapReader

    with PcapReader(path) as reader:
        return sum(1 for _ in reader)


def pyshark(path: str) -> int:
    from pyshark import FileCapture

    with FileCapture(path, keep_packets=False) as capture:
        return sum(1 for _ in capture)


if __name__ == "__main__":
    print({"scapy-raw": scapy_raw, "scapy": scapy, "pyshark": pyshark}[sys.argv[1]](sys.argv[2]))
