"""Decrypting `data` of clife-lan and clife-cloud (003_c27addfd9ee668ff.txt 4.2; report.md, `encryption`).

The document leaves the IV, the key's form and the derivation open, so each session's data is tried under every hypothesis once; the
one that works is kept and tried first from then on. A hypothesis works when its padding is right and JSON stands inside.
Traffic never raises here: what became of a message is an `Outcome`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Final

from msgspec import Struct

from dissect.crypto.aes import INITIAL_VECTORS, BlockCipher, ciphertext_of
from dissect.crypto.derivation import fixed_keys
from dissect.crypto.ledger import ExchangeLedger, SessionExchanges, Side
from dissect.crypto.missing import Wanting, say_missing
from dissect.crypto.plaintext import decode_strictly
from dissect.crypto.secret import Secret
from dissect.keys import KeyEntry, KeyKind, Keyring, canonical_address
from dissect.model import JSON, Encryption, Outcome
from grammars.vocabulary import Finding, KeyClass

USER_ID: Final = "userId"
"""`key` in the report when no entry of the keys file but the userId of a 1101 opened a message"""

KEPT_SESSIONS: Final = 16_384
KEPT_USER_IDS: Final = 4
"""per session, and per device"""
KEPT_DEVICES: Final = 16_384
"""whose userIds are kept"""
KEPT_CIPHERS: Final = 4096
RECENT: Final = 8
"""hypotheses that worked in a session, tried before any other; a platform's connection has a device's each"""
SEARCH_SHARE: Final = 16
"""Hypotheses that each message without a working key may cost on average, so that many keys and many foreign messages stay cheap."""
FIRST_SEARCHES: Final = 4
"""searches through all hypotheses that a session may always have, however many there are"""
FREE_RENEWALS: Final = 64
"""new userIds and exchanges, without one message opened, after which looking for what they open is rationed too"""
SHORTEST_USER_ID: Final = 16
LONGEST_USER_ID: Final = 256


class Opened(Struct, frozen=True, gc=False):
    """What became of one message's data. All but *outcome* is None unless it is DECRYPTED."""

    outcome: Outcome
    key: str | None = None
    """the entry's name, or `userId`"""
    exchange: str | None = None
    iv: str | None = None
    key_form: str | None = None
    plaintext: bytes | None = None
    data: JSON = None

    def encryption(self) -> Encryption:
        """As the report says it."""
        return Encryption(
            status=self.outcome.value, key=self.key, exchange=self.exchange, iv=self.iv, key_form=self.key_form, data=self.data
        )


_DECRYPTED: Final = Outcome.DECRYPTED
_BAD_CIPHERTEXT: Final = Opened(Outcome.BAD_CIPHERTEXT)
_NO_KEY: Final = Opened(Outcome.NO_KEY)
_WRONG_KEY: Final = Opened(Outcome.WRONG_KEY)


class _Hypothesis:
    """One key in one form."""

    __slots__ = ("cipher", "entry", "exchange", "form")

    def __init__(self, entry: str, exchange: str | None, form: str, cipher: BlockCipher) -> None:
        self.entry = entry
        self.exchange = exchange
        self.form = form
        self.cipher = cipher


class _Hit:
    """A hypothesis with the IV under which it worked; flat, since each message reads all of it."""

    __slots__ = ("decrypt", "entry", "exchange", "form", "iv", "iv_name")

    def __init__(self, hypothesis: _Hypothesis, iv_name: str, iv: bytes) -> None:
        self.decrypt = hypothesis.cipher.decrypt
        self.entry = hypothesis.entry
        self.exchange = hypothesis.exchange
        self.form = hypothesis.form
        self.iv_name = iv_name
        self.iv = iv


class _Plan:
    """What is tried on one session's messages of one kind."""

    __slots__ = ("credit", "failed", "given", "hypotheses", "recent", "renewed", "version")

    def __init__(self) -> None:
        self.recent: list[_Hit] = []
        self.hypotheses: list[_Hypothesis] = []
        self.given = False
        """whether the user gave a key for this kind"""
        self.credit = 0
        self.version = -1
        self.renewed = 0
        """how often the hypotheses were listed anew since one worked"""
        self.failed = False


