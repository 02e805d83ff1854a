"""The machine's network interfaces."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NamedTuple

from grammars.linktypes import ETHERNET, RAW

_SYSTEM = Path("/sys/class/net")
_UP = 1
_LINKS = {1: ETHERNET, 772: ETHERNET, 65534: RAW}
# ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE (tun): what a packet socket gives of them


class Interface(NamedTuple):
    """One interface as it is now."""

    name: str
    addresses: tuple[str, ...]
    hardware: str
    up: bool
    kind: int
    """ARPHRD_*, -1 where the system does not tell"""


def interfaces() -> list[Interface]:
    """All of them, in the system's order."""
    import scapy.arch  # noqa: F401  # fills conf.ifaces
    from scapy.config import conf

    conf.ifaces.reload()
    found = []
    for one in conf.ifaces.values():
        addresses = tuple(address for version in sorted(one.ips) for address in one.ips[version])
        found.append(Interface(str(one.name), addresses, str(one.mac or ""), is_up(one.name), hardware_kind(one.name)))
    return found


def _number(name: str, member: str, base: int = 10) -> int | None:
    try:
        return int((_SYSTEM / name / member).read_text(), base)
    except (OSError, ValueError):
        return None  # it went away, or the system tells it otherwise


def exists(name: str) -> bool:
    return bool(name) and "/" not in name and name not in (".", "..") and (_SYSTEM / name).exists()


def is_up(name: str) -> bool:
    """Whether it is switched on and, where it can tell, has a link."""
    flags = _number(name, "flags", 16)
    return flags is not None and bool(flags & _UP) and _number(name, "carrier") != 0


def index_of(name: str) -> int | None:
    return _number(name, "ifindex")


def name_of(index: int) -> str | None:
    """What the interface of that number is called now; None: it is gone."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return None


def hardware_kind(name: str) -> int:
    kind = _number(name, "type")
    return -1 if kind is None else kind


def link_of(name: str) -> int | None:
    """The link type of what a packet socket on it gives; None: none that we read."""
    return _LINKS.get(hardware_kind(name))


def is_loopback(name: str) -> bool:
    return hardware_kind(name) == 772
