"""imei-tcp (TCP 服务器接口 0.0.3): TCP 12306, ASCII frames LEN STATUS IMEI CMD DATA, and the web side's `command{json}`.

Document: 002_5e0dc06de6467005.txt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from construct import Bytes, GreedyBytes, Struct

from grammars.vocabulary import (
    DEVICE,
    INTEGER,
    PEER,
    ApplicationProtocol,
    Cause,
    Classified,
    Cut,
    CutKind,
    Doc,
    Finding,
    Frames,
    Heartbeat,
    Member,
    MessageType,
    Party,
    Privacy,
    Rule,
    Said,
    Situation,
    Verdict,
    only,
)

FORMAT = "二、与设备接口"
WEB = "一、与 web 应用接口"
DATA = "Seconds or runs (QD), phone number (TN), text (QR); null in all others"
HEAD = Struct(
    "length" / Bytes(3) * Doc("Length of the whole frame, itself included, zero padded decimal", "byte", FORMAT),
    "status" / Bytes(3) * Doc("000 request, 200 done, 201/202 device's failures, 300/401/404 server's refusals", "", "状态码说明"),
)
FRAME = Struct(
    *HEAD.subcons,
    "imei" / Bytes(15) * Doc("IMEI of the device", "", FORMAT),
    "cmd" / Bytes(2) * Doc("Command", "", FORMAT),
    "data" / GreedyBytes * Doc(DATA, "", FORMAT),
)
SHORT_FRAME = Struct(*HEAD.subcons)

HEARTBEAT = Struct("heartbeat" / GreedyBytes * Doc("Up to 3 bytes: blank, 1, 0, AT", "", "心跳包"))
WEB_COMMAND = Struct("command" / Bytes(7) * Doc("Introduces the JSON object of a web command", "", WEB), "json" / GreedyBytes)

HEAD_SIZE, FRAME_SIZE = HEAD.sizeof(), sum(part.sizeof() for part in FRAME.subcons[:-1])
WHOLE = re.compile(rb"\d{3}\d{3}[0-9A-Za-z]{15}[A-Z]{2}")
SHORT = b"006404"
BEATS = (b" ", b"1", b"0", b"AT")
COMMAND = b"command"
COMMAND_LIMIT = 4096
LONGEST_RUN = 256
"""heartbeat bytes that are looked through for what follows them; a longer run is one whatever does"""
# A place where a frame, the short frame or a web command may begin; framing resumes there after garbage.
RESUME = re.compile(rb"\d{6}[0-9A-Za-z]{15}[A-Z]{2}|006404|command\s*\{")
STATUSES = frozenset({"000", "200", "201", "202", "300", "401", "404"})
_STATUS = "|".join(sorted(STATUSES)).encode()
_CMD = rb"(?:HT|TN|QR|QD|ST)"
# The document's own STATUS and CMD: of two readings of the same bytes, that one is meant.
DOCUMENTED = re.compile(rb"\d{3}(?:%b)[0-9A-Za-z]{15}%b" % (_STATUS, _CMD))
# A frame of the document inside another's DATA: that other's LEN was too long.
_SURELY = re.compile(rb"0[2-9]\d(?:%b)\d{15}%b" % (_STATUS, _CMD))
# A frame's beginning, when the connection ends before its end.
_BEGUN = re.compile(rb"0[2-9]\d")
_WHITE = re.compile(rb"\r?\n")
_BEATS = re.compile(rb"(?:[ 10]|AT)*")
# What fits a frame's head place by place: with it behind the bytes that are there, the pattern of a whole one tells whether they fit too.
_HEAD = b"000000A00000000000000AA"


def _frame_at(data: bytes, at: int, ended: bool) -> Cut | None:
    """A frame that fits at *at*, WAIT if it may still become one, None if it cannot."""
    rest = len(data) - at
    if data.startswith(SHORT, at):
        return Cut(CutKind.MESSAGE, at + HEAD_SIZE, at, at + HEAD_SIZE)
    if rest < FRAME_SIZE:
        if ended or not rest:
            return None
        # Every byte there is must fit its place in the frame's head.
        head = data[at:]
        fits = WHOLE.fullmatch(head + _HEAD[len(head) :]) is not None or SHORT.startswith(head)
        return Cut(CutKind.WAIT, 0) if fits else None
    if WHOLE.match(data, at) is None:
        return None
    length = int(data[at : at + 3])
    if length < FRAME_SIZE:
        # The document's own 020 and 021 (HT, ST) are 23 bytes long.
        return _mismatched(at, at + FRAME_SIZE, length)
    if length > FRAME_SIZE:
        inner = _SURELY.search(data, at + FRAME_SIZE, at + length + FRAME_SIZE - 1)
        if inner is not None and inner.start() < at + length:
            return _mismatched(at, inner.start(), length)
    if rest < length:
        return None if ended else Cut(CutKind.WAIT, 0)
    return Cut(CutKind.MESSAGE, at + length, at, at + length)


def _mismatched(at: int, stop: int, length: int) -> Cut:
    text = f"LEN says {length}, the frame has {stop - at} bytes"
    return Cut(CutKind.MESSAGE, stop, at, stop, (Finding("framing.length-mismatch", text),))


def _command(data: bytes, ended: bool) -> Cut | None:
    """`command` and one JSON object, ended by its matching brace."""
    if not data.startswith(COMMAND):
        return Cut(CutKind.WAIT, 0) if COMMAND.startswith(data) and not ended else None
    depth, text, escaped = 0, False, False
    for at in range(len(COMMAND), min(len(data), COMMAND_LIMIT)):
        byte = data[at]
        if text:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                text = False
        elif byte == 0x7B:
            depth += 1
        elif depth == 0:
            if byte not in b" \t\r\n":
                return None
        elif byte == 0x22:
            text = True
        elif byte == 0x7D:
            depth -= 1
            if depth == 0:
                # White space may end a JSON text; a line end is what a terminal sends behind it.
                white = _WHITE.match(data, at + 1)
                return Cut(CutKind.MESSAGE, white.end() if white else at + 1, 0, at + 1)
    return None if ended or len(data) >= COMMAND_LIMIT else Cut(CutKind.WAIT, 0)


def _beats(data: bytes) -> list[int]:
    """Where the heartbeat words at the front end: [0, ...], at most 3 bytes."""
    ends = [0]
    while True:
        step = next((len(word) for word in BEATS if data.startswith(word, ends[-1])), 0)
        if not step or ends[-1] + step > 3:
            return ends
        ends.append(ends[-1] + step)


def _group(ends: Sequence[int], before: int, boundary: int) -> Cut:
    """One group of heartbeat bytes: it ends with its segment (an `AT` is not torn apart), before a frame, or at 3 bytes."""
    length = next((end for end in ends if end >= boundary), ends[-1])
    length = min(length, before) or ends[1]
    return Cut(CutKind.MESSAGE, length, 0, length)


def _reading(data: bytes, ended: bool, ends: Sequence[int]) -> tuple[int, Cut | None]:
    """(heartbeat bytes before it, the frame) that fits best: a whole one of the document, one of which the head is the document's, a whole one,
    one that may come."""
    best: tuple[int, int, Cut | None] = (9, 0, None)
    for end in ends:
        found = _frame_at(data, end, ended)
        if found is None:
            continue
        documented = DOCUMENTED.match(data, end) is not None or data.startswith(SHORT, end)
        whole = found.kind is CutKind.MESSAGE
        rank = (0 if whole else 1) if documented else 2 if whole else 3
        if rank < best[0]:
            best = (rank, end, found)
    return best[1], best[2]


def cut(data: bytes, ended: bool, boundaries: Sequence[int], torn: bool) -> Cut:
    """A heartbeat of up to 3 bytes (blank, 1, 0, AT) may stand before a frame, and 1 and 0 are digits too: a frame is tried after 0 to 3 heartbeat
    bytes, and the one whose parts all fit is taken. A segment of digits alone waits for the next, which tells whether a frame was split there.
    """
    if not data:
        return Cut(CutKind.WAIT, 0)
    if data[0] == 0x63:
        command = _command(data, ended)
        if command:
            return command
    ends = _beats(data)
    before, frame = _reading(data, ended, ends)
    boundary = boundaries[0]
    if torn and data[:1].isdigit() and (before or frame is None or frame.kind is CutKind.WAIT):
        return _torn(data, ended, boundary)
    if frame is not None:
        if frame.kind is CutKind.WAIT:
            return frame
        return _group(ends, before, boundary) if before else frame
    if ended and _BEGUN.match(data) and boundary > 1:
        # It was to become a frame: its first digit is no heartbeat.
        return _garbage(data, ended)
    if not ended and ends[-1] + 1 == len(data) and data[-1:] == b"A":
        return Cut(CutKind.WAIT, 0)
    if ends[-1] and _stands(data, ended, ends, boundary):
        return _group(ends, ends[-1], boundary)
    return _garbage(data, ended)


def _stands(data: bytes, ended: bool, ends: Sequence[int], boundary: int) -> bool:
    """Whether the heartbeat words at the front are a heartbeat: nothing but such words comes before the end of their segment or a frame."""
    if ends[-1] >= boundary:
        return True
    words = _BEATS.match(data, 0, LONGEST_RUN)
    stop = words.end() if words else 0
    if stop >= min(boundary, LONGEST_RUN - 1) or (data[stop:] == b"A" and not ended):
        return True
    if ends[-1] < 3 and ends[-1] == stop:
        return False
    found = RESUME.search(data, ends[-1])
    if found:
        return found.start() <= stop
    first = max(ends[-1], len(data) - FRAME_SIZE + 1)
    return any(_frame_at(data, at, ended) is not None for at in range(first, min(stop, len(data) - 1) + 1))


def _torn(data: bytes, ended: bool, boundary: int) -> Cut:
    """Digits that follow missing bytes or garbage: up to the first frame or the end of their segment they belong to the torn frame."""
    found = RESUME.search(data)
    if found:
        return Cut(CutKind.MALFORMED, found.start(), 0, found.start())
    stop = next((at for at in range(boundary) if not ended and _frame_at(data, at, False) is not None), boundary)
    return Cut(CutKind.MALFORMED, stop, 0, stop) if stop else Cut(CutKind.WAIT, 0)


def _garbage(data: bytes, ended: bool) -> Cut:
    """Bytes that are nothing, up to where a frame can be found again."""
    found = RESUME.search(data, 1)
    if found:
        return Cut(CutKind.MALFORMED, found.start(), 0, found.start())
    if ended:
        return Cut(CutKind.MALFORMED, len(data), 0, len(data))
    # The last bytes may be the beginning of a frame or a command that the next segment completes.
    begins = (at for at in range(max(1, len(data) - FRAME_SIZE + 1), len(data)) if _frame_at(data, at, False) or COMMAND.startswith(data[at:]))
    keep = next(begins, len(data))
    return Cut(CutKind.MALFORMED, keep, 0, keep)


def whole(data: bytes) -> bool:
    """A frame whose LEN is the length of the segment: it can be read in no other way."""
    return len(data) >= FRAME_SIZE and WHOLE.match(data) is not None and int(data[:3]) == len(data)


def parse(data: bytes) -> dict[str, Any]:
    """The fields of report.md for a frame, a heartbeat or a web command."""
    if data.startswith(COMMAND):
        return {"command": data[len(COMMAND) :]}
    if len(data) < HEAD_SIZE:
        return {"heartbeat": data.decode("ascii")}
    if len(data) == HEAD_SIZE:
        return {"length": 6, "status": "404", "imei": None, "cmd": None, "data": None}
    text = data.decode("utf-8", "surrogateescape")
    return {"length": int(text[:3]), "status": text[3:6], "imei": text[6:21], "cmd": text[21:23], "data": text[23:] or None}


def grammar(data: bytes) -> Struct:
    """Which of the grammars above describes a message."""
    if data.startswith(COMMAND):
        return WEB_COMMAND
    return HEARTBEAT if len(data) < HEAD_SIZE else SHORT_FRAME if len(data) == HEAD_SIZE else FRAME


IMEI = Member(name="imei", meaning="IMEI of the device", pattern=r"\d{15}", privacy=Privacy.DEVICE, spec=FORMAT)
LENGTH = Member(name="length", meaning="LEN of the frame", types=INTEGER, unit="byte", spec=FORMAT)
CMD = Member(name="cmd", meaning="Command", values=frozenset({"HT", "TN", "QR", "QD", "ST"}), spec=FORMAT)


def _status(*values: str) -> Member:
    return Member(name="status", meaning="Status code", values=frozenset(values), spec="状态码说明")


def _data(meaning: str = DATA, pattern: str | None = None) -> Member:
    return Member(
        name="data",
        meaning=meaning,
        required=False,
        types=(str, type(None)),
        pattern=pattern,
        privacy=Privacy.VALUE,
        spec=FORMAT,
    )


def _answer(fields: Any, data: Any) -> Verdict:
    status = fields.get("status")
    if status in ("300", "401"):
        return Verdict.LOGIN_FAILED
    if status in ("201", "202"):
        return Verdict.FAILED
    return Verdict.SILENT if status == "404" else Verdict.GOOD


def _disowns(fields: Any) -> bool:
    """Such an answer bears the imei of who sends it or is registered, not the command's (状态码说明 401; QD, ST 202: 不是我)."""
    return fields.get("status") in ("202", "401")


