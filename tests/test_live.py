"""Live capture on veth pairs: what it tells is what a report on the same packets tells, nothing is lost, and it ends as it should."""

from __future__ import annotations

import io
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from captures.samples import SAMPLES
from captures.write import FOLDER
from dissect.capture import open_capture
from tests.conftest import Run
from tests.live_play import Script, Stage, script_of
from tests.namespaces import Network, ip, until

pytestmark = pytest.mark.slow

PLAYED = ("fogslink-day", "imei-start", "camera-mqtt", "camera-http", "clife-cloud-upgrade", "clife-lan-fixed")
"""samples that between them speak all five protocols, and all carriers"""
BPF = "tcp or udp"
KEYS = FOLDER / "clife-lan-fixed" / "keys.toml"


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


def scripts(*names: str) -> list[Script]:
    return [script_of(next(sample for sample in SAMPLES if sample.name == name)) for name in names]


class Live:
    """`dissect live` running in namespace b, its lines as they come."""

    def __init__(self, network: Network, *arguments: str | Path, environment: dict[str, str], prefix: tuple[str, ...] = (), interface: str = "veth") -> None:
        command = [*prefix, sys.executable, "-m", "dissect", "live", "-i", interface, *map(str, arguments)]
        self.process = network.popen(network.b, command, env=environment)
        self.lines: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self.said: list[str] = []
        self._threads = [threading.Thread(target=self._read_lines, daemon=True), threading.Thread(target=self._read_words, daemon=True)]
        for thread in self._threads:
            thread.start()
        until(lambda: any("capturing on" in one for one in self.said) or self.process.poll() is not None, 30)

    def _read_lines(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put((time.time(), json.loads(line)))

    def _read_words(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.decode().rstrip())

    def end(self) -> list[dict[str, Any]]:
        """Ctrl-C; all lines."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0, self.said
        for thread in self._threads:
            thread.join()
        return [self.lines.get()[1] for _ in range(self.lines.qsize())]


def tcpdump(network: Network, target: Path) -> subprocess.Popen[bytes]:
    process = network.popen(network.b, ["tcpdump", "-i", "veth", "-n", "-U", "-Z", "root", "--time-stamp-precision=nano", "-w", str(target), BPF])
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    until(lambda: b"listening on" in (process.stderr.read() or b""))  # type: ignore[union-attr]
    return process


def told(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in ("totals", "devices", "sessions", "anomalies")}


def assert_same(ours: Any, theirs: Any, place: str = "") -> None:
    """Equal but for times of the same packet by two sockets."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), place
        for name in ours:
            if name in ("time", "first_time", "last_time"):
                assert abs(seconds_of(ours[name]) - seconds_of(theirs[name])) < 0.005, place
            elif name == "latency_ms" and ours[name] is not None and theirs[name] is not None:
                assert abs(ours[name] - theirs[name]) < 5, place
            else:
                assert_same(ours[name], theirs[name], f"{place}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        assert len(ours) == len(theirs), place
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{place}[{at}]")
    else:
        assert ours == theirs, place


def as_document(lines: list[dict[str, Any]]) -> dict[str, dict[Any, dict[str, Any]]]:
    """The last word of each object of an NDJSON report."""
    found: dict[str, dict[Any, dict[str, Any]]] = {"session": {}, "device": {}, "message": {}, "exchange": {}, "anomaly": {}}
    for line in lines:
        if line["kind"] in found:
            found[line["kind"]][line["id"]] = line
    return found


def test_all_protocols_live_as_offline(network: Network, tmp_path: Path, run_dissect: Run, environment: dict[str, str]) -> None:
    """The same packets by tcpdump beside it, and as saved by --write: the same sessions, messages, exchanges and anomalies to the last member.

    The kernel may give tcpdump's socket and ours times of their own for a packet, microseconds apart.
    """
    dump = tcpdump(network, tmp_path / "tcpdump.pcap")
    live = Live(network, "--bpf", BPF, "--write", tmp_path / "live.pcapng", "--report", tmp_path / "live.json", "--keys", KEYS, environment=environment)
    for subnet, script in enumerate(scripts(*PLAYED)):
        Stage(network, subnet).play(script)
    time.sleep(0.5)
    live.end()
    dump.send_signal(signal.SIGINT)
    dump.wait(10)
    report = json.loads((tmp_path / "live.json").read_bytes())
    offline = {name: json.loads(run_dissect("report", tmp_path / name, "--keys", KEYS).stdout) for name in ("tcpdump.pcap", "live.pcapng")}
    assert {session["protocol"] for session in report["sessions"]} == {"fogslink", "imei-tcp", "camera", "clife-cloud", "clife-lan"}
    assert told(report) == told(offline["live.pcapng"])
    assert_same(told(report), told(offline["tcpdump.pcap"]))
    source = report["source"]
    assert (source["kind"], source["interface"], source["capture_filter"], source["packets_dropped"]) == ("live", "veth", BPF, 0)
    assert source["files"] == [{**offline["live.pcapng"]["source"]["files"][0], "name": str(tmp_path / "live.pcapng")}]
    schema = json.loads(run_dissect("schema").stdout)
    import jsonschema

    jsonschema.validate(report, schema)


def test_lines_come_within_a_second_and_say_what_the_file_says(network: Network, tmp_path: Path, run_dissect: Run, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--write", tmp_path / "live.pcapng", environment=environment)
    for subnet, script in enumerate(scripts("fogslink-day", "camera-mqtt")):
        Stage(network, subnet).play(script, 0.02)
    time.sleep(1.2)
    late = []
    lines: list[dict[str, Any]] = []
    while not live.lines.empty():
        at, line = live.lines.get()
        lines.append(line)
        if line["kind"] == "message":
            late.append(at - seconds_of(line["time"]))
    assert late and max(late) < 1.0, max(late)
    lines += live.end()
    offline = [json.loads(line) for line in run_dissect("report", "--format", "ndjson", tmp_path / "live.pcapng").stdout.splitlines()]
    assert as_document(lines) == as_document(offline)


def seconds_of(text: str) -> float:
    import datetime

    return datetime.datetime.fromisoformat(text[:26] + "+00:00").timestamp()


def test_timeouts_come_by_the_clock_alone(network: Network, environment: dict[str, str]) -> None:
    """No packet comes after the request; its exchange is final 60 s after the deadline that it was given."""
    import socket

    live = Live(network, "--bpf", BPF, "--deadline", "fogslink=0.1", environment=environment)
    network.address(network.a, "10.77.0.1")
    network.address(network.b, "10.77.0.2")
    server = network.socket(network.b, lambda: socket.create_server(("10.77.0.2", 63321)))
    client = network.socket(network.a, lambda: socket.create_connection(("10.77.0.2", 63321)))
    network.sockets.append(server.accept()[0])
    client.sendall(b'{"req001":{"eqSN":"12345678","eqType":"128"}}\n')
    until(lambda: any(line["kind"] == "exchange" for _, line in list(live.lines.queue)), 75, 0.5)
    lines = live.end()
    assert [line["status"] for line in lines if line["kind"] == "exchange"] == ["timeout"]
    assert "pair.timeout" in [line["code"] for line in lines if line["kind"] == "anomaly"]


def test_what_was_written_survives_kill_9(network: Network, tmp_path: Path, run_dissect: Run, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--write", tmp_path / "live.pcapng", environment=environment)
    script, = scripts("fogslink-day")
    Stage(network, 0).play(script)
    time.sleep(0.5)
    live.process.kill()
    live.process.wait()
    written = run_dissect("report", tmp_path / "live.pcapng")
    assert written.returncode == 0
    report = json.loads(written.stdout)
    assert report["totals"]["messages"] == len([1 for line in script.lines if line.data is not None])
    assert not report["source"]["files"][0]["damaged"]


def test_a_ring_keeps_the_latest_files(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--write", tmp_path / "ring.pcapng", "--ring", "8KB:3", environment=environment)
    for subnet in range(4):
        Stage(network, subnet).play(scripts("fogslink-day")[0], 0.001)
    time.sleep(0.3)
    lines = live.end()
    names = sorted(path.name for path in tmp_path.glob("ring_*.pcapng"))
    assert len(names) == 3 and names[-1] > "ring_00003"
    assert all(path.stat().st_size <= 8000 + 100 for path in tmp_path.glob("ring_*.pcapng"))
    messages = [line for line in lines if line["kind"] == "message"]
    assert {line["file"] for line in messages} == set(range(int(names[-1][5:10])))
    last = [line for line in messages if line["file"] == int(names[-1][5:10]) - 1]
    with open_capture([str(tmp_path / names[-1])], keep=True) as capture:
        list(capture)
        assert capture.store is not None
        for line in last:
            record = capture.store.packet(line["frames"][-1])
            assert record is not None and f"{record.time_ns % 10**9:09d}Z" == line["time"][20:]


def test_count_and_duration_end_it(network: Network, tmp_path: Path, run_dissect: Run, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--count", "7", "--write", tmp_path / "seven.pcapng", environment=environment)
    Stage(network, 0).play(scripts("fogslink-day")[0])
    assert live.process.wait(10) == 0
    assert json.loads(run_dissect("report", tmp_path / "seven.pcapng").stdout)["source"]["packets"] == 7
    begun = time.monotonic()
    assert Live(network, "--duration", "1", environment=environment).process.wait(10) == 0
    assert 0.3 < time.monotonic() - begun < 8


def test_an_interface_that_goes_down_is_waited_for(network: Network, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, environment=environment)
    Stage(network, 0).play(scripts("fogslink-day")[0])
    ip("-n", network.b, "link", "set", "veth", "down")
    until(lambda: any("veth is down" in one for one in live.said), 5)
    ip("-n", network.b, "link", "set", "veth", "up")
    until(lambda: any("veth is up again" in one for one in live.said), 5)
    time.sleep(0.5)
    Stage(network, 1).play(scripts("fogslink-day")[0])
    time.sleep(0.5)
    sessions = {line["peer"]["address"] for line in live.end() if line["kind"] == "session"}
    assert any(address.startswith("10.77.1.") for address in sessions)


def test_an_interface_made_anew_is_captured_on(network: Network, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, environment=environment)
    ip("-n", network.b, "link", "del", "veth")
    until(lambda: any("veth is down" in one for one in live.said), 5)
    ip("-n", network.a, "link", "add", "veth", "type", "veth", "peer", "name", "veth", "netns", network.b)
    for name in (network.a, network.b):
        ip("-n", name, "link", "set", "veth", "up")
    until(lambda: any("veth is up again" in one for one in live.said), 5)
    time.sleep(1.5)
    Stage(network, 1).play(scripts("fogslink-day")[0])
    time.sleep(0.5)
    assert any(line["kind"] == "message" for line in live.end())


def test_kept_sessions_are_those_that_closed_last(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    live = Live(network, "--bpf", BPF, "--keep", "1", "--report", tmp_path / "kept.json", environment=environment)
    for subnet in range(3):
        Stage(network, subnet).play(scripts("imei-start")[0], 0.001)
    time.sleep(0.3)
    live.end()
    report = json.loads((tmp_path / "kept.json").read_bytes())
    assert report["totals"]["sessions"] == len(report["sessions"]) > 0
    assert report["totals"]["messages"] == sum(len(session["messages"]) for session in report["sessions"]) > 0


def test_vlan_tags_stand_in_the_frames(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    """The kernel takes them out of what a packet socket gives."""
    import socket

    live = Live(network, "--write", tmp_path / "vlan.pcapng", environment=environment)
    sender = network.socket(network.a, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    sender.sendto(b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x81\0\0\x2a\x08\0" + b"tagged", ("veth", 0))
    time.sleep(0.5)
    live.end()
    with open_capture([str(tmp_path / "vlan.pcapng")]) as capture:
        frames = [batch.packet(index) for batch in capture for index in range(len(batch))]
    assert [frame[12:18] for frame in frames if frame.endswith(b"tagged")] == [b"\x81\0\0\x2a\x08\0"]


# -- rights --


def without(*capabilities: str) -> tuple[str, ...]:
    drop = ",".join(f"-{name}" for name in capabilities)
    return ("setpriv", "--bounding-set", drop, "--inh-caps", drop)


def test_without_the_right_one_line_says_what_to_do(network: Network, environment: dict[str, str], tmp_path: Path) -> None:
    live = Live(network, environment=environment, prefix=without("net_raw", "net_admin"))
    assert live.process.wait(20) == 1
    until(lambda: len(live.said) > 0)
    assert len(live.said) == 1 and "sudo" in live.said[0] and "setcap" in live.said[0] and "usermod" in live.said[0]


def test_dumpcap_captures_for_a_user_who_may_run_it(network: Network, environment: dict[str, str], tmp_path: Path) -> None:
    """dissect has no rights of its own; dumpcap has them from its file."""
    program = tmp_path / "dumpcap"
    shutil.copy(shutil.which("dumpcap") or "dumpcap", program)
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    subprocess.run(["setcap", "cap_net_raw,cap_net_admin=eip", str(program)], check=True)
    user = ("setpriv", "--reuid", "65534", "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
    for parent in tmp_path.parents:
        if parent != Path("/") and parent.stat().st_uid == 0 and parent.is_relative_to("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    live = Live(network, "--bpf", BPF, environment={**environment, "PATH": f"{tmp_path}:{environment['PATH']}", "HOME": "/tmp"}, prefix=user)
    assert any("dumpcap" in one for one in live.said), live.said
    Stage(network, 0).play(scripts("fogslink-day")[0])
    time.sleep(1.0)
    lines = live.end()
    assert len([line for line in lines if line["kind"] == "message"]) > 10
    assert lines[-1]["kind"] == "totals"


# -- usage --


@pytest.mark.parametrize(("arguments", "status", "word"), [
    ([], 2, "-i"),
    (["-i", "no-such-interface"], 1, "there is no such interface"),
    (["-i", "lo", "--bpf", "this is no filter"], 2, "--bpf"),
    (["-i", "lo", "--ring", "1MB:3"], 2, "--write"),
    (["-i", "lo", "--ring", "many"], 2, "100MB:10"),
    (["-i", "lo", "--count", "0"], 2, "1 or more"),
    (["-i", "lo", "--keep", "3"], 2, "--keep"),
    (["-i", "lo", "--write", "/nowhere/x.pcapng", "--duration", "1"], 1, "/nowhere"),
    (["-i", "lo", "--from", "2026-01-01T00:00:00Z"], 2, "--from"),
])
def test_what_is_wrong_is_said_in_a_line(arguments: list[str], status: int, word: str, run_dissect: Run) -> None:
    ended = run_dissect("live", *arguments)
    said = ended.stderr.decode()
    assert ended.returncode == status and word in said and said.count("\n") == 1, said


def test_list_names_interfaces_with_their_addresses(run_dissect: Run) -> None:
    listed = run_dissect("live", "--list").stdout.decode()
    assert any(line.split()[0] == "lo" and "127.0.0.1" in line for line in listed.splitlines())


def test_a_full_disk_ends_it_with_what_there_was(network: Network, tmp_path: Path, environment: dict[str, str]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)], check=True)
    try:
        live = Live(network, "--bpf", BPF, "--write", small / "x.pcapng", "--report", tmp_path / "x.json", environment=environment)
        for subnet in range(4):
            Stage(network, subnet).play(scripts("fogslink-day")[0], 0.001)
            if live.process.poll() is not None:
                break
        assert live.process.wait(10) == 1
        until(lambda: any("cannot be written" in one for one in live.said))
        assert json.loads((tmp_path / "x.json").read_bytes())["totals"]["messages"] > 0
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_ndjson_to_a_pipe_that_closes_is_no_failure(network: Network, environment: dict[str, str]) -> None:
    process = network.popen(network.b, [sys.executable, "-m", "dissect", "live", "-i", "veth", "--bpf", BPF], env=environment)
    assert process.stdout is not None and isinstance(process.stdout, io.BufferedReader)
    process.stdout.readline()
    process.stdout.close()
    Stage(network, 0).play(scripts("fogslink-day")[0])
    assert process.wait(10) == 0
