"""What the interface reads, and as what: TLS through tshark, pseudonyms instead of values, what cannot be had and how that is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from dissect.errors import DissectError
from dissect.keys import load_keys
from tests.conftest import Run
from tests.tui.conftest import DEMO, DEMO_KEYS, ROOT, Running, make_app, screen_text, settled
from tests.tui.terminal import Terminal
from tui.app import DissectApp
from tui.export.files import FORMATS, Job, export

pytestmark = pytest.mark.slow
TLS = ROOT / "captures" / "clife-cloud-tls"


@pytest.mark.parametrize("way", ["the key log of the keys file", "--tls-keylog"])
async def test_tls_is_opened(running: Running, way: str) -> None:
    options = {} if "keys file" in way else {"tls_keylog": TLS / "sslkeys.log", "keys": None}
    async with running(app=make_app(TLS / "capture.pcapng", TLS / "keys.toml", options=options)) as pilot:
        app = cast("DissectApp", pilot.app)
        assert [app.store.analysis.message_at(index).type for index in range(app.store.count)] == ["2000", "2001"]
        await pilot.pause(0.2)
        assert "register" in screen_text(app) and app.messages.hex.data["Packet"], "the packet is the one that tshark read"


async def test_another_engine_reads_what_ours_does(running: Running) -> None:
    async with running(app=make_app(options={"engine": "tshark"})) as pilot:
        assert cast("DissectApp", pilot.app).store.count == 145


async def test_without_tshark_it_is_said_within_the_interface(running: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with running(app=make_app(TLS / "capture.pcapng", TLS / "keys.toml")) as pilot:
        await pilot.pause(0.3)
        notices = [one.message for one in cast("DissectApp", pilot.app)._notifications]
        assert any("TLS stays closed" in text for text in notices), notices
    assert "TLS" not in capsys.readouterr().err


def test_in_a_terminal_with_a_key_log() -> None:
    with Terminal(TLS / "capture.pcapng", "--tls-keylog", TLS / "sslkeys.log") as terminal:
        terminal.wait_for(b"2 msgs")
        terminal.press("Q")
        assert terminal.status() == 0
        assert b"dissect: warning" not in terminal.seen


def secrets_of_demo() -> set[str]:
    """Texts that --redact has to hide: ids, addresses, credentials, from the plain report."""
    report = json.loads((DEMO.parent / "report.json").read_bytes())
    found: set[str] = set()
    for session in report["sessions"]:
        found |= {session["device"]["address"], session["peer"]["address"], *([session["client_id"]] if session["client_id"] else [])}
    for device in report["devices"]:
        found |= {str(value) for value in device["identity"].values() if value is not None and len(str(value)) >= 6}
    return found


async def test_redacted_nothing_of_a_device_is_seen_or_exported(running: Running, tmp_path: Path) -> None:
    secrets = secrets_of_demo()
    assert len(secrets) > 15
    seen: list[str] = []
    async with running(app=make_app(DEMO, DEMO_KEYS, redact=True)) as pilot:
        app = cast("DissectApp", pilot.app)
        for index in range(0, app.store.count, 7):
            app.go_to_message(index)
            await pilot.press("1", "tab")
            await pilot.pause(0.05)
            seen.append(screen_text(app))
        for key in ("2", "3", "4", "5"):
            await pilot.press(key)
            await settled(pilot)
            seen.append(screen_text(app))
        await pilot.press("1", "T")
        await pilot.pause(0.1)
        seen.append(screen_text(app))
        assert "REDACTED" in seen[0] and "hidden by --redact" in seen[0]
        job = Job(app.store, app.loader, app.context, list(range(app.store.count)), app.pane.lines, app.hiding)
        for form in FORMATS:
            path = tmp_path / f"out{form.suffix}"
            if form.name == "pcapng":
                with pytest.raises(DissectError, match="--redact"):
                    export(job, form, path)
                assert not path.exists()
                continue
            export(job, form, path)
            seen.append(path.read_text("utf-8"))
    leaked = {secret for secret in secrets for text in seen if secret in text}
    assert not leaked


async def test_redacted_keys_loaded_later_name_nobody(running: Running) -> None:
    assert load_keys(DEMO_KEYS).tls_keylog is None
    async with running(app=make_app(DEMO, None, redact=True)) as pilot:
        app = cast("DissectApp", pilot.app)
        app._load_keys(str(DEMO_KEYS))
        await settled(pilot)
        assert app.loader.redact and not app.names and app.store.analysis.raw(0) in (None, b"")


@pytest.mark.parametrize(("arguments", "told"), [
    pytest.param(("--follow", "--engine", "tshark", str(DEMO)), "without --follow", id="tshark needs the whole"),
    pytest.param(("--bpf", "tcp", str(DEMO)), "--bpf is for an interface", id="a capture filter for a file"),
    pytest.param((), "an interface with -i", id="nothing"),
    pytest.param(("-i", "lo", str(DEMO)), "not both", id="both"),
    pytest.param(("-i", "lo", "--ring", "1MB:2"), "give --write", id="a ring of nothing"),
    pytest.param(("-i", "lo", "--tls-keylog", "x"), "no tshark engine", id="tshark on an interface"),
    pytest.param(("-i", "lo", "--keep", "5"), "no number from 1,000", id="too few kept"),
    pytest.param(("-i", "lo", "--serve", "--write", "x.pcapng"), "captures anew", id="a file written by each page"),
    pytest.param(("-i", "lo", "--follow"), "for a file", id="follow an interface"),
])
def test_wrong_usage_is_one_line(run_dissect: Run, arguments: tuple[str, ...], told: str) -> None:
    done = run_dissect("tui", *arguments)
    assert done.returncode == 2 and told.encode() in done.stderr and done.stderr.count(b"\n") == 1 and not done.stdout
