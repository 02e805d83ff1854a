"""The filter language of the command line, as the interface uses it: compiled to masks, checked while typing, remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissect.errors import DissectError, FilterError
from dissect.fields import all_fields

if TYPE_CHECKING:
    from dissect.model import Message
    from tui.model.store import Integers, Store
    from tui.model.view import Predicate

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
