"""The commands that read captures, from a file to what a user sees."""

from __future__ import annotations

import array
import fcntl
import hashlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dissect.cli import main
from dissect.text import cell_width
from tests.conftest import Run
from tests.effort import rungs
from tests.made_capture import SAID, START_S, packet, pcap
from tests.schema import check_line, check_report

ROOT = Path(__file__).parent.parent


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap())
    return str(path)


def test_a_report_of_a_capture(capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.json"
    assert main(["report", capture, "-o", str(out), "--summary"]) == 0
    report: Any = json.loads(out.read_bytes())
    check_report(report)
    (session,) = report["sessions"]
    assert [one["type"] for one in session["messages"]] == ["req001", "res001", "req002", "res002", "req200", "res200"]
    assert [(one["request"], one["response"], one["status"]) for one in session["exchanges"]] == [(1, 2, "ok"), (3, 4, "ok"), (5, 6, "ok")]
    assert "schema.size-mismatch" in [one["code"] for one in session["anomalies"]]
    said = capsys.readouterr()
    assert not said.out and "1 session, 6 messages, 3 exchanges" in said.err and "schema.size-mismatch" in said.err


def test_the_stream_and_the_document_say_the_same(capture: str, tmp_path: Path) -> None:
    document, stream = tmp_path / "a.json", tmp_path / "a.ndjson"
    assert main(["report", capture, "-o", str(document)]) == main(["report", capture, "-o", str(stream), "--format", "ndjson"]) == 0
    report: Any = json.loads(document.read_bytes())
    lines: list[Any] = [json.loads(line) for line in stream.read_bytes().splitlines()]
    for line in lines:
        check_line(line)
    assert (lines[0]["kind"], lines[-2]["kind"], lines[-1]) == ("source", "source", {"kind": "totals", **report["totals"]})
    messages = [{name: value for name, value in line.items() if name not in ("kind", "session")} for line in lines if line["kind"] == "message"]
    # What became known only after a line was written, the document alone can tell.
    known_later = {"device_id": None}
    assert [{**one, **known_later} for one in messages] == [{**one, **known_later} for one in report["sessions"][0]["messages"]]


def test_show_has_a_line_a_message(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", capture]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(SAID)
    assert "10.0.0.5:40000        -> 203.0.113.1:63321     fogslink     req001" in lines[0] and "ok in 10.000 ms" in lines[1]
    assert main(["show", "-v", "-x", "-t", "utc", capture]) == 0
    shown = capsys.readouterr().out
    assert '        eVal: "2.50"' in shown and "2026-11-20T08:00:00.030000Z" in shown and "0000  7b 22 72 65 71 30 30 31" in shown


def test_fail_on_looks_at_the_worst_anomaly(capture: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    for form in ("json", "ndjson"):
        assert [main(["report", capture, "-o", out, "--format", form, "--fail-on", level]) for level in ("note", "warning", "error")] == [3, 3, 0]


def test_from_and_to_choose_packets(capture: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main(["report", capture, "-o", str(out), "--to", "2026-11-20T08:00:00.045Z"]) == 0
    report: Any = json.loads(out.read_bytes())
    assert report["totals"]["messages"] == 2 and report["source"]["packets"] == 11


def _piped(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "dissect", *words, "-"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _wait_until_read(process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Until *process* has taken all that was written to it, and waits for more."""
    assert process.stdin is not None
    left = array.array("i", [1])
    deadline = time.monotonic() + seconds
    while left[0]:
        assert time.monotonic() < deadline, "it does not read"
        time.sleep(0.05)
        fcntl.ioctl(process.stdin.fileno(), termios.FIONREAD, left)
    time.sleep(0.5)


@pytest.mark.slow
def test_ctrl_c_ends_with_what_there_is() -> None:
    with _piped("report") as process:
        assert process.stdin is not None
        process.stdin.write(pcap())
        process.stdin.flush()
        _wait_until_read(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and not err
    assert json.loads(out)["totals"]["messages"] == 6


@pytest.mark.slow
def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap(SAID * 2000))
    for words in (("show", "-x"), ("report",), ("report", "--format", "ndjson")):
        process = subprocess.Popen([sys.executable, "-m", "dissect", *words, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None and process.stderr is not None
        os.read(process.stdout.fileno(), 10)
        process.stdout.close()
        assert (process.wait(timeout=60), process.stderr.read()) == (0, b"")
        process.stderr.close()


@pytest.mark.parametrize("content", [b"", b"no capture at all", pcap()[:20]])
def test_what_is_no_capture_is_one_line_and_no_output(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "bad.pcap", tmp_path / "out.json"
    path.write_bytes(content)
    out.write_bytes(b"an earlier report")
    assert main(["report", str(path), "-o", str(out)]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and str(path) in said.err and out.read_bytes() == b"an earlier report"


@pytest.mark.parametrize("cut", rungs([*range(24, 400, 7), 900]))
def test_a_cut_file_gives_what_lies_before_the_cut(cut: int, tmp_path: Path) -> None:
    path, out = tmp_path / "cut.pcap", tmp_path / "out.json"
    path.write_bytes(pcap()[:cut])
    assert main(["report", str(path), "-o", str(out)]) == 0
    check_report(json.loads(out.read_bytes()))


def test_streams_are_listed_and_followed(capture: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    both, up, down = (b"".join(data for who, data in SAID if who in ends) for ends in (("device", "cloud"), ("device",), ("cloud",)))
    assert main(["streams", "--json", capture]) == 0
    (one,) = json.loads(capfdbinary.readouterr().out)
    assert (one["a"], one["b"], one["protocol"], one["reason"], one["packets"]) == ("10.0.0.5:40000", "203.0.113.1:63321", "fogslink", None, 11)
    assert (one["bytes_a_b"], one["bytes_b_a"], one["sha256_a_b"]) == (len(up), len(down), hashlib.sha256(up).hexdigest())
    for words, wanted in (((), both), (("--direction", "a-b"), up), (("--direction", "b-a"), down)):
        assert main(["streams", "--follow", "1", *words, capture]) == 0
        assert capfdbinary.readouterr().out == wanted
    assert main(["streams", capture]) == 0
    assert b"fogslink" in capfdbinary.readouterr().out
    assert main(["streams", "--follow", "2", capture]) == 1
    assert b"no conversation 2" in capfdbinary.readouterr().err
    assert main(["streams", "--direction", "a-b", capture]) == main(["streams", "--json", "--follow", "1", capture]) == 2


def test_foreign_traffic_is_listed_with_the_reason(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "foreign.pcap"
    for said, carrier, reason in (((("device", b"\x16\x03\x01\x00\x05hello"),), None, "TLS"), ((("device", b"GET / HTTP/1.1\r\n\r\n"),), "http", "http that"),
                                  ((("device", b"EHLO example\r\n"),), None, "begins with no message"), ((), None, "no payload")):
        path.write_bytes(pcap(said))
        assert main(["streams", "--json", str(path)]) == 0
        (one,) = json.loads(capfdbinary.readouterr().out)
        assert (one["protocol"], one["carrier"]) == (None, carrier) and reason in one["reason"]


def test_streams_redacted_show_neither_address_nor_hash(call_dissect: Run, tmp_path: Path) -> None:
    capture = tmp_path / "made.pcap"
    capture.write_bytes(pcap())
    (one,) = json.loads(call_dissect("streams", capture, "--json", "--redact").stdout)
    assert (one["a"], one["b"], one["sha256_a_b"], one["sha256_b_a"]) == ("address-1:40000", "address-2:63321", None, None)
    assert call_dissect("streams", capture, "--redact", "--follow", "1").returncode == 2


def _snapped(capture: bytes, snap: int) -> bytes:
    """*capture* as if taken with a snap length."""
    out, at = [capture[:24]], 24
    while at < len(capture):
        seconds, micros, length, original = struct.unpack_from("<IIII", capture, at)
        kept = min(length, snap)
        out.append(struct.pack("<IIII", seconds, micros, kept, original) + capture[at + 16 : at + 16 + kept])
        at += 16 + length
    return b"".join(out)


def test_what_the_snap_length_cut_is_told_once_and_is_no_hole(call_dissect: Run, tmp_path: Path) -> None:
    capture = tmp_path / "made.pcap"
    capture.write_bytes(_snapped(pcap(), 130))
    report = json.loads(call_dissect("report", capture).stdout)
    codes = [one["code"] for session in report["sessions"] for one in session["anomalies"]]
    assert codes.count("capture.truncated-packet") == 1
    assert "tcp.missing-bytes" not in codes
    assert "framing.malformed" not in codes


def test_packets_cut_where_no_session_was_found_are_told_once_as_well(call_dissect: Run, tmp_path: Path) -> None:
    capture = tmp_path / "short.pcap"
    capture.write_bytes(_snapped(pcap(), 60))
    report = json.loads(call_dissect("report", capture).stdout)
    assert report["sessions"] == []
    assert [one["code"] for one in report["anomalies"]] == ["capture.truncated-packet"]


def test_names_of_the_keys_file_stand_beside_ids_and_addresses(call_dissect: Run, tmp_path: Path) -> None:
    capture, keys = tmp_path / "made.pcap", tmp_path / "keys.toml"
    capture.write_bytes(pcap())
    keys.write_text('[names]\n"fogslink:12345678" = "boiler"\n"203.0.113.1" = "the cloud"\n')
    keys.chmod(0o600)
    shown = call_dissect("show", capture, "--keys", keys).stdout.decode()
    assert "10.0.0.5:40000 (boiler) -> 203.0.113.1:63321 (the cloud)" in shown
    assert "fogslink:12345678 (boiler)" in call_dissect("stats", capture, "--keys", keys).stdout.decode()
    assert "boiler" not in call_dissect("show", capture, "--keys", keys, "--redact").stdout.decode()


def test_a_keys_file_that_is_a_pipe_is_read_once(call_dissect: Run, capture: str) -> None:
    reading, writing = os.pipe()
    os.write(writing, b'[names]\n"fogslink:12345678" = "boiler"\n')
    os.close(writing)
    try:
        assert b"(boiler)" in call_dissect("show", capture, "--keys", f"/dev/fd/{reading}").stdout
    finally:
        os.close(reading)


def test_streams_of_the_sessions_that_a_filter_keeps(call_dissect: Run, tmp_path: Path) -> None:
    capture = tmp_path / "made.pcap"
    capture.write_bytes(pcap())
    for expression, kept in (("fogslink", 1), ("imei", 0)):
        assert len(json.loads(call_dissect("streams", capture, "--json", "--filter", expression).stdout)) == kept
    assert call_dissect("streams", capture, "--fail-on", "warning").returncode == 3
    assert call_dissect("streams", "-", "--filter", "fogslink", input=pcap()).returncode == 2


def on_terminal(environment: dict[str, str], *words: str, columns: int = 80) -> str:
    """What the command writes to a terminal of that width."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    alone = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen([sys.executable, "-m", "dissect", *words], stdout=slave, stderr=subprocess.DEVNULL, env=alone)
    os.close(slave)
    parts: list[bytes] = []
    try:
        while part := os.read(master, 1 << 16):
            parts.append(part)
    except OSError:  # how Linux says that the other end is closed
        pass
    process.wait(30)
    os.close(master)
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_json_on_a_terminal_holds_nothing_that_steers_it(tmp_path: Path, environment: dict[str, str]) -> None:
    said = list(SAID)
    said[4] = ("device", '{"req201":{"eqSN":"12345678","eChan":"P0-C1","eVal":"a\u009bb\u202ec\x7f温"}}\n'.encode())
    capture = tmp_path / "made.pcap"
    capture.write_bytes(pcap(tuple(said)))
    shown = on_terminal(environment, "report", str(capture))
    assert "\u009b" not in shown and "\u202e" not in shown and "\x7f" not in shown
    values = [one["fields"]["eVal"] for session in json.loads(shown)["sessions"] for one in session["messages"] if one["type"] == "req201"]
    assert values == ["a\u009bb\u202ec\x7f温"]


@pytest.mark.parametrize("words", [("stats",), ("streams",), ("show", "-e", "message.id", "-e", "frame.time", "-e", "device.id", "-e", "message.name")],
                         ids=" ".join)
def test_tables_fit_the_terminal_and_keep_their_figures(words: tuple[str, ...], environment: dict[str, str], call_dissect: Run) -> None:
    capture = str(ROOT / "captures" / "demo" / "capture.pcapng")
    shown, piped = on_terminal(environment, *words, capture), call_dissect(*words, capture).stdout.decode()
    assert max(map(cell_width, shown.splitlines())) <= 80 < max(map(cell_width, piped.splitlines()))
    figures = re.compile(r"(?<=  )[0-9]+(?:\.[0-9]{3})?(?=  |$)", re.MULTILINE)
    assert Counter(figures.findall(piped)) <= Counter(figures.findall(shown))


def _lone_fragment() -> bytes:
    """A record with the first fragment of a datagram between the two ends; the rest never comes."""
    whole = packet(("10.0.0.5", 40000), ("203.0.113.1", 63321), 1, 0, 0x10, bytes(44))
    ip = bytearray(whole[14:])
    ip[6:8] = struct.pack(">H", 0x2000)
    frame = whole[:14] + bytes(ip)
    return struct.pack("<IIII", START_S, 500_000, len(frame), len(frame)) + frame


@pytest.mark.parametrize(("tail", "told"), [(b"", 0), (_lone_fragment(), 1)], ids=["none", "a lone fragment"])
def test_fragments_that_never_were_whole_are_told_once_in_a_session_of_ours(call_dissect: Run, tmp_path: Path, tail: bytes, told: int) -> None:
    capture = tmp_path / "made.pcap"
    capture.write_bytes(pcap() + tail)
    report = json.loads(call_dissect("report", capture).stdout)
    assert [one["code"] for session in report["sessions"] for one in session["anomalies"]].count("ip.incomplete-fragments") == told


@pytest.mark.parametrize("dropped", [0, 3])
def test_packets_that_the_interface_dropped_are_told(call_dissect: Run, tmp_path: Path, dropped: int) -> None:
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    interface = struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20)
    statistics = struct.pack("<IIIIIHHQHHI", 5, 40, 0, 0, 0, 5, 8, dropped, 0, 0, 40)
    capture = tmp_path / "made.pcapng"
    capture.write_bytes(section + interface + statistics)
    report = json.loads(call_dissect("report", capture).stdout)
    assert report["source"]["packets_dropped"] == dropped
    assert [one["code"] for one in report["anomalies"]] == ["capture.dropped-packets"] * bool(dropped)


@pytest.mark.parametrize(
    "words", [("show",), ("streams",), ("streams", "--fail-on", "error"), ("stats",), ("report",), ("show", "-e", "message.id")], ids=" ".join
)
def test_a_damaged_file_is_told_on_stderr_in_one_line(words: tuple[str, ...], call_dissect: Run, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.pcap", tmp_path / "cut.pcap"
    whole.write_bytes(pcap())
    cut.write_bytes(pcap()[:-10])
    assert call_dissect(*words, whole).stderr == b""
    told = call_dissect(*words, whole, cut).stderr.decode()
    assert told.count("\n") == 1 and told.startswith(f"dissect: warning: {cut}: ")


@pytest.mark.parametrize(("magic", "says"), [(b"BZh91AY&SY", "bzcat"), (b"\xfd7zXZ\0\0\4", "xzcat"), (b"PK\3\4\x14\0", "unzip -p")])
def test_a_capture_in_another_packing_is_one_line_that_says_how_to_unpack_it(magic: bytes, says: str, call_dissect: Run, tmp_path: Path) -> None:
    packed = tmp_path / "capture.packed"
    packed.write_bytes(magic + bytes(40))
    done = call_dissect("show", packed)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and f"{says} FILE | dissect ... -".encode() in done.stderr


@pytest.mark.parametrize("command", ["report", "show", "stats", "streams"])
def test_standard_input_named_twice_is_wrong_usage(command: str, call_dissect: Run) -> None:
    done = call_dissect(command, "-", "-", input=pcap())
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"dissect: - is standard input, which can be read once only; name it once\n")


def test_a_number_beyond_a_double_is_told_as_it_was_sent(call_dissect: Run, tmp_path: Path) -> None:
    said = list(SAID)
    said[4] = ("device", said[4][1].replace(b'"totalSize":2', b'"totalSize":1e400'))
    capture = tmp_path / "made.pcap"
    capture.write_bytes(pcap(tuple(said)))
    for words in (("report",), ("report", "--format", "ndjson"), ("report", "--filter", "fogslink.totalSize > 5")):
        assert b'"totalSize":1e400' in call_dissect(*words, capture).stdout
    assert b"totalSize is a number, want an integer" in call_dissect("report", capture).stdout
    assert b"totalSize: 1e400" in call_dissect("show", "-v", capture).stdout
    assert b"1e400" in call_dissect("show", "-e", "fogslink.totalSize", capture).stdout
    assert b"totalSize&quot;:1e400" in call_dissect("report", "--format", "html", capture).stdout


def test_a_capture_without_messages_of_ours_says_where_to_look(call_dissect: Run, tmp_path: Path) -> None:
    foreign, empty = tmp_path / "foreign.pcap", tmp_path / "empty.pcap"
    foreign.write_bytes(pcap((("device", b"EHLO example\r\n"),)))
    empty.write_bytes(pcap()[:24])
    shown = call_dissect("show", foreign)
    assert (shown.returncode, shown.stdout) == (0, b"") and b"dissect streams" in shown.stderr and shown.stderr.count(b"\n") == 1
    assert call_dissect("show", foreign, "--filter", "fogslink").stderr == b""
    assert call_dissect("streams", empty).stdout == b"no conversations\n"
