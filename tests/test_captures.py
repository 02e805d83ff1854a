"""The sample captures: they can be written again byte for byte, other readers find nothing wrong, the ciphers are the document's."""

from __future__ import annotations

import subprocess
import tomllib
from base64 import b64decode
from functools import cache
from pathlib import Path

import pytest
from scapy.utils import RawPcapReader

from captures import coap
from captures.ciphers import DiffieHellman, Key, NanoEcc, Secp112
from captures.messages import frame, line, picture, web_command
from captures.samples import SAMPLES, Sample
from captures.wire import Recorded
from captures.write import FOLDER, main, write_packets

EACH_SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
SIZE_LIMIT = 100_000


@cache
def packets_of(number: int) -> list[Recorded]:
    """Of the sample with this *number*; its story is long to tell."""
    return list(SAMPLES[number].story().packets())


@EACH_SAMPLE
def test_a_sample_is_written_again_byte_for_byte(sample: Sample, tmp_path: Path) -> None:
    assert main(["--to", str(tmp_path), sample.name]) == 0
    written = {file.name: file.read_bytes() for file in (tmp_path / sample.name).iterdir()}
    kept = {name: (FOLDER / sample.name / name).read_bytes() for name in written}
    assert written == kept
    assert sample.file_name in written and "README.md" in written
    assert ("keys.toml" in written) == bool(sample.keys)


@EACH_SAMPLE
def test_a_sample_is_small_and_in_order_of_time(sample: Sample) -> None:
    times = [packet.time_ns for packet in packets_of(SAMPLES.index(sample))]
    assert times == sorted(times) and len(times) > 5
    assert (FOLDER / sample.name / sample.file_name).stat().st_size < SIZE_LIMIT


@EACH_SAMPLE
def test_scapy_reads_every_packet_back(sample: Sample) -> None:
    with RawPcapReader(str(FOLDER / sample.name / sample.file_name)) as reader:
        read = [data for data, _ in reader]
    assert read == [packet.data for packet in packets_of(SAMPLES.index(sample))]


@EACH_SAMPLE
def test_a_sample_says_what_it_shows_in_two_lines(sample: Sample) -> None:
    assert sample.shows.count("\n") == 2 and sample.shows.endswith("\n")


@EACH_SAMPLE
def test_the_keys_file_is_toml(sample: Sample) -> None:
    entries = tomllib.loads(sample.keys_text)
    assert sum(len(table) for table in entries.values()) == len(sample.keys)


def test_an_unknown_sample_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["no-such-sample"])
    assert stop.value.code == 2
    assert "there are demo" in capsys.readouterr().err


@pytest.mark.slow
@EACH_SAMPLE
def test_tshark_finds_every_time_and_nothing_malformed(sample: Sample) -> None:
    fields = [part for name in ("frame.time_epoch", "_ws.malformed", "_ws.expert.group") for part in ("-e", name)]
    command = ["tshark", "-r", str(FOLDER / sample.name / sample.file_name), "-T", "fields", *fields]
    rows = [row.split("\t") for row in subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()]
    precision = 1 if sample.format == "pcap-ns" else 1000
    told = [packet.time_ns // precision * precision for packet in packets_of(SAMPLES.index(sample))]
    assert [int(row[0].replace(".", "")) for row in rows] == told
    assert [row[1] for row in rows if row[1]] == []
    # Group 0x07000000 is "Malformed", 0x01000000 "Checksum".
    assert not [row[2] for row in rows if "117440512" in row[2] or "16777216" in row[2]]


def test_a_format_decides_the_magic(tmp_path: Path) -> None:
    packets = SAMPLES[1].story().packets()
    magics = {}
    for name in ("pcap", "pcap-ns", "pcapng"):
        write_packets(tmp_path / name, name, packets)
        magics[name] = (tmp_path / name).read_bytes()[:4].hex()
    assert magics == {"pcap": "d4c3b2a1", "pcap-ns": "4d3cb2a1", "pcapng": "0a0d0d0a"}


IMEI = "123456787654321"
MESSAGES = [  # bytes as the documents print them
    pytest.param(line("req001", eqSN="12345678", eqType="128"), b'{"req001":{"eqSN":"12345678","eqType":"128"}}\n', id="fogslink, announce"),
    pytest.param(frame("QD", "000", IMEI, "900"), b"026000123456787654321QD900", id="imei-tcp, start"),
    pytest.param(frame("ST", "202", IMEI, length=20), b"020202123456787654321ST", id="imei-tcp, the slip of the document"),
    pytest.param(frame("QR", "200", IMEI, "http://csgxjk.com/qrcode/dev/16"),
                 b"054200123456787654321QRhttp://csgxjk.com/qrcode/dev/16", id="imei-tcp, QR"),
    pytest.param(web_command(IMEI, "start", "0500"),
                 b'command{"imei":"123456787654321","type":"start","long":"0500"}', id="imei-tcp, web"),
    pytest.param(coap.message(coap.Type.CON, coap.POST, 0x1234, b"\x01", path=("device", "uplink")),
                 bytes.fromhex("41021234 01 b6") + b"device\x06uplink", id="CoAP"),
    pytest.param(coap.Block(2, True, 256).encode(), b"\x2c", id="CoAP block 2, more, 256 bytes"),
]


@pytest.mark.parametrize(("built", "expected"), MESSAGES)
def test_messages_are_the_documents_bytes(built: bytes, expected: bytes) -> None:
    assert built == expected


@pytest.mark.parametrize(("device", "app"), [(DiffieHellman(5), DiffieHellman(7)), (Secp112(5), Secp112(7)), (NanoEcc(5), NanoEcc(7))],
                         ids=["DH", "ECDH", "NANOEC"])
def test_both_sides_agree_on_a_key(device: NanoEcc, app: NanoEcc) -> None:
    assert device.agree(app) == app.agree(device)
    assert len(device.agree(app).secret) == 16
    assert device.offer["pubKey"] != app.offer["pubKey"]


@pytest.mark.parametrize(("side", "size"), [(DiffieHellman(3), 16), (Secp112(3), 15), (NanoEcc(3), 48)], ids=["DH", "ECDH, compressed", "NANOEC"])
def test_public_keys_have_the_documents_sizes(side: NanoEcc, size: int) -> None:
    assert len(b64decode(side.offer["pubKey"])) == size


def test_sealing_pads_to_whole_blocks() -> None:
    """Made with: printf '{"a":1}' | openssl enc -aes-128-cbc -K 000102030405060708090a0b0c0d0e0f -iv 30303030303030303030303030303030 -a"""
    assert Key(bytes(range(16))).seal({"a": 1}) == "omzAQ1XwxwCApojOCL1Qcw=="


def test_a_picture_is_a_jpeg_of_more_than_a_kibibyte() -> None:
    data = b64decode(picture(1))
    assert data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9") and len(data) > 1024
    assert picture(1) != picture(2)


def test_a_key_does_not_show_itself() -> None:
    assert "00" not in repr(Key(bytes(16)))
