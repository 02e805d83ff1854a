"""A protocol that nobody of this project wrote: one file, one entry point, and the engine reads, checks and pairs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.made_capture import pcap

GRAMMAR = '''
"""Thermo: one JSON object a line, {"ask": n} from the device, {"told": n, "degrees": d} from the server."""
from grammars.vocabulary import DEVICE, INTEGER, PEER, ApplicationProtocol, Classified, Lines, Member, MessageType

N = Member(name="n", meaning="Number of the question", types=INTEGER, spec="1")
MESSAGES = {row.kind: row for row in (
    MessageType(kind="ask", type="ask", name="ask", sender=DEVICE, key=("n",), id="n", answered_by=("told",), members=(N,), spec="1"),
    MessageType(kind="told", type="told", name="tell", sender=PEER, key=("n",), members=(
        N, Member(name="degrees", meaning="Temperature", types=INTEGER, unit="K", spec="2")), spec="2"),
)}

def classify(value, sender):
    if type(value) is dict and value.get("thermo") in MESSAGES:
        return Classified(value["thermo"], value)

PROTOCOL = ApplicationProtocol(
    name="thermo", title="Thermo", document="thermo.txt", prefix="thermo", carriers=("tcp",), ports=(7777,), framing=Lines(), messages=MESSAGES,
    classify=classify, identity=lambda kind, fields: None, client_is_device=True, signature=rb"thermo")
'''
SAID = (("device", b'{"thermo":"ask","n":1}\n'), ("cloud", b'{"thermo":"told","n":1,"degrees":290}\n'), ("device", b'{"thermo":"ask","n":2}\n'),
        ("cloud", b'{"thermo":"told","n":2,"degrees":"warm"}\n'))  # fmt: skip


@pytest.fixture
def installed(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    """A folder on the path with the grammar and the metadata that names its entry point."""
    (tmp_path / "thermo.py").write_text(GRAMMAR)
    metadata = tmp_path / "thermo-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: thermo\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[dissect.protocols]\nthermo = thermo:PROTOCOL\n")
    return {**environment, "PYTHONPATH": f"{tmp_path}:{environment['PYTHONPATH']}"}


def test_a_protocol_that_joins_by_entry_point_is_read_checked_and_paired(run_dissect: Run, installed: dict[str, str], tmp_path: Path) -> None:
    capture = tmp_path / "thermo.pcap"
    capture.write_bytes(pcap(SAID))
    report = json.loads(run_dissect("report", capture, env=installed).stdout)
    (session,) = report["sessions"]
    assert session["protocol"] == "thermo"
    assert [(one["type"], one["direction"]) for one in session["messages"]] == [("ask", "up"), ("told", "down"), ("ask", "up"), ("told", "down")]
    assert [(one["operation"], one["status"]) for one in session["exchanges"]] == [("ask", "ok"), ("ask", "ok")]
    assert [(one["code"], one["reference"]) for one in session["anomalies"]] == [("schema.bad-type", "thermo.txt 2")]


def test_its_fields_are_listed_for_filters(run_dissect: Run, installed: dict[str, str]) -> None:
    assert b"thermo.degrees" in run_dissect("protocols", env=installed).stdout


def test_an_entry_point_that_is_no_protocol_is_named(run_dissect: Run, installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "thermo.py").write_text("PROTOCOL = 5\n")
    done = run_dissect("protocols", env=installed)
    assert done.returncode != 0
    assert b"thermo:PROTOCOL" in done.stderr
