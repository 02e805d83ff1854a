"""What is wrong with the exchanges of a capture: weak, invalid and reused, each once per cause; and what deriving may cost."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from ecdsa import SECP112r1

from dissect.crypto import ledger as module
from dissect.crypto.exchange import PROVEN_MODULI, Mode, is_prime, public_of
from dissect.crypto.ledger import ExchangeLedger, KeyExchange, SessionExchanges
from dissect.crypto.secret import Secret
from dissect.keys import KeyEntry, KeyKind

WEAK, INVALID, REUSE = "security.weak-key-exchange", "security.invalid-public-key", "security.key-reuse"
DH_P, DH_PUBLIC = "sZZXNCqS2pRpx28BYhsLIw==", "W3fxEAqA1l8y4X0e55wWCg=="
NANOEC_PUBLIC = "sw10uEfPyX8gMqEE3J+R3Qb3oNO6fxqWTf1V93dB8tLJFiEFw24uoVCOnYbPHywe"


def point(private: int) -> str:
    return base64.b64encode((SECP112r1.generator * private).to_bytes("compressed")).decode()


class Capture:
    """A ledger with its sessions; each step gives the codes that it found."""

    def __init__(self) -> None:
        self.ledger = ExchangeLedger()
        self.sessions: dict[str, SessionExchanges] = {}
        self.texts: list[str] = []

    def session(self, name: str) -> SessionExchanges:
        return self.sessions.setdefault(name, SessionExchanges(name))

    def begin(self, name: str, public: object, mode: object = "ECDH", dh_p: object = None, day: int = 1, packet: int | None = None) -> list[str]:
        return self._codes(self.ledger.begin(self.session(name), mode, public, dh_p, "Ag==", "device", packet, day))

    def complete(self, name: str, public: object, day: int = 1, mode: object = None) -> list[str]:
        return self._codes(self.ledger.complete(self.session(name), mode, public, "app", None, day))

    def _codes(self, findings: Any) -> list[str]:
        self.texts += [finding.text for finding in findings]
        return [finding.code for finding in findings]


def test_a_weak_exchange_is_found_once_per_session() -> None:
    capture = Capture()
    steps = [capture.begin("a", point(3)), capture.complete("a", point(4)), capture.begin("a", point(5)), capture.begin("b", point(6))]
    assert steps == [[WEAK], [], [], [WEAK]]
    assert capture.begin("c", NANOEC_PUBLIC, "NANOECC") == []
    assert capture.begin("d", DH_PUBLIC, "DH", DH_P) == [WEAK]


def test_an_invalid_value_is_found_on_the_side_that_sent_it_and_once_however_often_it_is_sent() -> None:
    capture = Capture()
    assert [capture.begin("a", "AAAA"), capture.begin("a", "AAAA"), capture.complete("a", "!"), capture.complete("a", "!")] == [
        [INVALID, WEAK], [], [INVALID], [],
    ]  # fmt: skip
    assert [text.split(":")[0] for text in capture.texts if ":" in text] == ["the device's side", "the app's side"]
    assert capture.begin("b", "AAAA", None) == [INVALID] and not capture.session("b").exchanges, "of no known mode"
    assert capture.complete("c", "AAAA") == [INVALID] and not capture.session("c").exchanges


def test_a_modulus_that_is_no_prime_is_the_devices_alone() -> None:
    capture = Capture()
    other = base64.b64encode((0xB19657342A92DA9469C76F01621B0B23 - 2).to_bytes(16, "big")).decode()
    assert [capture.begin("a", DH_PUBLIC, "DH", other), capture.complete("a", DH_PUBLIC)] == [[INVALID, WEAK], []]
    zero = base64.b64encode(bytes(16)).decode()
    assert [capture.begin("b", zero, "DH", DH_P), capture.complete("b", zero)] == [[INVALID, WEAK], [INVALID]]


def test_the_same_public_key_in_another_session_or_on_another_day_is_reuse() -> None:
    capture = Capture()
    assert capture.begin("a", point(3), packet=17) == [WEAK]
    assert capture.begin("a", point(4)) == [] and capture.begin("a", point(3)) == [], "the same session on the same day"
    assert capture.begin("b", point(3)) == [WEAK, REUSE]
    assert capture.texts[-1] == "the device's public key was used before in another session, in packet 17"
    assert capture.begin("b", point(9)) == [] and capture.begin("b", point(3)) == [], "found once"
    assert capture.complete("c", point(3)) == [WEAK, REUSE], "whichever side"
    assert capture.begin("a", point(3), day=2) == [REUSE] == capture.begin("a", point(4), day=2) and capture.begin("a", point(8), day=2) == []
    assert capture.texts[-1] == "the device's public key was used before on another day"


def test_the_documents_example_where_both_sides_send_the_same_value_is_no_reuse() -> None:
    capture = Capture()
    assert [capture.begin("a", DH_PUBLIC, "DH", DH_P), capture.complete("a", DH_PUBLIC)] == [[WEAK], []]


def test_a_value_that_is_no_key_is_not_also_reused() -> None:
    capture = Capture()
    zero = base64.b64encode(bytes(16)).decode()
    assert [capture.begin(name, zero, "DH", DH_P) for name in "ab"] == [[INVALID, WEAK]] * 2


def test_the_answer_given_anew_is_an_exchange_of_its_own_and_the_last_ones_are_kept() -> None:
    capture = Capture()
    capture.begin("a", point(3))
    for private in range(10, 20):
        capture.complete("a", point(private))
    exchanges = capture.session("a").exchanges
    assert len(exchanges) == module.KEPT_EXCHANGES and all(exchange.complete for exchange in exchanges)
    assert exchanges[-1].values["app"].x == public_of(Mode.ECDH, 19)


def entries(*privates: int) -> list[KeyEntry]:
    return [KeyEntry("clife-lan", KeyKind.PRIVATE_VALUE, f"p{private}", Secret(private.to_bytes(14, "big"))) for private in privates]


def test_keys_are_worked_out_once_per_state_of_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = Capture()
    capture.begin("a", point(3))
    capture.complete("a", point(4))
    worked_out: list[KeyExchange] = []
    derive = ExchangeLedger._derive

    def counting(self: ExchangeLedger, exchange: KeyExchange, given: tuple[KeyEntry, ...]) -> Any:
        worked_out.append(exchange)
        return derive(self, exchange, given)

    monkeypatch.setattr(ExchangeLedger, "_derive", counting)
    for version in (1, 1, 2, 2):
        keys = list(capture.ledger.derive(capture.session("a"), entries(3, 7), version))
        assert {key.entry for key in keys} == {"p3"} and [key.form for key in keys] == ["padded", "padded", "md5"]
    assert len(worked_out) == 2


def test_the_budget_ends_deriving_and_never_the_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DERIVING_BUDGET", 3000)
    capture = Capture()
    derived = 0
    for number in range(20):
        capture.begin(str(number), point(3))
        capture.complete(str(number), point(100 + number))
        derived += len(list(capture.ledger.derive(capture.session(str(number)), entries(3), 1)))
    assert 0 < derived < 20


def test_moduli_without_end_are_not_all_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROVEN_MODULI", 5)
    capture = Capture()
    odd = [base64.b64encode((2**127 + 2 * number + 1).to_bytes(16, "big")).decode() for number in range(20) if not is_prime(2**127 + 2 * number + 1)]
    found = [INVALID in capture.begin(str(number), DH_PUBLIC, "DH", modulus) for number, modulus in enumerate(odd)]
    assert found == [True] * 5 + [False] * (len(odd) - 5)


def test_public_values_without_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_PUBLIC_VALUES", 10)
    monkeypatch.setattr(module, "KEPT_USES", 4)
    capture = Capture()
    for number in range(2, 40):
        capture.begin("a", point(number))
    assert len(capture.ledger._uses) == 10
    assert sum(REUSE in capture.begin(f"s{number}", point(39)) for number in range(20)) == 3, "then it is known well enough"


SAME_HASH = (1 << 61) - 1
"""numbers that are equal modulo this have one hash in Python"""


def base64_of(number: int, size: int) -> str:
    return base64.b64encode(number.to_bytes(size, "big")).decode()


def test_public_values_made_to_have_one_hash_are_told_apart_by_another() -> None:
    capture, prime = Capture(), base64_of((1 << 127) - 1, 16)
    started = time.process_time()
    for number in range(1, 16_001):
        capture.begin("a", base64_of(5 + number * SAME_HASH, 16), "DH", prime)
    assert time.process_time() - started < 5
    assert len(capture.ledger._uses) == 16_000


def test_the_moduli_that_are_proven_are_counted_whatever_their_hash_and_proven_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROVEN_MODULI", 5)
    capture = Capture()
    for number in range(1, 9):
        capture.begin("a", "Aw==", "DH", base64_of((1 << 100) + number * SAME_HASH, 16))
    assert len(capture.ledger._moduli) == 5
    assert is_prime.cache_parameters()["maxsize"] >= PROVEN_MODULI
