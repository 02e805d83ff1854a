"""FogsLink (雾联云数据通信协议 v1.0): TCP 63321, one JSON object a line; devices send req###, the cloud res###.

Document: 000_0462ae7b190e5537.txt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from construct import GreedyBytes, NullTerminated, Struct

from grammars.vocabulary import (
    ARRAY,
    DEVICE,
    INTEGER,
    PEER,
    ApplicationProtocol,
    Classified,
    Doc,
    Finding,
    Heartbeat,
    Lines,
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

LINE = Struct("json" / NullTerminated(GreedyBytes, term=b"\n", require=False) * Doc("One JSON object with one member, ended by \\n", "", "五、其他"))

EQ_SN = Member(name="eqSN", meaning="Serial number of the CS device", privacy=Privacy.DEVICE, spec="一、身份认证")
E_CHAN = Member(name="eChan", meaning="Channel: group and index", pattern=r"P\d+-C\d+", spec="二、数据传输")
E_CHAN_STA = Member(name="eChanSta", meaning="Channel status: 1 normal, anything else abnormal", required=False, spec="二、数据传输")
E_VAL = Member(name="eVal", meaning="Value as the cloud displays it", required=False, privacy=Privacy.VALUE, spec="二、数据传输")
T_KEY = Member(name="tKey", meaning="Token of the session, issued by res001", credential="tKey", privacy=Privacy.CREDENTIAL, spec="一、身份认证")
PACK_ID = Member(name="packID", meaning="Number of the pack", spec="二、数据传输")


def code(*values: str) -> Member:
    return Member(name="code", meaning="Result", values=frozenset(values), spec="响应代码对照表")


FAILURES = frozenset({"2", "3", "9"})
"""of the document's code table; in an answer that it does not list them for, a wrong value that is no success either"""


def _verdict(failure: str | None, meaning: Verdict) -> Any:
    """What an answer says whose failure code is *failure* (None: it has none)."""

    def verdict(fields: Any, data: Any) -> Verdict:
        told = str(fields.get("code"))
        return meaning if told == failure else Verdict.SILENT if told in FAILURES else Verdict.GOOD

    return verdict


def _needs_setting(fields: Mapping[str, Any]) -> bool:
    return "sPeriod" not in fields and "sType" not in fields


SET = "三、配置下发指令"
SEND = "二、数据传输"
LOGIN = "一、身份认证"
BEAT = "四、心跳检测"
CHANNEL = ("eqSN", "eChan")
PACK = ("eqSN", "packID")

MESSAGES = {
    row.kind: row
    for row in (
        MessageType(
            kind="req001",
            type="req001",
            name="announce",
            sender=DEVICE,
            key=("eqSN",),
            in_order=True,
            answered_by=("res001",),
            spec=LOGIN,
            members=(EQ_SN, Member(name="eqType", meaning="Type of the CS device, always 128", values=frozenset({"128"}), spec=LOGIN)),
        ),
        MessageType(
            kind="res001",
            type="res001",
            name="announce answer",
            sender=PEER,
            key=("eqSN",),
            in_order=True,
            verdict=_verdict("2", Verdict.LOGIN_FAILED),
            spec=LOGIN,
            members=(
                EQ_SN,
                code("0", "2"),
                replace(T_KEY, required=lambda fields: str(fields.get("code")) == "0"),
            ),
        ),
        MessageType(
            kind="req002",
            type="req002",
            name="authenticate",
            sender=DEVICE,
            key=("eqSN",),
            in_order=True,
            answered_by=("res002",),
            spec=LOGIN,
            members=(EQ_SN, Member(name="apiKey", meaning="The user's key", credential="apiKey", privacy=Privacy.CREDENTIAL, spec=LOGIN)),
        ),
        MessageType(
            kind="res002",
            type="res002",
            name="authenticate answer",
            sender=PEER,
            key=("eqSN",),
            slips=("eqKey",),
            in_order=True,
            verdict=_verdict("3", Verdict.LOGIN_FAILED),
            spec=LOGIN,
            members=(EQ_SN, code("0", "3")),
        ),
        MessageType(
            kind="req201",
            type="req201",
            name="report one channel",
            sender=DEVICE,
            key=CHANNEL,
            answered_by=("res201",),
            spec=SEND,
            members=(EQ_SN, E_CHAN, E_CHAN_STA, E_VAL),
        ),
        MessageType(
            kind="res201",
            type="res201",
            name="report one channel answer",
            sender=PEER,
            key=CHANNEL,
            verdict=_verdict(None, Verdict.SILENT),
            spec=SEND,
            members=(EQ_SN, E_CHAN, code("8")),
        ),
        MessageType(
            kind="req200",
            type="req200",
            name="report packed",
            sender=DEVICE,
            key=PACK,
            id="packID",
            answered_by=("res200",),
            spec=SEND,
            members=(
                EQ_SN,
                PACK_ID,
                Member(name="totalSize", meaning="Number of entries in eqData", types=INTEGER, spec=SEND),
                Member(name="eqData", meaning="The channels", types=ARRAY, members=(E_CHAN, E_CHAN_STA, E_VAL), spec=SEND),
            ),
        ),
        MessageType(
            kind="res200",
            type="res200",
            name="report packed answer",
            sender=PEER,
            key=PACK,
            verdict=_verdict("9", Verdict.RESEND),
            spec=SEND,
            members=(EQ_SN, PACK_ID, code("8", "9")),
        ),
        MessageType(
            kind="res300",
            type="res300",
            name="configure channel",
            sender=PEER,
            key=CHANNEL,
            answered_by=("req300",),
            spec=SET,
            members=(
                EQ_SN,
                E_CHAN,
                Member(name="sPeriod", meaning="Sampling period", required=_needs_setting, privacy=Privacy.VALUE, spec=SET),
                Member(name="sType", meaning="Sampling mode", required=False, privacy=Privacy.VALUE, spec=SET),
            ),
        ),
        MessageType(
            kind="req300",
            type="req300",
            name="configure channel answer",
            sender=DEVICE,
            key=CHANNEL,
            spec=SET,
            members=(EQ_SN, E_CHAN, code("10", "11", "12")),
        ),
        MessageType(
            kind="req100",
            type="req100",
            name="heartbeat",
            sender=DEVICE,
            key=("eqSN",),
            in_order=True,
            answered_by=("res100",),
            spec=BEAT,
            members=(EQ_SN, T_KEY),
        ),
        MessageType(
            kind="res100",
            type="res100",
            name="heartbeat answer",
            sender=PEER,
            key=("eqSN",),
            in_order=True,
            verdict=_verdict(None, Verdict.SILENT),
            spec=BEAT,
            members=(EQ_SN, code("0")),
        ),
    )
}


