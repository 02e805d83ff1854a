"""The C-Life envelope, which clife-lan and clife-cloud share: {"cmd", "ver", "dir", "msgId", "timestamp", "prio"?, "traceId"?, "data"?}.

Documents: 003_c27addfd9ee668ff.txt (6, tables 6.x) and 001_8211b343d0f5e58e.txt (4.3, 5.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from grammars.vocabulary import (
    ARRAY,
    DEVICE,
    INTEGER,
    PEER,
    TEXT_OR_INTEGER,
    Classified,
    Finding,
    Member,
    MessageType,
    Party,
    Privacy,
    Said,
    Situation,
    turned_wrong,
)

SYNCHRONISED_MS = 10**12
"""A timestamp below is the uptime of a device that has not set its clock."""
SKEW_MS = 5 * 60 * 1000
ZONE_MS = 8 * 3600 * 1000

PARTIES = {"0": "device", "1": "gateway", "2": "APP", "3": "platform", "f": "all"}

def _priority(value: Any) -> str | None:
    return "is below 0" if isinstance(value, int) and value < 0 else None


ENVELOPE = (
    Member(name="cmd", meaning="Function code", types=INTEGER, spec="7.1"),
    Member(name="ver", meaning="Version of the protocol", pattern=r"\d+(\.\d+)*", spec="6.1.1"),
    Member(name="dir", meaning="From and to: 0 device, 1 gateway, 2 APP, 3 platform, f all", pattern=r"[0-3fF]{2}", spec="6.1.1"),
    Member(name="msgId", meaning="Number of the frame; the answer bears the same", types=INTEGER, spec="6.1.1"),
    Member(name="timestamp", meaning="Milliseconds since 1970, or since the device started", types=TEXT_OR_INTEGER, unit="ms", spec="6.1.1"),
    Member(name="prio", meaning="Priority: 0 low, 1 medium, 2 and above high", types=INTEGER, required=False, check=_priority, spec="6.1.1"),
    Member(name="traceId", meaning="Identifier of the message's way through the platform", required=False, spec="6.3.1.1"),
)
REQUIRED = frozenset(member.name for member in ENVELOPE if member.required is True)


def _parameter(value: Any) -> str | None:
    """{"0".."255": value}"""
    if type(value) is not dict:
        return "is no object of one function id and its value"
    for name in value:
        if not (name.isascii() and name.isdigit() and int(name[:4]) <= 255):
            return f"has {name[:20]!r}, which is no function id 0..255"
    return None


def _function_id(value: Any) -> str | None:
    return None if type(value) is int and 0 <= value <= 255 else "is no function id 0..255"


PARAMS = Member(
    name="params",
    meaning="Function ids and their values",
    types=ARRAY,
    privacy=Privacy.VALUE,
    spec="6.3.1.1",
    item=Member(name="", meaning="function id and value", types=(dict,), check=_parameter),
)
EVENTS = Member(
    name="events",
    meaning="Event ids and their values",
    types=ARRAY,
    required=False,
    privacy=Privacy.VALUE,
    spec="6.3.1.1",
    item=Member(name="", meaning="event id and value", types=(dict,), check=_parameter),
)
IDS = Member(
    name="params",
    meaning="Function ids asked for; none: all",
    types=ARRAY,
    spec="6.3.2.1",
    item=Member(name="", meaning="function id", types=INTEGER, check=_function_id),
)
REPORT = (PARAMS, EVENTS)

KEY = ("msgId",)


def same(fields: Any, data: Any) -> Any:
    """Two sends are the same request when all but timestamp, traceId and prio agree, the data decrypted where possible."""
    if data is None and isinstance(fields.get("data"), str):
        # Undecrypted: the same cmd and msgId suffice.
        return fields.get("cmd"), None
    return fields.get("cmd"), data


def row(cmd: int, name: str, sender: Party, spec: str, **more: Any) -> MessageType:
    return MessageType(kind=str(cmd), type=str(cmd), name=name, sender=sender, key=KEY, id="msgId", same=same, members=ENVELOPE, spec=spec, **more)


def common_rows(section: Callable[[int], str]) -> tuple[MessageType, ...]:
    """The commands of both carriers."""
    return (
        row(2006, "report", DEVICE, section(2006), answered_by=("2007",), answers_open=("2009", "2011"), data=REPORT),
        row(2007, "report response", PEER, section(2007)),
        row(2009, "query", PEER, section(2009), answered_by=("2006",), acknowledged_by=("2007",), data=(IDS,)),
        row(2011, "control", PEER, section(2011), answered_by=("2006",), acknowledged_by=("2007",), data=(PARAMS,)),
        row(2013, "unbind", PEER, section(2013), answered_by=("2012",)),
        row(2012, "unbind response", DEVICE, section(2012)),
    )


def classify(value: Any, sender: Party | None) -> Classified | None:
    """An object with cmd and msgId; where the rest of the envelope is there, msgId may be what is missing."""
    if type(value) is not dict or "cmd" not in value or not ("msgId" in value or ("ver" in value and "dir" in value)):
        return None
    cmd = value["cmd"]
    if type(cmd) is int or (type(cmd) is str and cmd.isascii() and cmd.isdigit()):
        return Classified(str(cmd), value)
    return None


def speaker(kind: str, fields: Any) -> Party | None:
    """Who `dir` says is speaking: 0 the device, 2 and 3 the other side; a gateway (1) speaks for devices as well as to them."""
    text = fields.get("dir")
    if type(text) is str and len(text) == 2:
        return DEVICE if text[0] == "0" else PEER if text[0] in "23" else None
    return None


def direction(said: Said, session: Situation) -> Iterable[Finding]:
    """`dir` contradicts who sent it."""
    claims = speaker(said.kind, said.fields)
    if claims is not None and claims is not said.sender:
        text = said.fields["dir"]
        yield Finding("schema.wrong-direction", f"dir {text} says {PARTIES[text[0]]}, the {said.sender.value}'s side sent it")


def clock(said: Said, session: Situation) -> Iterable[Finding]:
    """More than 5 minutes off once synchronised; a whole 8 hours is a time zone. Once per session and sender, again after a right one."""
    value = said.fields.get("timestamp")
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if type(value) is not int or value < SYNCHRONISED_MS or session.retained:
        return
    off = value - said.time_ns // 1_000_000
    distance = min(abs(off), abs(off - ZONE_MS), abs(off + ZONE_MS))
    if turned_wrong(session, f"skewed {said.sender.value} {session.speaker}", distance > SKEW_MS):
        yield Finding("timing.clock-skew", f"timestamp is {off // 1000:+d} s off the capture's clock")
