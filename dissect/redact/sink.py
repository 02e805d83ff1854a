"""The sink that stands in front of another and hands on only what may be shown."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

from msgspec.structs import replace

from dissect.model import Anomaly, Device, Encryption, Endpoint, Exchange, Message, Session, Source, Totals
from dissect.redact.fields import FieldRedactor, Plans, ProtocolPlans
from dissect.redact.pseudonyms import LONGEST_NAME, VALUE, Pseudonyms, is_address
from dissect.redact.texts import without_quotes
from dissect.sinks import Sink
from grammars.coap import METHODS, Type
from grammars.registry import PROTOCOLS

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) | frozenset(METHODS.values())
_OPEN_CARRIER = frozenset({"qos", "retain", "dup", "packet_id", "message_id", "status"})
_COAP_TYPES = frozenset(kind.name for kind in Type)
_CODE = re.compile(r"\d\.\d\d", re.ASCII).fullmatch
_TOKEN = re.compile(r"[0-9a-f]{0,16}", re.ASCII).fullmatch
_FILTER_WORDS = re.compile(r"and|or|not|host|net|port|portrange|src|dst|tcp|udp|ip|ip6|icmp|arp|ether|vlan|\d{1,5}|[()<>=!]+", re.ASCII).fullmatch
CLOSED_REMEMBERED = 50_000
"""sessions that closed, whose exchanges may still be told"""
_WORDS = re.compile(r"[\w.:%@-]+")
_PARTS = re.compile(r"[^\W_]{4,}")
# of a word: shorter ones are rather words than ids


class RedactingSink:
    """A `dissect.sinks.Sink`. Bytes, plaintext and what malformed messages hold are not handed on at all."""

    def __init__(self, inner: Sink, pseudonyms: Pseudonyms | None = None) -> None:
        self._inner = inner
        self.pseudonyms = pseudonyms or Pseudonyms()
        self._redact = FieldRedactor(self.pseudonyms)
        self._plans = {name: ProtocolPlans(protocol) for name, protocol in PROTOCOLS.items()}
        self._protocols: dict[int, str] = {}
        """session -> protocol"""
        self._closed: deque[int] = deque()

    def source(self, source: Source) -> None:
        self._inner.source(self._source(source))

    def finish(self, source: Source, totals: Totals) -> None:
        self._inner.finish(self._source(source), totals)

    def _source(self, source: Source) -> Source:
        if source.capture_filter is None:
            return source
        words = " ".join(word if _FILTER_WORDS(word) else self.pseudonyms.address(word) for word in source.capture_filter.split())
        return replace(source, capture_filter=words)

    def session(self, session: Session, closed: bool) -> None:
        self._protocols[session.id] = session.protocol
        if closed:
            # What was open of it may come a while after it.
            self._closed.append(session.id)
            if len(self._closed) > CLOSED_REMEMBERED:
                self._protocols.pop(self._closed.popleft(), None)
        self._inner.session(replace(
            session, device=self._endpoint(session.device), peer=self._endpoint(session.peer),
            device_id=self._device_id(session.device_id),
            client_id=None if session.client_id is None else self.pseudonyms.device("clientId", session.client_id),
        ), closed)  # fmt: skip

    def _endpoint(self, endpoint: Endpoint) -> Endpoint:
        return Endpoint(self.pseudonyms.address(endpoint.address), endpoint.port)

    def _device_id(self, ident: str | None) -> str | None:
        if ident is None:
            return None
        protocol, _, own = ident.partition(":")
        if is_address(own):
            return f"{protocol}:{self.pseudonyms.address(own)}"
        declared = PROTOCOLS.get(protocol)
        label = declared.named_by[0] if declared is not None and declared.named_by else "device"
        return f"{protocol}:{self.pseudonyms.device(label, own)}"

    def device(self, device: Device) -> None:
        identity = {name: None if value is None else self.pseudonyms.device(name, str(value)) for name, value in device.identity.items()}
        ident = self._device_id(device.id)
        self._inner.device(replace(device, id=ident, identity=identity, addresses=[self.pseudonyms.address(one) for one in device.addresses]))

    def message(self, message: Message, session: int, time_ns: int, raw: bytes, plaintext: bytes | None) -> None:
        plans = self._plans[self._protocols[session]]
        own: Plans | None = plans.of_type.get(message.type) if message.type is not None else None
        # What stands in the fields for the type is shown as the type is.
        kind = message.type if own is not None else self._unknown(message.type)
        key = self._redact.key(message.key, own if own is not None else plans.any, kind)
        fields = None if message.fields is None else self._redact.fields(message.fields, own if own is not None else plans.any, kind)
        self._inner.message(replace(
            message, key=key, fields=fields, device_id=self._device_id(message.device_id),
            type=kind,
            encryption=None if message.encryption is None else self._encryption(message.encryption, own or plans.any),
            carrier=None if message.carrier is None else self._carrier(message.carrier, plans), raw_b64=None,
        ), session, time_ns, b"", None)  # fmt: skip

    def _unknown(self, kind: str | None) -> str | None:
        """A type that the document does not have: stays, unless something known stands in it."""
        if kind is None or len(kind) <= LONGEST_NAME:
            return None if kind is None else self._scrubbed(kind)
        return self.pseudonyms.of("type", kind)

    def _scrubbed(self, text: str) -> str:
        return _WORDS.sub(lambda word: self._word(word[0]), text)

    def _word(self, word: str) -> str:
        if len(word) > LONGEST_NAME:  # not kept, so it may be a name that stands elsewhere
            return self.pseudonyms.of(VALUE, word)
        whole = self.pseudonyms.known(word)
        if whole is not None:
            return whole
        return self.pseudonyms.address(word) if is_address(word) else _PARTS.sub(lambda part: self.pseudonyms.known(part[0]) or part[0], word)

    def _encryption(self, encryption: Encryption, plans: Plans) -> Encryption:
        return replace(encryption, key=self._key_name(encryption.key),
                       data=None if encryption.data is None else self._redact.data(encryption.data, plans))

    def _key_name(self, name: str | None) -> str | None:
        """The user's own word for a key: it may be a product's or a person's."""
        return name if name in (None, "userId") else self.pseudonyms.of("key", str(name))

    def _carrier(self, carrier: dict[str, Any], plans: ProtocolPlans) -> dict[str, Any]:
        return {name: self._carried(name, value, plans) for name, value in carrier.items()}

    def _carried(self, name: str, value: Any, plans: ProtocolPlans) -> Any:
        if value is None or (name in _OPEN_CARRIER and isinstance(value, int)):
            return value
        text = str(value)
        if (name in ("method", "code") and (text in _METHODS or _CODE(text))) or (name == "type" and text in _COAP_TYPES):
            return value
        if name == "code" and text == "Empty":
            return value
        if name == "token" and _TOKEN(text):
            return self.pseudonyms.known(text) or value
        if name == "topic":
            return self.pseudonyms.path(text)
        if name in ("target", "uri"):
            return text if text in plans.paths else self._target(text, plans)
        return self._redact.hidden(value)

    def _target(self, text: str, plans: ProtocolPlans) -> str:
        """A request's path, level by level, and its parameters, which may be declared."""
        path, mark, query = text[:8192].partition("?")
        scheme, separator, rest = path.partition("://")
        if separator:
            host, slash, rest = rest.partition("/")
            path = f"{self.pseudonyms.address(f'{scheme}://{host}')}{slash}{self.pseudonyms.path(rest)}"
        else:
            path = path if path in plans.paths else self.pseudonyms.path(path)
        if not mark:
            return path
        from urllib.parse import parse_qsl

        declared = plans.any["query"].inner if "query" in plans.any else {}
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=4096) if query.count("&") < 4096 else []
        shown = [self._redact.fields({name: value}, declared, None) for name, value in pairs]
        return f"{path}?" + "&".join(f"{name}={value}" for one in shown for name, value in one.items())

    def attribute(self, message_id: int, device_id: str) -> None:
        self._inner.attribute(message_id, self._device_id(device_id) or device_id)

    def exchange(self, exchange: Exchange, session: int) -> None:
        # Of a session that closed so long ago that its protocol is forgotten: all of the key is hidden.
        plans = self._plans.get(self._protocols.get(session, ""))
        self._inner.exchange(replace(exchange, key=self._redact.key(exchange.key, plans.any if plans is not None else {})), session)

    def anomaly(self, anomaly: Anomaly, session: int | None, time_ns: int) -> None:
        text = without_quotes(anomaly.code, anomaly.message, self.pseudonyms.address)
        self._inner.anomaly(replace(anomaly, message=text), session, time_ns)
