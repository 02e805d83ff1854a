"""The protocols that the engine knows, by name: one line each. Other people's join through the entry-point group `dissect.protocols`."""

from __future__ import annotations

from grammars import camera, clife_cloud, clife_lan, fogslink, imei_tcp
from grammars.vocabulary import ApplicationProtocol

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
