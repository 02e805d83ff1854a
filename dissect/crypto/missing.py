"""Saying exactly which key is missing (crypto.no-key, crypto.wrong-key)."""

from __future__ import annotations

from dataclasses import dataclass

from dissect.crypto.ledger import KeyExchange


@dataclass(frozen=True, slots=True)
class Wanting:
    """What is known of a session that could not be opened."""

    kinds: frozenset[str]
    """of the messages that failed: fixed, negotiated, dev"""
    given: frozenset[str]
    """the kinds for which the user gave a key"""
    device: str | None
    product_codes: tuple[str, ...]
    exchange: KeyExchange | None
    fixed_opened: bool
    """whether messages under the fixed key were opened"""
    private_values: bool
    """whether private values for the device were given"""


def say_missing(wanting: Wanting) -> str:
    """One sentence, without a full stop."""
    device = wanting.device or "the device"
    if not wanting.kinds:
        return "needs no key"
    if "dev" in wanting.kinds:
        products = f" of product {', '.join(wanting.product_codes[:3])}" if wanting.product_codes else ""
        return f"needs the dev_key{products}" + _tried("dev", wanting)
    if "fixed" in wanting.kinds and "negotiated" not in wanting.kinds:
        return f"needs the app_key (fixed key) of {device}" + _tried("fixed", wanting)
    exchange = wanting.exchange
    if exchange is None:
        if "fixed" in wanting.kinds:
            return f"needs the app_key (fixed key) of {device} and, for what follows its key exchange, a private_value of it or the session_key"
        unseen = "was not read" if wanting.fixed_opened else "was not seen"
        return f"needs the session_key of {device}, whose key exchange {unseen}" + _tried("negotiated", wanting)
    where = f" in packet {exchange.packet}" if exchange.packet is not None else ""
    sentence = f"needs session_key, or the private_value of either side of the {exchange.mode.value} exchange{where}"
    if not exchange.complete:
        sentence = f"needs session_key, or the private_value of the side of the {exchange.mode.value} exchange{where} whose public key was not seen"
    if wanting.private_values and exchange.complete:
        return sentence + "; no private_value given belongs to it, or the key is made of it in another way"
    return sentence + _tried("negotiated", wanting)


def _tried(kind: str, wanting: Wanting) -> str:
    return "; those given do not open it" if kind in wanting.given else ""
