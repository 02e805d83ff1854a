"""The key exchanges of a capture: what each session's were, what is wrong with them, and the keys that private values make of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from dissect.crypto.derivation import negotiated_keys
from dissect.crypto.exchange import (
    LARGEST_MODULUS,
    LONGEST_VALUE,
    PROVEN_MODULI,
    Mode,
    PublicValue,
    mode_of,
    public_of,
    read_public,
    readings_of_private,
    shared_secret,
    weakness_of,
)
from dissect.crypto.secret import Secret
from dissect.keys import KeyEntry
from grammars.vocabulary import Finding

Side = Literal["device", "app"]

KEPT_EXCHANGES: Final = 4
"""per session, the newest; messages on their way while keys change use the one before"""
KEPT_PUBLIC_VALUES: Final = 65_536
"""for key reuse; the oldest are forgotten first"""
KEPT_USES: Final = 64
"""of one public value"""
UNPROVEN_PRIVATE_VALUES: Final = 16
"""tried on an exchange of which only one public value was seen"""
DERIVING_BUDGET: Final = 10_000_000
"""microseconds, estimated, that deriving keys may take in a capture"""

_CURVE_COST: Final = 800
_DH_128_COST: Final = 25


@dataclass(slots=True)
class KeyExchange:
    """One exchange; a side that was not seen is not in *values*."""

    mode: Mode
    dh_p: object = None
    dh_g: object = None
    packet: int | None = None
    values: dict[Side, PublicValue] = field(default_factory=dict)
    marks: dict[Side, int] = field(default_factory=dict)
    """what was sent and on which day, hashed: a repetition is no new exchange"""
    derived: tuple[object, list[DerivedKey]] | None = None

    @property
    def complete(self) -> bool:
        return len(self.values) == 2


@dataclass(frozen=True, slots=True)
class DerivedKey:
    entry: str
    mode: Mode
    form: str
    key: Secret


@dataclass(slots=True)
class SessionExchanges:
    """The exchanges of one session, the newest last."""

    identity: Hashable
    exchanges: list[KeyExchange] = field(default_factory=list)
    weak_reported: bool = False
    version: int = 0
    """changes whenever keys may"""

    @property
    def latest(self) -> KeyExchange | None:
        return self.exchanges[-1] if self.exchanges else None

    def add(self, exchange: KeyExchange) -> None:
        self.exchanges.append(exchange)
        del self.exchanges[:-KEPT_EXCHANGES]


def _mark(day: object, *parts: object) -> int:
    return hash((day, *(part if part is None or (isinstance(part, str) and len(part) <= LONGEST_VALUE) else type(part) for part in parts)))


class ExchangeLedger:
    """Reuse of public values and the budgets, over all sessions of a capture."""

    def __init__(self) -> None:
        self._uses: dict[int, dict[tuple[Hashable, object], int | None]] = {}
        # by the hash of the value's text: numbers that a sender chose could all have one hash, texts cannot
        self._moduli: set[int] = set()
        self._budget = DERIVING_BUDGET
        self._points: dict[tuple[Mode, int], int | None] = {}

    def begin(
        self, session: SessionExchanges, mode: object, public_value: object, dh_p: object, dh_g: object, side: Side, packet: int | None, day: object
    ) -> list[Finding]:
        """A 1104. The same one again changes nothing."""
        mark = _mark(day, public_value, dh_p, dh_g)
        latest = session.latest
        if latest is not None and latest.marks.get(side) == mark:
            return []
        known = mode_of(mode, public_value, dh_p)
        if known is None:
            return [Finding("security.invalid-public-key", "the public key has the form of no key exchange")]
        exchange = KeyExchange(known, _bounded(dh_p), _bounded(dh_g), packet)
        session.add(exchange)
        return self._take(session, exchange, public_value, mark, side, packet, day)

    def complete(
        self, session: SessionExchanges, mode: object, public_value: object, side: Side, packet: int | None, day: object
    ) -> list[Finding]:
        """A 1105: the other public value of the latest exchange, or all that was seen of one."""
        mark = _mark(day, public_value)
        exchange = session.latest
        if exchange is not None and exchange.marks.get(side) == mark:
            return []
        if exchange is None:
            known = mode_of(mode, public_value)
            if known is None:
                return [Finding("security.invalid-public-key", "the public key has the form of no key exchange")]
            exchange = KeyExchange(known, packet=packet)
            session.add(exchange)
        elif side in exchange.values:  # the side answered anew: the other one repeated its value, or was not seen
            others: list[Side] = [other for other in exchange.values if other != side]
            exchange = KeyExchange(
                exchange.mode,
                exchange.dh_p,
                exchange.dh_g,
                packet,
                {other: exchange.values[other] for other in others},
                {other: exchange.marks[other] for other in others},
            )
            session.add(exchange)
        return self._take(session, exchange, public_value, mark, side, packet, day)

    def _take(
        self, session: SessionExchanges, exchange: KeyExchange, public_value: object, mark: int, side: Side, packet: int | None, day: object
    ) -> list[Finding]:
        session.version += 1
        exchange.derived = None
        prove = len(self._moduli) < PROVEN_MODULI
        value = read_public(exchange.mode, public_value, exchange.dh_p, exchange.dh_g, prove)
        if prove and 0 < value.modulus.bit_length() <= LARGEST_MODULUS:
            self._moduli.add(hash(f"{value.modulus:x}"))
        exchange.values[side] = value
        exchange.marks[side] = mark
        findings = []
        told = any(other is not value and other.invalid == value.invalid and "dhP" in (other.invalid or "") for other in exchange.values.values())
        if value.invalid is not None and not told:  # dhP is the device's alone, and judged with both values
            findings.append(Finding("security.invalid-public-key", f"the {side}'s side: {value.invalid}"))
        weakness = None if session.weak_reported else weakness_of(exchange.mode, value.modulus, value.written_bits)
        if weakness is not None:
            session.weak_reported = True
            findings.append(Finding("security.weak-key-exchange", weakness))
        # A value that is no key at all (0, or off its curve) is reported as that, and not as reused too.
        if value.invalid is None:
            findings += self._reuse(session, value, side, packet, day)
        return findings

    def _reuse(self, session: SessionExchanges, value: PublicValue, side: Side, packet: int | None, day: object) -> Iterator[Finding]:
        identity = hash(f"{value.mode} {value.modulus:x} {value.x:x} {value.y:x}")
        uses = self._uses.get(identity)
        if uses is None:
            if len(self._uses) >= KEPT_PUBLIC_VALUES:
                del self._uses[next(iter(self._uses))]
            self._uses[identity] = {(session.identity, day): packet}
            return
        use = (session.identity, day)
        if use in uses or len(uses) >= KEPT_USES:
            return
        (first_session, _), first_packet = next(iter(uses.items()))
        where = "on another day" if first_session == session.identity else "in another session"
        uses[use] = packet
        if first_packet is not None:
            where += f", in packet {first_packet}"
        yield Finding("security.key-reuse", f"the {side}'s public key was used before {where}")

    def derive(self, session: SessionExchanges, private_values: Iterable[KeyEntry], version: object) -> Iterator[DerivedKey]:
        """The keys that *private_values* (those for this device) give, of the newest exchange first.

        *version* names the state of the keyring; with the same one nothing is worked out twice.
        """
        entries = tuple(private_values)
        for exchange in reversed(session.exchanges):
            if exchange.derived is None or exchange.derived[0] != version:
                exchange.derived = (version, list(self._derive(exchange, entries)))
            yield from exchange.derived[1]

    def _derive(self, exchange: KeyExchange, entries: tuple[KeyEntry, ...]) -> Iterator[DerivedKey]:
        unproven = UNPROVEN_PRIVATE_VALUES
        for entry in entries:
            for private in readings_of_private(exchange.mode, entry.secret.reveal()):
                other = self._other_side(exchange, private)
                if other is None and not exchange.complete and unproven > 0:
                    other = self._only_side(exchange, private)
                    unproven -= other is not None
                if other is None or not self._afford(other):
                    continue
                secret = shared_secret(private, other)
                if secret is not None:
                    for form, key in negotiated_keys(exchange.mode, secret):
                        yield DerivedKey(entry.name, exchange.mode, form, key)

    def _other_side(self, exchange: KeyExchange, private: int) -> PublicValue | None:
        """The public value of the side that *private* does not belong to; None when it belongs to neither, or only one was seen."""
        for side, value in exchange.values.items():
            if self._owns(private, value):
                return next((other for name, other in exchange.values.items() if name != side), None)
        return None

    def _only_side(self, exchange: KeyExchange, private: int) -> PublicValue | None:
        """The one value that was seen, unless *private* is its own: then it is the other side's that is wanting."""
        value = next(iter(exchange.values.values()), None)
        return value if value is not None and not self._owns(private, value) else None

    def _owns(self, private: int, value: PublicValue) -> bool:
        if value.mode is Mode.DH:
            return any(self._afford(value) and public_of(value.mode, private, value.modulus, generator) == value.x for generator in value.generators)
        if value.invalid is not None:
            return False
        point = (value.mode, private)
        if point not in self._points:
            if not self._afford(value):
                return False
            self._points[point] = public_of(value.mode, private)
        return self._points[point] == value.x

    def _afford(self, value: PublicValue) -> bool:
        bits = value.modulus.bit_length()
        self._budget -= int(_DH_128_COST * max(1.0, (bits / 128) ** 3)) if value.mode is Mode.DH and bits <= 512 else _CURVE_COST
        return self._budget > 0


def _bounded(value: object) -> object:
    """What is kept of a member until the exchange ends: a text that may be a number, nothing of any other kind or size."""
    return value if value is None or (isinstance(value, str) and len(value) <= LONGEST_VALUE) else ""