KEY = ("imei", "cmd")
ASKED = frozenset({"HT request", "TN request", "QR request"})
ANSWERS = frozenset({"HT answer", "TN answer", "QR answer"})
COMMANDS = frozenset({"TN request", "QR request", "QD request", "ST request"})
ANSWERED_WITHIN_NS = 10 * 10**9


def _asked(cmd: str, name: str, answer: str, meaning: str) -> tuple[MessageType, MessageType]:
    return (
        MessageType(
            kind=f"{cmd} request",
            type=cmd,
            name=name,
            sender=DEVICE,
            key=KEY,
            answered_by=(f"{cmd} answer", "404"),
            spec=FORMAT,
            members=(LENGTH, _status("000"), IMEI, CMD, _data()),
        ),
        MessageType(
            kind=f"{cmd} answer",
            type=cmd,
            name=answer,
            sender=PEER,
            key=KEY,
            verdict=_answer,
            disowns=_disowns,
            spec=FORMAT,
            members=(LENGTH, _status("200", "300", "401", "404"), IMEI, CMD, _data(meaning)),
        ),
    )


def _commanded(cmd: str, name: str, meaning: str, needs_data: bool) -> tuple[MessageType, MessageType, MessageType]:
    return (
        MessageType(
            kind=f"{cmd} request",
            type=cmd,
            name=name,
            sender=PEER,
            key=KEY,
            answered_by=(f"{cmd} result",),
            acknowledged_by=(f"{cmd} received",),
            spec=FORMAT,
            members=(LENGTH, _status("000"), IMEI, CMD, _data(meaning, r"\d+" if needs_data else None)),
        ),
        MessageType(
            kind=f"{cmd} result",
            type=cmd,
            name=f"{name} result",
            sender=DEVICE,
            key=KEY,
            verdict=_answer,
            disowns=_disowns,
            spec=FORMAT,
            members=(LENGTH, _status("200", "201", "202"), IMEI, CMD, _data()),
        ),
        MessageType(
            kind=f"{cmd} received",
            type=cmd,
            name=f"{name} result received",
            sender=PEER,
            key=KEY,
            spec=FORMAT,
            members=(LENGTH, _status("200"), IMEI, CMD, _data()),
        ),
    )


