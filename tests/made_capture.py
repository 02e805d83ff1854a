"""A pcap written by hand: one FogsLink device that logs in, reports, and is answered."""

from __future__ import annotations

import struct

START_S = 1_795_161_600
DEVICE, CLOUD = ("10.0.0.5", 40000), ("203.0.113.1", 63321)

SAID = (  # who, what
    ("device", b'{"req001":{"eqSN":"12345678","eqType":"128"}}\n'),
    ("cloud", b'{"res001":{"eqSN":"12345678","code":"0","tKey":"0123456789abcdef"}}\n'),
    ("device", b'{"req002":{"eqSN":"12345678","apiKey":"00000000"}}\n'),
    ("cloud", b'{"res002":{"eqSN":"eqKey","code":"0"}}\n'),
    ("device", b'{"req200":{"eqSN":"12345678","packID":"1","totalSize":2,"eqData":[{"eChan":"P0-C1","eVal":"2.50"}]}}\n'),
    ("cloud", b'{"res200":{"eqSN":"12345678","packID":"1","code":"8"}}\n'),
)


def _address(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def packet(source: tuple[str, int], target: tuple[str, int], sequence: int, acknowledgement: int, flags: int, data: bytes) -> bytes:
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], sequence, acknowledgement, 5 << 4, flags, 65535, 0, 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, _address(source[0]), _address(target[0]))
    return bytes(12) + b"\x08\x00" + ip + tcp


def pcap(said: tuple[tuple[str, bytes], ...] = SAID) -> bytes:
    """Handshake, what was *said* ten milliseconds apart, both FINs."""
    sequence = {"device": 1000, "cloud": 5000}
    frames = []

    def send(who: str, flags: int, data: bytes = b"") -> None:
        other = "cloud" if who == "device" else "device"
        ends = (DEVICE, CLOUD) if who == "device" else (CLOUD, DEVICE)
        frames.append(packet(*ends, sequence[who], sequence[other] if flags & 0x10 else 0, flags, data))
        sequence[who] += len(data) + bool(flags & 3)

    send("device", 0x02)
    send("cloud", 0x12)
    send("device", 0x10)
    for who, data in said:
        send(who, 0x18, data)
    send("device", 0x11)
    send("cloud", 0x11)
    records = (struct.pack("<IIII", START_S, number * 10_000, len(frame), len(frame)) + frame for number, frame in enumerate(frames))
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records)
