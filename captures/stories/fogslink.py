"""Stories of fogslink devices (000)."""

from __future__ import annotations

from captures.messages import line
from captures.wire import Connection, Host, Wire

PORT = 63321
CLOUD = Host("203.0.113.10", distance_ms=24)
DEVICE, SERVER = 0, 1
HEARTBEAT_S = 8.0


class FogDevice:
    """One CS device on its connection to the cloud."""

    def __init__(self, wire: Wire, address: str, serial: str, seconds: float, token: str = "asfklkiejak9848") -> None:
        self.serial = serial
        self.token = token
        self.connection: Connection = wire.connect(Host(address), CLOUD, PORT, seconds)

    def say(self, name: str, **members: object) -> None:
        self.connection.send(DEVICE, line(name, eqSN=self.serial, **members))

    def hear(self, name: str, after_ms: float = 31.0, **members: object) -> None:
        self.connection.wait(after_ms)
        self.connection.send(SERVER, line(name, **{"eqSN": self.serial, **members}))

    def log_in(self) -> None:
        """001, then 002 (whose answer carries the document's literal `eqKey`)."""
        self.connection.wait(4)
        self.say("req001", eqType="128")
        self.hear("res001", code="0", tKey=self.token)
        self.connection.wait(2)
        self.say("req002", apiKey="1234567890123456")
        self.hear("res002", eqSN="eqKey", code="0")

    def heartbeats(self, *seconds: float, token: str | None = None) -> None:
        for moment in seconds:
            self.connection.wait_until(moment)
            self.say("req100", tKey=token or self.token)
            self.hear("res100", code="0")

    def report(self, seconds: float, pack: str, values: dict[str, str | None], code: str = "8", total: int | None = None) -> None:
        """200 and its answer. A value of None is a channel out of order."""
        self.connection.wait_until(seconds)
        entries = [{"eChan": channel, "eChanSta": "1", "eVal": value} if value is not None else {"eChan": channel, "eChanSta": "2"}
                   for channel, value in values.items()]
        self.say("req200", packID=pack, totalSize=len(entries) if total is None else total, eqData=entries)
        self.hear("res200", packID=pack, code=code)

    def report_one(self, seconds: float, channel: str, value: str, answer_after_ms: float | None = 31.0) -> None:
        self.connection.wait_until(seconds)
        self.say("req201", eChan=channel, eChanSta="1", eVal=value)
        if answer_after_ms is not None:
            self.hear("res201", answer_after_ms, eChan=channel, code="8")

    def configured(self, seconds: float, channel: str, period: str | None, mode: str | None) -> None:
        """300, asked by the cloud."""
        self.connection.wait_until(seconds)
        wanted = {name: value for name, value in (("sPeriod", period), ("sType", mode)) if value is not None}
        self.connection.send(SERVER, line("res300", eqSN=self.serial, eChan=channel, **wanted))
        self.connection.wait(6)
        self.say("req300", eChan=channel, code="12" if period and mode else "10" if period else "11")


def day() -> Wire:
    """One device that works, one that the cloud does not know, and one with a wrong apiKey."""
    wire = Wire(seed=1)
    device = FogDevice(wire, "192.168.1.20", "12345678", 0.0)
    device.log_in()
    device.report(1.0, "10001", {"P0-C1": "2.34", "P0-C2": "21.5", "P1-C2": "0.97"})
    device.heartbeats(8.0)
    device.report_one(11.0, "P0-C1", "2.35")
    device.heartbeats(16.0)
    device.report(17.0, "10002", {"P0-C1": "2.36", "P0-C2": None}, code="9")
    device.report(19.0, "10002", {"P0-C1": "2.36", "P0-C2": None})
    device.heartbeats(24.0)
    device.configured(26.0, "P1-C1", "1", "1")
    device.heartbeats(32.0, 40.0)
    device.configured(41.0, "P0-C2", "60", None)
    device.report(44.0, "10003", {"P0-C1": "2.40", "P0-C2": "21.7", "P1-C2": "0.98"})
    device.heartbeats(48.0, 56.0)
    device.connection.close()

    unknown = FogDevice(wire, "192.168.1.21", "87654321", 12.0)
    unknown.say("req001", eqType="128")
    unknown.hear("res001", code="2")
    unknown.connection.close(SERVER)

    refused = FogDevice(wire, "192.168.1.22", "12345679", 30.0, token="qpwoeiruty10293")
    refused.say("req001", eqType="128")
    refused.hear("res001", code="0", tKey=refused.token)
    refused.say("req002", apiKey="0000000000000000")
    refused.hear("res002", eqSN="eqKey", code="3")
    refused.connection.close(SERVER)
    return wire


