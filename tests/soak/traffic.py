"""Devices of all five protocols that talk for ever: long connections, of which one after the other ends and begins anew."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count
from struct import pack
from typing import NamedTuple

from captures import coap
from captures.messages import compact, envelope, frame, http_request, http_response, line, mqtt_connect, operate
from grammars.coap import Type
from tests.bench.packets import ACK, SYN, Flow, address, spread

FIN = 0x01
SERVER = {"fogslink": (10, 1, 0, 1, 63321), "imei": (10, 1, 0, 2, 12306), "camera": (10, 1, 0, 3, 1883), "cloud": (10, 1, 0, 4, 80), "lan": (10, 1, 0, 5, 5683)}
MESSAGES_A_LIFE = 1500
"""pairs that a connection carries before it ends"""
FOREVER = 1 << 40
Said = Iterator[tuple[int, bytes]]
_lives = count()


class Life(NamedTuple):
    """How devices come and go."""

    pairs: int = MESSAGES_A_LIFE
    """of messages that a connection carries before it ends"""
    newcomers: bool = False
    """whoever connects is a device that was never there before, from an address of its own"""
    silent: bool = False
    """connections end without a word, as of devices that lose their power"""


LASTING, COMING_AND_GOING, NEWCOMERS = Life(), Life(10), Life(10, newcomers=True)
SCENES = {"lasting": LASTING, "churn": COMING_AND_GOING, "newcomers": NEWCOMERS, "silent": Life(10, silent=True)}


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


def _coap(kind: Type, code: int, path: tuple[str, ...] = ()) -> tuple[bytes, bytes]:
    """What stands before the message ID of such a message with a token of two bytes, and what stands behind the token."""
    made = coap.message(kind, code, 0, bytes(2), path=path, payload=b"x")
    return made[:2], made[6:-1]


def lan(index: int, life: int) -> Said:
    ask, ask_end = _coap(Type.CON, coap.POST, ("uplink",))
    reply, reply_end = _coap(Type.ACK, coap.CHANGED)
    for number in range(1, life + 1):
        token = pack(">H", number & 0xFFFF)
        asked = compact({"cmd": 2006, "ver": "1.0", "dir": "03", "timestamp": number * 1000, "msgId": number, "data": {"params": [{"0": str(number % 100)}]}})
        yield 0, ask + token + token + ask_end + asked
        yield 1, reply + token + token + reply_end + envelope(2007, "30", number, number * 1000)


PACE = {"camera": 4, "lan": 8}
"""takes part in every so many rounds only. What CoAP and MQTT must remember of a message (247 s, 20,000 messages) is bounded, but at the pace of
the others it would take longer to fill than a soak lasts"""
SPEAKERS: dict[str, Callable[[int, int], Said]] = {"fogslink": fogslink, "imei": imei, "camera": camera, "cloud": cloud, "lan": lan}


def connection(kind: str, index: int, serial: int, pairs: int, silent: bool = False) -> Iterator[bytes]:
    """The frames of one connection, from SYN to both FINs (*silent*: without these); datagrams for `lan`, of whose conversation there is no end."""
    *host, port = SERVER[kind]
    client = spread(64 + 16 * list(SERVER).index(kind), index)
    if kind == "lan":
        flow = Flow(client, address(*host), port, port, serial)
        for side, data in lan(index, pairs):
            yield flow.udp(side, data)
        return
    flow = Flow(client, address(*host), 20000 + serial % 40000, port, serial * 7919)
    yield flow.tcp(0, b"", SYN)
    for side, data in SPEAKERS[kind](index, pairs):
        yield flow.tcp(side, data)
    for side in () if silent else (0, 1):
        yield flow.tcp(side, b"", FIN | ACK)


def endless(devices: int = 8, seed: int = 1, life: Life = LASTING) -> Iterator[bytes]:
    """Frames for ever: *devices* of each protocol take turns; a connection that ended begins anew from another port."""
    chance = random.Random(seed)
    serial = 0

    def begun(kind: str, index: int, serial: int, pairs: int) -> tuple[str, int, Iterator[bytes]]:
        # Datagrams have no end, and a device that began anew would use its message IDs again.
        return kind, index, connection(kind, index, serial, FOREVER if kind == "lan" and not life.newcomers else pairs, life.silent)

    open_ones: list[tuple[str, int, Iterator[bytes]]] = []
    for kind in SPEAKERS:
        for index in range(devices):
            serial += 1
            # The first lives are cut differently, so that connections do not end together.
            open_ones.append(begun(kind, index, serial, chance.randrange(1, life.pairs)))
    arrived = devices
    for turn in count():
        for place, (kind, index, frames) in enumerate(open_ones):
            if turn % PACE.get(kind, 1):
                continue
            data = next(frames, None)
            if data is None:
                serial += 1
                if life.newcomers:
                    arrived += 1
                    index = arrived
                open_ones[place] = begun(kind, index, serial, life.pairs)
                continue
            yield data
