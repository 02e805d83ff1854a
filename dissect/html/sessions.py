"""The sessions of the page: a fold-out each, with its ladder, its pairs and its messages. What is shown of each is bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from dissect.analysis import Analysis
from dissect.analysis.records import SEVERITY_LABEL
from dissect.html.ladder import Step, ladder
from dissect.html.markup import milliseconds, more, number, numbered, shown, table
from dissect.jsonwrite import encode
from dissect.model import SEVERITIES, Exchange, Message, Session
from dissect.show.lines import beside, end, kind_and_name
from dissect.text import counted

if TYPE_CHECKING:
    import numpy

    Indexes = numpy.ndarray[Any, numpy.dtype[Any]]

SESSIONS_SHOWN = 100
STEPS_SHOWN = 60
"""messages of one ladder"""
EXCHANGES_SHOWN = 60
MESSAGES_SHOWN = 60
OPEN_AT_FIRST = 3
FIELDS_LIMIT = 400
"""characters of a message's fields"""


class Chosen(NamedTuple):
    """The sessions that the page shows, and what of the analysis is theirs."""

    idents: list[int]
    """worst anomaly first"""
    worst: dict[int, int]
    messages: dict[int, Indexes]
    exchanges: dict[int, Indexes]
    anomalies: dict[int, Indexes]


def choose(analysis: Analysis) -> Chosen:
    """Sessions with errors, then with warnings, then the others, each by id; at most SESSIONS_SHOWN."""
    import numpy

    severities, owners = analysis.anomaly_columns.column("severity"), analysis.anomaly_columns.column("session")
    worst = numpy.zeros(max(analysis.sessions, default=0) + 1, dtype=numpy.int64)
    numpy.maximum.at(worst, owners, severities)
    idents = sorted(analysis.sessions, key=lambda ident: (-int(worst[ident]), ident))[:SESSIONS_SHOWN]
    return Chosen(idents, {ident: int(worst[ident]) for ident in idents}, _by_session(analysis.columns.column("session"), analysis.ids(), idents),
                  _by_session(analysis.exchange_columns.column("session"), analysis.exchange_ids(), idents),
                  _by_session(owners, analysis.anomaly_ids(), idents))


def _by_session(sessions: Indexes, ids: Indexes, wanted: Sequence[int]) -> dict[int, Indexes]:
    """Indexes of each wanted session, in the order of *ids*."""
    import numpy

    order = numpy.lexsort((ids, sessions))
    ordered = sessions[order]
    return {ident: order[numpy.searchsorted(ordered, ident, "left"):numpy.searchsorted(ordered, ident, "right")] for ident in wanted}


def session_parts(analysis: Analysis, chosen: Chosen, whole: bool, names: Mapping[str, str]) -> Iterator[str]:
    """Markup. *whole*: with the fields of messages. *names*: id or address -> what is shown beside it."""
    for position, ident in enumerate(chosen.idents):
        session = analysis.sessions[ident]
        messages, exchanges = chosen.messages[ident], chosen.exchanges[ident]
        severity = SEVERITY_LABEL.get(chosen.worst[ident], "")
        opened = " open" if position < OPEN_AT_FIRST else ""
        found = counted(len(chosen.anomalies[ident]), "anomaly", "anomalies")
        device = beside(end(session.device), names, session.device_id, session.device.address)
        peer = beside(end(session.peer), names, session.peer.address)
        who = beside(session.device_id, names, session.device_id) if session.device_id else device
        chip = f' <span class="chip {severity}">{found}, worst: {severity}</span>' if severity else ""
        yield (f'<details id="session-{ident}" class="{severity}"{opened}><summary><b>Session {ident}</b> · {shown(session.protocol)} · '
               f'<b>{shown(who)}</b>{chip}<br><span class="faint">{shown(device)} ↔ {shown(peer)} · {shown(session.carrier)} · '
               f'{numbered(len(messages), "message")} · {numbered(len(exchanges), "exchange")}</span></summary>\n')
        yield from _facts(session)
        if len(messages):
            yield "<h3>Ladder</h3>"
            yield '<div class="scroll">'
            yield from ladder(device, peer, _steps(analysis, messages[:STEPS_SHOWN], exchanges),
                              int(analysis.columns.value(int(messages[0]), "time_ns")))
            yield "</div>"
            yield more(len(messages) - STEPS_SHOWN, "messages")
        if len(exchanges):
            yield "<h3>Pairs</h3>"
            yield from _exchanges(analysis, exchanges[:EXCHANGES_SHOWN].tolist())
            yield more(len(exchanges) - EXCHANGES_SHOWN, "exchanges")
        if len(messages) and whole:
            yield "<details><summary>Messages with their fields</summary>"
            yield from _messages(analysis, messages[:MESSAGES_SHOWN].tolist())
            yield more(len(messages) - MESSAGES_SHOWN, "messages")
            yield "</details>"
        yield "</details>\n"
    yield more(len(analysis.sessions) - len(chosen.idents), "sessions")


