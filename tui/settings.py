"""What the interface remembers from one start to the next, in the user's state folder. Without one that can be written it forgets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tui.model.hiding import Suppression

FILE_LIMIT = 1 << 20

_remembering = True


def forget_all() -> None:
    """Nothing is loaded or saved from here on: what was typed earlier may name what `--redact` hides."""
    global _remembering
    _remembering = False


def _file(name: str) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "dissect" / name


def load(name: str) -> Any:
    """What was saved under a name; None when there is nothing that can be read."""
    path = _file(name)
    if not _remembering:
        return None
    try:
        if path.stat().st_size > FILE_LIMIT:
            return None
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None  # never saved, or spoilt: begin anew


def save(name: str, value: Any) -> bool:
    """Whether it could be written."""
    path = _file(name)
    if not _remembering:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
        path.chmod(0o600)
    except OSError:
        return False
    return True


def load_filters() -> list[str]:
    found = load("filters.json")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def save_filters(filters: list[str]) -> None:
    save("filters.json", filters)


def load_suppressed() -> list[Suppression]:
    """Those of the last start; a code alone is one of all devices."""
    found = load("suppressed.json")
    kept = []
    for one in found if isinstance(found, list) else ():
        if isinstance(one, str):
            kept.append(Suppression(one))
        elif isinstance(one, dict) and isinstance(one.get("code"), str) and isinstance(one.get("device"), str | None):
            kept.append(Suppression(one["code"], one.get("device")))
    return kept


def save_suppressed(suppressions: list[Suppression]) -> None:
    save("suppressed.json", [{"code": one.code, "device": one.device} for one in suppressions])


def load_columns() -> list[str]:
    """Names of the message list's columns, as chosen the last time; empty: never."""
    from tui.model.columns import COLUMNS

    found = load("columns.json")
    return [one for one in found if isinstance(one, str) and one in COLUMNS] if isinstance(found, list) else []


def save_columns(names: list[str]) -> None:
    save("columns.json", names)
