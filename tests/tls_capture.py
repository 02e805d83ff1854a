"""A TLS connection on paper: real handshakes and records (Python's ssl over memory), cut into segments as a test wants them."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from grammars.tcp import ACK, FIN, PSH, SYN
from tests.frames import CLIENT, SERVER, ethernet, ipv4, tcp

START_NS = 1_795_161_600_000_000_000
STEP_NS = 10_000_000
Said = tuple[tuple[int, bytes], ...]
"""who (0: the client), what"""
Cut = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterable[bytes]:
    return [data]


def certificate(folder: Path) -> Path:
    """A certificate and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime(2026, 1, 1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=3650)).sign(key, hashes.SHA256()))
    path = folder / "server.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
                     + made.public_bytes(serialization.Encoding.PEM))
    return path


class _End:
    def __init__(self, context: ssl.SSLContext, server: bool) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server)


def encrypted(said: Said, folder: Path, version: ssl.TLSVersion, ciphers: str | None = None) -> tuple[list[tuple[int, bytes]], Path]:
    """What goes over the wire for *said*, and the key log that opens it."""
    keylog = folder / "sslkeys.log"
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.keylog_filename = str(keylog)
    server.load_cert_chain(certificate(folder))
    for context in (client, server):
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
    ends = (_End(client, False), _End(server, True))
    wire: list[tuple[int, bytes]] = []

    def carry(side: int) -> bool:
        data = ends[side].outgoing.read()
        if data:
            wire.append((side, data))
            ends[1 - side].incoming.write(data)
        return bool(data)

    done = [False, False]
    while not all(done):
        for side in (0, 1):
            try:
                ends[side].tls.do_handshake()
                done[side] = True
            except ssl.SSLWantReadError:
                pass
            carry(side)
    for side, data in said:
        ends[side].tls.write(data)
        carry(side)
        assert ends[1 - side].tls.read(1 << 17) == data[:1 << 17] or len(data) > 1 << 14
    return wire, keylog


def packets(said: Iterable[tuple[int, bytes]], cut: Cut = whole, port: int = 8883) -> list[tuple[int, bytes, int]]:
    """Ethernet frames of a connection in which *said* was sent, each cut into segments, ten milliseconds apart, as (time_ns, data, length)."""
    sequence = [1000, 5000]
    frames: list[bytes] = []

    def send(side: int, flags: int, data: bytes = b"") -> None:
        ports, ends = ((40000, port), (CLIENT, SERVER)) if side == 0 else ((port, 40000), (SERVER, CLIENT))
        acknowledged = sequence[1 - side] if flags & ACK else 0
        frames.append(ethernet(ipv4(tcp(*ports, sequence[side], data, flags, acknowledged), *ends)))
        sequence[side] += len(data) + bool(flags & (SYN | FIN))

    send(0, SYN)
    send(1, SYN | ACK)
    send(0, ACK)
    for side, data in said:
        for part in cut(data):
            send(side, PSH | ACK, part)
    send(0, FIN | ACK)
    send(1, FIN | ACK)
    return [(START_NS + place * STEP_NS, frame, len(frame)) for place, frame in enumerate(frames)]