def _facts(session: Session) -> Iterator[str]:
    facts = [f"{session.first_time} to {session.last_time}", "seen from start to end" if session.complete else "not seen whole",
             "conversations " + ", ".join(map(str, session.streams[:20]))]
    if session.client_id is not None:
        facts.append(f"MQTT client {session.client_id}")
    yield f'<p class="faint wrap">{shown(" · ".join(facts), 600)}</p>\n'


def _steps(analysis: Analysis, indexes: Indexes, exchanges: Indexes) -> list[Step]:
    # A result may end two exchanges, its own and the one that caused it; in a ladder its own counts.
    answered = dict(zip((analysis.exchange_columns.column("response")[exchanges].astype("int64") - 1).tolist(), exchanges.tolist(), strict=True))
    steps = []
    read = lru_cache(maxsize=STEPS_SHOWN)(analysis.exchange_at)  # one may be of thousands of messages
    for index in indexes.tolist():
        message = analysis.message_at(index)
        severity = SEVERITY_LABEL.get(analysis.columns.value(index, "severity"), "")
        mark, kind = _mark(analysis, index, message, answered.get(index), read)
        key = "" if not message.key else "  " + " ".join(f"{name}={value}" for name, value in message.key.items())
        what = kind_and_name(message) or f"malformed, {counted(message.size, 'byte')}"
        again = message.duplicate_of is not None or _is_resend(analysis, index, message.id, read)
        steps.append(Step(message.id, analysis.columns.value(index, "time_ns"), message.direction == "up", f"{message.id}  {what}{key}", again, severity,
                          mark, kind))
    return steps


def _is_resend(analysis: Analysis, index: int, ident: int, read: Callable[[int], Exchange]) -> bool:
    at = analysis.exchange_of(index)
    return at is not None and ident in read(at).attempts[1:]


def _mark(analysis: Analysis, index: int, message: Message, ended: int | None, read: Callable[[int], Exchange]) -> tuple[str, str]:
    """What stands beside a message: its worst anomaly, else how the exchange *ended* that it answers."""
    found = [analysis.anomaly_at(at) for at in analysis.anomalies_of(index)[:20]]
    if found:
        worst = max(found, key=lambda one: SEVERITIES[one.severity])
        rest = f" +{len(found) - 1}" if len(found) > 1 else ""
        return worst.code + rest, worst.severity
    if message.duplicate_of is not None:
        return f"same as {message.duplicate_of}", ""
    if ended is None:
        return "", ""
    exchange = read(ended)
    return f"{exchange.status} {milliseconds(exchange.latency_ms)}", "ok" if exchange.status == "ok" else "warning"


def _exchanges(analysis: Analysis, indexes: list[int]) -> Iterator[str]:
    head = (("operation", "nowrap"), ("key", "wrap mono"), ("request", "right"), ("answer", "right"), ("sends", "right"), ("status", ""),
            ("answer time", "right"))
    yield '<div class="scroll">'
    yield from table(head, (_exchange(analysis.exchange_at(index)) for index in indexes))
    yield "</div>"


def _exchange(one: Exchange) -> tuple[str, ...]:
    key = " ".join(f"{name}={value}" for name, value in (one.key or {}).items())
    answer = number(one.response) + (f" + {one.acknowledgement}" if one.acknowledgement is not None else "")
    return (shown(one.operation), shown(key, 160), number(one.request), answer, number(len(one.attempts)),
            f'<span class="chip {one.status}">{one.status}</span>', milliseconds(one.latency_ms))


def _messages(analysis: Analysis, indexes: list[int]) -> Iterator[str]:
    head = (("", "right"), ("time", "nowrap mono"), ("", "nowrap"), ("message", "nowrap"), ("fields", "wrap mono"))
    yield '<div class="scroll">'
    yield from table(head, (_message(analysis.message_at(index)) for index in indexes))
    yield "</div>"


def _message(one: Message) -> tuple[str, ...]:
    body = shown(_json(one.fields), FIELDS_LIMIT) if one.raw_b64 is None else shown(f"malformed: {one.raw_b64}", 120)
    if one.encryption is not None:
        inner = f": {shown(_json(one.encryption.data), FIELDS_LIMIT)}" if one.encryption.data is not None else ""
        body += f'<br><span class="faint">{shown(one.encryption.status)}</span>{inner}'
    if one.carrier is not None:
        body += f'<br><span class="faint">{shown(_json(one.carrier), FIELDS_LIMIT)}</span>'
    return (f"{one.id}", shown(one.time.partition("T")[2]), "→" if one.direction == "up" else "←", shown(kind_and_name(one), 60), body)


def _json(value: Any) -> str:
    return encode(value).decode("utf-8", "replace")
