"""What a FogsLink device and its cloud say, as bytes and as steps of a ladder."""

from __future__ import annotations

import json
from typing import Any

from tests.ladder import Step, Told, down, ladder, up

SN = "12345678"
TOKEN = "asfklkiejak9848"


def line(name: str, **members: Any) -> bytes:
    return json.dumps({name: {"eqSN": SN, **members}}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


ANNOUNCE, ANNOUNCED, NO_DEVICE = line("req001", eqType="128"), line("res001", code="0", tKey=TOKEN), line("res001", code="2")
LOGIN, LOGGED_IN = line("req002", apiKey="1234567890123456"), line("res002", eqSN="eqKey", code="0")
BEAT, BEATEN = line("req100", tKey=TOKEN), line("res100", code="0")


def channel(index: int = 1, value: str = "2.34", **more: Any) -> bytes:
    return line("req201", eChan=f"P0-C{index}", **{"eChanSta": "1", "eVal": value, **more})


def taken(index: int = 1) -> bytes:
    return line("res201", eChan=f"P0-C{index}", code="8")


def pack(number: str = "12345", value: str = "2.34", **more: Any) -> bytes:
    return line("req200", **{"packID": number, "totalSize": 1, "eqData": [{"eChan": "P0-C1", "eVal": value}], **more})


def packed(number: str = "12345", code: str = "8") -> bytes:
    return line("res200", packID=number, code=code)


def configure(index: int = 1) -> bytes:
    return line("res300", eChan=f"P1-C{index}", sPeriod="1", sType="1")


def configured(index: int = 1, code: str = "12") -> bytes:
    return line("req300", eChan=f"P1-C{index}", code=code)


def login(at: float = 0.0, connection: int = 1) -> tuple[Step, ...]:
    return (
        up(at, ANNOUNCE, connection=connection), down(at + 0.01, ANNOUNCED, connection=connection),
        up(at + 0.02, LOGIN, connection=connection), down(at + 0.03, LOGGED_IN, connection=connection),
    )  # fmt: skip


def session(*steps: Step, until: float | None = None) -> Told:
    """After a login; exchanges and messages of the login are taken off."""
    return ladder(*login(), *steps, until=until)


def beats(first: float, last: float, every: float = 8.0) -> list[Step]:
    found: list[Step] = []
    at = first
    while at <= last:
        found += [up(at, BEAT), down(at + 0.01, BEATEN)]
        at += every
    return found


def merged(*steps: Step) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: step.at))