def troubled_device(wire: Wire) -> None:
    """For the demo: a missing heartbeat, a wrong count, another token, a line that is no JSON, an answer that never comes and a hole."""
    device = FogDevice(wire, "192.168.1.31", "20260031", 3.0, token="k3d9vq0ze7h1xw5")
    device.log_in()
    device.report(5.0, "501", {"P0-C1": "18.2", "P0-C2": "44"})
    device.heartbeats(11.0, 19.0)
    device.report(21.0, "502", {"P0-C1": "18.4", "P0-C2": "45"}, total=3)
    device.heartbeats(33.5)
    device.heartbeats(41.0, token="k3d9vq0ze7h1xw6")
    device.connection.wait_until(44.0)
    device.connection.send(DEVICE, b'{"req201":{"eqSN":"20260031","eChan":"P0-C1","eCha\n')
    device.heartbeats(49.0)
    device.report_one(52.0, "P0-C1", "18.9", answer_after_ms=None)
    device.heartbeats(57.0, 65.0)
    device.connection.wait_until(68.0)
    lost = line("req201", eqSN=device.serial, eChan="P0-C2", eChanSta="1", eVal="46")
    device.connection.send(DEVICE, lost, captured=False)
    device.report(69.0, "503", {"P0-C1": "18.8", "P0-C2": "46"})
    device.heartbeats(73.0, 81.0)
    device.connection.close()


def steady_device(wire: Wire) -> None:
    """For the demo: what a good hour looks like, with one retry after code 9 and one answer that comes late."""
    device = FogDevice(wire, "192.168.1.30", "20260030", 0.5, token="v7n2c8m4b1q6z0t")
    device.log_in()
    for number in range(9):
        start = 2.0 + 9.5 * number
        if number == 6:  # the cloud takes its time: 11.2 s, while the heartbeats go on
            device.connection.wait_until(start + 0.5)
            device.say("req201", eChan="P2-C1", eChanSta="1", eVal="7.0")
            device.heartbeats(start + 6.0)
            device.connection.wait_until(start + 11.6)
            device.hear("res201", 31.0, eChan="P2-C1", code="8")
            continue
        values: dict[str, str | None] = {"P0-C1": f"{20 + number / 10:.1f}", "P1-C1": f"{1000 + 3 * number}", "P2-C1": None if number == 5 else "6.9"}
        if number == 3:
            device.report(start, str(700 + number), values, code="9")
        device.report(start + 1.0, str(700 + number), values)
        device.heartbeats(start + 5.8)
    device.connection.close()


def stranger(wire: Wire) -> None:
    """For the demo: a device whose key the cloud refuses, and that sends data all the same."""
    device = FogDevice(wire, "192.168.1.32", "20260032", 14.0)
    device.say("req001", eqType="128")
    device.hear("res001", code="0", tKey=device.token)
    device.say("req002", apiKey="6543210987654321")
    device.hear("res002", eqSN="eqKey", code="3")
    device.connection.wait(400)
    device.say("req201", eChan="P0-C1", eChanSta="1", eVal="1")
    device.connection.reset(SERVER)
