"""A JSON report in a few lines for the terminal: `python captures/summary.py REPORT.json`. What `make demo` ends with."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

ORDER = {"error": 0, "warning": 1, "note": 2}


def summary(report: dict[str, Any]) -> list[str]:
    """Packets, protocols, devices with their sessions, how exchanges ended, and what was found, worst first."""
    source, totals = report["source"], report["totals"]
    lines = [f"{source['packets']} packets from {source['first_packet']} to {source['last_packet']}", ""]
    lines.append(f"{'protocol':<12} {'sessions':>8} {'messages':>8} {'exchanges':>9} {'anomalies':>9}")
    for name, counts in sorted(totals["protocols"].items()):
        lines.append(f"{name:<12} {counts['sessions']:>8} {counts['messages']:>8} {counts['exchanges']:>9} {counts['anomalies']:>9}")
    ends: Counter[str] = Counter(exchange["status"] for session in report["sessions"] for exchange in session["exchanges"])
    lines += ["", f"devices: {', '.join(device['id'] for device in report['devices'])}"]
    lines += [f"exchanges: {', '.join(f'{count} {status}' for status, count in ends.most_common())}", ""]
    found = [(session["id"], anomaly) for session in report["sessions"] for anomaly in session["anomalies"]]
    found += [(None, anomaly) for anomaly in report["anomalies"]]
    for session, anomaly in sorted(found, key=lambda entry: (ORDER[entry[1]["severity"]], entry[1]["time"])):
        where = "" if session is None else f"session {session}"
        lines.append(f"{anomaly['severity']:<8} {anomaly['time'][11:23]}  {where:<11} {anomaly['code']:<32} {anomaly['message']}")
    return lines


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python captures/summary.py REPORT.json", file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    print("\n".join(summary(report)))
    print(f"\nthe whole report: {sys.argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
