"""Texts of anomalies without what they quote: a text that is one of these patterns stays; of any other only the member that it names
and the catalogue's sentence do. So a text that a new rule brings cannot tell anything.
"""

from __future__ import annotations

import re
from functools import lru_cache

from dissect.catalogue import CATALOGUE
from grammars.registry import PROTOCOLS
from grammars.vocabulary import Member

_PATTERNS = (  # {n} a number of at most 9 digits, {place} the path of a declared member, {name} a message's name or kind
    "{place} is absent",
    "{place} is (?:text|an? (?:integer|number|boolean|object|array)|null|no object|no array|something else)(?:, want [a-z ]+)?",
    r"{place} is required (?:for DH|at authLevel 1 and 2)",
    "hb_interval {n} is outside {n}..{n} s",
    "totalSize says {n}, eqData holds {n} entr(?:y|ies)",
    "{n} bytes? that (?:is|are) no message of [A-Za-z -]+",
    "LEN says {n}, the frame has {n} bytes",
    r"the last message of the connection does not end with \\n",
    r"objects follow each other without \\n",
    "an unquoted member name or a trailing comma",
    "{name} refused: (?:ret|code|status) {n}(?:, and not sent again)?",
    "{name} (?:sent again|sent) {n} times?(?: before its answer| without an answer)",
    "answered after {n} s, the deadline is {n} s",
    "{name}: no answer within {n} s",
    "no {name} within {n} s",
    "{name}: no {name} to the device followed",
    "{name} to nothing that was asked",
    "{name} is answered by {name}, not {name}",
    "{name} is said by the (?:device|peer)'s side, the (?:device|peer)'s side sent it",
    "dir [0-3fF][0-3fF] says (?:device|gateway|APP|platform|all), the (?:device|peer)'s side sent it",
    "{name} (?:after the cloud refused the login|before 002 succeeded|before HT succeeded|before the key exchange)",
    "the tKey of req100 is not the one that res001 issued",
    "attempt {n} came {n} s after the one before, the schedule has {n} s",
    "timestamp is {n} s off the capture's clock",
    "no heartbeat for more than {n} s",
    r"(?:apiKey|tKey) goes over the network in clear",
    "the device registers without TLS",
    "the (?:device|peer)'s side sends data in clear",
    "data is not base64 of whole AES blocks",
    r"a {n}-bit (?:DH|ECDH) exchange(?: \(secp112r1\))? can be broken",
    r"respCode -1: (?:bad URL or device busy|upgrade interrupted|checksum wrong, upgrade cancelled)",
    r"the upgrade did not report(?: \([01],{n}\))+",
    r"\([01],{n}\) after {n} %",
    r"upgrading \(0,{n}\) before the download was done",
    "{n} packets? cut by the snap length",
    "{n} packets? (?:was|were) dropped by the capture",
    "fragments of a datagram are missing",
    "the capture starts inside the connection",
    "a CON was neither acknowledged nor reset within {n} s",
)
_NUMBER = r"[+-]?\d{1,9}(?:\.\d{1,9})?(?:e[+-]\d\d)?"
_PLACE = re.compile(r"([A-Za-z0-9_]+(?:\[\d{1,9}\])*(?:\.[A-Za-z0-9_]+(?:\[\d{1,9}\])*)*) ")
_STEP = re.compile(r"[A-Za-z0-9_]+")
_PLACED = ("schema.", "security.insecure-url")
"""codes whose texts begin with the member that they are about"""
_ADDRESSED = (
    (re.compile(rf"({_NUMBER} bytes of )([0-9A-Fa-f:.]+)( are missing before this packet)"), 2),
    (re.compile(r"()([0-9A-Fa-f:.]+)( ended the connection by RST)"), 2),
)
"""texts with an address in them, which gets its pseudonym"""


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[re.Pattern[str], frozenset[str]]:
    """The patterns as one, and the names of all declared members."""
    names: set[str] = set()
    members: set[str] = {"data", "query"}
    for protocol in PROTOCOLS.values():
        members |= _names(protocol.envelope) | _names(protocol.extra_fields)
        for row in protocol.messages.values():
            names |= {row.name, row.kind, row.type, row.operation or row.name}
            members |= _names(row.members) | _names(row.data or ())
    names |= {"web-start", "web-stop"}  # operations of exchanges that a cause links (grammars.vocabulary.Cause)
    name = "(?:" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + ")"
    step = "(?:" + "|".join(sorted(map(re.escape, members - {""}), key=len, reverse=True)) + r")(?:\[\d{1,9}\])*"
    place = rf"{step}(?:\.{step})*"
    whole = "|".join(pattern.replace("{n}", _NUMBER).replace("{name}", name).replace("{place}", place)
                     for pattern in _PATTERNS)
    return re.compile(whole), frozenset(members)


def _names(members: tuple[Member, ...]) -> set[str]:
    found: set[str] = set()
    for member in members:
        found |= {member.name} | _names(member.members)
    return found


def without_quotes(code: str, text: str, address: object = None) -> str:
    """*text* of an anomaly of this *code*, or what may be told instead. *address*: makes a pseudonym of an address."""
    patterns, members = _vocabulary()
    if patterns.fullmatch(text):
        return text
    if callable(address):
        for pattern, group in _ADDRESSED:
            found = pattern.fullmatch(text)
            if found:
                return f"{found[1]}{address(found[group])}{found[3]}"
    kind = CATALOGUE.get(code)
    meaning = kind.meaning if kind is not None else code
    place = _PLACE.match(text) if code.startswith(_PLACED) else None
    if place and all(step in members or step.isdigit() for step in _STEP.findall(place[1])):
        return f"{place[1]}: {meaning}"
    return meaning
