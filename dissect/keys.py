"""The keys file (TOML; cli.md, Keys file): read once, checked entry by entry, its key material held as `Secret`.

Every wrong entry is a `KeysError` that names its place and what is wrong with it, never its value.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from dissect.crypto.secret import Secret
from dissect.errors import KeysError

KEY_DIGITS = 32
"""AES-128 as hex digits"""
SHORTEST_TEXT_KEY = 16
"""A key that is no hex is used by its first 16 characters, so it has at least these."""
LONGEST_PRIVATE_VALUE = 256
"""hex digits; a DH exponent is no longer than the largest modulus that an exchange may have"""
LARGEST_FILE = 4 << 20
"""bytes"""

_HEX = re.compile(r"[0-9a-fA-F]*")
_KEYLIKE = re.compile(r"[0-9a-fA-F]{15,}")
_PLACE_IN_TOML = re.compile(r"\((at [^()]*)\)$")


class KeyKind(StrEnum):
    """Which key an entry holds; the value is the member's name in the file."""

    APP_KEY = "app_key"
    SESSION_KEY = "session_key"
    PRIVATE_VALUE = "private_value"
    DEV_KEY = "dev_key"


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key of the file."""

    protocol: str
    kind: KeyKind
    name: str
    """as the report names it; `clife-lan #2` when the file gives none"""
    secret: Secret
    """app_key and dev_key: the text as written; session_key: 16 bytes; private_value: the number, big-endian"""
    device: str | None = None
    """the only device address that it is for"""
    product_code: str | None = None
    """the only product that it is for"""


@dataclass(frozen=True, slots=True)
class Keyring:
    """A keys file, checked. Without arguments: no keys at all."""

    entries: tuple[KeyEntry, ...] = ()
    tls_keylog: Path | None = None
    names: dict[str, str] = field(default_factory=dict)
    """id or address -> the text shown beside it"""
    warnings: tuple[str, ...] = ()


def joined(first: Keyring, more: Keyring) -> Keyring:
    """Both, each entry once; what only one of them can tell is told by the later."""
    entries = (*first.entries, *(entry for entry in more.entries if entry not in first.entries))
    return Keyring(entries, more.tls_keylog or first.tls_keylog, first.names | more.names, (*first.warnings, *more.warnings))


def load_keys(path: str | os.PathLike[str]) -> Keyring:
    """Read the keys file at *path*. Raises KeysError: unreadable, no TOML, or a wrong entry (named by its place)."""
    file = Path(path)
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise KeysError(f"{file}: the keys file cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise KeysError(f"{file}: larger than {LARGEST_FILE >> 20} MiB, so no keys file")
    reading = _Reading(file, _parse(file, content))
    warnings = []
    if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.append(f"{file}: others can read this keys file (mode {stat.S_IMODE(mode):04o}); chmod 600 makes it yours alone")
    return reading.keyring(warnings)


def _parse(file: Path, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise KeysError(f"{file}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        # tomllib quotes the character it stumbled over, which may be part of a key: only the place is passed on.
        place = _PLACE_IN_TOML.search(str(error))
        raise KeysError(f"{file}: not TOML {place.group(1) if place else '(a name is given twice)'}; keys are written as app_key = \"…\"") from None
    except RecursionError:
        raise KeysError(f"{file}: nested too deeply to be a keys file") from None
    except ValueError:  # a number of more digits than Python reads
        raise KeysError(f"{file}: holds a number that is too long; keys are written in quotes") from None


def canonical_address(address: str) -> str:
    """One spelling for an IP address; what is none stays as it is."""
    try:
        return str(ipaddress.ip_address(address.strip("[]")))
    except ValueError:
        return address


class _WrongEntry(Exception):
    """What is wrong with a member; the place is added by who knows it."""


class _Reading:
    """One pass over the parsed file, gathering entries and warnings."""

    def __init__(self, file: Path, content: dict[str, Any]) -> None:
        self._file = file
        self._content = content
        self._warnings: list[str] = []

    def keyring(self, warnings: Iterable[str]) -> Keyring:
        entries: list[KeyEntry] = []
        keylog: Path | None = None
        names: dict[str, str] = {}
        for section, value in self._content.items():
            if section in _KEY_MEMBERS:
                entries += self._key_section(section, value)
            elif section == "tls":
                keylog = self._tls(value)
            elif section == "names":
                names = self._names(value)
            else:
                self._fail(f"{_unknown('section', section, (*_KEY_MEMBERS, 'tls', 'names'))}")
        return Keyring(tuple(entries), keylog, names, (*warnings, *self._warnings))

    def _fail(self, problem: str) -> NoReturn:
        raise KeysError(f"{self._file}: {problem}") from None

    def _key_section(self, section: str, tables: Any) -> list[KeyEntry]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._fail(f"[{section}] is written with two brackets, [[{section}]], since there may be several")
        entries: list[KeyEntry] = []
        for number, table in enumerate(tables, 1):
            name = table.get("name")
            place = f"[[{section}]] #{number}"
            if isinstance(name, str) and not _KEYLIKE.search(name):
                place += f' "{name[:60]}"'
            try:
                entries += self._key_entries(section, number, table, place)
            except _WrongEntry as error:
                self._fail(f"{place}: {error}")
        return entries

    def _key_entries(self, section: str, number: int, table: dict[str, Any], place: str) -> list[KeyEntry]:
        keys = _KEY_MEMBERS[section]
        scope = _SCOPE_MEMBERS[section]
        for member, value in table.items():
            if member != "name" and member not in scope and member not in keys:
                raise _WrongEntry(_unknown("member", member, ("name", *keys, *scope)))
            if not isinstance(value, str):
                raise _WrongEntry(f"{member} must be text in quotes")
        if not any(member in keys for member in table):
            raise _WrongEntry(f"holds no key; give {' or '.join(keys)}")
        name = table.get("name", "")
        if "name" in table and not name.strip():
            raise _WrongEntry("name is empty")
        if name and any(name.strip().lower() == table[member].strip().lower() for member in table if member in keys):
            raise _WrongEntry("name is the key itself; names are shown, keys never")
        device = table.get("device")
        if device is not None:
            device = _address(device)
        product_code = table.get("product_code")
        if product_code is not None and not product_code:
            raise _WrongEntry("product_code is empty")
        entries = []
        for member, check in keys.items():
            if member in table:
                try:
                    secret, doubt = check(table[member])
                except _WrongEntry as error:
                    raise _WrongEntry(f"{member} {error}") from None
                if doubt:
                    self._warnings.append(f"{self._file}: {place}: {member} {doubt}")
                entries.append(KeyEntry(section, KeyKind(member), name or f"{section} #{number}", secret, device, product_code))
        return entries

    def _tls(self, table: Any) -> Path | None:
        if not isinstance(table, dict):
            self._fail("tls is a section, [tls]")
        for member in table:
            if member != "keylog":
                self._fail(f"[tls]: {_unknown('member', member, ('keylog',))}")
        keylog = table.get("keylog")
        if keylog is None:
            return None
        if not isinstance(keylog, str) or not keylog:
            self._fail("[tls]: keylog must be the name of a file, in quotes")
        path = self._file.parent / Path(keylog).expanduser()
        if not path.exists():  # A live capture may start before the program that writes it.
            self._warnings.append(f"{self._file}: [tls]: the keylog {path} does not exist (yet)")
        return path

    def _names(self, table: Any) -> dict[str, str]:
        if not isinstance(table, dict):
            self._fail("names is a section, [names]")
        for known, text in table.items():
            if not isinstance(text, str):
                self._fail(f'[names]: "{_shown(known)}" must be text in quotes; an address before the = is written in quotes too')
        return {canonical_address(known): text for known, text in table.items()}


def _shown(name: str) -> str:
    """A name from the file as an error may show it: one that could be a key, put on the wrong side of the `=`, is not."""
    return "(long hexadecimal name)" if _KEYLIKE.search(name) else name[:40]


def _unknown(what: str, name: str, valid: Iterable[str]) -> str:
    choices = list(valid)
    nearest = difflib.get_close_matches(name.lower(), choices, n=1, cutoff=0.4)
    return f'unknown {what} "{_shown(name)}"; ' + (f'the nearest is "{nearest[0]}"' if nearest else f"there are {', '.join(choices)}")


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise _WrongEntry("device is no IP address") from None


def _hex_digits(text: str) -> int:
    """How many; raises _WrongEntry naming the first character that is none by its position."""
    end = _HEX.match(text).end()  # type: ignore[union-attr]  # matches the empty text too
    if end < len(text):
        raise _WrongEntry(f"has a character that is no hex digit (character {end + 1})")
    return len(text)


def _session_key(text: str) -> tuple[Secret, str]:
    text = text.strip()
    digits = _hex_digits(text)
    if digits != KEY_DIGITS:
        raise _WrongEntry(f"has {digits} hex digits, want {KEY_DIGITS}")
    return Secret(bytes.fromhex(text)), ""


def _fixed_key(text: str) -> tuple[Secret, str]:
    """4.2: "APP 应用信息唯一码，采用 16 进制"; a device may also take the code's characters themselves, so other text is kept as it is."""
    text = text.strip()
    if _HEX.fullmatch(text) and len(text) not in (KEY_DIGITS, SHORTEST_TEXT_KEY):
        raise _WrongEntry(f"has {len(text)} hex digits, want {KEY_DIGITS}")
    if len(text.encode()) < SHORTEST_TEXT_KEY:
        raise _WrongEntry(f"has {len(text)} characters, want {KEY_DIGITS} hex digits (or other text of at least {SHORTEST_TEXT_KEY} characters)")
    doubt = "" if _HEX.fullmatch(text) else f"is not hexadecimal: its first {SHORTEST_TEXT_KEY} characters are the key"
    return Secret(text.encode()), doubt


def _private_value(text: str) -> tuple[Secret, str]:
    text = text.strip().removeprefix("0x")
    digits = _hex_digits(text)
    if not 1 <= digits <= LONGEST_PRIVATE_VALUE:
        raise _WrongEntry(f"has {digits} hex digits, want 1 to {LONGEST_PRIVATE_VALUE}")
    number = bytes.fromhex("0" * (digits % 2) + text)
    if not any(number):
        raise _WrongEntry("is zero")
    return Secret(number), ""


_KEY_MEMBERS: dict[str, dict[str, Callable[[str], tuple[Secret, str]]]] = {
    "clife-lan": {"app_key": _fixed_key, "session_key": _session_key, "private_value": _private_value},
    "clife-cloud": {"dev_key": _fixed_key},
}
_SCOPE_MEMBERS: dict[str, tuple[str, ...]] = {"clife-lan": ("device",), "clife-cloud": ("product_code",)}
