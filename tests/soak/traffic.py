"""Devices of all five protocols that talk for ever: long connections, of which one after the other ends and begins anew."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count
from struct import pack

from captures import coap
from captures.messages import compact, envelope, frame, http_request, http_response, line, mqtt_connect, operate
from grammars.coap import Type
from tests.bench.packets import ACK, SYN, Flow, address

FIN = 0x01
SERVER = {"fogslink": (10, 1, 0, 1, 63321), "imei": (10, 1, 0, 2, 12306), "camera": (10, 1, 0, 3, 1883), "cloud": (10, 1, 0, 4, 80), "lan": (10, 1, 0, 5, 5683)}
MESSAGES_A_LIFE = 1500
"""pairs that a connection carries before it ends"""
Said = Iterator[tuple[int, bytes]]
_lives = count()


def _publish(topic: str, payload: bytes) -> bytes:
    body = pack(">H", len(topic)) + topic.encode() + payload
    return b"\x30" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body


def fogslink(index: int, life: int) -> Said:
    serial = f"{10000000 + index}"
    yield 0, line("req001", eqSN=serial, eqType="128")
    yield 1, line("res001", eqSN=serial, code="0", tKey="0123456789abcdef")
    yield 0, line("req002", eqSN=serial, apiKey="1234567890123456")
    yield 1, line("res002", eqSN=serial, code="0")
    for number in range(life):
        if number % 5 == 4:
            yield 0, line("req100", eqSN=serial, tKey="0123456789abcdef")
            yield 1, line("res100", eqSN=serial, code="0")
        else:
            yield 0, line("req200", eqSN=serial, packID=str(number), totalSize=1, eqData=[{"eChan": "P0-C1", "eChanSta": "1", "eVal": f"{number % 90}.5"}])
            yield 1, line("res200", eqSN=serial, packID=str(number), code="8")


def imei(index: int, life: int) -> Said:
    name = f"{860000000000000 + index}"
    yield 0, frame("HT", "000", name)
    yield 1, frame("HT", "200", name)
    for number in range(life):
        if number % 5 == 4:
            yield 0, b"AT"
        else:
            yield 1, frame("QD", "000", name, "900")
            yield 0, frame("QD", "200", name)
            yield 1, frame("QD", "200", name)


def camera(index: int, life: int) -> Said:
    serial, unique = f"SN{index:08d}", next(_lives)
    yield 0, mqtt_connect(f"camera-{serial}")
    yield 1, b"\x20\2\0\0"
    for number in range(life):
        yield 0, _publish(f"camera/{serial}/up", operate("heartbeat", f"{unique}-{number}", serial, timestamp=1795161600))
        yield 1, _publish(f"camera/{serial}/down", operate("heartbeat_rsp", f"{unique}-{number}", serial, ret=0, msg=""))


def cloud(index: int, life: int) -> Said:
    for number in range(1, life + 1):
        asked = envelope(2000, "03", number, 5213, {"productCode": "1234"})
        yield 0, http_request("/device/register?authLevel=1&productCode=1234", "cloud.example", asked)
        yield 1, http_response("200 OK", envelope(2001, "30", number, 1795161600000, {"devId": f"D{index}", "result": "ok"}))


def lan(index: int, life: int) -> Said:
    for number in range(1, life + 1):
        token = pack(">H", number & 0xFFFF)
        asked = compact({"cmd": 2006, "ver": "1.0", "dir": "03", "timestamp": number * 1000, "msgId": number, "data": {"params": [{"0": str(number % 100)}]}})
        yield 0, coap.message(Type.CON, coap.POST, number & 0xFFFF, token, path=("uplink",), payload=asked)
        yield 1, coap.message(Type.ACK, coap.CHANGED, number & 0xFFFF, token, payload=envelope(2007, "30", number, number * 1000))


PACE = {"camera": 4, "lan": 8}
"""takes part in every so many rounds only. What CoAP and MQTT must remember of a message (247 s, 100,000 messages) is bounded, but at the pace of
the others it would take longer to fill than a soak lasts"""
SPEAKERS: dict[str, Callable[[int, int], Said]] = {"fogslink": fogslink, "imei": imei, "camera": camera, "cloud": cloud, "lan": lan}


def connection(kind: str, index: int, serial: int, life: int) -> Iterator[bytes]:
    """The frames of one connection, from SYN to both FINs; datagrams for `lan`, of whose conversation there is no end."""
    *host, port = SERVER[kind]
    client = address(10, 0, list(SERVER).index(kind), index)
    if kind == "lan":
        flow = Flow(client, address(*host), port, port, serial)
        for side, data in lan(index, 1 << 40):
            yield flow.udp(side, data)
        return
    flow = Flow(client, address(*host), 20000 + serial % 40000, port, serial * 7919)
    yield flow.tcp(0, b"", SYN)
    for side, data in SPEAKERS[kind](index, life):
        yield flow.tcp(side, data)
    for side in (0, 1):
        yield flow.tcp(side, b"", FIN | ACK)


def endless(devices: int = 8, seed: int = 1) -> Iterator[bytes]:
    """Frames for ever: *devices* of each protocol take turns; a connection that ended begins anew from another port."""
    chance = random.Random(seed)
    serial = 0
    open_ones: list[tuple[str, int, Iterator[bytes]]] = []
    for kind in SPEAKERS:
        for index in range(devices):
            serial += 1
            # The first lives are cut differently, so that connections do not end together.
            open_ones.append((kind, index, connection(kind, index, serial, chance.randrange(1, MESSAGES_A_LIFE))))
    for turn in count():
        for place, (kind, index, frames) in enumerate(open_ones):
            if turn % PACE.get(kind, 1):
                continue
            data = next(frames, None)
            if data is None:
                serial += 1
                open_ones[place] = kind, index, connection(kind, index, serial, MESSAGES_A_LIFE)
                continue
            yield data