def _web(fields: Mapping[str, Any]) -> bool:
    return fields.get("type") == "start"


def web_cause(fields: Any) -> Cause | None:
    """A start leads to QD with the same seconds on that imei's connection, a stop to ST (一)."""
    imei, kind, seconds = fields.get("imei"), fields.get("type"), str(fields.get("long", ""))
    if not isinstance(imei, (str, int)) or kind not in ("start", "stop"):
        return None
    if kind == "stop":
        return Cause("web-stop", "ST request", (str(imei),), lambda sent: True)
    return Cause("web-start", "QD request", (str(imei),), lambda sent: str(sent.get("data") or "").lstrip("0") == seconds.lstrip("0"))


MESSAGES = {
    row.kind: row
    for row in (
        *_asked("HT", "register", "register answer", DATA),
        *_asked("TN", "service phone", "service phone answer", "phone number"),
        *_asked("QR", "QR code", "QR code answer", "text of the QR code"),
        *_commanded("QD", "start", "seconds, or number of runs", True),
        *_commanded("ST", "stop", DATA, False),
        MessageType(
            kind="heartbeat",
            type="heartbeat",
            name="heartbeat",
            sender=DEVICE,
            spec="心跳包",
            members=(Member(name="heartbeat", meaning="Up to 3 bytes: blank, 1, 0, AT", pattern="(?:[ 10]|AT){1,3}", spec="心跳包"),),
        ),
        MessageType(
            kind="404",
            type="404",
            name="connection unknown or bad format",
            sender=PEER,
            verdict=_answer,
            unasked=True,
            ends_oldest=lambda session: bool(session.facts.get("404 answers a request")),
            in_order=True,
            spec="状态码说明",
            members=(LENGTH, _status("404")),
        ),
        MessageType(
            kind="command",
            type="command",
            name="web command",
            sender=PEER,
            key=("imei",),
            causes=web_cause,
            spec=WEB,
            members=(
                IMEI,
                Member(name="type", meaning="start or stop", values=frozenset({"start", "stop"}), spec=WEB),
                Member(name="long", meaning="Seconds to run, zero padded", required=_web, pattern=r"\d+", unit="s", privacy=Privacy.VALUE, spec=WEB),
            ),
        ),
    )
}


