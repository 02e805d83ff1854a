"""C-Life LAN (STD-RD-01192, V1.0.0): CoAP over UDP 5683 between a device and an APP, `data` encrypted by AES-128-CBC.

Document: 003_c27addfd9ee668ff.txt.
"""

from __future__ import annotations

from collections.abc import Iterable

from grammars.clife import ENVELOPE, KEY, REPORT, REQUIRED, classify, clock, common_rows, direction, row, speaker
from grammars.vocabulary import (
    ARRAY,
    DEVICE,
    PEER,
    ApplicationProtocol,
    Finding,
    KeyEvent,
    KeyStep,
    Member,
    MessageType,
    Objects,
    Privacy,
    Said,
    Situation,
)

MODES = frozenset({"DH", "ECDH", "NANOEC", "NANOECC"})
"""NANOEC is the tables' value; headings and people also write NANOECC."""
LONGEST_MODE = 32
"""characters of a keyMode that are kept, however people may spell it"""

USER_ID = Member(name="userId", meaning="User of the APP; also key of the key exchange", privacy=Privacy.CREDENTIAL, spec="6.1.2")
KEY_MODES = Member(
    name="keyModes",
    meaning="Key exchanges that the device offers",
    types=ARRAY,
    spec="6.2.1",
    item=Member(name="", meaning="key exchange", values=MODES),
)
KEY_MODE = Member(name="keyMode", meaning="Key exchange that the APP chose", values=MODES, spec="6.2.2")
PUB_KEY = Member(name="pubKey", meaning="Public key, base64", privacy=Privacy.CREDENTIAL, spec="6.2.3")
DH_P = Member(name="dhP", meaning="DH modulus, base64", required=False, privacy=Privacy.CREDENTIAL, spec="6.2.3")
DH_G = Member(name="dhG", meaning="DH generator, base64", required=False, privacy=Privacy.CREDENTIAL, spec="6.2.3")

SECTIONS = {2006: "6.3.1.1", 2007: "6.3.1.2", 2009: "6.3.2.1", 2011: "6.3.3.1", 2013: "6.3.4.1", 2012: "6.3.4.2"}

MESSAGES: dict[str, MessageType] = {
    one.kind: one
    for one in (
        row(1100, "find APP", DEVICE, "6.1.1", answered_by=("1101",), quiet=True, across=True),
        row(1101, "APP found", PEER, "6.1.2", data=(USER_ID,), across=True),
        row(1102, "key mode request", DEVICE, "6.2.1", answered_by=("1103",), data=(KEY_MODES,)),
        row(1103, "key mode response", PEER, "6.2.2", data=(KEY_MODE,)),
        row(1104, "key exchange request", DEVICE, "6.2.3", answered_by=("1105",), data=(PUB_KEY, DH_P, DH_G)),
        row(1105, "key exchange response", PEER, "6.2.4", data=(PUB_KEY,)),
        *common_rows(SECTIONS.__getitem__),
        row(2020, "history report", DEVICE, "6.3.5.1", answered_by=("2021",), tolerated=("2007",), data=REPORT, data_list=True),
        row(2021, "history report response", PEER, "6.3.5.2"),
        row(2106, "batch report", DEVICE, "6.3.6.1", answered_by=("2107",), tolerated=("2007",), data=REPORT, data_list=True),
        row(2107, "batch report response", PEER, "6.3.6.2"),
    )
}
FIXED_KEY = frozenset({"1101", "1102", "1103", "1104", "1105"})
"""Kinds whose data is under the fixed key (table 4.2-1); all others are under the negotiated one."""


