"""Stories of C-Life devices and their APP in the local network (003)."""

from __future__ import annotations

from typing import TypeVar

from captures import coap
from captures.ciphers import ZERO_BYTES, DiffieHellman, Key, NanoEcc, Secp112, Side
from captures.coap import Block, Type
from captures.messages import envelope
from captures.wire import MILLISECOND, Host, Wire

PORT = 5683
UPLINK, DOWNLINK = ("device", "uplink"), ("device", "downlink")
BROADCAST = Host("192.168.6.255")
APP_KEY = bytes.fromhex("8aeaf7e5e65c2f4ffd8683bb1e9ae885")
"""The document's example of a userId."""
USER_ID = APP_KEY.hex().upper()
BLOCK_SIZE = 256

AnySide = TypeVar("AnySide", bound=Side)


class LanPair:
    """One device and one APP; what both say, on one clock.

    Each side numbers its CoAP messages and its own msgIds. The device's clock is its uptime until the first answer.
    """

    def __init__(self, wire: Wire, device: str, app: str, seconds: float, fixed: Key) -> None:
        self.wire = wire
        self.device, self.app = Host(device), Host(app)
        self.now_ns = wire.at(seconds)
        self.booted_ns = self.now_ns - 4522 * MILLISECOND
        self.fixed = fixed
        self.session = fixed
        self.synchronised = False
        self._message_id = {self.device: wire.random.randrange(1 << 15), self.app: wire.random.randrange(1 << 15)}
        self._msg_id = {self.device: 244, self.app: 341}

    def wait_until(self, seconds: float) -> None:
        self.now_ns = max(self.now_ns + 1000, self.wire.at(seconds))

    def wait(self, milliseconds: float) -> None:
        self.now_ns += round(milliseconds * self.wire.random.uniform(0.9, 1.1) * 1000) * 1000

    # what devices and apps say

    def discover(self, *, attempts: int = 1, answered: bool = True) -> None:
        """1100 to the broadcast address, again every 2 s; the APP answers the last with 1101."""
        for attempt in range(attempts):
            if attempt:
                self.now_ns += 2_000_000_000
            number = self._next(self.device)
            packet = coap.message(Type.NON, coap.POST, self._identify(self.device), self._token(), path=UPLINK,
                                  payload=self._envelope(self.device, 1100, number, None, direction="0f"))
            self.wire.datagram(self.device, BROADCAST, (PORT, PORT), packet, self.now_ns)
        if answered:
            self.wait(40)
            self._post(self.app, self._envelope(self.app, 1101, number, self.fixed.seal({"userId": USER_ID})))

    def exchange_keys(self, mode: str, device: AnySide, app: AnySide) -> None:
        """1102 to 1105; from then on the negotiated key holds."""
        self._ask(1102, {"keyModes": ["DH", "ECDH", "NANOEC"]}, 1103, {"keyMode": mode}, self.fixed)
        answer = {"pubKey": app.offer["pubKey"]}
        self._ask(1104, device.offer, 1105, answer, self.fixed, separate=True)
        self.synchronised = True
        self.session = device.agree(app)

    def report(self, *, repeated: bool = False, **values: object) -> None:
        """2006 and 2007. *repeated*: the ACK is lost, and the device sends the same CoAP message once more."""
        self._ask(2006, {"params": _named(values)}, 2007, None, self.session, repeated=repeated)

    def control(self, **values: object) -> None:
        """2011, answered by a 2006 of the same msgId, which 2007 confirms."""
        number = self._next(self.app)
        self._post(self.app, self._envelope(self.app, 2011, number, self.session.seal({"params": _named(values)})))
        self.wait(80)
        self._answer_report(number, values)

    def query(self, *ids: int, **values: object) -> None:
        """2009, answered likewise."""
        number = self._next(self.app)
        self._post(self.app, self._envelope(self.app, 2009, number, self.session.seal({"params": list(ids)})))
        self.wait(25)
        self._answer_report(number, values)

    def unbind(self) -> None:
        """2013, answered in the piggybacked ACK by 2012."""
        number = self._next(self.app)
        self._post(self.app, self._envelope(self.app, 2013, number), answer=self._envelope(self.device, 2012, number))

    def history(self, entries: int) -> None:
        """2020 in blocks, answered by 2021."""
        data = [{"params": [{"0": "1"}, {"1": str(20 + entry)}], "events": [{"253": entry}]} for entry in range(entries)]
        number = self._next(self.device)
        body = self._envelope(self.device, 2020, number, self.session.seal(data))
        answer = self._envelope(self.app, 2021, number)
        token = self._token()
        last = (len(body) - 1) // BLOCK_SIZE
        for block in range(last + 1):
            option = Block(block, block < last, BLOCK_SIZE)
            piece = body[block * BLOCK_SIZE : (block + 1) * BLOCK_SIZE]
            identifier = self._identify(self.device)
            self._send(self.device, coap.message(Type.CON, coap.POST, identifier, token, path=UPLINK, block1=option, payload=piece))
            self.wait(5)
            code, payload = (coap.CONTINUE, b"") if block < last else (coap.CHANGED, answer)
            self._send(self.app, coap.message(Type.ACK, code, identifier, token, block1=option, payload=payload))
            self.wait(3)

    # how they say it

    def _ask(self, cmd: int, data: object, answer_cmd: int, answer: object, key: Key, *, separate: bool = False, repeated: bool = False) -> None:
        """The device asks, the APP answers in the ACK or, when *separate*, in a response of its own."""
        number = self._next(self.device)
        request = self._envelope(self.device, cmd, number, key.seal(data))
        said = self._envelope(self.app, answer_cmd, number, None if answer is None else key.seal(answer))
        self._post(self.device, request, answer=said, separate=separate, repeated=repeated)

    def _answer_report(self, number: int, values: dict[str, object]) -> None:
        report = self._envelope(self.device, 2006, number, self.session.seal({"params": _named(values)}))
        self._post(self.device, report, answer=self._envelope(self.app, 2007, number))

    def _post(self, sender: Host, body: bytes, answer: bytes = b"", *, separate: bool = False, repeated: bool = False) -> None:
        receiver = self.app if sender is self.device else self.device
        identifier, token = self._identify(sender), self._token()
        packet = coap.message(Type.CON, coap.POST, identifier, token, path=UPLINK if sender is self.device else DOWNLINK, payload=body)
        self._send(sender, packet)
        if repeated:
            self.wait(2300)
            self._send(sender, packet)
        self.wait(9)
        if not separate:
            self._send(receiver, coap.message(Type.ACK, coap.CHANGED, identifier, token, payload=answer))
        else:
            self._send(receiver, coap.message(Type.ACK, coap.EMPTY, identifier))
            self.wait(60)
            later = self._identify(receiver)
            self._send(receiver, coap.message(Type.CON, coap.CHANGED, later, token, payload=answer))
            self.wait(4)
            self._send(sender, coap.message(Type.ACK, coap.EMPTY, later))
        self.wait(6)

    def _send(self, sender: Host, packet: bytes) -> None:
        receiver = self.app if sender is self.device else self.device
        self.wire.datagram(sender, receiver, (PORT, PORT), packet, self.now_ns)

    def _envelope(self, sender: Host, cmd: int, number: int, data: str | None = None, direction: str | None = None) -> bytes:
        since_boot = sender is self.device and not self.synchronised
        timestamp = (self.now_ns - (self.booted_ns if since_boot else 0)) // MILLISECOND
        return envelope(cmd, direction or ("02" if sender is self.device else "20"), number, timestamp, data)

    def _identify(self, sender: Host) -> int:
        self._message_id[sender] = self._message_id[sender] + 1 & 0xFFFF
        return self._message_id[sender]

    def _next(self, sender: Host) -> int:
        self._msg_id[sender] += 1
        return self._msg_id[sender]

    def _token(self) -> bytes:
        return self.wire.random.randbytes(4)


