"""The columns of the message list: each declared once, with its head, width, what it shows and what it sorts by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dissect.analysis.records import STATUSES
from dissect.fields import PROTOCOL_NAMES, id_names, routine_names, told_in_words
from dissect.model import Message, Session, Status
from dissect.text import clean
from tui.model.cells import Cell, Line, cell, fixed, ident
from tui.model.glyphs import Glyphs
from tui.model.times import WIDTHS, delta, latency, moment

if TYPE_CHECKING:
    from tui.model.store import Store

SEVERITY_LETTER = ("", "N", "W", "E")
SEVERITY_ROLE = ("", "note", "warning", "error")
PROTOCOL_ROLES = 6
"""styles p0 to p5 that protocols take in turn"""
INFO_LIMIT = 512
DELTA_FROM = 84
"""cells of the list from which the time since the row above has a column of its own"""
LATE, TIMEOUT = STATUSES.index(Status.LATE.value), STATUSES.index(Status.TIMEOUT.value)
STATUS_TEXT = {Status.OK: "", Status.ERROR: "refused", Status.LATE: "late", Status.TIMEOUT: "no reply", Status.PENDING: "pending"}
ANSWER_TEXT = {Status.OK: "ok", Status.ERROR: "failed", Status.LATE: "late"}


@dataclass(frozen=True, slots=True)
class Row:
    """One message, and what the columns say of it."""

    index: int
    message: Message
    session: Session
    severity: int
    exchange: dict[str, Any] | None
    """as `Store.exchange_row`"""
    folded: int
    time_ns: int
    before_ns: int | None
    """time of the row above; None for the first"""
    overdue: bool = False
    """a request that waits beyond its deadline in a capture that goes on; what became of it is not known yet"""


class Context(NamedTuple):
    """What the user chose."""

    glyphs: Glyphs
    time_form: str
    first_ns: int
    names: dict[str, str]
    """the keys file's names beside addresses and ids"""


Show = Callable[[Row, Context], tuple[str, str]]
"""text (not yet cleaned) and role"""


@dataclass(frozen=True)
class Column:
    name: str
    head: str
    width: int
    show: Show
    right: bool = False
    sort: str | None = None
    """column of the analysis that it sorts by"""
    spare: int = 0
    """how soon it goes when there is no room: the larger the sooner; 0 stays"""
    piece: Callable[[str, int, str, bool], Cell] = fixed
    """what makes a text fit"""


def _direction(row: Row, context: Context) -> tuple[str, str]:
    up = row.message.direction == "up"
    exchange = row.exchange
    if exchange is not None and row.index not in (exchange["request"], exchange["response"], exchange["acknowledgement"]):
        return (">>>" if up else "<<<"), "retry"
    status = exchange["status"] if exchange is not None and row.index == exchange["request"] else 0
    if status == TIMEOUT:
        return ("-x" if up else "x-"), "error"
    return ("->" if up else "<-"), "up" if up else "down"


def key_text(protocol: str, key: dict[str, Any] | None) -> str:
    """The counting part of a key; what names a device is another column."""
    if not key:
        return ""
    ids, routine = id_names(protocol), routine_names(protocol)
    counted = [f"#{value}" for name, value in key.items() if name in ids]
    return " ".join(counted or [str(value) for name, value in key.items() if name not in routine])


def short_name(protocol: str) -> str:
    """At most eight cells: fogslink, i-tcp, c-lan, c-cloud."""
    first, dash, rest = protocol.partition("-")
    return f"{first[:1]}-{rest}" if dash else first


def protocol_role(name: str) -> str:
    return f"p{PROTOCOL_NAMES.index(name) % PROTOCOL_ROLES}" if name in PROTOCOL_NAMES else ""


def _latency(row: Row, context: Context) -> tuple[str, str]:
    exchange = row.exchange
    if exchange is None or row.index == exchange["request"]:
        return "", ""
    return (latency(exchange["latency_ms"]), "late" if exchange["status"] == LATE else "dim") if row.index == exchange["response"] else ("", "")


def _severity(row: Row, context: Context) -> tuple[str, str]:
    return SEVERITY_LETTER[row.severity], SEVERITY_ROLE[row.severity]


def _device(row: Row, context: Context) -> tuple[str, str]:
    return device_text(row.session, context.names, row.message.device_id), ""


def device_text(session: Session, names: dict[str, str], device_id: str | None = None) -> str:
    """The name that the user gave, else the id without the protocol, else the address."""
    ident = device_id or session.device_id
    short = ident.partition(":")[2] if ident else session.device.address
    for candidate in (ident, short, session.device.address):
        if candidate is not None and candidate in names:
            return names[candidate]
    return short or session.device.address


def _key(row: Row, context: Context) -> tuple[str, str]:
    text = key_text(row.session.protocol, row.message.key)
    return ("" if text == row.message.type else text), ""


def _info(row: Row, context: Context) -> tuple[str, str]:
    return info_text(row, context), "dim" if row.message.duplicate_of is not None else ""


def info_text(row: Row, context: Context) -> str:
    """What a message is and what became of it, in words."""
    message, exchange = row.message, row.exchange
    if row.folded > 1:
        return f"{message.name or message.type or ''}  {context.glyphs.dot} {row.folded} heartbeats folded, o opens"
    parts = ["malformed" if message.raw_b64 is not None else message.name or ""]
    if message.duplicate_of is not None:
        parts.append(f"= {message.duplicate_of}")
    if row.overdue:
        parts.insert(0, "overdue")
    if exchange is not None:
        parts.append(_part(row, exchange))
    if message.encryption is not None and message.encryption.status not in ("decrypted", "plaintext"):
        parts.append(f"[{message.encryption.status}]")
    parts.append(gist(row.session.protocol, message))
    return "  ".join(part for part in parts if part)


