"""dissect export: the packets of the sessions that a filter keeps, each as it was captured."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Ether

from captures.wire import Connection, Host, Wire
from dissect.capture import Batch, PcapngWriter, open_capture
from dissect.cli import main
from dissect.export import PacketLog

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "captures" / "demo" / "capture.pcapng"
DEVICE, CLOUD = Host("192.168.1.9"), Host("203.0.113.10", 20)
ETHERNET = 1
TLS_KEY_LOG = 0x544C534B


def run(*words: str | Path) -> int:
    try:
        return main([str(word) for word in words])
    except SystemExit as leaving:
        return int(leaving.code or 0)


def packets(path: Path) -> list[tuple[int, bytes, int, int]]:
    """Time, bytes, length on the wire and link type of each."""
    with open_capture([str(path)]) as capture:
        return [(int(batch.time_ns[index]), batch.packet(index), int(batch.origlen[index]), int(batch.link[index]))
                for batch in capture for index in range(len(batch))]


def heartbeat(connection: Connection, serial: str) -> None:
    connection.send(0, b'{"req100":{"eqSN":"%s","eqType":"128","tKey":"k"}}\n' % serial.encode())
    connection.send(1, b'{"res100":{"eqSN":"%s","code":"1"}}\n' % serial.encode())


def write(wire: Wire, path: Path) -> None:
    with path.open("wb") as out:
        writer = PcapngWriter(out)
        number = writer.interface(ETHERNET)
        for packet in wire.packets():
            writer.packet(number, packet.time_ns, packet.data)


@pytest.fixture
def reused(tmp_path: Path) -> tuple[Path, int]:
    """Two connections one after the other with the same addresses and ports, another between; and how many packets the second has."""
    wire = Wire(seed=3)
    first = Connection(wire, DEVICE, CLOUD, (40_000, 63321), wire.at(0))
    heartbeat(first, "1001")
    first.close()
    between = Connection(wire, DEVICE, CLOUD, (40_001, 63321), wire.at(5))
    heartbeat(between, "1002")
    before = len(wire.packets())
    second = Connection(wire, DEVICE, CLOUD, (40_000, 63321), wire.at(400))
    heartbeat(second, "1003")
    second.close()
    path = tmp_path / "reused.pcapng"
    write(wire, path)
    return path, len(wire.packets()) - before


def test_only_the_connection_of_the_session_is_written_even_where_its_ports_were_used_before(reused: tuple[Path, int], tmp_path: Path) -> None:
    path, count = reused
    whole = packets(path)
    assert run("export", path, "--filter", 'fogslink.eqSN == "1003"', "-w", tmp_path / "second.pcapng") == 0
    assert packets(tmp_path / "second.pcapng") == whole[-count:]
    assert run("export", path, "--filter", 'fogslink.eqSN == "1001"', "-w", tmp_path / "first.pcapng") == 0
    assert packets(tmp_path / "first.pcapng") == [one for one in whole[:-count] if b"\x9c\x40" in one[1][34:38]]


def test_a_connection_goes_on_where_the_clock_is_set_back(tmp_path: Path) -> None:
    wire = Wire(seed=3)
    connection = Connection(wire, DEVICE, CLOUD, (40_000, 63321), wire.at(3600))
    heartbeat(connection, "1001")
    connection.close()
    rows = [(packet.time_ns - (3600 * 10**9 if place > 4 else 0), packet.data) for place, packet in enumerate(wire.packets())]
    with (tmp_path / "set.pcapng").open("wb") as out:
        writer = PcapngWriter(out)
        number = writer.interface(ETHERNET)
        for time_ns, data in rows:
            writer.packet(number, time_ns, data)
    assert run("export", tmp_path / "set.pcapng", "--filter", "fogslink", "-w", tmp_path / "all.pcapng") == 0
    assert packets(tmp_path / "all.pcapng") == packets(tmp_path / "set.pcapng")
    assert len(rows) > 8


def test_the_demo_gives_the_same_messages_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", DEMO, "--filter", "imei", "-o", tmp_path / "before.json") == 0
    assert run("export", DEMO, "--filter", "imei", "-w", tmp_path / "imei.pcapng") == 0
    assert "packets of" in capsys.readouterr().err
    assert run("report", tmp_path / "imei.pcapng", "-o", tmp_path / "after.json") == 0
    before, after = (json.loads((tmp_path / name).read_bytes()) for name in ("before.json", "after.json"))
    told, again = ([one["time"] for holder in made["sessions"] for one in holder["messages"]] for made in (before, after))
    assert told == again
    assert before["totals"]["protocols"] == after["totals"]["protocols"] and list(after["totals"]["protocols"]) == ["imei-tcp"]


def test_files_stay_interfaces_of_their_own_and_compressed_ones_are_read_once(reused: tuple[Path, int], tmp_path: Path) -> None:
    path, _ = reused
    packed = tmp_path / "packed.pcapng.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert run("export", path, packed, "--filter", "fogslink", "-w", tmp_path / "out.pcapng") == 0
    assert packets(tmp_path / "out.pcapng") == packets(path) * 2
    assert b"reused.pcapng" in (tmp_path / "out.pcapng").read_bytes() and b"packed.pcapng.gz" in (tmp_path / "out.pcapng").read_bytes()


def test_a_pipe_is_read_once(reused: tuple[Path, int], call_dissect: object) -> None:
    path, count = reused
    done: subprocess.CompletedProcess[bytes] = call_dissect(  # type: ignore[operator]
        "export", "-", "--filter", 'fogslink.eqSN == "1003"', "-w", "-", input=path.read_bytes())
    assert done.returncode == 0 and done.stdout[:4] == b"\x0a\x0d\x0d\x0a"
    assert f"{count} packets of 1 session".encode() in done.stderr


def test_fragments_belong_to_their_datagram() -> None:
    whole = Ether() / IP(src="10.0.0.1", dst="10.0.0.2", id=7) / UDP(sport=5683, dport=5683) / (b"x" * 3000)
    other = Ether() / IP(src="10.0.0.1", dst="10.0.0.2", id=8) / UDP(sport=5684, dport=5683) / b"y"
    frames = [bytes(other), *(bytes(one) for one in fragment(whole, 1400)), bytes(other)]
    batch = Batch.of([(1000 + at, data, len(data)) for at, data in enumerate(frames)], ETHERNET)

    class Capture:
        last_ns, several_interfaces = 2000, False

        def __iter__(self) -> object:
            return iter([batch])

    log = PacketLog(Capture())  # type: ignore[arg-type]
    assert [len(one) for one in log] == [5]
    assert (log.packets_of({1}), log.packets_of({2}), log.packets_of({1, 2})) == ([1, 5], [2, 3, 4], [1, 2, 3, 4, 5])
    assert log.packets_of(set()) == log.packets_of({9}) == []


def test_what_the_snap_length_cut_keeps_its_original_length(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcapng"
    whole = packets(DEMO)
    with path.open("wb") as out:
        writer = PcapngWriter(out)
        number = writer.interface(ETHERNET, snap_length=100)
        for time_ns, data, length, _ in whole:
            writer.packet(number, time_ns, data[:100], length)
    assert run("export", path, "--filter", "imei", "-w", tmp_path / "out.pcapng") == 0
    kept = packets(tmp_path / "out.pcapng")
    lengths = {(time_ns, data[:100]): length for time_ns, data, length, _ in whole}
    assert kept and any(length > len(data) for _, data, length, _ in kept)
    assert all(lengths[time_ns, data] == length for time_ns, data, length, _ in kept)
    with open_capture([str(tmp_path / "out.pcapng")]) as capture:
        assert sum(map(len, capture)) == len(kept)
    assert capture.snap_lengths == {0: {ETHERNET: 100}}


@pytest.mark.slow
def test_decryption_secrets_go_along_unless_they_are_stripped(tmp_path: Path) -> None:
    secret = b"CLIENT_RANDOM 00 11"
    path = tmp_path / "secret.pcapng"
    with path.open("wb") as out:
        writer = PcapngWriter(out)
        writer.secrets(TLS_KEY_LOG, secret)
        number = writer.interface(ETHERNET)
        for time_ns, data, length, _ in packets(DEMO):
            writer.packet(number, time_ns, data, length)
    for more, there in (((), True), (("--strip-secrets",), False)):
        assert run("export", path, "--filter", "imei", "-w", tmp_path / "out.pcapng", *more) == 0
        with open_capture([str(tmp_path / "out.pcapng")]) as capture:
            assert sum(map(len, capture)) > 0 and capture.secrets == ([(TLS_KEY_LOG, secret)] if there else [])


def test_nothing_kept_is_a_valid_file_without_packets(tmp_path: Path) -> None:
    assert run("export", DEMO, "--filter", 'fogslink.eqSN == "none"', "-w", tmp_path / "none.pcapng") == 0
    assert packets(tmp_path / "none.pcapng") == []


WRONG = [
    pytest.param(("--filter", "fogslink"), "-w", id="no output"),
    pytest.param(("-w", "x.pcapng"), "give --filter", id="no filter"),
    pytest.param(("-w", "x.pcapng", "--filter", "  "), "give --filter", id="a blank filter"),
    pytest.param(("-w", "x.pcapng", "--filter", "fogslink", "--redact"), "--redact", id="redacted"),
    pytest.param(("-w", str(DEMO), "--filter", "fogslink"), "is the capture itself", id="over itself"),
    pytest.param(("-w", "x.pcapng", "--filter", "fogslink &&"), "ends too early", id="a wrong filter"),
]


@pytest.mark.parametrize(("words", "says"), WRONG)
def test_wrong_usage(words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("export", DEMO, *words) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_tshark_reads_what_was_written(tmp_path: Path) -> None:
    assert run("export", DEMO, "--filter", "exchange.status == timeout", "-w", tmp_path / "out.pcapng") == 0
    assert run("report", DEMO, "--filter", "exchange.status == timeout", "-o", tmp_path / "kept.json") == 0
    ends = [(one["device"]["address"], one["device"]["port"]) for one in json.loads((tmp_path / "kept.json").read_bytes())["sessions"]]
    wanted = " || ".join(f"(ip.addr == {address} && tcp.port == {port})" for address, port in ends)

    def count(path: Path, *more: str) -> list[str]:
        command = ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", *more]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=60).stdout.splitlines()

    assert ends and count(tmp_path / "out.pcapng") == count(DEMO, "-Y", wanted)