def _named(values: dict[str, object]) -> list[dict[str, object]]:
    """`p0="1"` names function 0."""
    return [{name[1:]: value} for name, value in values.items()]


def private_values(bits: int, seed: int) -> tuple[int, int]:
    """The device's and the APP's private values of a story."""
    source = Wire(seed).random
    return source.getrandbits(bits) | 1 << bits - 1, source.getrandbits(bits) | 1 << bits - 1


DH_DEVICE, DH_APP = (DiffieHellman(value) for value in private_values(124, 71))
SECP112_DEVICE, SECP112_APP = (Secp112(value) for value in private_values(108, 72))
NANO_DEVICE, NANO_APP = (NanoEcc(value) for value in private_values(188, 73))
DEMO_DEVICE, DEMO_APP = (NanoEcc(value) for value in private_values(188, 74))
CAPTURED_SESSION_KEY = Key(bytes.fromhex("5b0e7f31c2a4968d10e3b57f9a2c4d68"), ZERO_BYTES)


def _exchange(seed: int, mode: str, device: AnySide, app: AnySide, attempts: int = 1) -> LanPair:
    pair = LanPair(Wire(seed), "192.168.6.6", "192.168.6.13", 0.0, Key(APP_KEY))
    pair.discover(attempts=attempts)
    pair.exchange_keys(mode, device, app)
    pair.report(p0="1", p1="24", p2="1324334")
    return pair


