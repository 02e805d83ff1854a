"""Interfaces that are down, come, go and change their names; filters of the kernel; what is said of all that."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from captures.write import FOLDER
from dissect.capture import open_capture
from dissect.errors import UsageError
from dissect.live import opening
from dissect.live.kernelfilter import check_filter
from tests.conftest import Run
from tests.live_play import Stage
from tests.namespaces import Network, ip, until
from tests.test_live import BPF, Live, scripts

pytestmark = pytest.mark.slow


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


def dumpcap_for_nobody(folder: Path) -> tuple[tuple[str, ...], str]:
    """A prefix that takes all rights but to read files, and a PATH with a dumpcap that may capture."""
    program = folder / "dumpcap"
    shutil.copy(shutil.which("dumpcap") or "dumpcap", program)
    program.chmod(0o755)
    subprocess.run(["setcap", "cap_net_raw,cap_net_admin=eip", str(program)], check=True)
    for parent in (folder, *folder.parents):
        if parent != Path("/") and parent.stat().st_uid == 0 and parent.is_relative_to("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return ("setpriv", "--reuid", "65534", "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"), f"{folder}:{os.environ['PATH']}"


def talk(network: Network, subnet: int = 0) -> None:
    Stage(network, subnet).play(scripts("fogslink-day")[0], 0.001)


@pytest.mark.parametrize("by", ["packet socket", "dumpcap"])
def test_an_interface_that_is_down_at_the_start_is_waited_for(by: str, network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    prefix: tuple[str, ...] = ()
    if by == "dumpcap":
        prefix, path = dumpcap_for_nobody(tmp_path)
        environment = {**environment, "PATH": path, "HOME": "/tmp"}
    ip("-n", network.b, "link", "set", "veth", "down")
    live = Live(network, "--bpf", BPF, environment=environment, prefix=prefix)
    assert "veth is down; waiting for it" in live.said[0] and "ip link set veth up" in live.said[0]
    ip("-n", network.b, "link", "set", "veth", "up")
    until(lambda: "dissect: veth is up" in live.said, 5)
    talk(network)
    time.sleep(0.5 if by == "packet socket" else 2.5)
    assert any(line["kind"] == "message" for line in live.end())


def test_one_that_stays_down_ends_with_its_report(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    ip("-n", network.b, "link", "set", "veth", "down")
    live = Live(network, "--write", tmp_path / "x.pcapng", "--report", tmp_path / "x.json", environment=environment)
    live.end()
    assert json.loads((tmp_path / "x.json").read_bytes())["source"]["packets"] == 0
    with open_capture([str(tmp_path / "x.pcapng")]) as capture:
        assert not list(capture) and not capture.damages


def test_dumpcap_is_begun_anew_when_its_interface_comes_back(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    prefix, path = dumpcap_for_nobody(tmp_path)
    live = Live(network, "--bpf", BPF, environment={**environment, "PATH": path, "HOME": "/tmp"}, prefix=prefix)
    talk(network)
    ip("-n", network.b, "link", "set", "veth", "down")
    until(lambda: "dissect: veth is down; waiting for it" in live.said, 5)
    ip("-n", network.b, "link", "set", "veth", "up")
    until(lambda: "dissect: veth is up again" in live.said, 5)
    talk(network, 1)
    time.sleep(2.5)
    assert {line["peer"]["address"][:8] for line in live.end() if line["kind"] == "session"} == {"10.77.0.", "10.77.1."}


def test_an_interface_is_followed_under_another_name(network: Network, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, environment=environment)
    for command in ("down", "name lan0", "up"):
        ip("-n", network.b, "link", "set", "lan0" if command == "up" else "veth", *command.split())
    until(lambda: "dissect: veth is called lan0 now; capturing goes on there" in live.said, 5)
    ip("-n", network.b, "link", "set", "lan0", "down")
    until(lambda: "dissect: lan0 is down; waiting for it" in live.said, 5)
    ip("-n", network.b, "link", "set", "lan0", "up")
    until(lambda: "dissect: lan0 is up again" in live.said, 5)
    sender = network.socket(network.a, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    play(sender, FOLDER / "fogslink-day" / "capture.pcap")
    time.sleep(0.5)
    assert any(line["kind"] == "message" for line in live.end())


def play(sender: socket.socket, file: Path, tag: bytes = b"") -> int:
    """Send a capture's frames, each with *tag* behind its addresses; how many."""
    with open_capture([str(file)]) as capture:
        frames = [batch.packet(index) for batch in capture for index in range(len(batch))]
    for frame in frames:
        sender.sendto(frame[:12] + tag + frame[12:], ("veth", 0))
    return len(frames)


