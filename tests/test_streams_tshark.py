"""Reassembly held against Wireshark's on generated and hostile streams. Where they differ on purpose, the rule of streams.md is named."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from dissect.streams.policy import COMPLETE
from grammars.tcp import ACK, FIN, PSH, SYN
from tests.frames import SECOND, batch, pcap, segment
from tests.test_streams import run

pytestmark = pytest.mark.slow
STREAMS = 40


def hostile(rng: random.Random, port: int) -> list[bytes]:
    """The packets of one connection: pieces reordered within a window, repeated, overlapping, wrapping."""
    frames = []
    bases = [rng.choice((1000, 0xFFFFFFF0, rng.getrandbits(32))) for _ in range(2)]
    frames += [segment(0, bases[0] - 1, flags=SYN, port=port), segment(1, bases[1] - 1, flags=SYN | ACK, acknowledgement=bases[0], port=port),
               segment(0, bases[0], acknowledgement=bases[1], port=port)]
    content = [rng.randbytes(rng.randrange(1, 3000)) for _ in range(2)]
    pieces = []
    for side in (0, 1):
        place = 0
        while place < len(content[side]):
            length = rng.randrange(1, 300)
            pieces.append((side, place, content[side][place:place + length]))
            if rng.random() < 0.15:
                start = max(0, place - rng.randrange(60))
                pieces.append((side, start, content[side][start:place + rng.randrange(1, 200)]))
            place += length
    order = sorted(range(len(pieces)), key=lambda index: index + rng.random() * 6)
    for index in order:
        side, start, data = pieces[index]
        frames.append(segment(side, bases[side] + start, data, ACK | PSH, bases[1 - side], port))
    # Data is not acknowledged: tshark takes an acknowledged hole for lost at once, we wait (streams.md, `missing`).
    return frames + [segment(0, bases[0] + len(content[0]), flags=FIN | ACK, acknowledgement=bases[1], port=port)]


def wireshark(path: Path, streams: int) -> list[tuple[bytes, bytes]]:
    taps = [part for number in range(streams) for part in ("-z", f"follow,tcp,raw,{number}")]
    told = subprocess.run(["tshark", "-r", str(path), "-q", *taps], capture_output=True, text=True, check=True, timeout=120).stdout
    found: dict[int, tuple[bytes, bytes]] = {}
    for part in told.split("=" * 67):
        if "Follow: tcp,raw" not in part:
            continue
        lines = part.strip().splitlines()
        number = int(next(line for line in lines if line.startswith("Filter:")).split()[-1])
        rows = lines[next(index for index, line in enumerate(lines) if line.startswith("Node 1:")) + 1:]
        found[number] = (b"".join(bytes.fromhex(row) for row in rows if not row.startswith("\t")),
                         b"".join(bytes.fromhex(row.strip()) for row in rows if row.startswith("\t")))
    return [found[number] for number in range(streams)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_generated_streams_are_wiresharks_streams(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    connections = [hostile(rng, 10_000 + number) for number in range(STREAMS)]
    frames = [frame for frames in connections for frame in frames[:3]]
    rest = [frames[3:] for frames in connections]
    while any(rest):
        chosen = rng.choice([frames for frames in rest if frames])
        frames.append(chosen.pop(0))
    path = tmp_path / "streams.pcap"
    path.write_bytes(pcap([(SECOND + number * 1000, frame, len(frame)) for number, frame in enumerate(frames)]))
    _, listener = run(batch(frames), policy=COMPLETE)
    ours = [(listener.recorders[one].payload[0], listener.recorders[one].payload[1]) for one in sorted(listener.recorders)]
    assert ours == wireshark(path, STREAMS)


DIFFERENT = [  # rule of streams.md, packets, our bytes of side a, Wireshark's
    pytest.param([segment(0, 102, b"cd", PSH | ACK), segment(0, 100, b"ab", PSH | ACK)], b"abcd", b"cd",
                 id="Midstream: position 0 is the lowest sequence number, also when a later packet brings it"),
    pytest.param([segment(0, 999, flags=SYN), segment(0, 1000, b"ab"), segment(0, 1002, b"why", 0x14)], b"ab", b"abwhy",
                 id="Data in a RST is no stream data"),
    pytest.param([segment(0, 999, flags=SYN), segment(0, 1000, b"ab"), segment(0, 1004, b"ef")], b"abef", b"ab",
                 id="The hash over a gap: what lies behind it counts, a gap adds nothing"),
]


@pytest.mark.parametrize(("frames", "ours", "theirs"), DIFFERENT)
def test_differences_from_wireshark_are_rules(tmp_path: Path, frames: list[bytes], ours: bytes, theirs: bytes) -> None:
    path = tmp_path / "streams.pcap"
    path.write_bytes(pcap([(SECOND + number * 1000, frame, len(frame)) for number, frame in enumerate(frames)]))
    _, listener = run(batch(frames), policy=COMPLETE)
    assert listener.recorders[1].payload[0] == ours
    assert wireshark(path, 1)[0][0] == theirs
