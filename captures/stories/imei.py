"""Stories of imei-tcp devices and their web side (002)."""

from __future__ import annotations

from captures.messages import frame, web_command
from captures.wire import Connection, Host, Wire
from grammars.imei_tcp import SHORT

PORT = 12306
SERVER_HOST = Host("203.0.113.30", distance_ms=18)
WEB_HOST = Host("198.51.100.80", distance_ms=35)
DEVICE, SERVER = 0, 1


class ImeiDevice:
    """One device on its connection to the server."""

    def __init__(self, wire: Wire, address: str, imei: str, seconds: float) -> None:
        self.imei = imei
        self.connection: Connection = wire.connect(Host(address, distance_ms=60), SERVER_HOST, PORT, seconds)

    def say(self, command: str, status: str = "000", data: str = "", length: int | None = None, imei: str | None = None) -> None:
        self.connection.send(DEVICE, frame(command, status, imei or self.imei, data, length))

    def hear(self, command: str, status: str = "200", data: str = "", length: int | None = None, after_ms: float = 28.0) -> None:
        self.connection.wait(after_ms)
        self.connection.send(SERVER, frame(command, status, self.imei, data, length))

    def heartbeats(self, text: bytes, *seconds: float) -> None:
        for moment in seconds:
            self.connection.wait_until(moment)
            self.connection.send(DEVICE, text)

    def register(self, length: int | None = None) -> None:
        """A heartbeat on the new connection, 006404, HT and its answer."""
        self.connection.wait(5)
        self.connection.send(DEVICE, b"AT")
        self.connection.wait(12)
        self.connection.send(SERVER, SHORT)
        self.connection.wait(80)
        self.say("HT", length=length)
        self.hear("HT")

    def started(self, seconds: float, runtime: str, result: str = "200", after_ms: float = 340.0) -> None:
        """QD: request, result, and the server's word that it got the result."""
        self.connection.wait_until(seconds)
        self.connection.send(SERVER, frame("QD", "000", self.imei, runtime))
        self.connection.wait(after_ms)
        self.say("QD", result)
        self.hear("QD")

    def stopped(self, seconds: float, *, slip: bool = False, result: str = "200") -> None:
        """ST likewise; *slip*: with the lengths that the document's examples state."""
        self.connection.wait_until(seconds)
        self.connection.send(SERVER, frame("ST", "000", self.imei))
        self.connection.wait(210)
        self.say("ST", result, length=20 if slip else None)
        self.hear("ST", length=21 if slip else None)


def web(wire: Wire, seconds: float, imei: str, kind: str, long: str | None = None) -> None:
    """The web application's command, on a connection of its own and with no authentication."""
    connection = wire.connect(WEB_HOST, SERVER_HOST, PORT, seconds)
    connection.wait(3)
    connection.send(0, web_command(imei, kind, long))
    connection.wait(120)
    connection.close()


def start() -> Wire:
    """A device registers after 006404, asks what it needs, is started and stopped from the web; another uses the document's own lengths."""
    wire = Wire(seed=2)
    imei = "123456787654321"
    device = ImeiDevice(wire, "192.168.2.10", imei, 0.0)
    device.register()
    device.connection.wait(300)
    device.say("TN")
    device.hear("TN", data="400-500-5620")
    device.connection.wait(300)
    device.say("QR")
    device.hear("QR", data="http://csgxjk.com/qrcode/dev/16")
    web(wire, 20.0, imei, "start", "0900")
    device.started(20.2, "900")
    device.heartbeats(b"AT", 56.0, 111.0)
    device.heartbeats(b" ", 166.0)
    web(wire, 180.0, imei, "stop")
    device.stopped(180.2)
    device.heartbeats(b"1", 221.0)
    # TCP glues a heartbeat before a frame, and may cut a frame anywhere.
    device.connection.wait_until(270.0)
    device.connection.send_in_pieces(DEVICE, b"0" + frame("TN", "000", imei), 9, 20)
    device.hear("TN", data="400-500-5620")
    device.connection.close()

    other = ImeiDevice(wire, "192.168.2.11", "861234050000017", 30.0)
    other.register(length=20)
    other.stopped(45.0, slip=True)
    other.started(60.0, "5", result="201")
    other.heartbeats(b"AT", 84.0)
    other.connection.close()

    stranger = ImeiDevice(wire, "192.168.2.12", "861234050000099", 100.0)
    stranger.connection.wait(5)
    stranger.say("HT")
    stranger.hear("HT", "300")
    stranger.connection.close()
    return wire


def kiosk(wire: Wire) -> None:
    """For the demo: a kiosk started from the web, one start that it never answers, a long silence, and a line of its modem in the stream."""
    imei = "861234050012345"
    device = ImeiDevice(wire, "192.168.2.40", imei, 1.0)
    device.register()
    device.connection.wait(200)
    device.say("QR")
    device.hear("QR", data="http://qr.example/dev/40")
    web(wire, 6.0, imei, "start", "1800")
    device.started(6.2, "1800")
    device.heartbeats(b"AT", 20.0)
    device.connection.wait_until(30.0)
    device.connection.send(SERVER, frame("QD", "000", imei, "900"))
    device.heartbeats(b"AT", 88.0)
    device.connection.wait_until(90.0)
    device.connection.send(DEVICE, b"+CSQ: 17,99\r\n")
    device.connection.wait_until(92.0)
    device.connection.send(DEVICE, frame("TN", "000", imei))
    device.hear("TN", data="400-500-5620")
    device.stopped(95.0, slip=True)
    device.connection.close()


def unknown_kiosk(wire: Wire) -> None:
    """For the demo: a device that the server's database does not hold."""
    device = ImeiDevice(wire, "192.168.2.41", "861234050099999", 25.0)
    device.say("HT")
    device.hear("HT", "300")
    device.connection.wait(900)
    device.connection.close()
