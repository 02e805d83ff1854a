"""Files inside messages: found once each, named by nothing that a packet says, never written over another."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest

from dissect.analysis import Analysis
from dissect.engine.checks import declared
from dissect.errors import DissectError
from dissect.extract import Extract, extracts, make_folder, write
from dissect.jsonwrite import encode
from dissect.model import Totals
from grammars.registry import PROTOCOLS
from tests.conftest import ROOT, Run
from tests.synthetic import at, message, session, source

JPEG = b"\xff\xd8\xff\xe0" + bytes(2000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
TWO_IMAGES = ROOT / "captures" / "camera-mqtt" / "capture.pcapng"


def camera(*sent: dict[str, object], duplicates: tuple[int, ...] = ()) -> Analysis:
    """An analysis that keeps bytes, of camera messages."""
    analysis = Analysis(keep_bytes=True)
    analysis.source(source())
    analysis.session(session(3, "camera"), False)
    for ident, fields in enumerate(sent, 1):
        analysis.message(message(ident, ident, type=fields["operate"], key=None, fields={}, duplicate_of=1 if ident in duplicates else None), 3, at(ident),
                         encode(fields), None)
    analysis.finish(source(), Totals())
    return analysis


def snapshot(content: bytes, **more: object) -> dict[str, object]:
    return {"operate": "upload_snapshot", "data": base64.b64encode(content).decode(), **more}


@pytest.mark.parametrize(("sent", "media_type", "ending"), [
    pytest.param(snapshot(JPEG), "image/jpeg", "jpg", id="upload_snapshot"),
    pytest.param({"operate": "control_cmd_rsp", "cmd_data": {"type": "take_snapshot", "data": base64.b64encode(PNG).decode()}}, "image/png", "png",
                 id="control"),
    pytest.param(snapshot(b"who knows what this is"), "application/octet-stream", "bin", id="unknown content"),
    pytest.param({"operate": "upload_snapshot", "data": "data:text/html;base64," + base64.b64encode(JPEG).decode()}, "image/jpeg", "jpg",
                 id="data URL that lies"),
    pytest.param(snapshot(JPEG, name="../../etc/passwd", sn="../../x"), "image/jpeg", "jpg", id="names that climb"),
])
def test_a_file_is_named_by_session_message_and_hash_alone(sent: dict[str, object], media_type: str, ending: str) -> None:
    (one,) = extracts(camera(sent))
    digest = hashlib.sha256(one.content).hexdigest()[:16]
    assert (one.name, one.media_type) == (f"session-0003-message-000001-{digest}.{ending}", media_type)


@pytest.mark.parametrize("sent", [
    pytest.param({"operate": "upload_snapshot", "data": "no base64!"}, id="no base64"),
    pytest.param({"operate": "upload_snapshot", "data": ""}, id="empty"),
    pytest.param({"operate": "upload_snapshot", "data": {"a": 1}}, id="no text"),
    pytest.param({"operate": "control_cmd_rsp", "cmd_data": None}, id="nothing there"),
    pytest.param({"operate": "heartbeat", "data": base64.b64encode(JPEG).decode()}, id="a message that carries none"),
])
def test_what_is_no_file_is_none(sent: dict[str, object]) -> None:
    assert list(extracts(camera(sent))) == []


def test_the_other_leg_of_a_broker_counts_once() -> None:
    assert [one.message for one in extracts(camera(snapshot(JPEG), snapshot(JPEG), snapshot(PNG), duplicates=(2,)))] == [1, 3]


def test_the_camera_declares_its_images() -> None:
    messages = PROTOCOLS["camera"].messages
    assert declared(messages["upload_snapshot"].members, "embedded") == (("data",),)
    assert declared(messages["control_cmd_rsp"].members, "embedded") == (("cmd_data", "data"),)


EXTRACT = Extract("session-0001-message-000001-aa.jpg", JPEG, "image/jpeg", 1, 1, "2026-11-20T08:00:00Z", "data")


def test_writing_twice_changes_nothing_and_other_content_is_refused(tmp_path: Path) -> None:
    assert [write(str(tmp_path), EXTRACT), write(str(tmp_path), EXTRACT)] == [True, False]
    with pytest.raises(DissectError, match="other content"):
        write(str(tmp_path), EXTRACT._replace(content=PNG))
    assert (tmp_path / EXTRACT.name).read_bytes() == JPEG


def test_a_link_that_lies_in_wait_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    os.symlink(target, tmp_path / EXTRACT.name)
    with pytest.raises(DissectError, match="other content"):
        write(str(tmp_path), EXTRACT)
    assert not target.exists()


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(DissectError, match="--to"):
        make_folder(str(tmp_path / "taken"))


def test_the_command_writes_each_snapshot_of_a_broker_once(call_dissect: Run, tmp_path: Path) -> None:
    done = call_dissect("extract", TWO_IMAGES, "--to", tmp_path / "new")
    assert (done.returncode, done.stderr) == (0, b"")
    found = sorted((tmp_path / "new").iterdir())
    assert len(found) == 2 and all(path.read_bytes().startswith(b"\xff\xd8\xff") and path.name in done.stdout.decode() for path in found)
    again = call_dissect("extract", TWO_IMAGES, "--to", tmp_path / "new")
    assert again.returncode == 0 and again.stdout.count(b"was there") == 2


@pytest.mark.parametrize(("arguments", "status", "says"), [
    pytest.param(["--to", "out", "--redact"], 2, b"--redact", id="redacted"),
    pytest.param([], 2, b"--to", id="no folder"),
    pytest.param(["--to", "out", "--until", "2000-01-01"], 0, b"no message holds a file", id="before all packets"),
    pytest.param(["--to", "/dev/null/out"], 1, b"name another with --to", id="no folder can be made"),
])
def test_usage(arguments: list[str], status: int, says: bytes, call_dissect: Run, tmp_path: Path) -> None:
    done = call_dissect("extract", TWO_IMAGES, *arguments, cwd=tmp_path)
    assert done.returncode == status and says in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())
