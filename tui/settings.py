"""What the interface remembers from one start to the next, in the user's state folder. Without one that can be written it forgets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FILE_LIMIT = 1 << 20


def _file(name: str) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "dissect" / name


def load(name: str) -> Any:
    """What was saved under a name; None when there is nothing that can be read."""
    path = _file(name)
    try:
        if path.stat().st_size > FILE_LIMIT:
            return None
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None  # never saved, or spoilt: begin anew


def save(name: str, value: Any) -> bool:
    """Whether it could be written."""
    path = _file(name)
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


def load_suppressed() -> list[str]:
    found = load("suppressed.json")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def save_suppressed(codes: list[str]) -> None:
    save("suppressed.json", codes)