def classify(value: Any, sender: Party | None) -> Classified | None:
    """A parsed frame: what it is depends on its command, its status and, for results and their acknowledgements, on who sent it."""
    if type(value) is not dict:
        return None
    if "heartbeat" in value:
        return Classified("heartbeat", value)
    if "command" in value:
        fields = value["command"]
        return Classified("command", fields) if type(fields) is dict else None
    cmd, status = value["cmd"], value["status"]
    if cmd is None:
        return Classified("404", value)
    if cmd in ("QD", "ST"):
        return Classified(f"{cmd} " + ("request" if status == "000" else "received" if sender is PEER else "result"), value)
    if cmd in ("HT", "TN", "QR"):
        return Classified(f"{cmd} " + ("request" if status == "000" or (sender is DEVICE and status not in ("200", "300", "401", "404")) else "answer"), value)
    return Classified(cmd, value)


def identity(kind: str, fields: Any) -> dict[str, Any] | None:
    imei = fields.get("imei")
    return {"imei": imei} if isinstance(imei, str) else None


def registration(said: Said, session: Situation) -> Iterable[Finding]:
    """Commands belong behind a successful HT (0.0.3: 加注册概念). A heartbeat on an unregistered connection is answered 006404, and that ends no request;
    another 006404 ends the oldest open one, and where there is none the server has lost the connection (404 连接丢失).
    """
    facts, kind = session.facts, said.kind
    if kind == "heartbeat":
        if "registered" not in facts:
            facts["beats"] = facts.get("beats", 0) + 1
            facts["beat_ns"] = said.time_ns
    elif kind in ASKED:
        facts["asked"] = facts.get("asked", 0) + 1
    elif kind in ANSWERS:
        facts["asked"] = max(0, facts.get("asked", 0) - 1)
        if kind == "HT answer" and said.fields.get("status") == "200":
            facts["registered"] = facts["was_registered"] = True
            facts["beats"] = 0
    elif kind == "404":
        to_heartbeat = facts.get("beats", 0) > 0 and said.time_ns - facts["beat_ns"] <= ANSWERED_WITHIN_NS
        facts["404 answers a request"] = not to_heartbeat
        if to_heartbeat:
            facts["beats"] -= 1
        elif facts.get("asked"):
            facts["asked"] -= 1
        else:
            facts.pop("registered", None)
    if kind in COMMANDS and session.from_start and "was_registered" not in facts:
        yield Finding("state.before-authentication", f"{said.fields.get('cmd')} before HT succeeded", once="before-authentication")


