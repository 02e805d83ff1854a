"""The tshark engine tells of clear traffic what the native one tells, opens TLS, and leaves nothing running."""

from __future__ import annotations

import asyncio
import io
import json
import os
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from captures.samples import SAMPLES, Sample
from captures.tls import encrypted
from captures.write import FOLDER
from dissect.analysis import Analysis
from dissect.capture import PcapngWriter, open_capture
from dissect.errors import CaptureError
from dissect.keys import load_keys
from dissect.options import Options
from dissect.pipeline import analyse
from dissect.report import write_json
from dissect.tshark.choice import open_as_asked
from dissect.tshark.facts import FactReader
from dissect.tshark.program import find_tshark
from dissect.tshark.source import open_with_tshark
from tests.conftest import Run
from tests.frames import pcap
from tests.made_capture import SAID
from tests.tls_capture import Said, packets

pytestmark = pytest.mark.slow

TLS_SECRETS = 0x544C534B
CLEAR: Said = tuple((int(who == "cloud"), data) for who, data in SAID)
VERSIONS = ((ssl.TLSVersion.TLSv1_3, None), (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
            (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305"), (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA"))


def told(paths: list[str], **options: Any) -> dict[str, Any]:
    """The report, without what may differ between files."""
    warnings: list[str] = []
    chosen = Options(**options)
    analysis, out = Analysis(), io.BytesIO()
    with open_as_asked(paths, chosen, warnings.append) as capture:
        analyse(capture, analysis, chosen)
    write_json(analysis, out)
    analysis.close()
    assert not warnings
    return json.loads(out.getvalue())  # type: ignore[no-any-return]


def said_in(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in ("sessions", "devices", "totals", "anomalies")}


def tshark_children() -> list[str]:
    listed = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "comm="], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.split() if "tshark" in line or "dumpcap" in line]


# -- the same of clear traffic --


def as_802_11(frame: bytes) -> bytes:
    """A data frame with LLC and SNAP around what an Ethernet frame carries."""
    return b"\x08\0\0\0" + frame[:6] + frame[6:12] + frame[:6] + b"\0\0" + b"\xaa\xaa\3\0\0\0" + frame[12:]


def as_ppp(frame: bytes) -> bytes:
    return b"\xff\3\0\x21" + frame[14:]


LINKS: tuple[tuple[int, Callable[[bytes], bytes]], ...] = ((105, as_802_11), (9, as_ppp))


def rewritten(sample: Path, target: Path, link: int, wrap: Callable[[bytes], bytes]) -> None:
    with open(target, "wb") as out, open_capture([str(sample)]) as capture:
        writer = PcapngWriter(out)
        for batch in capture:
            for index in range(len(batch)):
                writer.packet(writer.interface(link), int(batch.time_ns[index]), wrap(batch.packet(index)))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_samples_under_other_link_layers_say_the_same(sample: Sample, tmp_path: Path) -> None:
    """Link layers that the native reader does not peel: all that is known of them comes from tshark."""
    original = FOLDER / sample.name / sample.file_name
    link, wrap = LINKS[SAMPLES.index(sample) % len(LINKS)]
    rewritten(original, tmp_path / "other.pcapng", link, wrap)
    keys = load_keys(FOLDER / sample.name / "keys.toml") if sample.keys else None
    native = told([str(original)], keys=keys)
    other = told([str(tmp_path / "other.pcapng")], keys=keys, engine="tshark")
    assert native["totals"]["messages"] > 0
    digits = [[file["format"] for file in report["source"]["files"]] for report in (native, other)]
    assert untimed(said_in(other)) == untimed(said_in(native)), digits


def untimed(value: Any) -> Any:
    """Times with the six digits that every one of the files has."""
    if isinstance(value, dict):
        return {name: untimed(one)[:26] if name in ("time", "first_time", "last_time") else untimed(one) for name, one in value.items()}
    return [untimed(one) for one in value] if isinstance(value, list) else value.rstrip("Z") if isinstance(value, str) else value


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_samples_say_the_same_by_either_engine(sample: Sample) -> None:
    path = str(FOLDER / sample.name / sample.file_name)
    keys = load_keys(FOLDER / sample.name / "keys.toml") if sample.keys else None
    native, other = told([path], keys=keys), told([path], keys=keys, engine="tshark")
    assert other == native


