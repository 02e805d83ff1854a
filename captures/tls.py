"""A sample of TLS, recorded: `python -m captures.tls` makes it anew. Handshakes hold random numbers, so it is never the same bytes twice, and
`captures.write` leaves it alone.

The TLS is real (Python's ssl on both sides, over memory); `encrypted` also serves the tests.
"""

from __future__ import annotations

import datetime
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from captures.ciphers import Key
from captures.messages import envelope, http_request, http_response
from captures.stories.cloud import DEV_KEY, REGISTER_NAME, REGISTER_SERVER
from captures.wire import Host, Wire
from captures.write import FOLDER, write_packets

NAME = "clife-cloud-tls"
SHOWS = (
    "clife-cloud: a device registers over HTTPS (TLS 1.3); the key log beside it opens the connection, the devKey what was sent inside.\n"
    "`dissect report capture.pcapng --keys keys.toml` reads both from the keys file; it needs tshark.\n"
)
KEYS = f"""[[clife-cloud]]
name = "product 1234"
dev_key = "{DEV_KEY.hex()}"

[tls]
keylog = "sslkeys.log"
"""
Said = Iterable[tuple[int, bytes]]
"""who (0: the client), what"""


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


def record(folder: Path) -> None:
    """Write the sample's folder anew, its report aside."""
    key = Key(DEV_KEY)
    request = envelope(2000, "03", 1, 4522, key.seal({"productCode": "1234"}))
    answer = envelope(2001, "30", 1, 1_795_161_600_200, key.seal({"devId": "5CCF7F0A1B2C", "code": 0}))
    said = ((0, http_request("/device/register?authLevel=1&productCode=1234", REGISTER_NAME, request)), (1, http_response("200 OK", answer)))
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        sent, keylog = encrypted(said, Path(place), ssl.TLSVersion.TLSv1_3)
        (folder / "sslkeys.log").write_bytes(keylog.read_bytes())
    wire = Wire(seed=12)
    connection = wire.connect(Host("192.168.1.70"), REGISTER_SERVER, 443, 0.0)
    for side, data in sent:
        connection.wait(12)
        connection.send(side, data)
    connection.wait(20)
    connection.close(0)
    write_packets(folder / "capture.pcapng", "pcapng", wire.packets())
    (folder / "README.md").write_text(SHOWS, encoding="utf-8")
    keys = folder / "keys.toml"
    keys.write_text(KEYS, encoding="utf-8")
    keys.chmod(0o600)


if __name__ == "__main__":
    record(FOLDER / NAME)
