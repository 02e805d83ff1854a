"""Sends the endless traffic out of an interface: `python -m tests.soak.sender IFACE PACKETS_A_SECOND SECONDS SCENE`; prints how many it sent."""

from __future__ import annotations

import socket
import sys
import time
from itertools import islice

from tests.soak.traffic import SCENES, endless

BURST_S = 0.02


def main() -> int:
    interface, rate, seconds, scene = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    frames = endless(life=SCENES[scene])
    begun = time.monotonic()
    sent = 0
    while (now := time.monotonic() - begun) < seconds:
        for data in islice(frames, max(0, int(now * rate) - sent)):
            out.send(data)
            sent += 1
        time.sleep(BURST_S)
    print(sent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