def snoop(rows: Iterable[tuple[int, bytes, int]]) -> bytes:
    """RFC 1761."""
    parts = [b"snoop\0\0\0" + struct.pack(">II", 2, 4)]
    for time_ns, data, length in rows:
        padding = -len(data) % 4
        parts.append(struct.pack(">IIIIII", length, len(data), 24 + len(data) + padding, 0, time_ns // 10**9, time_ns % 10**9 // 1000) + data + bytes(padding))
    return b"".join(parts)


def test_a_format_that_only_tshark_knows(tmp_path: Path, run_dissect: Run) -> None:
    rows = packets(CLEAR)
    (tmp_path / "a.pcap").write_bytes(pcap(rows))
    (tmp_path / "a.snoop").write_bytes(snoop(rows))
    refused = run_dissect("report", tmp_path / "a.snoop")
    assert refused.returncode == 1 and b"--engine tshark" in refused.stderr
    native, other = told([str(tmp_path / "a.pcap")]), told([str(tmp_path / "a.snoop")], engine="tshark")
    assert said_in(other) == said_in(native)
    file = other["source"]["files"][0]
    assert (file["name"], file["format"], file["packets"]) == (str(tmp_path / "a.snoop"), "snoop", len(rows))


@pytest.mark.parametrize("content", [b"", b"no capture at all", b"snoop\0\0\0\0\0\0\2\0\0\0\4" + bytes(7), bytes.fromhex("a1b2c3d4") + b"\xff" * 9],
                         ids=["empty", "text", "cut snoop", "cut pcap"])
def test_what_is_no_capture_is_one_line(content: bytes, tmp_path: Path, run_dissect: Run) -> None:
    (tmp_path / "x").write_bytes(content)
    ended = run_dissect("report", "--engine", "tshark", tmp_path / "x")
    assert ended.returncode in (0, 1) and b"Traceback" not in ended.stderr
    assert ended.stderr.count(b"\n") == ended.returncode


# -- TLS --


def in_threes(data: bytes) -> Iterable[bytes]:
    third = len(data) // 3 + 1
    return [data[place:place + third] for place in range(0, len(data), third)]


def by_the_byte(data: bytes) -> Iterable[bytes]:
    """The first bytes of every write alone: record headers are cut at each place."""
    return [data[place:place + 1] for place in range(min(9, len(data)))] + [data[9:]] if len(data) > 9 else [data]


def glued(said: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Writes of one side that follow each other as one."""
    out: list[tuple[int, bytes]] = []
    for side, data in said:
        if out and out[-1][0] == side:
            out[-1] = side, out[-1][1] + data
        else:
            out.append((side, data))
    return out


def essence(report: dict[str, Any]) -> list[Any]:
    return [[session["protocol"], session["complete"], session["device_id"],
             [(one["direction"], one["type"], one["fields"], one["size"]) for one in session["messages"]],
             [(one["operation"], one["key"], one["status"], one["request"], one["response"]) for one in session["exchanges"]]]
            for session in report["sessions"]]


@pytest.mark.parametrize("cut", [lambda data: [data], in_threes, by_the_byte], ids=["whole", "thirds", "bytes"])
@pytest.mark.parametrize(("version", "ciphers"), VERSIONS, ids=lambda value: str(value))
def test_tls_tells_what_clear_traffic_tells(version: ssl.TLSVersion, ciphers: str | None, cut: Any, tmp_path: Path) -> None:
    wire, keylog = encrypted(CLEAR, tmp_path, version, ciphers)
    (tmp_path / "clear.pcap").write_bytes(pcap(packets(CLEAR, port=63321)))
    (tmp_path / "tls.pcap").write_bytes(pcap(packets(wire, cut, port=63321)))
    clear, opened = told([str(tmp_path / "clear.pcap")]), told([str(tmp_path / "tls.pcap")], tls_keylog=keylog)
    assert essence(opened) == essence(clear) and essence(clear)[0][3]
    assert [session["carrier"] for session in opened["sessions"]] == ["tcp/tls"]


def test_each_message_names_the_packets_of_its_record(tmp_path: Path) -> None:
    wire, keylog = encrypted(CLEAR, tmp_path, ssl.TLSVersion.TLSv1_3)
    rows = packets(wire, in_threes, port=63321)
    (tmp_path / "tls.pcap").write_bytes(pcap(rows))
    report = told([str(tmp_path / "tls.pcap")], tls_keylog=keylog)
    # behind the handshake of TCP, every write of the wire is three segments; the last six writes are the messages
    first = 4 + 3 * (len(wire) - len(CLEAR))
    frames = [message["frames"] for message in report["sessions"][0]["messages"]]
    assert frames == [[first + 3 * place + part for part in range(3)] for place in range(len(CLEAR))]
    last = [frames[-1] for frames in frames]
    times = [message["time"][17:23] for message in report["sessions"][0]["messages"]]
    assert times == [f"{(number - 1) / 100:06.3f}" for number in last]


def test_several_records_in_one_segment(tmp_path: Path) -> None:
    line = CLEAR[4][1]
    said = (*CLEAR[:4], *((0, line.replace(b'"packID":"1"', b'"packID":"%d"' % number)) for number in range(1, 30)))
    wire, keylog = encrypted(said, tmp_path, ssl.TLSVersion.TLSv1_3)
    (tmp_path / "tls.pcap").write_bytes(pcap(packets(glued(wire), port=63321)))
    report = told([str(tmp_path / "tls.pcap")], tls_keylog=keylog)
    assert [one["fields"]["packID"] for one in report["sessions"][0]["messages"][4:]] == [str(number) for number in range(1, 30)]


def mqtt_text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def publish(topic: str, payload: bytes) -> bytes:
    body = mqtt_text(topic) + payload
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 128, len(body) // 128])
    return b"\x30" + length + body


CAMERA = (b'{"operate":"heartbeat","request_id":"r1","sn":"SN001","timestamp":1795161600}',
          b'{"operate":"heartbeat","request_id":"r1","sn":"SN001","code":200}')
MQTT: Said = ((0, b"\x10\x10" + mqtt_text("MQTT") + b"\4\2\0\x3c" + mqtt_text("cam1")), (1, b"\x20\2\0\0"),
              (0, publish("cam/up", CAMERA[0])), (1, publish("cam/down", CAMERA[1])))


@pytest.mark.parametrize("how", ["option", "keys file", "in the capture", "two files", "compressed", "from a pipe"])
def test_mqtt_over_tls_opens_however_the_secrets_come(how: str, tmp_path: Path, run_dissect: Run) -> None:
    wire, keylog = encrypted(MQTT, tmp_path, ssl.TLSVersion.TLSv1_3)
    rows = packets(wire, in_threes)
    path = tmp_path / "tls.pcap"
    path.write_bytes(pcap(rows))
    options: list[Any] = ["--tls-keylog", keylog]
    captures: list[Any] = [path]
    given: dict[str, Any] = {}
    if how == "keys file":
        (tmp_path / "keys.toml").write_text('[tls]\nkeylog = "sslkeys.log"\n')
        (tmp_path / "keys.toml").chmod(0o600)
        options = ["--keys", tmp_path / "keys.toml"]
    elif how == "in the capture":
        with open(tmp_path / "tls.pcapng", "wb") as out:
            writer = PcapngWriter(out)
            writer.secrets(TLS_SECRETS, keylog.read_bytes())
            for time_ns, data, length in rows:
                writer.packet(writer.interface(1), time_ns, data, length)
        options, captures = [], [tmp_path / "tls.pcapng"]
    elif how == "two files":
        half = len(rows) - 9
        path.write_bytes(pcap(rows[:half]))
        (tmp_path / "later.pcap").write_bytes(pcap(rows[half:]))
        captures = [tmp_path / "later.pcap", path]
    elif how == "compressed":
        import zstandard

        captures = [tmp_path / "tls.pcap.zst"]
        captures[0].write_bytes(zstandard.ZstdCompressor().compress(pcap(rows)))
    elif how == "from a pipe":
        captures, given = ["-"], {"input": pcap(rows)}
    ended = run_dissect("report", *captures, *options, **given)
    assert (ended.returncode, ended.stderr) == (0, b"")
    report = json.loads(ended.stdout)
    assert [(session["carrier"], session["client_id"], len(session["messages"])) for session in report["sessions"]] == [("tcp/tls/mqtt", "cam1", 2)]
    assert report["source"]["files"][0]["name"] == str(captures[0]) if how != "two files" else len(report["source"]["files"]) == 2


def test_without_the_key_tls_stays_closed(tmp_path: Path) -> None:
    wire, keylog = encrypted(MQTT, tmp_path, ssl.TLSVersion.TLSv1_3)
    (tmp_path / "tls.pcap").write_bytes(pcap(packets(wire)))
    (tmp_path / "other.log").write_bytes(b"CLIENT_RANDOM " + b"0" * 64 + b" " + b"1" * 96 + b"\n")
    assert told([str(tmp_path / "tls.pcap")], tls_keylog=tmp_path / "other.log")["sessions"] == []
    assert told([str(tmp_path / "tls.pcap")], engine="tshark")["sessions"] == []


def test_a_hole_in_tls_is_a_hole(tmp_path: Path) -> None:
    wire, keylog = encrypted(CLEAR, tmp_path, ssl.TLSVersion.TLSv1_2, VERSIONS[1][1])
    rows = packets(wire, port=63321)
    (tmp_path / "tls.pcap").write_bytes(pcap(rows[:-5] + rows[-4:]))
    report = told([str(tmp_path / "tls.pcap")], tls_keylog=keylog)
    codes = [anomaly["code"] for session in report["sessions"] for anomaly in session["anomalies"]]
    assert "tcp.missing-bytes" in codes and len(report["sessions"][0]["messages"]) >= 4


# -- what a user sees --


def test_where_tshark_is_missing_one_line_says_how_to_install_it(tmp_path: Path, run_dissect: Run, environment: dict[str, str]) -> None:
    (tmp_path / "a.pcap").write_bytes(pcap(packets(CLEAR)))
    ended = run_dissect("report", "--engine", "tshark", tmp_path / "a.pcap", env={**environment, "PATH": str(tmp_path)})
    assert ended.returncode == 1 and ended.stdout == b"" and ended.stderr.count(b"\n") == 1 and b"apt install tshark" in ended.stderr


@pytest.mark.parametrize(("arguments", "status"), [(["--engine", "native", "--tls-keylog", "x"], 2), (["--tls-keylog", "/nowhere/keys.log"], 1)])
def test_wrong_options(arguments: list[str], status: int, tmp_path: Path, run_dissect: Run) -> None:
    (tmp_path / "a.pcap").write_bytes(pcap(packets(CLEAR)))
    ended = run_dissect("report", *arguments, tmp_path / "a.pcap")
    assert ended.returncode == status and ended.stderr.count(b"\n") == 1 and b"tls" in ended.stderr.lower()


def test_nothing_runs_on_when_reading_stops_early(tmp_path: Path) -> None:
    wire, keylog = encrypted(CLEAR, tmp_path, ssl.TLSVersion.TLSv1_3)
    (tmp_path / "tls.pcap").write_bytes(pcap(packets(wire)))
    for _ in range(2):
        with open_with_tshark([str(tmp_path / "tls.pcap")], keylog, "this test") as capture:
            assert len(next(iter(capture))) > 0
        assert tshark_children() == []
    with pytest.raises(CaptureError), open_with_tshark([str(tmp_path / "absent")], keylog, "this test") as capture:
        list(capture)
    assert tshark_children() == []


def test_a_process_that_someone_else_waited_for_is_not_worth_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "clear.pcap").write_bytes(pcap(packets(CLEAR)))
    FactReader(find_tshark("this test"), str(tmp_path / "clear.pcap"), None, links=True).close()
    watcher, loop = asyncio.SafeChildWatcher(), asyncio.new_event_loop()
    watcher.attach_loop(loop)
    ended: list[int] = []
    watcher.add_child_handler(os.getpid(), lambda _, status: ended.append(status))  # no child of ours, so there is nothing to wait for
    watcher.close()
    loop.close()
    assert ended == [255] and caplog.text == ""