@pytest.mark.parametrize(("expression", "passes"), [("vlan", True), ("vlan 42 and tcp port 63321", True), ("vlan 43", False)])
def test_a_filter_for_vlans_finds_tags_that_the_kernel_took_out(expression: str, passes: bool, network: Network, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", expression, environment=environment)
    sent = play(network.socket(network.a, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)), FOLDER / "fogslink-day" / "capture.pcap", b"\x81\0\0\x2a")
    time.sleep(0.5)
    source = [line for line in live.end() if line["kind"] == "source"][-1]
    assert source["packets"] == (sent if passes else 0)


def test_a_filter_cuts_nothing_off_the_largest_packets(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    """The loopback takes 65,535 bytes at once, as datagrams and as segments that no card has cut up; their frames have 14 more."""
    live = Live(network, "--bpf", "udp", "--write", tmp_path / "lo.pcapng", environment=environment, interface="lo")
    network.socket(network.b, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).sendto(b"x" * 65_507, ("127.0.0.1", 9))
    time.sleep(0.5)
    live.end()
    with open_capture([str(tmp_path / "lo.pcapng")]) as capture:
        lengths = [(int(caplen), int(origlen)) for batch in capture for caplen, origlen in zip(batch.caplen, batch.origlen, strict=True)]
    assert lengths == [(65_549, 65_549)]


@pytest.mark.parametrize("arguments", [("--filter", "fogslink.eqSN =="), ("--keys", "/nowhere/keys.toml"), ("--deadline", "nothing=3")])
def test_what_is_wrong_is_said_before_anything_is_begun(arguments: tuple[str, str], tmp_path: Path, run_dissect: Run) -> None:
    earlier = tmp_path / "x.pcapng"
    earlier.write_bytes(b"of yesterday")
    ended = run_dissect("live", "-i", "lo", "--write", earlier, "--duration", "1", *arguments)
    assert ended.returncode in (1, 2) and b"capturing on" not in ended.stderr
    assert earlier.read_bytes() == b"of yesterday"


def test_it_ends_with_how_many_packets_there_were(network: Network, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--count", "5", environment=environment)
    talk(network)
    assert live.process.wait(10) == 0
    until(lambda: live.said[-1] == "dissect: 5 packets captured, 0 packets dropped by the kernel")


def test_names_of_the_keys_file_stand_in_the_page(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text('[names]\n"12345678" = "boiler in the cellar"\n')
    keys.chmod(0o600)
    live = Live(network, "--bpf", BPF, "--keys", keys, "--report", tmp_path / "x.html", environment=environment)
    talk(network)
    time.sleep(0.3)
    live.end()
    assert "boiler in the cellar" in (tmp_path / "x.html").read_text()


@pytest.mark.parametrize(("text", "status"), [("0.2s", 0), ("0.002m", 0), ("1w", 2), ("-1", 2), ("inf", 2), ("0h", 2), ("400d", 2)])
def test_durations(text: str, status: int, network: Network) -> None:
    ended = network.popen(network.b, [sys.executable, "-m", "dissect", "live", "-i", "veth", f"--duration={text}"])
    assert ended.wait(20) == status


def test_a_filter_that_is_none_is_said_to_be() -> None:
    with pytest.raises(UsageError, match="'tcp prot 3' is no capture filter for lo .*pcap-filter"):
        check_filter("lo", "tcp prot 3")


@pytest.mark.parametrize(("mode", "words"), [(None, ("install dumpcap", "setcap", "wireshark $USER")), (0o640, ("usermod -aG users $USER",)),
                                             (0o755, ("or let its group", "setcap"))])
def test_the_advice_is_about_what_is_installed(mode: int | None, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if mode is not None:
        program = tmp_path / "dumpcap"
        program.touch()
        program.chmod(mode)
        os.chown(program, 0, 100)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = opening.advice()
    assert told.startswith("run it with sudo; or ") and all(word in told for word in words), told
    assert ("install dumpcap" in told) == (mode is None)


def test_ctrl_c_ends_the_wait_for_an_interface(network: Network, environment: dict[str, str]) -> None:
    live = Live(network, environment=environment)
    ip("-n", network.b, "link", "del", "veth")
    until(lambda: "dissect: veth is down; waiting for it" in live.said, 5)
    begun = time.monotonic()
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(10) == 0 and time.monotonic() - begun < 3
