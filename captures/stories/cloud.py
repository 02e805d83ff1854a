"""Stories of the C-Life cloud (001): registering over HTTP, and file operations over MQTT."""

from __future__ import annotations

from captures.ciphers import Key
from captures.messages import envelope, http_request, http_response
from captures.stories.mqtt import BROKER, CLIENT, MqttClient
from captures.wire import Connection, Host, Wire

PLATFORM = Host("198.51.100.20", distance_ms=31)
REGISTER_SERVER = Host("198.51.100.21", distance_ms=33)
REGISTER_NAME = "open.clife.cn"
DEV_KEY = bytes.fromhex("3f1c09a77be24d508c6e5a3b12f0d9e4")

GOOD_STAGES = ((1, 1), (1, 50), (1, 100), (0, 1), (0, 60), (0, 100))
CHECKSUM_STAGES = ((1, 1), (1, 100), (-1, 2))


class CloudDevice:
    """A device that is connected to the platform's broker."""

    def __init__(self, wire: Wire, address: str, client: str, seconds: float, msg_id: int = 100) -> None:
        self.up, self.down = f"clife/{client}/up", f"clife/{client}/down"
        self._msg_id = msg_id
        self.mqtt = MqttClient(wire, Host(address), PLATFORM, client, seconds, (self.down,))
        self.connection = self.mqtt.connection
        number = self.next_id()
        self.say(2004, number)
        self.hear(2005, number)

    def next_id(self) -> int:
        self._msg_id += 1
        return self._msg_id

    def say(self, cmd: int, msg_id: int, data: object = None) -> None:
        self.connection.wait(12)
        self.mqtt.publish(CLIENT, self.up, envelope(cmd, "03", msg_id, self.connection.unix_ms, data))

    def hear(self, cmd: int, msg_id: int, data: object = None) -> None:
        self.connection.wait(35)
        self.mqtt.publish(BROKER, self.down, envelope(cmd, "30", msg_id, self.connection.unix_ms, data))

    def report(self, seconds: float, **values: str) -> None:
        """2006 and 2007; *values* are named p0, p1 …"""
        self.connection.wait_until(seconds)
        number = self.next_id()
        self.say(2006, number, {"params": [{name[1:]: value} for name, value in values.items()]})
        self.hear(2007, number)

    def version(self, msg_id: int, product: int, software: str) -> None:
        """2018 with respCode 3: what the device runs."""
        versions = [{"software": software, "hardware": "1.0", "devNum": 0}]
        self.say(2018, msg_id, {"respCode": 3, "respCont": "ver", "productVer": product, "devVer": versions})

    def queried(self, seconds: float, msg_id: int, product: int, software: str) -> None:
        self.connection.wait_until(seconds)
        file = {"fileType": "FIRM", "url": f"https://{REGISTER_NAME}/device/ota", "software": software, "hardware": "1.0"}
        self.hear(2019, msg_id, {"fileMode": "QUERY", "fileInfo": [file]})
        self.version(msg_id, product, software)

    def upgraded(self, seconds: float, msg_id: int, product: int, software: str, stages: tuple[tuple[int, int], ...], *, secure: bool = True) -> None:
        """2019 DOWN, and the stages that the device reports."""
        self.connection.wait_until(seconds)
        url = f"{'https' if secure else 'http'}://{REGISTER_NAME}/device/ota/esp8266-{software}.bin"
        file = {"fileType": "FIRM", "devNum": 0, "software": software, "hardware": "1.0", "checkSum": 34458424,
                "md5": "6d348c902ace4d09b6d62ce982dc8ace", "url": url}
        self.hear(2019, msg_id, {"fileMode": "DOWN", "productVer": product, "fileInfo": [file], "startTime": 0, "stopTime": 600})
        for code, percent in stages:
            self.say(2018, msg_id, {"respCode": code, "respCont": percent})
            self.connection.wait(1500)


def upgrade() -> Wire:
    """An update that goes well, and one whose checksum is wrong, with the versions asked before, between and after."""
    wire = Wire(seed=5)
    device = CloudDevice(wire, "192.168.1.70", "5CCF7F0A1B2C", 0.0)
    device.report(1.0, p0="1", p1="24")
    device.queried(5.0, 23450, 1, "1.0.0.0")
    device.say(2018, device.next_id(), {"respCode": 2, "respCont": "FIRM"})
    device.upgraded(8.0, 23454, 2, "1.0.2.0", GOOD_STAGES)
    device.version(device.next_id(), 2, "1.0.2.0")
    device.report(30.0, p0="0", p1="23")
    device.upgraded(40.0, 23460, 3, "1.1.0.0", CHECKSUM_STAGES, secure=False)
    device.queried(50.0, 23461, 2, "1.0.2.0")
    device.mqtt.disconnect()
    return wire


def _register(wire: Wire, address: str, seconds: float, target: str, data: object, answer: object, timestamp: int) -> None:
    """One POST to the register on a connection of its own."""
    connection: Connection = wire.connect(Host(address), REGISTER_SERVER, 80, seconds)
    connection.wait(4)
    connection.send(CLIENT, http_request(target, REGISTER_NAME, envelope(2000, "03", 1, timestamp, data)))
    connection.wait(70)
    connection.send(BROKER, http_response("200 OK", envelope(2001, "30", 1, connection.unix_ms, answer)))
    connection.wait(20)
    connection.close(BROKER)


def register() -> Wire:
    """Three devices register: under the devKey at level 1 and at level 0, and one whose data goes out in clear."""
    wire = Wire(seed=6)
    key = Key(DEV_KEY)
    good = key.seal({"devId": "5CCF7F0A1B2C", "code": 0})
    _register(wire, "192.168.1.70", 0.0, "/device/register?authLevel=1&productCode=1234", key.seal({"productCode": "1234"}), good, 4522)
    _register(wire, "192.168.1.71", 9.0, "/device/register?authLevel=0&devId=5CCF7F0A1B2D", key.seal({"mac": "5CCF7F0A1B2D"}), good, 3911)
    _register(wire, "192.168.1.72", 21.0, "/device/register?authLevel=2&productCode=1234", {"productCode": "1234"}, {"code": 0}, 5120)
    return wire


def heat_pump(wire: Wire) -> None:
    """For the demo: an update over plain http that breaks off half way."""
    device = CloudDevice(wire, "192.168.1.73", "5CCF7F0A1B3D", 4.0)
    device.version(device.next_id(), 4, "2.1.0.0")
    device.report(6.0, p0="1", p4="55")
    device.upgraded(20.0, 777, 5, "2.2.0.0", ((1, 1), (1, 40), (1, 80), (-1, 1)), secure=False)
    device.report(60.0, p0="1", p4="54")
    device.mqtt.disconnect()
