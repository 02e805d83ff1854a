"""What can be wrong with one message by itself: its members, its texts, what it shows in clear. The protocol's own rules run beside these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dissect.engine.sessions import SessionState
from dissect.engine.validation import check, clean, compile_members
from dissect.pairing.exchanges import plan_of
from dissect.text import is_clean
from grammars.vocabulary import ApplicationProtocol, Finding, Member, MessageType, Party, Rule, kinds_of

TEXT_DEPTH = 70
PATH_SHOWN = 80
"""characters of a member's place that a text tells, and that are kept: names come from packets"""


class Row:
    """A message type with what was read off its declaration once."""

    __slots__ = ("type", "sender", "members", "data", "needs_data", "credentials", "urls", "embedded", "key_names", "plain", "rules", "beats", "links", "plan")

    def __init__(self, row: MessageType, protocol: ApplicationProtocol) -> None:
        self.type = row
        self.sender: Party = row.sender
        self.members = compile_members(row.members + protocol.extra_fields)
        self.data = compile_members(row.data) if row.data is not None else None
        self.needs_data = any(one.required is True for one in row.data or ())
        self.credentials = tuple((one.name, one.credential) for one in row.members if one.credential)
        self.urls = declared(row.members, "plain_url") + tuple(("data", *path) for path in declared(row.data or (), "plain_url"))
        self.embedded = declared(row.members, "embedded")
        self.key_names = row.key
        self.plain = not (self.credentials or self.urls)
        self.rules: tuple[Rule, ...] = rules_for(protocol, row.kind)
        self.beats = protocol.heartbeat is not None and row.kind in protocol.heartbeat.kinds
        self.links = row.causes is not None
        self.plan = plan_of(protocol, row.kind)


def rules_for(protocol: ApplicationProtocol, kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in protocol.rules if kind in (kinds_of(rule) or (kind,)))


def declared(members: tuple[Member, ...], attribute: str) -> tuple[tuple[str, ...], ...]:
    """Paths of the members that are declared so: *attribute* is `plain_url`, `embedded`."""
    found: list[tuple[str, ...]] = []
    for member in members:
        if getattr(member, attribute):
            found.append((member.name,))
        found += [(member.name, *path) for path in declared(member.members, attribute)]
    return tuple(found)


def check_data(row: Row, view: Any, data: Any) -> Iterator[Finding]:
    """Members of C-Life `data`, where it is in clear or was decrypted."""
    if data is None:
        if view.get("data") is None and row.needs_data:
            yield Finding("schema.missing-field", "data is absent")
        return
    entries = data if row.type.data_list else [data]
    if type(entries) is not list:
        yield Finding("schema.bad-type", "data is no array")
        return
    assert row.data is not None
    for index, entry in enumerate(entries):
        path = f"data[{index}]." if row.type.data_list else "data."
        if type(entry) is not dict:
            yield Finding("schema.bad-type", f"{path[:-1]} is no object")
        elif not clean(row.data, entry):
            yield from check(row.data, entry, path)


def check_secrets(row: Row, session: SessionState, view: Any, data: Any) -> Iterator[Finding]:
    """Credentials in clear, once a kind and session; files fetched over plain http, once a URL and session."""
    for name, credential in row.credentials:
        if session.clear and view.get(name) and session.first_time(f"cleartext {credential}"):
            yield Finding("security.cleartext-credential", f"{credential} goes over the network in clear")
    if row.urls:
        holder = {**view, "data": data} if data is not None else view
        for path in row.urls:
            for url in _values(holder, path):
                if isinstance(url, str) and url[:7].lower() == "http://" and session.first_time(f"url {url[:512]}"):
                    yield Finding("security.insecure-url", f"{'.'.join(path)} {url[:120]} is fetched without TLS")


def check_text(view: Any, data: Any) -> Iterator[Finding]:
    """Text members with characters that a screen would not show, once a member."""
    for name in dict.fromkeys(_unclean(view if data is None else {**view, "data": data}, "", 0)):
        yield Finding("text.control-characters", f"control, bidirectional or invisible characters in {name}")


def _values(holder: Any, path: tuple[str, ...]) -> list[Any]:
    """What lies at *path*, arrays being transparent."""
    found = [holder]
    for name in path:
        inner: list[Any] = []
        for one in found:
            for entry in one if type(one) is list else (one,):
                if type(entry) is dict and name in entry:
                    inner.append(entry[name])
        found = inner
    return found


def _unclean(value: Any, path: str, depth: int) -> list[str]:
    """Paths of text members that hold what `dissect.text.clean` would escape."""
    if type(value) is str:
        return [] if is_clean(value) else [path]
    if depth > TEXT_DEPTH:
        return []
    found: list[str] = []
    if type(value) is dict:
        for name, inner in value.items():
            if not is_clean(name):
                found.append(_below(path, "name"))
            if type(inner) is str:
                if not inner.isprintable() or not inner.isascii():
                    found += _unclean(inner, _below(path, name), depth)
            elif type(inner) is dict or type(inner) is list:
                found += _unclean(inner, _below(path, name), depth + 1)
    elif type(value) is list:
        for inner in value:
            if type(inner) is not int:
                found += _unclean(inner, path, depth + 1)
    return found


def _below(path: str, name: str) -> str:
    """The place of member *name* in the object at *path*, as far as it is shown."""
    return f"{path}.{name[:PATH_SHOWN]}".lstrip(".")[:PATH_SHOWN]
