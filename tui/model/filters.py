"""The filter language of the command line, as the interface uses it: compiled to masks, checked while typing, completed, remembered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.errors import DissectError, FilterError
from dissect.fields import PROTOCOL_NAMES, all_fields

if TYPE_CHECKING:
    from dissect.model import Message
    from tui.model.store import Integers, Store
    from tui.model.view import Predicate

SEEN_LIMIT = 200
"""messages looked at for the values of a field"""
SAVED_LIMIT = 100


class Compiled(NamedTuple):
    text: str
    keep: Predicate


def compile_text(text: str, store: Store) -> Compiled:
    """Raises FilterError."""
    from dissect.filter import compile_filter

    compiled = compile_filter(text)

    def keep(indexes: Integers) -> Any:
        return np.asarray(compiled.mask(store.analysis, indexes), np.bool_)

    return Compiled(text, keep)


def problem_of(text: str) -> str:
    """What is wrong with a filter, in one line; empty: nothing."""
    if not text.strip():
        return ""
    from dissect.filter import compile_filter

    try:
        compile_filter(text)
    except FilterError as error:
        return str(error)
    except DissectError as error:
        return str(error)
    return ""


_WORD = re.compile(r"[A-Za-z0-9_.\-]+$")
_VALUE = re.compile(r"([A-Za-z0-9_.\-]+)\s*(==|!=|contains)\s*(\"?)([^\"\s]*)$")


def completions(text: str, store: Store) -> list[tuple[str, str]]:
    """What the last word of *text* may become, the likeliest first: the word alone, and all of the text with it."""
    value = _VALUE.search(text)
    if value is not None and value[1] in all_fields():
        quote = '"' if "text" in all_fields()[value[1]].types else ""
        return [(seen, text[:value.start(3)] + f"{quote}{seen}{quote}") for seen in values_seen(value[1], store)
                if seen.startswith(value[4]) and seen != value[4]]
    word = _WORD.search(text)
    if word is None:
        return []
    names = [name for name in all_fields() if name.startswith(word[0]) and name != word[0]]
    # One step further at a time: up to the next dot, like a path.
    return [(name, text[:word.start()] + name) for name in sorted(names, key=lambda one: (one.count("."), len(one), one))]


def completion(text: str, store: Store) -> str | None:
    """*text* with its last word completed; None when there is nothing to add."""
    return next((whole for _, whole in completions(text, store)), None)


def values_seen(name: str, store: Store) -> list[str]:
    """Values that a field has in this capture, the most frequent first."""
    analysis = store.analysis
    tables = {"message.type": analysis.types, "message.name": analysis.names, "anomaly.code": analysis.codes, "exchange.operation": analysis.operations,
              "device.id": analysis.device_ids}
    if name in tables:
        return sorted(text for text in tables[name].all() if text)
    if name == "exchange.status":
        return ["ok", "error", "late", "timeout", "pending"]
    if name == "message.direction":
        return ["up", "down"]
    counts: dict[str, int] = {}
    step = max(1, store.count // SEEN_LIMIT)
    prefix, *path = name.split(".")
    # Fields of two protocols may be called alike behind their prefix.
    own = {one for one in PROTOCOL_NAMES if one.partition("-")[0] == prefix.partition("-")[0]}
    for index in range(0, store.count, step):
        if own and store.session_of(index).protocol not in own:
            continue
        message = analysis.message_at(index)
        holder = message.fields
        if path[:1] == ["data"] and message.encryption is not None and message.encryption.data is not None:
            holder = {"data": message.encryption.data}
        for found in _values(holder, path):
            if isinstance(found, str | int | float) and not isinstance(found, bool):
                text = str(found)
                if len(text) <= 64 and text.isprintable() and '"' not in text:
                    counts[text] = counts.get(text, 0) + 1
    return sorted(counts, key=lambda text: (-counts[text], text))


def _values(holder: Any, path: list[str]) -> list[Any]:
    found = [holder]
    for name in path:
        inner: list[Any] = []
        for one in found:
            for entry in one if isinstance(one, list) else (one,):
                if isinstance(entry, dict) and name in entry:
                    inner.append(entry[name])
        found = inner
    return [entry for one in found for entry in (one if isinstance(one, list) else (one,))]


def expression_for(name: str, value: str, operator: str) -> str | None:
    """A filter that keeps (==) or leaves out (!=) the messages with this value of a field; a container: those that have it at all."""
    row = all_fields().get(name)
    if row is None:
        return None
    if not value:
        return name if operator == "==" else f"!{name}"
    text = value[1:-1] if value[:1] == '"' and value[-1:] == '"' and len(value) > 1 else value
    if value[:1] == '"' or "text" in row.types:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name} {operator} "{escaped}"'
    return f"{name} {operator} {text}"


def value_in(message: Message, name: str) -> str:
    """The values of a field in a message, for a column."""
    path = name.split(".")[1:]
    holder = message.fields
    if path[:1] == ["data"] and message.encryption is not None and message.encryption.data is not None:
        holder = {"data": message.encryption.data}
    return " ".join(str(found) for found in _values(holder, path)[:5] if not isinstance(found, dict))


_saved: list[str] = []


def remember(text: str) -> None:
    """Keep a filter that was put into force for the arrow keys, and for the next start."""
    from tui.settings import save_filters

    if not text:
        return
    if text in _saved:
        _saved.remove(text)
    _saved.append(text)
    del _saved[:-SAVED_LIMIT]
    save_filters(_saved)


def saved() -> list[str]:
    """Filters used before, the latest last."""
    if not _saved:
        from tui.settings import load_filters

        _saved.extend(load_filters())
    return _saved