class _Session:
    __slots__ = ("device", "exchanges", "plans", "protocol", "user_ids")

    def __init__(self, identity: Hashable, protocol: str, device: str | None) -> None:
        self.protocol = protocol
        self.device = device
        self.plans: dict[tuple[KeyClass, str | None], _Plan] = {}
        self.exchanges = SessionExchanges(identity)
        self.user_ids: list[Secret] = []


class Decryptor:
    """Opens the encrypted data of one capture, session by session. Not for several threads at once.

    *lenient* reads a plaintext that strict JSON refuses, giving None when it cannot either.
    """

    def __init__(self, keyring: Keyring | None = None, lenient: Callable[[bytes], JSON] | None = None) -> None:
        self._entries: tuple[KeyEntry, ...] = ()
        self._product_codes: frozenset[str] = frozenset()
        self._sessions: dict[Hashable, _Session] = {}
        self._user_ids: dict[str, list[Secret]] = {}
        self._ciphers: dict[Secret, BlockCipher] = {}
        self._ledger = ExchangeLedger()
        self._lenient = lenient
        self._keys_version = 0
        self._version = 0
        if keyring is not None:
            self.add_keys(keyring)

    def add_keys(self, keyring: Keyring) -> None:
        """More keys, for all messages from now on; those of a session that could not be opened are searched for anew."""
        known = set(self._entries)
        self._entries += tuple(entry for entry in keyring.entries if entry not in known)
        self._product_codes = frozenset(entry.product_code for entry in self._entries if entry.product_code is not None)
        self._keys_version += 1
        self._version += 1
        for session in self._sessions.values():
            for plan in session.plans.values():
                plan.renewed = 0

    def open(
        self, session_key: Hashable, protocol: str, device_address: str | None, kind: KeyClass, data: str, product_code: str | None = None
    ) -> Opened:
        """Decrypt *data*, the base64 text of a message's `data` member."""
        ciphertext = ciphertext_of(data)
        if ciphertext is None:
            return _BAD_CIPHERTEXT
        session = self._sessions.get(session_key)
        if session is None:
            session = self._start(session_key, protocol, device_address)
        if product_code is not None and product_code not in self._product_codes:
            product_code = ""  # some product that no key is restricted to: one plan for all of them
        plan = session.plans.get((kind, product_code))
        if plan is None:
            plan = session.plans[kind, product_code] = _Plan()
        for hit in plan.recent:
            plaintext = hit.decrypt(ciphertext, hit.iv)
            if plaintext is not None:
                value = decode_strictly(plaintext)
                if value is None and self._lenient is not None:
                    value = self._read_leniently(plaintext)
                if value is not None:
                    if hit is not plan.recent[0]:
                        plan.recent.remove(hit)
                        plan.recent.insert(0, hit)
                    return Opened(_DECRYPTED, hit.entry, hit.exchange, hit.iv_name, hit.form, plaintext, value)
        return self._search(session, plan, kind, product_code, ciphertext)

    def learn_user_id(self, session_key: Hashable, device_address: str | None, user_id: object) -> None:
        """The userId of a 1101: "用于密钥交互流程中加解密密钥" (6.1.2), so a fixed key of this session and of this device."""
        if not isinstance(user_id, str) or not SHORTEST_USER_ID <= len(user_id) <= LONGEST_USER_ID:
            return
        secret = Secret(user_id.encode("utf-8", "replace"))
        session = self._sessions.get(session_key) or self._start(session_key, "clife-lan", device_address)
        homes = [session.user_ids]
        if session.device is not None:
            if session.device not in self._user_ids and len(self._user_ids) >= KEPT_DEVICES:
                del self._user_ids[next(iter(self._user_ids))]
            homes.append(self._user_ids.setdefault(session.device, []))
        for home in homes:
            if secret not in home:
                home.insert(0, secret)
                del home[KEPT_USER_IDS:]
                self._version += 1

    def begin_exchange(
        self,
        session_key: Hashable,
        mode: object,
        public_value_b64: object,
        dh_p: object = None,
        dh_g: object = None,
        side: Side = "device",
        *,
        device_address: str | None = None,
        packet: int | None = None,
        day: object = None,
    ) -> list[Finding]:
        """A 1104. *mode*: the keyMode of 1103, None when it was not seen; *day*: anything that is equal on the same day, for key reuse."""
        session = self._sessions.get(session_key) or self._start(session_key, "clife-lan", device_address)
        return self._ledger.begin(session.exchanges, mode, public_value_b64, dh_p, dh_g, side, packet, day)

    def complete_exchange(
        self,
        session_key: Hashable,
        public_value_b64: object,
        side: Side = "app",
        *,
        mode: object = None,
        device_address: str | None = None,
        packet: int | None = None,
        day: object = None,
    ) -> list[Finding]:
        """A 1105; its 1104 need not have been seen."""
        session = self._sessions.get(session_key) or self._start(session_key, "clife-lan", device_address)
        return self._ledger.complete(session.exchanges, mode, public_value_b64, side, packet, day)

    def missing(self, session_key: Hashable, kind: KeyClass | None = None) -> str:
        """One sentence: which key would open the session's messages of *kind* (None: of those that failed)."""
        session = self._sessions.get(session_key)
        if session is None:
            return "needs a key: nothing of the session was seen yet"
        failed = {failed_kind for (failed_kind, _), plan in session.plans.items() if plan.failed}
        given = {given_kind for (given_kind, _), plan in session.plans.items() if plan.given}
        codes = sorted({code for (_, code), plan in session.plans.items() if code and plan.failed})
        return say_missing(
            Wanting(
                kinds=frozenset({kind} if kind is not None else failed),
                given=frozenset(given),
                device=session.device,
                product_codes=tuple(codes),
                exchange=session.exchanges.latest,
                fixed_opened=any(plan.recent for (opened, _), plan in session.plans.items() if opened == "fixed"),
                private_values=any(entry.kind is KeyKind.PRIVATE_VALUE for entry in self._entries_for(session)),
            )
        )

    def close(self, session_key: Hashable) -> None:
        """Forget a session that has ended."""
        self._sessions.pop(session_key, None)

    def _start(self, session_key: Hashable, protocol: str, device_address: str | None) -> _Session:
        if len(self._sessions) >= KEPT_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        device = canonical_address(device_address) if device_address is not None else None
        session = self._sessions[session_key] = _Session(session_key, protocol, device)
        return session

    def _search(self, session: _Session, plan: _Plan, kind: KeyClass, product_code: str | None, ciphertext: bytes) -> Opened:
        version = self._version + session.exchanges.version  # both only grow, so the sum changes when one does
        if plan.version != version and (plan.renewed < FREE_RENEWALS or plan.credit + SEARCH_SHARE >= len(plan.hypotheses)):
            self._fill(session, plan, kind, product_code)
            plan.version = version
            if plan.renewed < FREE_RENEWALS:
                plan.credit = FIRST_SEARCHES * len(plan.hypotheses)
            plan.renewed += 1
        cost = len(plan.hypotheses)
        plan.credit += SEARCH_SHARE
        if cost and plan.credit >= cost:
            plan.credit = min(plan.credit - cost, FIRST_SEARCHES * cost)
            for hypothesis in plan.hypotheses:
                if hypothesis.cipher.may_open(ciphertext):
                    for iv_name, iv in INITIAL_VECTORS.items():
                        plaintext = hypothesis.cipher.decrypt(ciphertext, iv)
                        value = None if plaintext is None else self._decode(plaintext)
                        if value is not None:
                            plan.credit += cost  # only searches in vain are rationed
                            plan.renewed = 0
                            hit = _Hit(hypothesis, iv_name, iv)
                            plan.recent.insert(0, hit)
                            del plan.recent[RECENT:]
                            return Opened(_DECRYPTED, hit.entry, hit.exchange, hit.iv_name, hit.form, plaintext, value)
        plan.failed = True
        return _WRONG_KEY if plan.given else _NO_KEY

    def _decode(self, plaintext: bytes) -> JSON:
        value = decode_strictly(plaintext)
        return value if value is not None or self._lenient is None else self._read_leniently(plaintext)

    def _read_leniently(self, plaintext: bytes) -> JSON:
        value = self._lenient(plaintext) if self._lenient is not None and plaintext.lstrip()[:1] in (b"{", b"[") else None
        return value if isinstance(value, dict | list) else None

    def _fill(self, session: _Session, plan: _Plan, kind: KeyClass, product_code: str | None) -> None:
        """List the hypotheses of *kind*, the likeliest first, the other kind's last: devices vary, and trying is cheap."""
        seen: set[Secret] = set()
        plan.hypotheses = []
        entries = self._entries_for(session, product_code)
        classes = {"fixed": ("fixed", "negotiated"), "negotiated": ("negotiated", "fixed"), "dev": ("dev",)}[kind]
        for name in classes:
            for entry, exchange, form, key in self._keys_of(name, session, entries):
                if key not in seen:
                    seen.add(key)
                    plan.hypotheses.append(_Hypothesis(entry, exchange, form, self._cipher(key)))
        plan.given = any(entry.kind in _GIVEN_FOR[kind] for entry in entries)
        unread = any(other.failed and other.given for (name, _), other in session.plans.items() if name == "fixed")
        if kind == "negotiated" and (unread or any(exchange.complete for exchange in session.exchanges.exchanges)):
            # A private value for an exchange that it does not fit, or that the given key does not open, is a key that does not work.
            plan.given |= any(entry.kind is KeyKind.PRIVATE_VALUE for entry in entries)

    def _keys_of(self, name: str, session: _Session, entries: list[KeyEntry]) -> Iterator[tuple[str, str | None, str, Secret]]:
        """(entry, exchange, key_form, key) of one class of keys."""
        if name == "negotiated":
            private_values = [entry for entry in entries if entry.kind is KeyKind.PRIVATE_VALUE]
            for derived in self._ledger.derive(session.exchanges, private_values, self._keys_version):
                yield derived.entry, derived.mode.value, derived.form, derived.key
            for entry in entries:
                if entry.kind is KeyKind.SESSION_KEY:
                    yield entry.name, None, "hex", entry.secret
            return
        for entry in entries:
            if entry.kind in _GIVEN_FOR[name]:
                for form, key in fixed_keys(entry.secret):
                    yield entry.name, None, form, key
        if name == "fixed":
            for user_id in (*session.user_ids, *self._user_ids.get(session.device or "", ())):
                for form, key in fixed_keys(user_id):
                    yield USER_ID, None, form, key

    def _entries_for(self, session: _Session, product_code: str | None = None) -> list[KeyEntry]:
        """The entries that may concern a session, those made for its device or product first."""
        entries = [
            entry
            for entry in self._entries
            if entry.protocol == session.protocol
            and (entry.device is None or entry.device == session.device)
            and (entry.product_code is None or product_code is None or entry.product_code == product_code)
        ]
        return sorted(entries, key=lambda entry: entry.device is None and entry.product_code is None)

    def _cipher(self, key: Secret) -> BlockCipher:
        cipher = self._ciphers.get(key)
        if cipher is None:
            if len(self._ciphers) >= KEPT_CIPHERS:
                del self._ciphers[next(iter(self._ciphers))]
            cipher = self._ciphers[key] = BlockCipher(key.reveal())
        return cipher


_GIVEN_FOR: Final[dict[str, frozenset[KeyKind]]] = {
    "fixed": frozenset({KeyKind.APP_KEY}),
    "negotiated": frozenset({KeyKind.SESSION_KEY}),
    "dev": frozenset({KeyKind.DEV_KEY}),
}
