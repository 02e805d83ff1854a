"""MQTT clients and their broker, as the stories of camera and clife-cloud need them."""

from __future__ import annotations

from captures.messages import mqtt_connect, mqtt_packet
from captures.wire import Connection, Host, Wire
from grammars import mqtt
from grammars.mqtt import Kind

CLIENT, BROKER = 0, 1


class MqttClient:
    """One client's connection to the broker, accepted and subscribed to *topics*."""

    def __init__(self, wire: Wire, host: Host, broker: Host, client: str, seconds: float, topics: tuple[str, ...], *,
                 level: int = mqtt.LEVEL_3_1_1, will: tuple[str, bytes] | None = None) -> None:
        self.level = level
        self.connection: Connection = wire.connect(host, broker, mqtt.PORT, seconds)
        self._identifier = {CLIENT: 0, BROKER: 0}
        self.connection.send(CLIENT, mqtt_connect(client, will=will, level=level))
        self._packet(BROKER, Kind.CONNACK, {"acknowledge_flags": 0, "reason_code": 0})
        subscriptions = [{"topic_filter": topic, "options": 1} for topic in topics]
        number = self._number(CLIENT)
        self._packet(CLIENT, Kind.SUBSCRIBE, {"packet_identifier": number, "subscriptions": subscriptions})
        self._packet(BROKER, Kind.SUBACK, {"packet_identifier": number, "reason_codes": [1 for _ in topics]})

    def publish(self, side: int, topic: str, payload: bytes, qos: int = 1) -> None:
        """A PUBLISH from *side*, and its PUBACK."""
        number = self._number(side) if qos else None
        body = {"topic": topic, "packet_identifier": number, "payload": payload}
        self.connection.send(side, mqtt_packet(Kind.PUBLISH, body, qos=qos, level=self.level))
        if qos:
            self._packet(1 - side, Kind.PUBACK, {"packet_identifier": number, "reason_code": None, "properties": None})

    def ping(self, seconds: float) -> None:
        self.connection.wait_until(seconds)
        self._packet(CLIENT, Kind.PINGREQ, {})
        self._packet(BROKER, Kind.PINGRESP, {})

    def disconnect(self) -> None:
        self._packet(CLIENT, Kind.DISCONNECT, {"reason_code": None, "properties": None})
        self.connection.close()

    def _packet(self, side: int, kind: Kind, body: dict[str, object]) -> None:
        self.connection.wait(0.6)
        self.connection.send(side, mqtt_packet(kind, body, level=self.level))

    def _number(self, side: int) -> int:
        self._identifier[side] += 1
        return self._identifier[side]
