"""A capture whose text attacks whoever prints it: escape sequences, titles, the clipboard, markup, bidirectional marks, huge values."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench.packets import SYN, Flow, address, write

ATTACKS = (
    "\x1b[31mRED\x1b[0m", "\x1b]0;PWNED\x07", "\x1b]52;c;UFdORUQ=\x07", "\x9b31mC1", "\u202egnp.exe", "a\u200bb", "[bold]x[/bold]", "[/foo]",
    "[@click=app.quit]here[/]", "\r\x08\x0b\x0c", "客厅插座", "👨‍👩‍👧", "]]>", "x" * 60_000, "\udb40\udc41", "\x7f\x00",
)


def write_hostile(path: Path) -> None:
    """A fogslink device whose every text is an attack; then bytes that are no message; then an imei-tcp frame of such."""
    flow = Flow(address(10, 0, 0, 5), address(203, 0, 113, 10), 40000, 63321, 1)
    packets = [(0.0, flow.tcp(0, b"", SYN))]
    time = 0.1

    def say(side: int, data: bytes) -> None:
        nonlocal time
        for start in range(0, len(data), 1400):
            packets.append((time, flow.tcp(side, data[start:start + 1400])))
            time += 0.01

    say(0, b'{"req001":{"eqSN":"20260030","eqType":"128"}}\n')
    say(1, b'{"res001":{"eqSN":"20260030","code":"0","tKey":"t1"}}\n')
    for number, attack in enumerate(ATTACKS):
        entry = {"eqSN": attack, "packID": str(number), "totalSize": 1, "eqData": [{"eChan": attack, attack[:200]: attack, "eVal": "1"}]}
        say(0, json.dumps({"req200": entry}).encode() + b"\n")
        say(1, json.dumps({f"res200{attack[:40]}": {"eqSN": attack[:100]}}).encode() + b"\n")
    say(0, b"\x1b]0;PWNED\x07 raw \x1b[31mRED \xc2\x9b31m [/foo]\n")
    say(0, ("[" * 3000 + "\n").encode())
    write(path, packets)
