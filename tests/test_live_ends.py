"""Kinds of interface, and ways to end: signals, an interface that goes for good, a reader that leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dissect.capture import open_capture
from dissect.streams.api import packet_ref
from tests.conftest import Run
from tests.live_play import Stage
from tests.namespaces import Network, ip, until
from tests.test_live import BPF, Live, scripts

pytestmark = pytest.mark.slow

LOGIN = b'{"req001":{"eqSN":"12345678","eqType":"128"}}\n'
FOUND = b'\x42\x02\0\1\0\1\xff{"cmd":2006,"ver":"1.0","dir":"03","timestamp":1,"msgId":1,"data":{"params":[{"0":"1"}]}}'
"""a message of a C-Life device, as a CoAP datagram"""
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_report(number: signal.Signals, network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--report", tmp_path / "x.json", "--write", tmp_path / "x.pcapng", environment=environment,
                prefix=("env", "--default-signal=HUP"))  # under nohup it is ignored
    Stage(network, 0).play(scripts("fogslink-day")[0])
    time.sleep(0.3)
    live.process.send_signal(number)
    assert live.process.wait(20) == 0, live.said
    report = json.loads((tmp_path / "x.json").read_bytes())
    assert report["totals"]["messages"] > 10
    with open_capture([str(tmp_path / "x.pcapng")]) as capture:
        list(capture)
        assert capture.packets == report["source"]["packets"] and not capture.damages


def test_a_saved_capture_is_one_for_tshark_after_kill_9(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--write", tmp_path / "x.pcapng", environment=environment)
    Stage(network, 0).play(scripts("fogslink-day")[0])
    time.sleep(0.5)
    live.process.kill()
    live.process.wait()
    read = subprocess.run(["tshark", "-r", str(tmp_path / "x.pcapng"), "-T", "fields", "-e", "frame.number"], capture_output=True, timeout=60, check=False)
    assert read.returncode == 0 and len(read.stdout.splitlines()) > 20
    assert b"cut short" not in read.stderr


def send(network: Network, namespace: str, data: bytes, target: tuple[str, int]) -> None:
    network.socket(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).sendto(data, target)


def messages(lines: list[dict[str, object]]) -> list[object]:
    return [line["type"] for line in lines if line["kind"] == "message"]


def test_the_loopback_is_seen_once(network: Network, environment: dict[str, str]) -> None:
    """A packet passes it twice, out and in."""
    live = Live(network, environment=environment, interface="lo")
    send(network, network.b, FOUND, ("127.0.0.1", 5683))
    time.sleep(0.5)
    assert messages(live.end()) == ["2006"]


def test_any_is_all_interfaces(network: Network, environment: dict[str, str]) -> None:
    network.address(network.a, "10.77.0.1")
    network.address(network.b, "10.77.0.2")
    live = Live(network, environment=environment, interface="any")
    assert any("dumpcap" in one for one in live.said), live.said
    send(network, network.b, FOUND, ("127.0.0.1", 5683))
    send(network, network.a, FOUND.replace(b"2006", b"2014"), ("10.77.0.2", 5683))
    time.sleep(2.5)
    assert set(messages(live.end())) == {"2006", "2014"}


def test_a_tunnel_has_no_ethernet(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    def opened() -> int:
        import fcntl

        tunnel = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22s", b"tun0", IFF_TUN | IFF_NO_PI, b""))
        return tunnel

    tunnel: list[int] = []

    def within() -> socket.socket:
        tunnel.append(opened())
        return socket.socket()

    network.socket(network.b, within)
    try:
        ip("-n", network.b, "link", "set", "tun0", "up")
        ip("-n", network.b, "addr", "add", "10.88.0.1/24", "dev", "tun0")
        live = Live(network, "--write", tmp_path / "tun.pcapng", environment=environment, interface="tun0")
        send(network, network.b, FOUND, ("10.88.0.2", 5683))
        time.sleep(0.5)
        lines = live.end()
    finally:
        os.close(tunnel[0])
    assert messages(lines) == ["2006"]
    assert [file["link_types"] for line in lines if line["kind"] == "source" for file in line["files"]][-1] == ["RAW"]


def test_a_closed_stdout_ends_it(network: Network, environment: dict[str, str]) -> None:
    """`| head -1`: the next line that finds nobody ends it, without a word."""
    live = network.popen(network.b, ["sh", "-c", f"python -m dissect live -i veth --bpf '{BPF}' | head -1"],
                         env={**environment, "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"})
    assert live.stdout is not None and live.stderr is not None
    assert b'"kind":"source"' in live.stdout.readline()
    Stage(network, 0).play(scripts("fogslink-day")[0])
    assert live.wait(20) == 0
    assert b"Traceback" not in live.stderr.read()


def test_a_ring_and_a_limit_of_sessions_go_together(network: Network, tmp_path: Path, run_dissect: Run, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--write", tmp_path / "ring.pcapng", "--ring", "8KB:3", "--keep", "2", "--report", tmp_path / "x.json",
                environment=environment)
    for subnet in range(5):
        Stage(network, subnet).play(scripts("fogslink-day")[0], 0.001)
    time.sleep(0.3)
    live.end()
    report = json.loads((tmp_path / "x.json").read_bytes())
    names = sorted(path.name for path in tmp_path.glob("ring_*.pcapng"))
    assert len(names) == 3
    assert 0 < len(report["sessions"]) <= 2
    files = report["source"]["files"]
    assert [file["name"].rpartition("/")[2] for file in files[-3:]] == names
    assert sum(file["packets"] for file in files) == report["source"]["packets"]
    with open_capture([str(tmp_path / name) for name in names], keep=True) as capture:
        list(capture)
        assert capture.store is not None
        for session in report["sessions"]:
            for message in session["messages"]:
                assert 0 <= message["file"] < len(files)
                place = message["file"] - (len(files) - len(names))
                if place >= 0:  # its file was not deleted
                    record = capture.store.packet(packet_ref(place, message["frames"][-1]))
                    assert record is not None and f"{record.time_ns % 10**9:09d}Z" == message["time"][20:]
    kept = json.loads(run_dissect("report", *(tmp_path / name for name in names)).stdout)
    assert kept["source"]["packets"] > 0


def test_of_two_interfaces_none_is_forgotten_in_silence(run_dissect: Run) -> None:
    ended = run_dissect("live", "-i", "lo", "-i", "eth0")
    assert ended.returncode == 2 and b"-i any" in ended.stderr


def test_the_nearest_name_is_told(run_dissect: Run) -> None:
    listed = run_dissect("live", "--list").stdout.decode().splitlines()
    name = max((line.split()[0] for line in listed[1:]), key=len)
    ended = run_dissect("live", "-i", name + "x")
    assert ended.returncode == 1 and ended.stderr.decode().count("\n") == 1
    assert f"there is no such interface; did you mean {name}" in ended.stderr.decode()


@pytest.mark.parametrize("name", ["x.ndjson", "x.json", "x.html"])
def test_a_report_that_finds_no_room_is_named(name: str, network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)], check=True)
    try:
        live = Live(network, "--bpf", BPF, "--report", small / name, environment=environment)
        for subnet in range(2):
            Stage(network, subnet).play(scripts("fogslink-day")[0], 0.001)
        time.sleep(0.3)
        if live.process.poll() is None and name != "x.ndjson":
            live.process.send_signal(signal.SIGINT)
        assert live.process.wait(20) == 1
        until(lambda: len(live.said) > 1)
        assert live.said[-1] == f"dissect: {small / name} cannot be written (No space left on device); what is in it is not whole"
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_all_interfaces_need_dumpcap(environment: dict[str, str], tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "dissect", "live", "-i", "any"], capture_output=True, timeout=60, check=False,
                           env={**environment, "PATH": str(tmp_path)})
    assert ended.returncode == 1 and b"dumpcap" in ended.stderr and ended.stderr.count(b"\n") == 1


@pytest.mark.parametrize("keep", [(), ("--keep", "5")], ids=["all", "kept"])
def test_a_document_of_what_a_filter_keeps_under_pseudonyms(keep: tuple[str, ...], network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--filter", 'fogslink.eqSN == "12345678"', "--redact", *keep, "--report", tmp_path / "x.json", environment=environment)
    Stage(network, 0).play(scripts("fogslink-day")[0])
    time.sleep(0.3)
    live.end()
    text = (tmp_path / "x.json").read_text()
    report = json.loads(text)
    assert report["totals"]["messages"] > 10 and "12345678" not in text and "eqSN-1" in text
