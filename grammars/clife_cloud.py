"""C-Life cloud (IoT接入文档): registration by HTTP(S) POST, messages by MQTT PUBLISH or bare JSON over TCP, file operations and upgrades.

Document: 001_8211b343d0f5e58e.txt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from grammars.clife import ENVELOPE, KEY, REQUIRED, classify, clock, common_rows, direction, row, speaker
from grammars.vocabulary import (
    ARRAY,
    DEVICE,
    INTEGER,
    OBJECT,
    PEER,
    TEXT_OR_INTEGER,
    ApplicationProtocol,
    Finding,
    Member,
    MessageType,
    Objects,
    Privacy,
    Said,
    Situation,
    Verdict,
)

FILES, ANSWERS, VERSIONS, REGISTER, CODES = "4.3.2.8.1", "4.3.2.8.2", "5.1", "4.3.1.1", "5.3"
UPGRADES = frozenset({"FIRM", "SUBFIRM", "PROFILE"})
"""升级功能, the first group of fileType"""
VERSIONED = frozenset({"FIRM", "SUBFIRM"})


def _version(value: Any) -> str | None:
    """One to four dotted decimal parts, none over 100 (5.1: a part carries at 100)."""
    if not isinstance(value, str):
        return None
    parts = value.split(".")
    if len(parts) > 4 or not all(re.fullmatch(r"[0-9]{1,3}", part) and int(part) <= 100 for part in parts):
        return "is no version: one to four dotted decimal parts, none over 100"
    return None


def version(value: Any) -> tuple[int, ...] | None:
    """A version as numbers that compare, or None."""
    if not isinstance(value, str) or _version(value):
        return None
    parts = [int(part) for part in value.split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def _positive(value: Any) -> str | None:
    return None if not isinstance(value, int) or value >= 1 else "is below 1"


def is_upgrade(data: Any) -> bool:
    """Whether a 2019 asks for an upgrade: its mode is neither UP nor QUERY, and a file of it is firmware."""
    if not isinstance(data, dict) or data.get("fileMode") in ("UP", "QUERY") or not isinstance(data.get("fileInfo"), list):
        return False
    return any(isinstance(entry, dict) and _file_type(entry) in UPGRADES for entry in data["fileInfo"])


def _file_type(entry: Any) -> str | None:
    """fileType of an entry of fileInfo, when it is text."""
    kind = entry.get("fileType") if isinstance(entry, dict) else None
    return kind if isinstance(kind, str) else None


FILE_INFO = (
    Member(
        name="fileType",
        meaning="What the file is for",
        spec=FILES,
        values=frozenset({"FIRM", "SUBFIRM", "PROFILE", "LOG", "PHOTO", "VIDEO", "VOICE", "DATA"}),
    ),
    Member(name="url", meaning="Where to fetch or put the file", plain_url=True, privacy=Privacy.ADDRESS, spec=FILES),
    Member(name="devNum", meaning="Number of the device or plug-in", types=INTEGER, required=lambda entry: entry.get("fileType") == "SUBFIRM", spec=FILES),
    Member(name="software", meaning="Software version", required=False, check=_version, spec=FILES),
    Member(name="hardware", meaning="Hardware version", required=False, check=_version, spec=FILES),
    Member(name="md5", meaning="MD5 of the file, 32 hex digits", required=False, pattern=r"[0-9A-Fa-f]{32}", spec=FILES),
    Member(name="checkSum", meaning="Sum of the file's bytes", types=INTEGER, required=False, spec=FILES),
)
FILE_OPERATION = (
    Member(name="fileMode", meaning="DOWN download, UP upload, QUERY versions", values=frozenset({"DOWN", "UP", "QUERY"}), spec=FILES),
    Member(name="productVer", meaning="Version of the whole product, from 1", types=INTEGER, required=is_upgrade, check=_positive, spec=FILES),
    Member(name="fileInfo", meaning="The files", types=ARRAY, members=FILE_INFO, spec=FILES),
    Member(name="startTime", meaning="Start, relative to now", types=INTEGER, required=False, unit="s", spec=FILES),
    Member(name="stopTime", meaning="End, relative to now, not before the start", types=INTEGER, required=False, unit="s", spec=FILES),
)


def _versions_told(data: Mapping[str, Any]) -> bool:
    return data.get("respCode") == 3


FILE_ANSWER = (
    Member(
        name="respCode",
        meaning="0 upgrading, 1 downloading, 2 asks for an upgrade, 3 answers a query, -1 failed",
        types=INTEGER,
        values=frozenset({0, 1, 2, 3, -1}),
        spec="5.4",
    ),
    Member(name="respCont", meaning="Percent, what is asked for, or text", types=TEXT_OR_INTEGER, spec="5.4"),
    Member(name="productVer", meaning="Version of the whole product, from 1", types=INTEGER, required=_versions_told, check=_positive, spec=ANSWERS),
    Member(
        name="devVer",
        meaning="Versions of the device and its plug-ins",
        types=ARRAY,
        required=_versions_told,
        spec=ANSWERS,
        members=(
            Member(name="software", meaning="Software version", check=_version, spec=VERSIONS),
            Member(name="hardware", meaning="Hardware version", check=_version, spec=VERSIONS),
            Member(name="devNum", meaning="Number of the device, 0 the radio module", types=INTEGER, spec=ANSWERS),
        ),
    ),
)
REASONS = {"0": "bad URL or device busy", "1": "upgrade interrupted", "2": "checksum wrong, upgrade cancelled"}
STAGES = ((1, 1), (1, 100), (0, 1), (0, 100))
"""What a good upgrade reports at least, in that order (5.4)."""


def percent(value: Any) -> int | None:
    """respCont as a number 1..100, sent as number or text."""
    if type(value) is str and re.fullmatch(r"[0-9]{1,3}", value):
        value = int(value)
    return value if type(value) is int and 1 <= value <= 100 else None


def told_in_words(data: Any) -> str:
    """A row of table 5.4-1: what a device says of an upgrade."""
    if not isinstance(data, dict):
        return ""
    code, content = data.get("respCode"), data.get("respCont")
    share = percent(content)
    if code in (0, 1) and type(code) is int and share is not None:
        done = ("upgraded", "downloaded")[code] if share == 100 else ("upgrading", "downloading")[code]
        return f"{done} {share}%"
    if code == -1:
        return f"failed: {REASONS.get(str(content), str(content)[:80])}"
    return f"asks for an upgrade {content if isinstance(content, str) else ''}".rstrip()[:80] if code == 2 else "tells its versions" if code == 3 else ""


class FileStory:
    """A 2019 and its 2018s: stages of an upgrade, or the one answer to an upload or a query."""

    def __init__(self, data: Any) -> None:
        self.upgrade = is_upgrade(data)
        self.mode = data.get("fileMode") if isinstance(data, dict) else None
        self.seen: set[tuple[int, int]] = set()
        self.furthest = 0
        self.disordered = False

    def answer(self, fields: Any, data: Any) -> tuple[Verdict, Iterable[Finding]]:
        if not isinstance(data, dict):
            return Verdict.UNDERWAY if self.mode is None else Verdict.GOOD, ()
        code, share = data.get("respCode"), percent(data.get("respCont"))
        if code == -1:
            return Verdict.SILENT, ()
        if not self.upgrade:
            ends = self.mode != "DOWN" or (code in (0, 1) and share == 100)
            return (Verdict.GOOD if ends and (self.mode != "QUERY" or code == 3) else Verdict.UNDERWAY), ()
        findings: list[Finding] = []
        if code in (0, 1) and share is not None:
            place = share if code == 1 else 100 + share
            backwards = place < self.furthest
            early = code == 0 and (1, 100) not in self.seen
            if (backwards or early) and not self.disordered:
                self.disordered = True
                text = f"({code},{share}) after {self.furthest % 100 or 100} %" if backwards else f"upgrading ({code},{share}) before the download was done"
                findings.append(Finding("upgrade.out-of-order", text))
            self.furthest = max(self.furthest, place)
            self.seen.add((code, share))
        if (code, share) == (0, 100):
            return Verdict.GOOD, findings + (list(self.broken_off()) if not self.disordered else [])
        return Verdict.UNDERWAY, findings

    def broken_off(self) -> Iterable[Finding]:
        missing = [stage for stage in STAGES if stage not in self.seen]
        if self.upgrade and self.seen and missing:
            yield Finding("upgrade.incomplete", "the upgrade did not report " + " ".join(f"({code},{share})" for code, share in missing))


REGISTRATION = (Member(name="productCode", meaning="Product code", required=False, privacy=Privacy.DEVICE, spec=REGISTER),)
QUERY = Member(
    name="query",
    meaning="Parameters of the URL: authLevel, productCode, devId",
    types=OBJECT,
    required=False,
    spec=REGISTER,
    members=(
        Member(name="authLevel", meaning="0 high, 1 medium, 2 basic", values=frozenset({"0", "1", "2"}), spec=REGISTER),
        Member(
            name="productCode",
            meaning="Product code",
            required=lambda query: query.get("authLevel") in ("1", "2"),
            privacy=Privacy.DEVICE,
            spec=REGISTER,
        ),
        Member(name="devId", meaning="Device id", required=lambda query: query.get("authLevel") == "0", privacy=Privacy.DEVICE, spec=REGISTER),
    ),
)

MESSAGES: dict[str, MessageType] = {
    one.kind: one
    for one in (
        row(2000, "register", DEVICE, REGISTER, answered_by=("2001",), data=REGISTRATION),
        row(2001, "register response", PEER, CODES),
        row(2004, "connect", DEVICE, CODES, answered_by=("2005",)),
        row(2005, "connect response", PEER, CODES),
        *common_rows(lambda cmd: CODES),
        row(2014, "last will", DEVICE, CODES),
        row(2017, "forced offline", PEER, CODES),
        row(2019, "file operation", PEER, FILES, answered_by=("2018",), data=FILE_OPERATION, story=lambda fields, data: FileStory(data)),
        row(2018, "file operation response", DEVICE, ANSWERS, data=FILE_ANSWER, unasked=True, in_words=told_in_words),
    )
}


def register(said: Said, session: Situation) -> Iterable[Finding]:
    """authLevel, productCode, devId in the URL (4.3.1.1); data.productCode is required at levels 1 and 2."""
    if said.kind != "2000":
        return
    query = said.fields.get("query")
    level = query.get("authLevel") if isinstance(query, dict) else None
    if said.fields.get("data") is None:
        yield Finding("schema.missing-field", "data is absent")
    if level in ("1", "2") and isinstance(said.data, dict) and "productCode" not in said.data:
        yield Finding("schema.missing-field", "data.productCode is required at authLevel 1 and 2")
    if isinstance(query, dict) and session.clear:
        yield Finding("security.cleartext-credential", "the device registers without TLS", once="cleartext register")


def file_answer(said: Said, session: Situation) -> Iterable[Finding]:
    """Table 5.4-1."""
    data = said.data
    if said.kind == "2018" and isinstance(data, dict):
        code, content = data.get("respCode"), data.get("respCont")
        if code in (0, 1) and "respCont" in data and percent(content) is None:
            yield Finding("schema.bad-value", f"data.respCont {content!r:.40} is no percentage 1..100")
        elif code == 2 and "respCont" in data and content not in ("ALL", "FIRM", "SUBFIRM"):
            yield Finding("schema.bad-value", f"data.respCont {content!r:.40} is none of ALL, FIRM, SUBFIRM")
        if code == -1:
            yield Finding("upgrade.failed", f"respCode -1: {REASONS.get(str(content), str(content)[:80])}")
        if code == 3:
            told = data.get("devVer")
            session.shared["versions"] = {
                entry.get("devNum", 0): version(entry.get("software"))
                for entry in (told if isinstance(told, list) else ())
                if isinstance(entry, dict) and isinstance(entry.get("devNum", 0), int)
            }


def file_operation(said: Said, session: Situation) -> Iterable[Finding]:
    """Times in order (4.3.2.8.1), and no older version than the device told (5.1)."""
    data = said.data
    if said.kind != "2019" or not isinstance(data, dict):
        return
    start, stop = data.get("startTime"), data.get("stopTime")
    if isinstance(start, int) and isinstance(stop, int) and stop < start:
        yield Finding("schema.bad-value", f"data.stopTime {stop} is before data.startTime {start}")
    if not is_upgrade(data):
        return
    known = session.shared.get("versions", {})
    for entry in data["fileInfo"]:
        kind = _file_type(entry)
        needed = ("md5", "checkSum") * (kind in UPGRADES) + ("software", "hardware") * (kind in VERSIONED)
        for name in needed:
            if name not in entry:
                yield Finding("schema.missing-field", f"data.fileInfo {name} is required to upgrade {kind}")
        if kind in VERSIONED:
            number = entry.get("devNum", 0) if isinstance(entry.get("devNum", 0), int) else 0
            has, gets = known.get(number), version(entry.get("software"))
            if has and gets and gets < has:
                yield Finding("upgrade.downgrade", f"software {entry['software']} is older than {'.'.join(map(str, has))}, which device {number} reported")


def product(fields: Any, session: Situation) -> str | None:
    """productCode of the URL of a registration, and of what comes behind it on its connection."""
    query = fields.get("query")
    code = query.get("productCode") if isinstance(query, dict) else session.facts.get("product")
    if not isinstance(code, str):
        return None
    session.facts["product"] = code
    return code


PROTOCOL = ApplicationProtocol(
    name="clife-cloud",
    title="C-Life cloud",
    document="001_8211b343d0f5e58e.txt",
    prefix="clife",
    carriers=("http", "mqtt", "tcp"),
    ports=(),
    default_key=KEY,
    number_keys=frozenset(KEY),
    shared_memory=True,
    signature=rb"msgId",
    framing=Objects(),
    messages=MESSAGES,
    envelope=ENVELOPE,
    required_on_bare_tcp=REQUIRED,
    classify=classify,
    speaker=speaker,
    identity=lambda kind, fields: None,
    named_by=("clientId", "devId"),
    connection_identity=lambda address, client_id, query: {
        "clientId": client_id,
        "devId": query.get("devId") or None,
        "productCode": query.get("productCode"),
    },
    rules=(direction, clock, register, file_answer, file_operation),
    sealed=lambda kind: "dev",
    product=product,
    must_be_sealed=lambda kind, carrier: carrier == "http" and kind in ("2000", "2001"),
    extra_fields=(QUERY,),
    paths=("/device/register",),
)
