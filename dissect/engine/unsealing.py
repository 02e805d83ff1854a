"""Sealed data of messages: opened with the keys that were given or derived, what is wrong with it told, key exchanges followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dissect.engine.sessions import SessionState
from dissect.keys import joined
from dissect.model import Outcome
from dissect.options import Options
from dissect.pairing.exchanges import Seen
from dissect.streams.api import NUMBER_MASK
from grammars.vocabulary import ApplicationProtocol, Finding, KeyStep

if TYPE_CHECKING:
    from dissect.crypto.decryptor import Decryptor, Opened
    from dissect.keys import Keyring

DAY_NS = 86_400 * 10**9


class Unsealing:
    """The engine's way to the decryptor, which is made, and its ciphers loaded, when something sealed comes."""

    def __init__(self, options: Options, report: Callable[[Seen, Finding, int], None]) -> None:
        self._keys, self._report = options.keys, report
        self._decryptor: Decryptor | None = None

    def add_keys(self, keyring: Keyring) -> None:
        """More keys, for all that is opened from now on."""
        self._keys = keyring if self._keys is None else joined(self._keys, keyring)
        if self._decryptor is not None:
            self._decryptor.add_keys(keyring)

    def open(self, session: SessionState, protocol: ApplicationProtocol, kind: str, text: str, view: Any) -> Opened:
        """What the data *text* of a message holds, as far as a key opens it."""
        decryptor = self._made()
        assert protocol.sealed is not None
        product = protocol.product(view, session) if protocol.product is not None else None
        address = session.ends[session.device_side][0]
        return decryptor.open(session.id, protocol.name, address, protocol.sealed(kind), text, product)

    def learn(self, seen: Seen, session: SessionState, protocol: ApplicationProtocol) -> None:
        """Follow a key exchange, or take a user's id: keys derived from it open what comes."""
        assert protocol.key_event is not None
        event = protocol.key_event(seen, session)
        if event is None:
            return
        decryptor = self._made()
        address = session.ends[session.device_side][0]
        packet, day = seen.packets[-1] & NUMBER_MASK, seen.time_ns // DAY_NS
        if event.step is KeyStep.USER:
            decryptor.learn_user_id(session.id, address, event.value)
            return
        if event.step is KeyStep.BEGIN:
            findings = decryptor.begin_exchange(
                session.id, event.mode, event.value, event.modulus, event.generator, "device", device_address=address, packet=packet, day=day
            )
        else:
            findings = decryptor.complete_exchange(session.id, event.value, "app", mode=event.mode, device_address=address, packet=packet, day=day)
        for finding in findings:
            self._report(seen, finding, seen.time_ns)

    def judge(self, seen: Seen, session: SessionState, protocol: ApplicationProtocol, opened: Opened | None, carrier_name: str) -> None:
        """What is wrong with the data of *seen*, which *opened* (None: it is in clear) tells."""
        now = seen.time_ns
        if opened is None:
            if protocol.must_be_sealed(seen.kind, carrier_name) and session.first_time(f"plaintext {seen.sender.value}"):
                self._report(seen, Finding("security.plaintext-payload", f"the {seen.sender.value}'s side sends data in clear"), now)
            return
        if opened.outcome is Outcome.BAD_CIPHERTEXT:
            self._report(seen, Finding("crypto.bad-ciphertext", "data is not base64 of whole AES blocks"), now)
        elif opened.outcome is Outcome.NO_KEY and session.first_time("no-key"):
            assert self._decryptor is not None
            self._report(seen, Finding("crypto.no-key", self._decryptor.missing(session.id)), now)
        elif opened.outcome is Outcome.WRONG_KEY and session.first_time("wrong-key"):
            assert self._decryptor is not None
            self._report(seen, Finding("crypto.wrong-key", f"no key given opens it: {self._decryptor.missing(session.id)}"), now)

    def close(self, session: int) -> None:
        """Nothing more comes of the session."""
        if self._decryptor is not None:
            self._decryptor.close(session)

    def _made(self) -> Decryptor:
        if self._decryptor is None:
            from dissect.crypto.decryptor import Decryptor
            from dissect.jsontext import decode

            def lenient(plaintext: bytes) -> Any:
                decoded = decode(plaintext)
                return decoded.value if decoded else None

            self._decryptor = Decryptor(self._keys, lenient)
        return self._decryptor
