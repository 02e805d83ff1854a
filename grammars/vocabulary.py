"""The words in which grammars are written: documentation of fields, members, messages, framings and protocols.

`grammars` imports construct and the standard library only; what these declarations mean is carried out in `dissect`. Each name is
declared once: from it come parsing, building, checks, filter fields, columns, help, redaction and the references in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NamedTuple, Protocol


class Doc(str):
    """What a Construct field means; attach it as `"length" / Int16ub * Doc("Whole frame, itself included", unit="byte", spec="二")`.

    It is a plain string to Construct (the subconstruct's `docs`), with the unit and the section of the document beside it.
    """

    unit: str
    spec: str

    def __new__(cls, text: str, unit: str = "", spec: str = "") -> Doc:
        self = super().__new__(cls, text)
        self.unit = unit
        self.spec = spec
        return self


class Party(Enum):
    """Who says a message."""

    DEVICE = "device"
    PEER = "peer"
    """whoever the device talks to: cloud, server, APP, platform"""


DEVICE, PEER = Party.DEVICE, Party.PEER

JSONType = tuple[type, ...]
TEXT: JSONType = (str,)
INTEGER: JSONType = (int,)
TEXT_OR_INTEGER: JSONType = (str, int)
OBJECT: JSONType = (dict,)
ARRAY: JSONType = (list,)
ANY: JSONType = (str, int, float, bool, dict, list, type(None))


class Privacy(Enum):
    """What `--redact` does with a member's value."""

    OPEN = "open"
    """codes, types, times: stays as sent"""
    CREDENTIAL = "credential"
    DEVICE = "device"
    """names a device: becomes a pseudonym that stays the same everywhere"""
    ADDRESS = "address"
    VALUE = "value"
    """what the device measures or is told"""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member of a JSON object (or one part of a frame)."""

    name: str
    meaning: str
    types: JSONType = TEXT
    required: bool | Callable[[Mapping[str, Any]], bool] = True
    """always, never, or depending on the object that should hold it"""
    values: frozenset[Any] | None = None
    """the document's closed set"""
    pattern: str | None = None
    """a regular expression that the whole text matches"""
    check: Callable[[Any], str | None] | None = None
    """what is wrong with a value, or None"""
    members: tuple[Member, ...] = ()
    """of the object, or of each object of the array"""
    item: Member | None = None
    """what each element of the array is, when it is no object of known members"""
    unit: str = ""
    spec: str = ""
    credential: str | None = None
    """the name of the secret that it shows in clear"""
    privacy: Privacy = Privacy.OPEN
    plain_url: bool = False
    """a URL that should not be plain http"""
    embedded: bool = False
    """a file in base64: shown by its size and hash when it is large, and written out by `dissect extract`"""


class Verdict(Enum):
    """What an answer says of its request."""

    GOOD = "good"
    FAILED = "failed"
    """status error; reported as pair.refused unless the protocol names it otherwise"""
    RESEND = "resend"
    """not taken: the requester sends the same request again"""
    LOGIN_FAILED = "login failed"
    """status error, and state.authentication-failed"""
    SILENT = "silent failure"
    """status error, no anomaly of its own"""
    UNDERWAY = "under way"
    """an answer of several: the exchange goes on"""


class Finding(NamedTuple):
    """What a rule found out about a message."""

    code: str
    """of the anomaly catalogue"""
    text: str
    once: str | None = None
    """report it once a session for the same `once`"""


class Said(Protocol):
    """What rules see of a message."""

    kind: str
    """key of the protocol's `messages`"""
    fields: Any
    data: Any
    """C-Life: the decrypted (or clear) `data`; None when there is none or no key"""
    sender: Party
    time_ns: int
    """of the capture"""


class Situation(Protocol):
    """What rules see of the session a message belongs to."""

    facts: dict[str, Any]
    """the protocol's own memory of this session; starts empty"""
    clear: bool
    """no TLS around it"""

    shared: dict[str, Any]
    """the protocol's memory of the message's device, whichever connection it uses"""
    retained: bool
    """the message is one that a broker kept, said some time ago"""
    speaker: str
    """which of several devices behind one connection the message is from; empty where there is but one, and for the other side"""

    @property
    def from_start(self) -> bool:
        """Everything that was said in the session before this message was seen: from its first one on, and without a hole."""


def turned_wrong(session: Situation, what: str, wrong: bool) -> bool:
    """Whether *what* is wrong now and was not when it was asked last: told once, and again after it was right."""
    before = session.facts.get(what, False)
    session.facts[what] = wrong
    return wrong and not before


Rule = Callable[[Said, Situation], Iterable[Finding]]


def only(*kinds: str) -> Callable[[Rule], Rule]:
    """A rule that looks at these kinds of message alone."""

    def mark(rule: Rule) -> Rule:
        rule.kinds = frozenset(kinds)  # type: ignore[attr-defined]
        return rule

    return mark


def kinds_of(rule: Rule) -> frozenset[str] | None:
    """The kinds that a rule looks at; None: all."""
    kinds: frozenset[str] | None = getattr(rule, "kinds", None)
    return kinds


class Story(Protocol):
    """Follows a request that is answered in stages."""

    def answer(self, fields: Any, data: Any) -> tuple[Verdict, Iterable[Finding]]:
        """What the next answer means: UNDERWAY while more may come."""

    def broken_off(self) -> Iterable[Finding]:
        """No more answers will come, and none ended it."""


KeyClass = Literal["fixed", "negotiated", "dev"]
"""which of C-Life's keys data is under: the APP's, the one of a key exchange, the product's"""


class KeyStep(Enum):
    USER = "user"
    """a userId, which serves as fixed key"""
    BEGIN = "begin"
    """of a key exchange"""
    COMPLETE = "complete"


class KeyEvent(NamedTuple):
    """What a message tells about keys."""

    step: KeyStep
    value: Any
    """the userId, or the public value in base64"""
    mode: Any = None
    modulus: Any = None
    generator: Any = None


class Cause(NamedTuple):
    """A message that makes another session's message happen, as a web command makes a start."""

    operation: str
    """of the exchange that links both"""
    kind: str
    """of the message that it causes"""
    key: tuple[Any, ...]
    """values of that message's key that the cause names, in order"""
    matches: Callable[[Any], bool]
    """whether a message of that kind and key, by its fields, is the one"""


@dataclass(frozen=True, kw_only=True)
class MessageType:
    """One row of a protocol's table of messages."""

    kind: str
    """unique in the protocol"""
    type: str
    """as the report shows it (several kinds may share one: a request and its answer)"""
    name: str
    sender: Party
    members: tuple[Member, ...] = ()
    data: tuple[Member, ...] | None = None
    """C-Life: members of `data`"""
    data_list: bool = False
    """C-Life: `data` is an array of such objects"""
    key: tuple[str, ...] = ()
    """the members that pair it"""
    slips: tuple[str, ...] = ()
    """values of the key's members that the document itself shows where the device's own should stand"""
    id: str | None = None
    """the member of the key that counts requests, so that using it twice is id reuse; None: the key is made of names"""
    in_order: bool = False
    """answered in order on its connection, whatever the key says"""
    answered_by: tuple[str, ...] = ()
    """kinds; none: nothing is owed"""
    tolerated: tuple[str, ...] = ()
    """kinds that answer it against the document: pair.wrong-answer"""
    acknowledged_by: tuple[str, ...] = ()
    """kinds of a third leg, which confirms the answer"""
    answers_open: tuple[str, ...] = ()
    """a kind that is a request of its own unless one of these requests is open for its key"""
    across: bool = False
    """asked and answered in different sessions of one device (a broadcast and its unicast answers)"""
    ends_oldest: Callable[[Situation], bool] | None = None
    """an answer without a key of its own: whether it ends the oldest open request of its connection"""
    disowns: Callable[[Any], bool] | None = None
    """an answer whose fields may say that its request named another device: it then answers the oldest open one of its connection"""
    unasked: bool = False
    """an answer that also comes by itself: never an orphan"""
    quiet: bool = False
    """no answer is no anomaly"""
    verdict: Callable[[Any, Any], Verdict] | None = None
    """of an answer: what (fields, data) say; None: good"""
    story: Callable[[Any, Any], Story] | None = None
    """of a request with several answers: given its (fields, data), who follows them"""
    same: Callable[[Any, Any], Any] | None = None
    """what of (fields, data) makes two requests the same; None: all fields"""
    operation: str | None = None
    """of its exchanges; None: its name"""
    in_words: Callable[[Any], str] | None = None
    """what its `data` says in a few words where that is in codes, as a stage of an upgrade is; empty: nothing of it is known"""
    causes: Callable[[Any], Cause | None] | None = None
    """what its fields make happen on a device's connection"""
    spec: str = ""


class CutKind(Enum):
    MESSAGE = "message"
    MALFORMED = "malformed"
    WAIT = "wait"
    """more bytes are needed"""


class Cut(NamedTuple):
    """What lies at the front of the waiting bytes."""

    kind: CutKind
    length: int
    """bytes that it takes off the front (0 with WAIT)"""
    start: int = 0
    """where in them the message itself begins"""
    stop: int = 0
    """and ends"""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Lines:
    """One JSON object a line."""

    limit: int = 8 << 20
    """longest line, bytes"""


@dataclass(frozen=True)
class Objects:
    """JSON objects that follow each other, with or without white space between."""

    limit: int = 8 << 20
    depth: int = 64


@dataclass(frozen=True)
class Frames:
    """A framing of the protocol's own."""

    cut: Callable[[bytes, bool, Sequence[int], bool], Cut]
    """(waiting bytes, no more will come, offsets at which segments end in them, they begin where a capture began midstream) -> Cut"""
    parse: Callable[[bytes], dict[str, Any]]
    """the fields of one message"""
    whole: Callable[[bytes], bool] = lambda data: False
    """whether these bytes, at a message's start, surely are exactly one message: the quick way for most segments"""
    json_part: str | None = None
    """a part that is JSON text (bytes) in what `parse` gives: read as leniently as any other"""
    patience_s: float = 1.0
    """how long bytes that may be the beginning of something wait for the rest"""
    grammar: Callable[[bytes], Any] | None = None
    """the Construct grammar of a given message, for the places of its fields"""


Framing = Lines | Objects | Frames


class Classified(NamedTuple):
    kind: str
    fields: Any
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Heartbeat:
    """Which messages keep the session alive, and how far apart they may be."""

    kinds: frozenset[str]
    limit_s: Callable[[dict[str, Any]], float]
    """given the session's facts"""
    starts_with: str | None = None
    """name of the fact that starts the count (a time in ns); None: the first heartbeat"""
    restarts_with: str | None = None
    """name of the fact (a time in ns) from which the limit now in force counts"""
    per_device: bool = False
    """counted for the device, whichever connection it uses, with its shared facts; else for the session"""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class ApplicationProtocol:
    """Everything the engine knows of one protocol."""

    name: str
    title: str
    document: str
    """the file's name, as references begin"""
    prefix: str
    """of its filter fields"""
    carriers: tuple[str, ...]
    """tcp (bare), http, mqtt, coap"""
    ports: tuple[int, ...]
    """well-known server ports on bare TCP: a hint, never a proof"""
    framing: Framing
    messages: Mapping[str, MessageType]
    classify: Callable[[Any, Party | None], Classified | None]
    """a decoded JSON value or parsed frame, and who sent it if known -> its kind and fields; None: no message of this protocol"""
    identity: Callable[[str, Any], dict[str, Any] | None]
    """(kind, fields) -> what names the device in a message, the identity of report.md"""
    named_by: tuple[str, ...] = ()
    """members of the identity, of which the first that is there names the device; where none is, its address does"""
    speaker: Callable[[str, Any], Party | None] | None = None
    """(kind, fields) -> who a message says is speaking, for kinds that the table does not have"""
    connection_identity: Callable[[str, str | None, Mapping[str, Any]], dict[str, Any]] | None = None
    """(the device's address, MQTT client id, query parameters) -> identity, where messages do not name their device"""
    envelope: tuple[Member, ...] = ()
    """members that every message has"""
    signature: bytes = b""
    """a regular expression that its messages match somewhere: a cheap look before anything is decoded"""
    default_key: tuple[str, ...] = ()
    """the key of a kind that the table does not have"""
    number_keys: frozenset[str] = frozenset()
    """members of keys that are numbers, also where they are sent as text"""
    results: tuple[str, ...] = ()
    """members that say how it went, for the texts of refusals: the first that is there counts"""
    result_text: str | None = None
    """the member that says it in words"""
    opening: frozenset[str] = frozenset()
    """kinds with which devices begin: a session of datagrams that begins with one was seen from its start"""
    proof: Callable[[str, Any], bool] | None = None
    """(kind, fields) -> whether such a message shows that a bare connection is this protocol's; None: any kind of the table does"""
    raw_text: bool = False
    """its texts go over the network without JSON's escapes"""
    required_on_bare_tcp: frozenset[str] = frozenset()
    """members without which a JSON object on a bare connection is not ours"""
    server_kinds: frozenset[str] = frozenset()
    """kinds whose client is not the device (a web command's connection)"""
    client_is_device: bool | None = None
    """on bare TCP the device opens the connection; None: the first message tells who is who"""
    deadline_s: float = 10.0
    self_naming: bool = False
    """every message names its device: answers may come on any connection, and another name in the answer is a mismatch, not another device"""
    shared_memory: bool = False
    """its rules remember things of a device that outlive a connection (`Situation.shared`)"""
    rules: tuple[Rule, ...] = ()
    """run in order on every message"""
    answer_rules: tuple[Callable[[Said, Said, Situation], Iterable[Finding]], ...] = ()
    """run on (request, answer) when they are paired"""
    heartbeat: Heartbeat | None = None
    sealed: Callable[[str], KeyClass] | None = None
    """kind -> which key its `data` is under; None: nothing is encrypted"""
    product: Callable[[Any, Situation], str | None] | None = None
    """(fields, session) -> the product that a message's device is one of, as far as it is known: keys may be a product's"""
    must_be_sealed: Callable[[str, str], bool] = lambda kind, carrier: False
    """(kind, carrier) -> whether `data` in clear breaks the document"""
    key_event: Callable[[Said, Situation], KeyEvent | None] | None = None
    """what a message with clear or decrypted data tells about keys"""
    extra_fields: tuple[Member, ...] = field(default=())
    """members that the engine adds to `fields` (HTTP query parameters)"""
    paths: tuple[str, ...] = ()
    """of the document's URLs; other paths may hold names of devices"""

    def device_id(self, identity: Mapping[str, Any], address: str) -> str:
        """The part of a device's id behind the protocol's name."""
        for name in self.named_by:
            value = identity.get(name)
            if value is not None:
                return str(value)
        return address

    def said_by(self, kind: str, fields: Any) -> Party | None:
        """Who says such a message, by the table or by itself; None when neither tells."""
        row = self.messages.get(kind)
        if row is not None:
            return row.sender
        return self.speaker(kind, fields) if self.speaker is not None else None

    def reference(self, kind: str | None) -> str:
        """Where the document speaks of this kind of message."""
        row = self.messages.get(kind) if kind else None
        return f"{self.document} {row.spec}".strip() if row else self.document
