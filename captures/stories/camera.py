"""Stories of cameras (004): through an MQTT broker, and over HTTP."""

from __future__ import annotations

from captures.messages import http_request, http_response, operate, picture
from captures.stories.mqtt import BROKER, CLIENT, MqttClient
from captures.wire import SECOND, Connection, Host, Wire
from grammars import mqtt

BROKER_HOST = Host("203.0.113.40", distance_ms=0.2)
APPLICATION = Host("198.51.100.7", distance_ms=9)
HTTP_SERVER = Host("203.0.113.41", distance_ms=22)
SERIAL = "200000000001"


class BrokeredCamera:
    """A camera and the application that watches it, both legs seen at the broker."""

    def __init__(self, wire: Wire, address: str, serial: str, seconds: float, application_level: int = mqtt.LEVEL_5_0) -> None:
        self.serial = serial
        self._requests = 0
        up, down = f"camera/{serial}/up", f"camera/{serial}/down"
        self._topics = {CLIENT: up, BROKER: down}
        self.application = MqttClient(wire, APPLICATION, BROKER_HOST, "application", seconds, (up,), level=application_level)
        self.camera = MqttClient(wire, Host(address, distance_ms=16), BROKER_HOST, f"camera-{serial}", seconds + 0.4, (down,))

    def request_id(self) -> str:
        self._requests += 1
        return f"{self.serial[-4:]}-{self._requests:05d}"

    def from_camera(self, payload: bytes) -> None:
        """Camera to broker, and on to the application."""
        self.camera.publish(CLIENT, self._topics[CLIENT], payload)
        self.application.connection.now_ns = max(self.application.connection.now_ns, self.camera.connection.now_ns)
        self.application.publish(BROKER, self._topics[CLIENT], payload)

    def from_application(self, payload: bytes) -> None:
        """Application to broker, and on to the camera."""
        self.application.publish(CLIENT, self._topics[BROKER], payload)
        self.camera.connection.now_ns = max(self.camera.connection.now_ns, self.application.connection.now_ns)
        self.camera.publish(BROKER, self._topics[BROKER], payload)

    def asks(self, seconds: float, name: str, **members: object) -> None:
        """A request of the camera and its answer."""
        number = self.request_id()
        self.camera.connection.wait_until(seconds)
        self.from_camera(operate(name, number, self.serial, timestamp=self.camera.connection.now_ns // SECOND, **members))
        self.application.connection.wait(7)
        self.from_application(operate(f"{name}_rsp", number, self.serial, ret=0, msg=""))

    def is_asked(self, seconds: float, name: str, answer: dict[str, object], *, timestamp_off_s: int = 0, **members: object) -> None:
        """A request of the application and the camera's answer."""
        number = self.request_id()
        self.application.connection.wait_until(seconds)
        now = self.application.connection.now_ns // SECOND + timestamp_off_s
        self.from_application(operate(name, number, self.serial, timestamp=now, **members))
        self.camera.connection.wait(40)
        self.from_camera(operate(f"{name}_rsp", number, self.serial, **{"ret": 0, "msg": "", **answer}))

    def disconnect(self) -> None:
        self.camera.disconnect()
        self.application.connection.now_ns = max(self.application.connection.now_ns, self.camera.connection.now_ns)
        self.application.disconnect()


CONFIGURATION: dict[str, object] = {
    "mac": "02:00:5e:10:00:01", "upload_type": 1, "upload_addr": "mqtt://203.0.113.40", "hb_interval": 60, "run_time": 86400,
}


def through_broker() -> Wire:
    """Configuration read and set, heartbeats at the old and the new interval, snapshots asked for and sent, a refused update."""
    wire = Wire(seed=3)
    camera = BrokeredCamera(wire, "192.168.1.60", SERIAL, 0.0)
    camera.asks(1.0, "heartbeat")
    camera.is_asked(4.0, "get_dev_config", CONFIGURATION)
    camera.asks(9.0, "upload_snapshot", data=picture(1))
    camera.is_asked(20.0, "set_dev_config", {}, upload_type=1, upload_addr="mqtt://203.0.113.40", hb_interval=30)
    for seconds in (31.0, 61.0, 91.0):
        camera.asks(seconds, "heartbeat")
    camera.is_asked(95.0, "control_cmd", {"cmd_data": {"type": "take_snapshot", "data": picture(2)}}, cmd_data={"type": "take_snapshot"})
    camera.is_asked(100.0, "control_cmd", {"cmd_data": {"type": "io_control", "data": None}}, cmd_data={"type": "io_control", "io0": 0, "io1": 1})
    camera.is_asked(110.0, "upgrade_dev", {"ret": 5, "msg": "no space left"}, package_url="http://203.0.113.41/app.bin")
    camera.asks(121.0, "heartbeat")
    camera.disconnect()
    return wire


class HttpCamera:
    """A camera that posts to an HTTP server, all on one connection."""

    def __init__(self, wire: Wire, address: str, serial: str, seconds: float) -> None:
        self.serial = serial
        self.connection: Connection = wire.connect(Host(address), HTTP_SERVER, 80, seconds)
        self._requests = 0

    def posts(self, seconds: float, name: str, ret: int = 0, msg: str = "", **members: object) -> None:
        self._requests += 1
        number = f"h{self._requests:04d}"
        self.connection.wait_until(seconds)
        body = operate(name, number, self.serial, timestamp=self.connection.now_ns // SECOND, **members)
        self.connection.send(CLIENT, http_request("/api/camera", HTTP_SERVER.address, body))
        self.connection.wait(26)
        self.connection.send(BROKER, http_response("200 OK", operate(f"{name}_rsp", number, self.serial, ret=ret, msg=msg)))


def over_http() -> Wire:
    """Heartbeats every minute, snapshots between them, one of which the server refuses, and a heartbeat that is missing."""
    wire = Wire(seed=4)
    camera = HttpCamera(wire, "192.168.1.61", "200000000002", 0.0)
    camera.posts(0.5, "heartbeat")
    camera.posts(12.0, "upload_snapshot", data=picture(3))
    camera.posts(60.5, "heartbeat")
    camera.posts(75.0, "upload_snapshot", 7, "storage full", data=picture(4))
    camera.posts(180.5, "heartbeat")
    camera.connection.close()
    return wire


def garden_camera(wire: Wire) -> None:
    """For the demo: a camera through the broker that takes a snapshot, and a command whose clock is an hour slow."""
    camera = BrokeredCamera(wire, "192.168.1.62", "200000000003", 2.0)
    camera.asks(3.0, "heartbeat")
    camera.is_asked(15.0, "control_cmd", {"cmd_data": {"type": "take_snapshot", "data": picture(5)}}, cmd_data={"type": "take_snapshot"})
    camera.asks(34.0, "heartbeat")
    camera.is_asked(35.0, "set_dev_config", {}, timestamp_off_s=-3600, upload_type=1, upload_addr="mqtt://203.0.113.40", hb_interval=10)
    camera.disconnect()
