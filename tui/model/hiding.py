"""What the user does not want to see: single messages, commands, anomalies by code. Each step can be taken back, and all that is hidden is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from dissect.model import Session
    from tui.model.store import Integers, Store

SUPPRESSIONS_LIMIT = 1000


class Suppression(NamedTuple):
    """Anomalies of one code, of one device or of all."""

    code: str
    device: str | None = None
    """as `device_of`; None: of all"""

    @property
    def text(self) -> str:
        return f"{self.code} of {self.device}" if self.device else self.code


class Command(NamedTuple):
    """Messages of one type."""

    protocol: str
    type: str | None
    """None: malformed ones"""

    @property
    def text(self) -> str:
        return f"{self.protocol} {self.type or 'malformed'}"


class Messages(NamedTuple):
    """Single messages, hidden in one step, by index."""

    indexes: frozenset[int]

    @property
    def text(self) -> str:
        return f"{len(self.indexes)} message{'' if len(self.indexes) == 1 else 's'}"


Step = Suppression | Command | Messages


def device_of(session: Session) -> str:
    """What a session's device is called from one capture to the next."""
    return session.device_id or f"{session.protocol}:{session.device.address}"


class Hiding:
    """All steps, in the order in which they were taken."""

    def __init__(self, suppressions: list[Suppression]) -> None:
        self.steps: list[Step] = list(suppressions[:SUPPRESSIONS_LIMIT])

    def add(self, step: Step) -> bool:
        """Whether it is one that was not there."""
        if step in self.steps or (isinstance(step, Suppression) and len(self.suppressions) >= SUPPRESSIONS_LIMIT):
            return False
        self.steps.append(step)
        return True

    def remove(self, place: int) -> Step | None:
        """Take one back; -1: the last one. None when there is none."""
        return self.steps.pop(place) if self.steps and -1 <= place < len(self.steps) else None

    @property
    def suppressions(self) -> list[Suppression]:
        return [one for one in self.steps if isinstance(one, Suppression)]

    @property
    def of_messages(self) -> tuple[Command | Messages, ...]:
        """What the message list goes by."""
        return tuple(one for one in self.steps if not isinstance(one, Suppression))

    def moved(self, where: Any) -> None:
        """Messages have other indexes now, as *where* tells (None: gone)."""
        moved: list[Step] = []
        for step in self.steps:
            if isinstance(step, Messages):
                kept = frozenset(at for at in map(where, step.indexes) if at is not None)
                if kept:
                    moved.append(Messages(kept))
            else:
                moved.append(step)
        self.steps = moved

    def messages_mask(self, store: Store) -> Any:
        """A function of indexes: which of them are hidden; None when none can be."""
        steps = self.of_messages
        if not steps:
            return None
        single = np.array(sorted({index for one in steps if isinstance(one, Messages) for index in one.indexes}), np.int64)
        commands = [one for one in steps if isinstance(one, Command)]

        def hidden(indexes: Integers) -> Any:
            found = np.isin(indexes, single)
            types = store.type_column()[indexes]
            for one in commands:
                code = store.analysis.types.find(one.type)
                if code is None:
                    continue
                alike = np.flatnonzero((types == code) & ~found)
                if len(alike):
                    found[alike] = store.protocol_mask(indexes[alike], one.protocol)
            return found

        return hidden

    def anomalies_mask(self, store: Store, codes: Any, sessions: Any) -> Any:
        """Which anomalies (given by their columns) are suppressed."""
        found = np.zeros(len(codes), np.bool_)
        for code, device in self.suppressions:
            number = store.analysis.codes.find(code)
            if number is None:
                continue
            mine = codes == number
            if device is not None and mine.any():
                numbers = np.unique(sessions[mine]).tolist()
                of_device = [one for one in numbers if one in store.analysis.sessions and device_of(store.analysis.sessions[one]) == device]
                mine &= np.isin(sessions, of_device)
            found |= mine
        return found

    def counted(self, store: Store) -> list[tuple[Step, int]]:
        """Each step and how many messages or anomalies it hides by itself."""
        columns = store.analysis.anomaly_columns
        size = len(columns)
        codes, sessions = columns.column("code", 0, size), columns.column("session", 0, size)
        everything = np.arange(store.count, dtype=np.int64)
        found: list[tuple[Step, int]] = []
        for step in self.steps:
            alone = Hiding([])
            alone.steps = [step]
            if isinstance(step, Suppression):
                found.append((step, int(alone.anomalies_mask(store, codes, sessions).sum())))
            else:
                mask = alone.messages_mask(store)
                found.append((step, int(mask(everything).sum()) if mask is not None else 0))
        return found
