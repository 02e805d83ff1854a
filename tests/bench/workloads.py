"""What the large captures hold. Every workload is a function that yields (seconds, frame), the same for the same seed."""

from __future__ import annotations

import heapq
import json
import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.bench.packets import ACK, START_S, SYN, Flow, address, spread

Timed = tuple[float, bytes]
FOG_CLOUD, IMEI_SERVER = address(203, 0, 113, 10), address(203, 0, 113, 30)
FOG_PAIRS, IMEI_STARTS = 14, 11
FOG_MESSAGES = 4 + 2 * FOG_PAIRS
IMEI_MESSAGES = 2 + 3 * IMEI_STARTS + 1
SESSION_KEY = bytes(range(16))


def _fogslink(index: int, start: float, chance: random.Random, pairs: int = FOG_PAIRS) -> Iterator[Timed]:
    """Login, then packed reports every 3 s, a heartbeat in place of each third: 32 messages in 40 s."""
    flow = Flow(spread(64, index), FOG_CLOUD, 32768 + index % 28000, 63321, chance.getrandbits(32))
    serial = f"{10000000 + index}"
    token = f"t{chance.getrandbits(48):012x}"
    yield start, flow.tcp(0, b"", SYN)
    lines = [
        (0, f'{{"req001":{{"eqSN":"{serial}","eqType":"128"}}}}\n'),
        (1, f'{{"res001":{{"eqSN":"{serial}","code":"0","tKey":"{token}"}}}}\n'),
        (0, f'{{"req002":{{"eqSN":"{serial}","apiKey":"1234567890123456"}}}}\n'),
        (1, '{"res002":{"eqSN":"eqKey","code":"0"}}\n'),
    ]
    for number, (side, text) in enumerate(lines):
        yield start + 0.03 + 0.03 * number, flow.tcp(side, text.encode())
    for pair in range(pairs):
        time = start + 1 + 3 * pair
        if pair % 3 == 2:
            asked = f'{{"req100":{{"eqSN":"{serial}","tKey":"{token}"}}}}\n'
            said = f'{{"res100":{{"eqSN":"{serial}","code":"0"}}}}\n'
        else:
            values = ",".join(f'{{"eChan":"P{group}-C1","eChanSta":"1","eVal":"{chance.randrange(10000) / 100}"}}' for group in range(3))
            asked = f'{{"req200":{{"eqSN":"{serial}","packID":"{pair}","totalSize":3,"eqData":[{values}]}}}}\n'
            said = f'{{"res200":{{"eqSN":"{serial}","packID":"{pair}","code":"8"}}}}\n'
        yield time, flow.tcp(0, asked.encode())
        yield time + 0.031, flow.tcp(1, said.encode())


def _imei(index: int, start: float, chance: random.Random, starts: int = IMEI_STARTS) -> Iterator[Timed]:
    """HT, then three-way starts every 4 s and a heartbeat after eleven of them: 36 messages in 44 s."""
    flow = Flow(spread(96, index), IMEI_SERVER, 32768 + index % 28000, 12306, chance.getrandbits(32))
    imei = f"86{1230000000000 + index:013d}".encode()
    yield start, flow.tcp(0, b"", SYN)
    yield start + 0.05, flow.tcp(0, b"023000" + imei + b"HT")
    yield start + 0.08, flow.tcp(1, b"023200" + imei + b"HT")
    for number in range(starts):
        time = start + 1 + 4 * number
        yield time, flow.tcp(1, b"026000" + imei + b"QD900")
        yield time + 0.21, flow.tcp(0, b"023200" + imei + b"QD")
        yield time + 0.24, flow.tcp(1, b"023200" + imei + b"QD")
        if number % IMEI_STARTS == IMEI_STARTS - 1:
            yield time + 2.5, flow.tcp(0, b"AT")


def _devices(fogslink: int, imei: int, seconds: float, seed: int, times: int = 1) -> Iterator[Timed]:
    """Connections that open all through *seconds*, in order of time; each talks for *times* 40 s or so."""
    chance = random.Random(seed)
    makers: list[tuple[float, int, Callable[[int, float, random.Random], Iterator[Timed]]]] = []
    makers += [(chance.random() * seconds, index, partial(_fogslink, pairs=times * FOG_PAIRS)) for index in range(fogslink)]
    makers += [(chance.random() * seconds, index, partial(_imei, starts=times * IMEI_STARTS)) for index in range(imei)]
    makers.sort(key=lambda maker: maker[:2])
    # The heap holds the next packet of each open connection.
    waiting: list[tuple[float, int, bytes, Iterator[Timed]]] = []
    for order, (start, index, make) in enumerate(makers):
        while waiting and waiting[0][0] < start:
            yield from _next(waiting)
        packets = make(index, start, random.Random(seed * 1_000_003 + order))
        time, frame = next(packets)
        heapq.heappush(waiting, (time, order, frame, packets))
    while waiting:
        yield from _next(waiting)


def _next(waiting: list[tuple[float, int, bytes, Iterator[Timed]]]) -> Iterator[Timed]:
    time, order, frame, packets = waiting[0]
    following = next(packets, None)
    if following is None:
        heapq.heappop(waiting)
    else:
        heapq.heapreplace(waiting, (following[0], order, following[1], packets))
    yield time, frame


def devices() -> Iterator[Timed]:
    """200,000 messages on 6,000 connections, 206,000 packets."""
    return _devices(4000, 2000, 120.0, 1)


def many_devices() -> Iterator[Timed]:
    """1,000,000 messages on 30,000 connections."""
    return _devices(20000, 10000, 600.0, 2)


