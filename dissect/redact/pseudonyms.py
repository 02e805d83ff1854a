"""Pseudonyms numbered by first appearance: `imei-1`, `address-2`. Never hashes: an IMEI or an address can be guessed and tried."""

from __future__ import annotations

import re
from hashlib import blake2b
from ipaddress import ip_address

REMEMBERED = 1 << 18
"""values remembered of one label; the one given first goes first, and would get another number if it came again"""

LONG = 64
"""characters from which on a fingerprint is kept in memory instead of the value; it is never shown"""

TELLING = 6
"""characters from which on a text found elsewhere is taken for the same thing: a shorter one may be a code"""

LONGEST_NAME = 2048
"""characters up to which a name is kept, to be found elsewhere; a longer one has its pseudonym under its own label alone"""

CREDENTIAL, ADDRESS, VALUE = "credential", "address", "value"

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,15})://(?:[^/?#@]*@)?(\[[^\]/]*\]|[^/:?#]*)(:\d{1,5})?(.*)", re.DOTALL)
_LABEL = re.compile(r"[A-Za-z_]{1,24}", re.ASCII).fullmatch


class Pseudonyms:
    """One for all outputs of a run."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str | bytes, int]] = {}
        self._given: dict[str, int] = {}
        self._known: dict[str, str] = {}

    def of(self, label: str, text: str) -> str:
        """The pseudonym of *text*; *label* says what it is, and begins the pseudonym."""
        numbers = self._numbers.setdefault(label, {})
        key = text if len(text) <= LONG else blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        number = numbers.get(key)
        if number is None:
            # Numbers go on when old values are forgotten, so that no number ever means two.
            number = self._given[label] = self._given.get(label, 0) + 1
            numbers[key] = number
            if len(numbers) > REMEMBERED:
                del numbers[next(iter(numbers))]
        return f"{label}-{number}"

    def named(self, label: str, text: str) -> str:
        """As `of`, for what names something (a device, an address, a secret): the same text has the same pseudonym wherever it stands."""
        if not TELLING <= len(text) <= LONGEST_NAME:
            return self.of(label, text)
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self.of(label, text)
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return known

    def known(self, text: str) -> str | None:
        """The pseudonym that `named` gave to *text*, whatever its label."""
        return self._known.get(text) if TELLING <= len(text) <= LONGEST_NAME else None

    def address(self, text: str) -> str:
        """Of an IP or MAC address, a host name, or a URL, whose scheme stays."""
        parts = _URL.fullmatch(text)
        if parts is None:
            return self.named(ADDRESS, text)
        scheme, host, _, rest = parts.groups()
        shown = f"{scheme.lower()}://{self.named(ADDRESS, host.strip('[]'))}"
        return shown + (f"/{self.of('path', rest)}" if rest.strip("/") else "")

    def device(self, label: str, text: str) -> str:
        """Of what names a device, a member called *label*; an IP address is an address."""
        return self.address(text) if is_address(text) else self.named(label if _LABEL(label) else "device", text)

    def path(self, text: str) -> str:
        """Of an MQTT topic or a path, level by level."""
        return "/".join(self.known(level) or self.of("level", level) if level else "" for level in text[:4096].split("/"))


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
