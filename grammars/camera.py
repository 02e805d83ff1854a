"""Camera: JSON {"operate", "request_id", "sn", ...} in MQTT PUBLISH, HTTP bodies or bare over TCP; an answer's operate has `_rsp` added.

Document: 004_04e8e4b59c3ba59d.txt.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from grammars.vocabulary import (
    DEVICE,
    INTEGER,
    OBJECT,
    PEER,
    TEXT_OR_INTEGER,
    ApplicationProtocol,
    Classified,
    Finding,
    Heartbeat,
    Member,
    MessageType,
    Objects,
    Party,
    Privacy,
    Said,
    Situation,
    Verdict,
    turned_wrong,
)

VALID_S = 300
DEFAULT_INTERVAL_S = 60
LONGEST_INTERVAL_S = 10**6
"""A number beyond is no interval."""
BEAT, SNAPSHOT = "一、1、心跳", "一、2、抓拍图投递数据"
GET, SET, UPGRADE, CONTROL = "二、1、获取设备信息", "二、2、设置设备信息", "二、3、推送设备升级", "二、4、控制指令集下发"

ENVELOPE = (
    Member(name="operate", meaning="What is asked or answered", spec="一"),
    Member(name="request_id", meaning="Identifies the request; the answer bears the same", spec="一"),
    Member(name="sn", meaning="Serial number of the device", privacy=Privacy.DEVICE, spec="一"),
)
TIMESTAMP = Member(name="timestamp", meaning="Time of the request, valid within five minutes", types=INTEGER, unit="s", spec="一")
RET = Member(name="ret", meaning="Result, 0 is good", types=INTEGER, spec="一")
MSG = Member(name="msg", meaning="Text of the result", spec="一")
UPLOAD_TYPE = Member(name="upload_type", meaning="Way of the snapshots: 0 http, 1 mqtt", types=INTEGER, values=frozenset({0, 1}), spec=SET)
UPLOAD_ADDR = Member(name="upload_addr", meaning="Where snapshots go", plain_url=True, privacy=Privacy.ADDRESS, spec=SET)
INTERVAL = Member(name="hb_interval", meaning="Seconds between heartbeats, 15..360", types=INTEGER, unit="s", spec=BEAT)


def _image(value: Any) -> str | None:
    """Base64, perhaps broken into lines, or as a data: URL."""
    if not isinstance(value, str):
        return None
    text = value.partition(",")[2] if value.startswith("data:") else value
    try:
        binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:  # binascii.Error, and text beyond ASCII
        return "is no base64"
    return None


IMAGE = Member(name="data", meaning="Image, base64", embedded=True, check=_image, privacy=Privacy.VALUE, spec=SNAPSHOT)
ACTIONS = frozenset({"take_snapshot", "io_control"})


def _good(fields: Any) -> bool:
    """ret 0; text is accepted (and reported as schema.bad-type), an absent ret is no failure."""
    return fields.get("ret", 0) in (0, "0")


def _verdict(failure: Verdict) -> Callable[[Any, Any], Verdict]:
    """Good, or *failure*."""
    return lambda fields, data: Verdict.GOOD if _good(fields) else failure


def same(fields: Any, data: Any) -> Any:
    return {name: value for name, value in fields.items() if name != "timestamp"}


def _pair(
    operate: str, name: str, sender: Party, spec: str, asks: tuple[Member, ...] = (), answers: tuple[Member, ...] = (), failure: Verdict = Verdict.FAILED
) -> tuple[MessageType, MessageType]:
    other = PEER if sender is DEVICE else DEVICE
    answer = operate + "_rsp"
    return (
        MessageType(
            kind=operate,
            type=operate,
            name=name,
            sender=sender,
            key=("request_id",),
            id="request_id",
            answered_by=(answer,),
            same=same,
            spec=spec,
            members=(*ENVELOPE, TIMESTAMP, *asks),
        ),
        MessageType(
            kind=answer,
            type=answer,
            name=name + " answer",
            sender=other,
            key=("request_id",),
            id="request_id",
            verdict=_verdict(failure),
            spec=spec,
            members=(*ENVELOPE, RET, MSG, *answers),
        ),
    )


MESSAGES = {
    row.kind: row
    for row in (
        *_pair("heartbeat", "heartbeat", DEVICE, BEAT, failure=Verdict.LOGIN_FAILED),
        *_pair("upload_snapshot", "upload snapshot", DEVICE, SNAPSHOT, asks=(IMAGE,)),
        *_pair(
            "get_dev_config",
            "get configuration",
            PEER,
            GET,
            answers=tuple(
                replace(one, required=_good, spec=GET)
                for one in (
                    Member(name="mac", meaning="MAC address of the device", privacy=Privacy.DEVICE),
                    UPLOAD_TYPE,
                    UPLOAD_ADDR,
                    INTERVAL,
                    Member(name="run_time", meaning="Running since", types=INTEGER, unit="s"),
                )
            ),
        ),
        *_pair("set_dev_config", "set configuration", PEER, SET, asks=(UPLOAD_TYPE, UPLOAD_ADDR, INTERVAL)),
        *_pair(
            "upgrade_dev",
            "push upgrade",
            PEER,
            UPGRADE,
            asks=(Member(name="package_url", meaning="Address of the upgrade package", plain_url=True, privacy=Privacy.ADDRESS, spec=UPGRADE),),
        ),
        *_pair(
            "control_cmd",
            "control",
            PEER,
            CONTROL,
            asks=(
                Member(
                    name="cmd_data",
                    meaning="The command",
                    types=OBJECT,
                    spec=CONTROL,
                    members=(
                        Member(name="type", meaning="take_snapshot or io_control", values=ACTIONS, spec=CONTROL),
                        Member(name="io0", meaning="Output 0", types=TEXT_OR_INTEGER, required=False, privacy=Privacy.VALUE, spec=CONTROL),
                        Member(name="io1", meaning="Output 1", types=TEXT_OR_INTEGER, required=False, privacy=Privacy.VALUE, spec=CONTROL),
                    ),
                ),
            ),
            answers=(
                Member(
                    name="cmd_data",
                    meaning="What the command brought",
                    types=OBJECT,
                    required=False,
                    spec=CONTROL,
                    members=(
                        Member(name="type", meaning="take_snapshot or io_control", values=ACTIONS, spec=CONTROL),
                        Member(
                            name="data",
                            meaning="Image, base64, or null",
                            embedded=True,
                            check=_image,
                            types=(str, dict, type(None)),
                            required=False,
                            privacy=Privacy.VALUE,
                            spec=CONTROL,
                        ),
                    ),
                ),
            ),
        ),
    )
}


def classify(value: Any, sender: Party | None) -> Classified | None:
    """An object with a text `operate` beside `request_id` or `sn`."""
    if type(value) is not dict:
        return None
    operate = value.get("operate")
    if type(operate) is str and ("request_id" in value or "sn" in value):
        return Classified(operate, value)
    return None


def identity(kind: str, fields: Any) -> dict[str, Any] | None:
    serial = fields.get("sn")
    return {"sn": serial} if isinstance(serial, str) else None


def clock(said: Said, session: Situation) -> Iterable[Finding]:
    """Requests are valid within five minutes (一、1). Once per session and sender, again after a right one."""
    value = said.fields.get("timestamp")
    if type(value) is not int or session.retained:
        return
    off = value - said.time_ns // 10**9
    if turned_wrong(session, f"skewed {said.sender.value} {session.speaker}", abs(off) > VALID_S):
        yield Finding("timing.clock-skew", f"timestamp is {off:+d} s off the capture's clock")


def interval(said: Said, session: Situation) -> Iterable[Finding]:
    """15..360 s (一、1)."""
    if said.kind in ("set_dev_config", "get_dev_config_rsp"):
        value = said.fields.get("hb_interval")
        if type(value) is int and not 15 <= value <= 360:
            yield Finding("timing.heartbeat-interval", f"hb_interval {value} is outside 15..360 s")


def configured(request: Said, answer: Said, session: Situation) -> Iterable[Finding]:
    """A successful set_dev_config changes the interval from then on."""
    if request.kind == "set_dev_config" and _good(answer.fields):
        value = request.fields.get("hb_interval")
        if type(value) is int and 0 < value <= LONGEST_INTERVAL_S:
            session.shared["interval_s"] = value
            session.shared["interval_ns"] = answer.time_ns
    return ()


def identities(request: Said, answer: Said, session: Situation) -> Iterable[Finding]:
    asked, answered = request.fields.get("sn"), answer.fields.get("sn")
    if asked is not None and answered is not None and asked != answered:
        yield Finding("pair.identity-mismatch", f"the request names {asked!r:.40}, the answer {answered!r:.40}")


PROTOCOL = ApplicationProtocol(
    name="camera",
    title="Camera",
    document="004_04e8e4b59c3ba59d.txt",
    prefix="camera",
    carriers=("mqtt", "http", "tcp"),
    ports=(),
    default_key=("request_id",),
    shared_memory=True,
    signature=rb"operate",
    results=("ret",),
    result_text="msg",
    framing=Objects(),
    messages=MESSAGES,
    envelope=ENVELOPE,
    required_on_bare_tcp=frozenset({"operate", "request_id", "sn"}),
    classify=classify,
    identity=identity,
    named_by=("sn",),
    rules=(clock, interval),
    answer_rules=(configured, identities),
    self_naming=True,
    heartbeat=Heartbeat(
        frozenset({"heartbeat"}), lambda facts: facts.get("interval_s", DEFAULT_INTERVAL_S) * 1.5, per_device=True, restarts_with="interval_ns", reference=BEAT
    ),
)
