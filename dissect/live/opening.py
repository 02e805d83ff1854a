"""An interface opened for capture in the way that this user may: a packet socket's ring of our own, or dumpcap. Says in a line why not, and what to do."""

from __future__ import annotations

import errno
import grp
import os
import shutil

from dissect.errors import CaptureError, UsageError
from dissect.live.dumpcap import DumpcapPipe, find_dumpcap
from dissect.live.interfaces import exists, interfaces, link_of
from dissect.live.kernelfilter import check_filter
from dissect.live.ring import PacketRing

ANY = "any"
_REFUSALS = ("permission", "not permitted")
_DOWN = ("is not up", "network is down", "went down", "no longer running", "disappeared", "no such device")
"""what dumpcap says of an interface that is switched off, or goes away while it captures"""
_GONE = (errno.ENETDOWN, errno.ENODEV, errno.ENXIO)


class InterfaceDown(CaptureError):
    """The interface is there, or was, and gives no packets now; it may later."""


def open_source(name: str, capture_filter: str | None, promiscuous: bool) -> PacketRing | DumpcapPipe:
    """Raises InterfaceDown, CaptureError (what to do is in its text), UsageError for a wrong filter."""
    dumpcap = find_dumpcap()
    known = exists(name)
    if not known and name != ANY:
        raise CaptureError(_unknown(name))
    if known and capture_filter:
        check_filter(name, capture_filter)
    if known and link_of(name) is not None:
        try:
            return PacketRing(name, capture_filter, promiscuous)
        except PermissionError as error:
            if dumpcap is None:
                raise CaptureError(f"{name}: this user may not capture; {advice()}") from error
        except OSError as error:
            if error.errno in _GONE:
                raise InterfaceDown(f"{name} is down") from error
            raise CaptureError(f"{name}: cannot capture ({error.strerror or error})") from error
    if dumpcap is None:
        kind = "all interfaces at once are captured on by dumpcap" if name == ANY else "an interface of this kind needs dumpcap"
        raise CaptureError(f"{name}: {kind}: install it (package wireshark-common), or name another one (`dissect live --list`)")
    try:
        return DumpcapPipe(dumpcap, name, capture_filter, promiscuous)
    except PermissionError as error:
        raise CaptureError(f"{name}: this user may not capture; {advice()}") from error
    except CaptureError as error:
        if any(word in str(error).lower() for word in _REFUSALS):
            raise CaptureError(f"{name}: this user may not capture; {advice()}") from error
        if capture_filter and "capture filter" in str(error).lower():
            raise UsageError(f"--bpf: {capture_filter[:300]!r} is no capture filter for {name}; see the manual page pcap-filter") from error
        if is_about_down(str(error)):
            raise InterfaceDown(f"{name} is down") from error
        raise


def is_about_down(reason: str) -> bool:
    """Whether dumpcap's words tell of an interface that may come back."""
    return any(word in reason.lower() for word in _DOWN)


def advice() -> str:
    """What a user without the right to capture can do here."""
    installed = next((path for folder in os.get_exec_path() if os.path.isfile(path := os.path.join(folder, "dumpcap"))), None)
    if installed is not None and shutil.which("dumpcap") is None:
        try:
            group = grp.getgrgid(os.stat(installed).st_gid).gr_name
        except (KeyError, OSError):
            group = "wireshark"
        return f"run it with sudo; or join the group that may run dumpcap, with `sudo usermod -aG {group} $USER`, and log in anew"
    allow = ("let its group capture (`sudo dpkg-reconfigure wireshark-common`, or `sudo setcap cap_net_raw,cap_net_admin+ep $(which dumpcap)`), "
             "and join it with `sudo usermod -aG wireshark $USER`")
    return f"run it with sudo; or {'' if installed is not None else 'install dumpcap (package wireshark-common), '}{allow}"


def _unknown(name: str) -> str:
    """A line about an interface that is not there."""
    from dissect.filter.suggest import nearest

    names = [one.name for one in interfaces()]
    alike = nearest(name[:64], names)
    meant = f"did you mean {' or '.join(alike)}?" if alike else f"there are {', '.join(names)}"
    return f"{name[:64] or 'an empty name'}: there is no such interface; {meant} (`dissect live --list` shows them with their addresses)"
