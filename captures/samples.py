"""The table of sample captures: name, file format, story, keys, and what each shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from captures.stories import camera, cloud, fogslink, imei, lan
from captures.wire import Wire


@dataclass(frozen=True)
class Sample:
    name: str
    """of its folder"""
    story: Callable[[], Wire]
    shows: str
    """the README of the folder, two lines"""
    format: str = "pcapng"
    """pcap, pcap-ns or pcapng"""
    keys: tuple[tuple[str, dict[str, str]], ...] = ()
    """entries of the keys file: table and members"""

    @property
    def file_name(self) -> str:
        return "capture.pcapng" if self.format == "pcapng" else "capture.pcap"

    @property
    def keys_text(self) -> str:
        """The keys file."""
        return "\n".join("\n".join([f"[[{table}]]", *(f'{name} = "{value}"' for name, value in members.items()), ""]) for table, members in self.keys)


def demo() -> Wire:
    """A day in the life of a few devices, in a minute and a half."""
    wire = Wire(seed=11)
    for tells in (fogslink.steady_device, fogslink.troubled_device, fogslink.stranger, imei.kiosk, imei.unknown_kiosk, camera.garden_camera,
                  cloud.heat_pump, lan.lamp):
        tells(wire)
    return wire


APP_ENTRY = ("clife-lan", {"name": "living room app", "app_key": lan.USER_ID})


def private(name: str, value: int, digits: int) -> tuple[str, dict[str, str]]:
    return "clife-lan", {"name": name, "private_value": f"{value:0{digits}x}"}


SAMPLES = (
    Sample("demo", demo, keys=(APP_ENTRY, private("lamp", lan.DEMO_DEVICE.private, 48)), shows=(
        "Eight devices of all five protocols for a minute and a half: `make demo` reads this one.\n"
        "Faults to find: a missing heartbeat, refused logins, a late answer, timeouts, torn lines, a wrong token, a hole, a broken update.\n")),
    Sample("fogslink-day", fogslink.day, format="pcap", shows=(
        "fogslink: authentication, heartbeats, single and packed reports, a retry after code 9, configuration by the cloud.\n"
        "Two other devices fail to log in: one the cloud does not know (code 2), one with a wrong apiKey (code 3).\n")),
    Sample("imei-start", imei.start, shows=(
        "imei-tcp: registering after 006404, TN and QR, start and stop as three-way exchanges that web commands cause, heartbeats glued and cut.\n"
        "A second device states the lengths 020 and 021 as the document's examples do; a third is not in the database (300).\n")),
    Sample("clife-lan-dh", lan.with_dh, format="pcap-ns", keys=(APP_ENTRY, private("app side", lan.DH_APP.private, 32)), shows=(
        "clife-lan: discovery, a 128-bit DH key exchange, report, control, query and unbinding.\n"
        "The keys file holds the app key and the APP's exponent, from which the session key follows.\n")),
    Sample("clife-lan-ecdh", lan.with_ecdh, keys=(APP_ENTRY, private("device", lan.SECP112_DEVICE.private, 28)), shows=(
        "clife-lan: a key exchange on secp112r1, a history in blocks of 256 bytes, and a CoAP message sent twice.\n"
        "The session key is the 14 bytes of x, zero-padded.\n")),
    Sample("clife-lan-nanoec", lan.with_nanoec, format="pcap", keys=(APP_ENTRY, private("app side", lan.NANO_APP.private, 48)), shows=(
        "clife-lan: a key exchange on secp192r1 in nano-ecc's byte order, controls and a query for everything.\n"
        "The session key is MD5 of the 24 bytes of x, little-endian.\n")),
    Sample("clife-lan-fixed", lan.with_captured_key, shows=(
        "clife-lan without its key exchange: reports and a control under a session key that the keys file holds.\n"
        "The initial vector is of zero bytes, the document's other reading.\n"),
        keys=(("clife-lan", {"name": "captured session", "session_key": lan.CAPTURED_SESSION_KEY.secret.hex()}),)),
    Sample("camera-mqtt", camera.through_broker, shows=(
        "camera through an MQTT broker, both legs: the camera speaks MQTT 3.1.1, the application MQTT 5.\n"
        "Configuration read and set (which changes the heartbeat's interval), snapshots, input/output control, an update refused.\n")),
    Sample("camera-http", camera.over_http, format="pcap", shows=(
        "camera over HTTP: heartbeats and snapshots on one connection.\n"
        "The server refuses one snapshot, and one heartbeat is missing.\n")),
    Sample("clife-cloud-upgrade", cloud.upgrade, shows=(
        "clife-cloud over MQTT: connecting, reports, versions asked for, and an update with all its stages.\n"
        "A second update, over plain http, fails at its checksum.\n")),
    Sample("clife-cloud-register", cloud.register, format="pcap", shows=(
        "clife-cloud: three devices register over HTTP; two encrypt their data under the devKey, the third sends it in clear.\n"
        "The keys file holds the devKey of the product.\n"),
        keys=(("clife-cloud", {"name": "product 1234", "dev_key": cloud.DEV_KEY.hex(), "product_code": "1234"}),)),
)