def with_dh() -> Wire:
    """DH: report, control, query, and unbinding."""
    pair = _exchange(7, "DH", DH_DEVICE, DH_APP, attempts=2)
    pair.wait_until(6.0)
    pair.control(p0="0")
    pair.wait_until(9.0)
    pair.query(0, 1, p0="0", p1="24")
    pair.wait_until(15.0)
    pair.unbind()
    return pair.wire


def with_ecdh() -> Wire:
    """ECDH on secp112r1: a history in blocks, and a CoAP message repeated because its ACK was lost."""
    pair = _exchange(8, "ECDH", SECP112_DEVICE, SECP112_APP)
    pair.wait_until(4.0)
    pair.history(12)
    pair.wait_until(8.0)
    pair.report(repeated=True, p1="25")
    return pair.wire


def with_nanoec() -> Wire:
    """NANOEC on secp192r1: controls, and the query for everything."""
    pair = _exchange(9, "NANOEC", NANO_DEVICE, NANO_APP)
    for number, value in enumerate(("1", "0", "1")):
        pair.wait_until(3.0 + 2 * number)
        pair.control(p0=value, p2=number)
    pair.wait_until(12.0)
    pair.query(p0="1", p1="24", p2=2)
    return pair.wire


def with_captured_key() -> Wire:
    """No key exchange in sight: the session key was read from the APP, and the vector is of zero bytes."""
    pair = LanPair(Wire(10), "192.168.6.8", "192.168.6.13", 0.0, CAPTURED_SESSION_KEY)
    pair.synchronised = True
    for number in range(3):
        pair.wait_until(1.0 + 4 * number)
        pair.report(p0=str(number), p3=number * 7)
    pair.wait_until(14.0)
    pair.control(p0="9")
    return pair.wire


def lamp(wire: Wire) -> None:
    """For the demo: a lamp, controlled three times and unbound."""
    pair = LanPair(wire, "192.168.6.9", "192.168.6.13", 1.0, Key(APP_KEY))
    pair.discover()
    pair.exchange_keys("NANOEC", DEMO_DEVICE, DEMO_APP)
    pair.report(p0="0", p1="30")
    for number, value in enumerate(("1", "0", "1")):
        pair.wait_until(10.0 + 15 * number)
        pair.control(p0=value)
    pair.wait_until(70.0)
    pair.unbind()
