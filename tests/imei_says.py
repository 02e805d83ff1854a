"""What an imei-tcp device, its server and a web page say, as bytes and as steps of a ladder."""

from __future__ import annotations

import json
from typing import Any

from tests.ladder import Step, Told, down, up
from tests.ladder import ladder as play

IMEI, OTHER = "123456787654321", "123456787654322"


def frame(cmd: str, status: str = "000", data: str = "", imei: str = IMEI, length: int | None = None) -> bytes:
    body = f"{status}{imei}{cmd}{data}"
    return f"{len(body) + 3 if length is None else length:03d}{body}".encode()


def command(kind: str = "start", imei: str = IMEI, seconds: str | None = "0500") -> bytes:
    members = {"imei": imei, "type": kind, **({"long": seconds} if kind == "start" and seconds is not None else {})}
    return b"command" + json.dumps(members, separators=(",", ":")).encode()


HT, HT_OK = frame("HT"), frame("HT", "200")
TN, TN_OK = frame("TN"), frame("TN", "200", "400-500-5620")
QD, QD_DONE, QD_SEEN = frame("QD", data="500"), frame("QD", "200"), frame("QD", "200")
ST, ST_DONE, ST_SEEN = frame("ST"), frame("ST", "200"), frame("ST", "200")
LOST = b"006404"
WEB = {"port": 12306}


def ladder(*steps: Step, **options: Any) -> Told:
    return play(*steps, **{"port": 12306, **options})


def registered(connection: int = 1, imei: str = IMEI) -> tuple[Step, ...]:
    return up(0, frame("HT", imei=imei), connection=connection), down(0.01, frame("HT", "200", imei=imei), connection=connection)


def session(*steps: Step, until: float | None = None) -> Told:
    return ladder(*registered(), *steps, until=until)


def beats(last: float, first: float = 50.0) -> list[Step]:
    return [up(at, b"AT") for at in range(int(first), int(last) + 1, 50)]


def merged(*steps: Step) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: step.at))