@only("QD request")
def seconds(said: Said, session: Situation) -> Iterable[Finding]:
    """A start says how long (QD: 命令后跟启动时间数据); what a frame does not hold is null in its fields."""
    if said.fields.get("data") is None:
        yield Finding("schema.missing-field", "data (seconds, or number of runs) is absent")


def web_command(said: Said, session: Situation) -> Iterable[Finding]:
    if said.kind == "command":
        yield Finding("security.unauthenticated-command", f"{said.fields.get('type')} of {said.fields.get('imei')} without any authentication")


def proof(kind: str, fields: Any) -> bool:
    """A heartbeat alone is too little; a frame is enough when its parts are the document's."""
    if kind == "command":
        return isinstance(fields.get("imei"), str) and fields.get("type") in ("start", "stop")
    return kind == "404" or (kind in MESSAGES and kind != "heartbeat" and fields["status"] in STATUSES)


RULES: tuple[Rule, ...] = (registration, seconds, web_command)

PROTOCOL = ApplicationProtocol(
    name="imei-tcp",
    title="imei-tcp device server",
    document="002_5e0dc06de6467005.txt",
    prefix="imei",
    carriers=("tcp",),
    ports=(12306,),
    signature=RESUME.pattern,
    proof=proof,
    default_key=KEY,
    results=("status",),
    raw_text=True,
    framing=Frames(cut, parse, whole, json_part="command", grammar=grammar),
    messages=MESSAGES,
    classify=classify,
    identity=identity,
    named_by=("imei",),
    client_is_device=True,
    server_kinds=frozenset({"command"}),
    rules=RULES,
    heartbeat=Heartbeat(frozenset({"heartbeat"}), lambda facts: 60.0, reference="心跳包"),
)