def long_sessions() -> Iterator[Timed]:
    """1,000,000 messages on 212 connections."""
    return _devices(140, 72, 120.0, 6, times=157)


def _foreign(count: int, seconds: float, seed: int) -> Iterator[Timed]:
    """*count* packets of HTTP, DNS, TLS-like and QUIC-like conversations."""
    chance = random.Random(seed)
    noise = chance.randbytes(1 << 16)
    http = b"GET /static/app.js HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n"
    ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 4000\r\n\r\n"
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    made, flow_number = 0, 0

    def some(size: int) -> bytes:
        at = chance.randrange(len(noise) - size)
        return noise[at : at + size]

    def https(flow: Flow) -> Iterator[bytes]:
        yield flow.tcp(0, b"", SYN)
        yield flow.tcp(1, b"", ACK)
        yield flow.tcp(0, hello + some(506))
        for _ in range(30):
            yield flow.tcp(1, b"\x17\x03\x03\x02\x58" + some(600))
            yield flow.tcp(0, b"", ACK)
            yield flow.tcp(0, b"\x17\x03\x03\x00\x50" + some(80))

    def web(flow: Flow) -> Iterator[bytes]:
        yield flow.tcp(0, b"", SYN)
        for _ in range(8):
            yield flow.tcp(0, http)
            yield flow.tcp(1, ok + some(1000))
            yield flow.tcp(0, b"", ACK)
            for _ in range(3):
                yield flow.tcp(1, some(1000))
            yield flow.tcp(0, b"", ACK)

    def names(flow: Flow) -> Iterator[bytes]:
        question = b"\x03www\x07example\x03com\x00\x00\x01\x00\x01"
        number = chance.randbytes(2)
        yield flow.udp(0, number + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + question)
        head = b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
        yield flow.udp(1, number + head + question + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01")

    def quic(flow: Flow) -> Iterator[bytes]:
        yield flow.udp(0, b"\xc3\x00\x00\x00\x01\x08" + some(1194))
        for _ in range(25):
            yield flow.udp(1, b"\x4f" + some(400))
            yield flow.udp(0, b"\x5a" + some(40))

    kinds = ((https, 443), (web, 80), (names, 53), (quic, 443))
    rows: list[Iterator[bytes]] = []
    step = seconds / count
    while made < count:
        while len(rows) < 400:
            kind, port = kinds[flow_number % 4]
            flow = Flow(spread(128, flow_number), address(198, 51, 100, flow_number % 250), 32768 + flow_number % 28000, port, chance.getrandbits(32))
            rows.append(kind(flow))
            flow_number += 1
        place = chance.randrange(len(rows))
        for frame in rows[place]:
            yield made * step, frame
            made += 1
            break
        else:
            rows[place] = rows[-1]
            rows.pop()


def mostly_foreign() -> Iterator[Timed]:
    """1,000,000 packets, of which 95 % are none of ours."""
    ours = _devices(970, 486, 560.0, 3)
    return heapq.merge(ours, _foreign(950_000, 600.0, 4), key=lambda packet: packet[0])


def _sealed(value: object) -> str:
    plain = json.dumps(value, separators=(",", ":")).encode()
    pad = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES128(SESSION_KEY), modes.CBC(b"0" * 16)).encryptor()
    return b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()


def encrypted(pairs: int = 500, chains: int = 133) -> Iterator[Timed]:
    """200,000 clife-lan messages of 500 devices with their APP: controls, the report in the ACK, and its confirmation; two of three are encrypted."""
    chance = random.Random(5)
    flows = [Flow(spread(160, index), address(192, 168, 6, 13), 5683, 5683, chance.getrandbits(32)) for index in range(pairs)]
    for chain in range(chains):
        for index, flow in enumerate(flows):
            seconds = 4.0 * chain + 4.0 * index / pairs
            stamp = int((START_S + seconds) * 1000)
            number = chain + 1
            value = chance.randrange(100)
            envelope = f'"ver":"1.0","timestamp":{stamp},"msgId":{number}'
            asked = f'{{"cmd":2011,"dir":"20",{envelope},"data":"{_sealed({"params": [{"0": str(value)}]})}"}}'
            said = f'{{"cmd":2006,"dir":"02",{envelope},"data":"{_sealed({"params": [{"0": str(value)}, {"1": str(value * 3)}]})}"}}'
            token = number.to_bytes(2, "big")
            message_id = (chain * 2 + 1).to_bytes(2, "big")
            yield seconds, flow.udp(1, b"\x42\x02" + message_id + token + b"\xb6device\x08downlink\x11\x32\xff" + asked.encode())
            yield seconds + 0.0021, flow.udp(0, b"\x62\x44" + message_id + token + b"\xc1\x32\xff" + said.encode())
            confirmed = f'{{"cmd":2007,"dir":"20",{envelope}}}'
            after = (chain * 2 + 2).to_bytes(2, "big")
            yield seconds + 0.0042, flow.udp(1, b"\x52\x02" + after + token + b"\xb6device\x08downlink\x11\x32\xff" + confirmed.encode())


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    packets: Callable[[], Iterator[Timed]]
    keys: str | None = None
    """text of the keys file"""


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("devices", "200,000 messages on 6,000 connections", devices),
        Workload("foreign", "1,000,000 packets, 95 % foreign", mostly_foreign),
        Workload("encrypted", "200,000 messages of clife-lan, encrypted", encrypted,
                 f'[[clife-lan]]\nname = "bench"\nsession_key = "{SESSION_KEY.hex()}"\n'),
        Workload("million", "1,000,000 messages on 212 connections", long_sessions),
        Workload("connections", "1,000,000 messages on 30,000 connections that stay open", many_devices),
    )
}