def _part(row: Row, exchange: dict[str, Any]) -> str:
    status = Status(STATUSES[exchange["status"]])
    if row.index == exchange["request"]:
        return STATUS_TEXT[status]
    if row.index == exchange["response"]:
        return ANSWER_TEXT.get(status, "")
    return "ack" if row.index == exchange["acknowledgement"] else ""


def in_words(protocol: str, message: Message) -> str:
    """What the message's data says by codes, as its document reads them, fit for the screen."""
    return clean(told_in_words(protocol, message), 100)


def gist(protocol: str, message: Message) -> str:
    """The first telling members, short: `code=0 eVal=1.5`; of encrypted messages those of their data."""
    fields = message.encryption.data if message.encryption is not None and isinstance(message.encryption.data, dict) else message.fields
    if not isinstance(fields, dict):
        return ""
    words = in_words(protocol, message)
    found: list[str] = [words] if words else []
    _gather(fields, found, routine_names(protocol) | {name for name, value in fields.items() if value == message.size}, 0)
    return " ".join(found)


def _gather(fields: dict[str, Any], found: list[str], dull: frozenset[str], depth: int) -> None:
    for name, value in fields.items():
        if len(found) >= 5:
            return
        if isinstance(value, dict) and depth < 2:
            _gather(value, found, dull, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict) and depth < 2:
            _gather(value[0], found, dull, depth + 1)
        elif name not in dull and isinstance(value, str | int | float | bool):
            found.append(f"{name}={clean(str(value)[:64], 24)}")


COLUMNS: dict[str, Column] = {
    one.name: one
    for one in (
        Column("number", "No.", 6, lambda row, context: (str(row.message.id), "dim"), right=True, sort="time_ns"),
        Column("time", "Time", WIDTHS["relative"], lambda row, context: (moment(row.time_ns, context.time_form, context.first_ns, row.before_ns), ""),
               right=True, sort="time_ns"),
        Column("delta", "Delta", 7, lambda row, context: (delta(row.time_ns, row.before_ns), "dim"), right=True, spare=5),
        Column("protocol", "Proto", 8, lambda row, context: (short_name(row.session.protocol), protocol_role(row.session.protocol)), sort="session", spare=6),
        Column("device", "Device", 15, _device, sort="device", spare=4, piece=ident),
        Column("direction", "Dir", 3, _direction, sort="direction"),
        Column("type", "Cmd", 11, lambda row, context: (row.message.type or "?", "strong"), sort="type"),
        Column("id", "Id", 7, _key, spare=1, piece=ident),
        Column("size", "Len", 5, lambda row, context: (str(row.message.size), "dim"), right=True, sort="size", spare=7),
        Column("latency", "Reply", 6, _latency, right=True, sort="latency_ms", spare=2),
        Column("severity", "!", 1, _severity, sort="severity"),
        Column("info", "Info", 0, _info),
    )
}
DEFAULT = ("number", "time", "delta", "protocol", "device", "direction", "type", "id", "size", "latency", "severity", "info")


def field_column(name: str, value_of: Callable[[Message], str]) -> Column:
    """A column for a field that the user chose in the tree."""
    head = name.rpartition(".")[2]
    return Column(name, clean(head, 20), 12, lambda row, context: (value_of(row.message), ""))


def layout(columns: list[Column], width: int, time_form: str) -> list[tuple[Column, int]]:
    """The columns that fit with their widths, the last one (info) taking the rest; what is spare goes first."""
    def sized(one: Column) -> int:
        return WIDTHS[time_form] if one.name == "time" else one.width

    shown = list(columns)
    if time_form == "delta" or width < DELTA_FROM:
        shown = [one for one in shown if one.name != "delta"]
    while sum(sized(one) + 1 for one in shown if one.width) + 14 > width:
        spare = [one for one in shown if one.spare]
        if not spare:
            break
        shown.remove(max(spare, key=lambda one: one.spare))
    used = sum(sized(one) + 1 for one in shown if one.width)
    return [(one, sized(one) if one.width else max(8, width - used)) for one in shown]


def head_line(shown: list[tuple[Column, int]], sort: str | None, descending: bool) -> Line:
    line: Line = []
    for column, width in shown:
        sign = ("v" if descending else "^") if column.name == sort else ""
        text = column.head + sign if len(column.head) + len(sign) <= width else sign
        line += [fixed(text, width, "head", column.right), Cell(" ", "head")]
    return line


def row_line(row: Row, shown: list[tuple[Column, int]], context: Context) -> Line:
    line: Line = []
    for column, width in shown:
        text, role = column.show(row, context)
        line += [column.piece(text[:INFO_LIMIT] if column.name == "info" else text, width, role, column.right), cell(" ")]
    return line


def row_of(store: Store, index: int, folded: int, before: int | None) -> Row:
    """The message at *index* with what the columns need; *before*: index of the message of the row above."""
    exchange = store.exchange_row(index)
    if exchange is not None and index not in (exchange["request"], exchange["response"], exchange["acknowledgement"]):
        members = store.analysis.exchange_at(exchange["at"])
        if store.analysis.id_of(index) in members.intermediate:
            exchange = {**exchange, "response": index, "latency_ms": None}
    message = store.analysis.message_at(index)
    return Row(index, message, store.session_of(index), store.severity(index), exchange, folded, store.time_ns(index),
               None if before is None else store.time_ns(before), message.id in store.overdue)