def classify(value: Any, sender: Party | None) -> Classified | None:
    """An object with exactly one member req### or res### that holds an object."""
    if type(value) is not dict or len(value) != 1:
        return None
    ((name, fields),) = value.items()
    if name in MESSAGES:
        return Classified(name, fields) if type(fields) is dict else None
    bare = name.strip()
    if len(bare) == 6 and bare[:3] in ("req", "res") and bare[3:].isdigit() and type(fields) is dict:
        return Classified(bare, fields)
    return None


def identity(kind: str, fields: Any) -> dict[str, Any] | None:
    # res002 may carry the literal eqKey (一, slip).
    serial = fields.get("eqSN")
    return {"eqSN": serial} if kind != "res002" and isinstance(serial, str) else None


def _shown(value: Any) -> str:
    """A value of a message as far as a text tells it."""
    return str(value)[:40]


@only("req200", "req201")
def channels(said: Said, session: Situation) -> Iterable[Finding]:
    """eChanSta 1 (or none) goes with a value, anything else without (二: eChanSta 异常时，不出现 eVal)."""
    fields = said.fields
    entries = [fields] if said.kind == "req201" else fields.get("eqData")
    if type(entries) is not list:
        return ()
    found: list[Finding] = []
    size = fields.get("totalSize")
    if type(size) is int and size != len(entries):
        found.append(Finding("schema.size-mismatch", f"totalSize says {size}, eqData holds {len(entries)} {'entry' if len(entries) == 1 else 'entries'}"))
    for entry in entries:
        if type(entry) is not dict:
            continue
        normal = entry.get("eChanSta", "1") in ("1", 1)
        if normal is not ("eVal" in entry):
            channel = _shown(entry.get("eChan"))
            if normal:
                found.append(Finding("schema.missing-field", f"channel {channel} is normal and has no eVal"))
            else:
                found.append(Finding("schema.bad-value", f"channel {channel} is abnormal (eChanSta {_shown(entry['eChanSta'])}) and has an eVal"))
    return found


@only("res001", "res002")
def login(said: Said, session: Situation) -> Iterable[Finding]:
    """What the cloud says of 001 and 002."""
    code, facts = str(said.fields.get("code")), session.facts
    if said.kind == "res001" and code == "0":
        facts["token"] = said.fields.get("tKey")
    elif said.kind == "res002" and code == "0":
        facts["authenticated"] = True
        facts["authenticated_ns"] = said.time_ns
    elif code in ("2", "3"):
        facts["refused"] = said.time_ns
    return ()


def authentication(said: Said, session: Situation) -> Iterable[Finding]:
    """001 then 002, both code 0, before anything else; after a refusal the connection ends."""
    facts = session.facts
    if "refused" not in facts and ("authenticated" in facts or not session.from_start):
        return ()
    kind = said.kind
    refused_ns = facts.get("refused")
    if refused_ns:
        if said.time_ns < refused_ns or not (said.sender is DEVICE or kind == "res300"):
            return ()
        if kind == "req001":
            facts["refused"] = 0
        return (Finding("state.not-disconnected", f"{kind} after the cloud refused the login", once="not-disconnected"),)
    if kind == "res300" or (said.sender is DEVICE and kind not in ("req001", "req002")):
        return (Finding("state.before-authentication", f"{kind} before 002 succeeded", once="before-authentication"),)
    return ()


@only("req100")
def token(said: Said, session: Situation) -> Iterable[Finding]:
    """req100 bears the token that res001 issued."""
    issued, shown = session.facts.get("token"), said.fields.get("tKey")
    if issued is not None and shown is not None and str(shown) != str(issued):
        return (Finding("state.token-mismatch", "the tKey of req100 is not the one that res001 issued"),)
    return ()


RULES: tuple[Rule, ...] = (channels, login, authentication, token)

PROTOCOL = ApplicationProtocol(
    name="fogslink",
    title="FogsLink data cloud",
    document="000_0462ae7b190e5537.txt",
    prefix="fogslink",
    carriers=("tcp",),
    ports=(63321,),
    signature=rb"re[qs]\d{3}",
    results=("code",),
    framing=Lines(),
    messages=MESSAGES,
    classify=classify,
    identity=identity,
    named_by=("eqSN",),
    client_is_device=True,
    rules=RULES,
    heartbeat=Heartbeat(frozenset({"req100"}), lambda facts: 10.0, starts_with="authenticated_ns", reference=BEAT),
)