def key_exchange(said: Said, session: Situation) -> Iterable[Finding]:
    """1102 offers, 1103 chooses one of those, 1104 brings dhP and dhG when it chose DH; data comes after 1105 (5.1, 6.2)."""
    kind, data, facts = said.kind, said.data, session.facts
    if kind == "1101":
        facts["found"] = True
    elif kind == "1102" and isinstance(data, dict):
        modes = data.get("keyModes")
        # what is none of the modes is told by its declaration, and could be any number of anything
        facts["offered"] = {one.rstrip("C") for one in modes if isinstance(one, str) and one in MODES} if isinstance(modes, list) else None
    elif kind == "1103" and isinstance(data, dict):
        mode, offered = data.get("keyMode"), facts.get("offered")
        facts["mode"] = mode if isinstance(mode, str) and len(mode) <= LONGEST_MODE else None
        if offered is not None and isinstance(mode, str) and mode in MODES and mode.rstrip("C") not in offered:
            yield Finding("schema.bad-value", f"keyMode {mode} is none of those that 1102 offered")
    elif kind == "1104" and isinstance(data, dict) and facts.get("mode") == "DH":
        for name in ("dhP", "dhG"):
            if name not in data:
                yield Finding("schema.missing-field", f"data.{name} is required for DH")
    elif kind == "1105":
        facts["agreed"] = True
    if kind in ("1104", "1105"):
        facts["exchanging"] = True
    elif kind >= "2000" and len(kind) == 4 and facts.get("found") and not facts.get("agreed") and not facts.get("exchanging"):
        yield Finding("state.before-authentication", f"{kind} before the key exchange", once="before-authentication")


def discovery(said: Said, session: Situation) -> Iterable[Finding]:
    """Attempts 1-3 every 2 s, attempt N >= 4 after (N-3)*60 s, at most 3600 s, until a 1101 comes (5.2 4)."""
    shared = session.shared
    if said.kind == "1101":
        shared.pop("attempts", None)
    if said.kind != "1100":
        return
    uptime = said.fields.get("timestamp")
    attempts, last_ns, last_uptime, lag = shared.get("attempts", (0, 0, 0, 0))
    if attempts and isinstance(uptime, int) and isinstance(last_uptime, int) and uptime < last_uptime:
        attempts = 0
    number = attempts + 1
    gap_s = (said.time_ns - last_ns) / 1e9
    if number == 4 and gap_s < 54:
        # The document leaves open whether the fourth attempt waits 2 s or 60 s; the later ones follow from it.
        lag = 1
    least = 0 if number == 1 else 2 if number <= 3 or (number == 4 and lag) else min((number - 3 - lag) * 60, 3600)
    shared["attempts"] = (number, said.time_ns, uptime, lag if number >= 4 else 0)
    if number > 1 and gap_s < least * 0.9:
        yield Finding("timing.discovery-schedule", f"attempt {number} came {gap_s:.1f} s after the one before, the schedule has {least} s")


def key_event(said: Said, session: Situation) -> KeyEvent | None:
    """1101 names a userId; 1104 and 1105 exchange public keys in the mode of 1103."""
    data = said.data
    if not isinstance(data, dict):
        return None
    if said.kind == "1101":
        return KeyEvent(KeyStep.USER, data.get("userId"))
    if said.kind == "1104":
        return KeyEvent(KeyStep.BEGIN, data.get("pubKey"), session.facts.get("mode"), data.get("dhP"), data.get("dhG"))
    if said.kind == "1105":
        return KeyEvent(KeyStep.COMPLETE, data.get("pubKey"), session.facts.get("mode"))
    return None


PROTOCOL = ApplicationProtocol(
    name="clife-lan",
    title="C-Life LAN",
    document="003_c27addfd9ee668ff.txt",
    prefix="clife",
    carriers=("coap",),
    ports=(5683,),
    default_key=KEY,
    number_keys=frozenset(KEY),
    opening=frozenset({"1100", "1101", "1102"}),
    shared_memory=True,
    signature=rb"msgId",
    framing=Objects(),
    messages=MESSAGES,
    envelope=ENVELOPE,
    required_on_bare_tcp=REQUIRED,
    classify=classify,
    speaker=speaker,
    identity=lambda kind, fields: None,
    connection_identity=lambda address, client_id, query: {"address": address},
    rules=(direction, clock, key_exchange, discovery),
    sealed=lambda kind: "fixed" if kind in FIXED_KEY else "negotiated",
    must_be_sealed=lambda kind, carrier: True,
    key_event=key_event,
    paths=("/device/uplink", "/device/downlink"),
)
