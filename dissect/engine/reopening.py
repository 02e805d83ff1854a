"""Messages that were kept sealed, opened in place once their keys are known: for captures that cannot be read a second time.

What is kept is decrypted and key exchanges are followed; nothing is judged anew but what the missing key was told for. What comes later is opened, and
judged, as if the keys had been there from the start.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy

from dissect.analysis.rewritten import rewritten
from dissect.engine.unsealing import Unsealing
from dissect.jsonwrite import encode
from dissect.keys import joined
from dissect.model import Outcome
from dissect.pairing.exchanges import Seen
from dissect.streams.api import FILE_SHIFT
from grammars.registry import PROTOCOLS
from grammars.vocabulary import DEVICE, PEER

if TYPE_CHECKING:
    from dissect.analysis import Analysis
    from dissect.analysis.records import Body
    from dissect.crypto.decryptor import Opened
    from dissect.engine.engine import Engine
    from dissect.keys import Keyring
    from dissect.model import Session
    from grammars.vocabulary import ApplicationProtocol

SEALED = (Outcome.NO_KEY.value.encode(), Outcome.WRONG_KEY.value.encode())
TOLD = ("crypto.no-key", "crypto.wrong-key")
"""anomalies that are none any more once the message that they name is open"""


class Reopened(NamedTuple):
    analysis: Analysis
    """the one given where nothing was opened"""
    opened: int
    """messages"""


class _Past:
    """As much of a session that has ended as opening its messages asks for (`dissect.engine.sessions.SessionState`)."""

    def __init__(self, told: Session) -> None:
        self.id = told.id
        self.ends = ((told.device.address, told.device.port), (told.peer.address, told.peer.port))
        self.device_side = 0
        self.facts: dict[str, Any] = {}


def reopen(engine: Engine, analysis: Analysis, keyring: Keyring, memory_limit: int) -> Reopened:
    """Take more keys, and open with them what *analysis* keeps. Nothing may be fed to engine and analysis meanwhile."""
    engine.unsealing.add_keys(keyring)
    if not analysis.keep_bytes:
        return Reopened(analysis, 0)  # what was sent is not there: pseudonyms are
    bodies: dict[int, bytes] = {}
    plaintexts: dict[int, bytes] = {}
    known = engine.options.keys
    past = Unsealing(replace(engine.options, keys=keyring if known is None else joined(known, keyring)), lambda seen, finding, time_ns: None)
    sessions: dict[int, Any] = {session.id: session for session in engine.sessions.values()}
    ongoing = frozenset(sessions)
    sealed = {ident for ident, session in analysis.sessions.items() if PROTOCOLS[session.protocol].sealed is not None}
    for index in numpy.flatnonzero(numpy.isin(analysis.columns.column("session"), sorted(sealed))).tolist():
        ident = int(analysis.columns.value(index, "session"))
        data = analysis.message_json(index)
        closed = not any(word in data for word in SEALED)
        if closed and (ident in ongoing or PROTOCOLS[analysis.sessions[ident].protocol].key_event is None):
            continue  # it was open before, and what it tells about keys is known
        session = sessions.get(ident)
        if session is None:
            session = sessions[ident] = _Past(analysis.sessions[ident])
        body = analysis.body(index)
        unsealing = engine.unsealing if ident in ongoing else past
        opened = _opened(unsealing, session, PROTOCOLS[analysis.sessions[ident].protocol], body, index, analysis)
        if opened is not None and opened.plaintext is not None:
            bodies[index] = encode(msgspec.structs.replace(body, encryption=opened.encryption()))
            plaintexts[index] = opened.plaintext
    if not bodies:
        return Reopened(analysis, 0)
    return Reopened(rewritten(analysis, bodies, plaintexts, _staying(analysis, bodies), memory_limit), len(bodies))


def _opened(unsealing: Unsealing, session: Any, protocol: ApplicationProtocol, body: Body, index: int, analysis: Analysis) -> Opened | None:
    """What became of a message's data, if it was sealed; what it tells about keys is learnt."""
    fields, encryption = body.fields, body.encryption
    if body.type is None or encryption is None or not isinstance(fields, dict):
        return None
    opened, data = None, encryption.data
    text = fields.get("data")
    if encryption.status in (Outcome.NO_KEY.value, Outcome.WRONG_KEY.value) and isinstance(text, str):
        opened = unsealing.open(session, protocol, body.type, text, fields)
        data = opened.data
    if data is not None and protocol.key_event is not None:
        row = protocol.messages.get(body.type)
        packets = tuple(body.file << FILE_SHIFT | frame for frame in body.frames)
        sender = DEVICE if body.direction == "up" else PEER
        unsealing.learn(Seen(int(analysis.columns.value(index, "id")), body.type, row, fields, data, sender,
                             int(analysis.columns.value(index, "time_ns")), session, packets, None, None, 0, b""), session, protocol)
    return opened


def _staying(analysis: Analysis, bodies: dict[int, bytes]) -> Any:
    """Which anomalies stay: one of a missing key goes with the message that it names."""
    staying = numpy.ones(len(analysis.anomaly_columns), numpy.bool_)
    codes = [code for code in map(analysis.codes.find, TOLD) if code is not None]
    about = numpy.isin(analysis.anomaly_columns.column("code"), codes)
    links = analysis.links.table()
    gone = links["anomaly"][about[links["anomaly"]] & numpy.isin(links["message"], sorted(bodies))]
    staying[gone] = False
    return staying
