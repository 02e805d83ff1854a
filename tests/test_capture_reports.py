"""Every sample capture gives the report that lies beside it, with the faults that its README promises and no others of their kind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from captures.expect import REPORT, report
from captures.samples import SAMPLES, Sample
from captures.write import FOLDER
from tests.conftest import Run

EACH_SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)

PROMISED = {  # anomaly codes that a story is told for, with how often; what else is found is in report.json
    "demo": {"timing.heartbeat-gap": 2, "state.authentication-failed": 2, "pair.late": 1, "framing.malformed": 2, "schema.size-mismatch": 1,
             "state.token-mismatch": 1, "tcp.missing-bytes": 1, "upgrade.failed": 1, "state.not-disconnected": 1, "timing.heartbeat-interval": 1,
             "framing.length-mismatch": 2, "timing.clock-skew": 1,
             # What lies behind the hole came in time and was answered.
             "pair.timeout": 2, "pair.orphan-response": 0, "pair.retransmission": 0},
    "fogslink-day": {"state.authentication-failed": 2},
    "imei-start": {"security.unauthenticated-command": 2, "framing.length-mismatch": 3, "state.authentication-failed": 1, "pair.refused": 1},
    "clife-lan-dh": {"security.weak-key-exchange": 1},
    "clife-lan-ecdh": {"security.weak-key-exchange": 1},
    "clife-lan-nanoec": {},
    "clife-lan-fixed": {},
    "camera-mqtt": {"pair.refused": 1, "security.insecure-url": 1},
    "camera-http": {"pair.refused": 1, "timing.heartbeat-gap": 1},
    # md5 and checkSum are "升级必选": a QUERY is no upgrade.
    "clife-cloud-upgrade": {"upgrade.failed": 1, "security.insecure-url": 1, "schema.missing-field": 0},
    "clife-cloud-register": {"security.plaintext-payload": 2},
}


def without_tool(text: bytes) -> dict[str, Any]:
    """The version of the program is no part of what is expected."""
    told: dict[str, Any] = json.loads(text)
    del told["tool"]
    return told


def found(told: dict[str, Any]) -> Counter[str]:
    anomalies = [anomaly for session in told["sessions"] for anomaly in session["anomalies"]] + told["anomalies"]
    return Counter(anomaly["code"] for anomaly in anomalies)


@EACH_SAMPLE
def test_a_sample_gives_the_report_beside_it(sample: Sample, call_dissect: Run) -> None:
    keys = ["--keys", "keys.toml"] if sample.keys else []
    done = call_dissect("report", sample.file_name, *keys, cwd=FOLDER / sample.name)
    assert without_tool(done.stdout) == without_tool((FOLDER / sample.name / REPORT).read_bytes())


@pytest.mark.slow
def test_the_program_that_writes_the_expected_reports_writes_these() -> None:
    assert report(SAMPLES[0]) == (FOLDER / SAMPLES[0].name / REPORT).read_bytes()


@EACH_SAMPLE
def test_a_sample_shows_what_it_promises(sample: Sample) -> None:
    codes = found(without_tool((FOLDER / sample.name / REPORT).read_bytes()))
    assert {code: codes[code] for code in PROMISED[sample.name]} == PROMISED[sample.name]


@EACH_SAMPLE
def test_no_message_of_a_sample_stays_encrypted(sample: Sample) -> None:
    told = without_tool((FOLDER / sample.name / REPORT).read_bytes())
    states = Counter(message["encryption"]["status"] for session in told["sessions"] for message in session["messages"] if message["encryption"])
    assert set(states) <= {"decrypted", "plaintext"}
    assert bool(states["decrypted"]) == bool(sample.keys)


@pytest.mark.slow
def test_the_recorded_tls_connection_opens_with_the_key_log_beside_it(environment: dict[str, str]) -> None:
    home = FOLDER / "clife-cloud-tls"
    command = [sys.executable, "-m", "dissect", "report", "capture.pcapng", "--keys", "keys.toml"]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, timeout=60)
    assert done.stdout == (home / "report.json").read_bytes(), done.stderr
    (session,) = json.loads(done.stdout)["sessions"]
    assert session["carrier"] == "tcp/tls/http" and [one["encryption"]["status"] for one in session["messages"]] == ["decrypted", "decrypted"]
