"""Writes the sample captures: `python -m captures.write [--to FOLDER] [NAME...]`. The same bytes every time.

A folder each: the capture, keys.toml where data is encrypted, and README.md. The expected report beside them is the
product's, and stays as it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from scapy.utils import EDecimal, RawPcapNgWriter, RawPcapWriter

from captures.samples import SAMPLES, Sample
from captures.wire import SECOND, Recorded

ETHERNET = 1
FOLDER = Path(__file__).resolve().parent


def write_packets(path: Path, file_format: str, packets: Iterable[Recorded]) -> None:
    """One capture file; *file_format* is pcap, pcap-ns or pcapng."""
    nanoseconds = file_format == "pcap-ns"
    writer = RawPcapNgWriter(str(path)) if file_format == "pcapng" else RawPcapWriter(str(path), linktype=ETHERNET, nano=nanoseconds)
    writer.linktype = ETHERNET
    with writer:
        writer.write_header(None)
        for packet in packets:
            seconds, fraction = divmod(packet.time_ns, SECOND)
            if file_format == "pcapng":
                # A float cannot hold today's microseconds exactly.
                writer.write_packet(packet.data, sec=EDecimal(packet.time_ns) / SECOND)
            else:
                writer.write_packet(packet.data, sec=seconds, usec=fraction if nanoseconds else fraction // 1000)


def write_sample(sample: Sample, folder: Path) -> None:
    """The folder of one sample."""
    home = folder / sample.name
    home.mkdir(parents=True, exist_ok=True)
    write_packets(home / sample.file_name, sample.format, sample.story().packets())
    (home / "README.md").write_text(sample.shows, encoding="utf-8")
    if sample.keys:
        keys = home / "keys.toml"
        keys.write_text(sample.keys_text, encoding="utf-8")
        keys.chmod(0o600)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m captures.write", description="Writes the sample captures, the same bytes every time.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="some samples only")
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder they go to (default: where they are)")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.names) - {sample.name for sample in SAMPLES}
    if unknown:
        parser.error(f"no such sample: {', '.join(sorted(unknown))}; there are {', '.join(sample.name for sample in SAMPLES)}")
    for sample in SAMPLES:
        if not chosen.names or sample.name in chosen.names:
            write_sample(sample, chosen.to)
            print(f"{sample.name}/{sample.file_name}: {(chosen.to / sample.name / sample.file_name).stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
