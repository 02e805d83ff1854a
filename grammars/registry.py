"""The protocols that the engine knows, by name: one line each. Other people's join through the entry-point group `dissect.protocols`."""

from __future__ import annotations

from importlib.metadata import entry_points

from grammars import camera, clife_cloud, clife_lan, fogslink, imei_tcp
from grammars.vocabulary import ApplicationProtocol

GROUP = "dissect.protocols"

PROTOCOLS: dict[str, ApplicationProtocol] = {
    one.name: one
    for one in (
        fogslink.PROTOCOL,
        imei_tcp.PROTOCOL,
        clife_lan.PROTOCOL,
        clife_cloud.PROTOCOL,
        camera.PROTOCOL,
    )
}


def _join_installed() -> None:
    """Add the protocols of installed distributions; a name that is taken, or a thing that is no protocol, is the distribution's fault and said."""
    for point in entry_points(group=GROUP):
        protocol = point.load()
        if not isinstance(protocol, ApplicationProtocol):
            raise TypeError(f"entry point {GROUP}: {point.name} = {point.value} is no ApplicationProtocol")
        if protocol.name in PROTOCOLS and PROTOCOLS[protocol.name] is not protocol:
            raise ValueError(f"entry point {GROUP}: {point.name} = {point.value} takes the name {protocol.name}, which is in use")
        PROTOCOLS[protocol.name] = protocol


_join_installed()
