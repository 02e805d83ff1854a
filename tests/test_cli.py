"""dissect.cli: statuses, one-line errors, what is loaded when, output that ends early."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dissect.cli import main
from dissect.cli.commands import COMMANDS
from dissect.cli.options import options_of
from dissect.cli.table import table
from dissect.options import DecodeAs
from dissect.text import cell_width, counted

ROOT = Path(__file__).parent.parent


def run(*words: str, **named: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "dissect", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, **named)  # type: ignore[call-overload,no-any-return]


def status(*words: str) -> int:
    try:
        return main(words)
    except SystemExit as leaving:
        return int(leaving.code or 0)


def test_help_lists_the_commands_and_loads_none_of_what_is_dear() -> None:
    code = ("import sys\nfrom dissect.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
            "print([name for name in ('numpy', 'construct', 'msgspec', 'cryptography', 'scapy', 'textual', 'pyshark') if name in sys.modules])")
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
    assert all(command.name in shown for command in COMMANDS)


def test_no_commands_help_loads_what_is_dear() -> None:
    code = ("import sys\nfrom dissect.cli import main\nfrom dissect.cli.commands import COMMANDS\n"
            "for command in COMMANDS:\n    try: main([command.name, '--help'])\n    except SystemExit: pass\n"
            "print([name for name in ('numpy', 'construct', 'cryptography', 'scapy', 'textual', 'pyshark') if name in sys.modules])")
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert shown.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_with_an_example(command: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(command.name, "--help") == 0  # type: ignore[attr-defined]
    shown = " ".join(capsys.readouterr().out.split())
    assert f"example: {command.example}" in shown  # type: ignore[attr-defined]


WRONG_USAGE = [
    pytest.param((), "a command is needed", id="nothing"),
    pytest.param(("dissolve",), "invalid choice", id="no such command"),
    pytest.param(("report",), "required: CAPTURE", id="no capture"),
    pytest.param(("report", "--nonsense", "x.pcap"), "(see dissect report --help)", id="no such option"),
    pytest.param(("--nonsense",), "unrecognized arguments", id="no such option and no command"),
    pytest.param(("show", ""), "name is empty", id="a capture without name"),
    pytest.param(("report", "--no-mess", "x.pcap"), "unrecognized arguments", id="an abbreviated option"),
    pytest.param(("report", "--format", "xml", "x.pcap"), "invalid choice", id="no such format"),
    pytest.param(("report", "--decode-as", "9000=fogslink", "x.pcap"), "tcp:9000=fogslink", id="decode-as without transport"),
    pytest.param(("report", "--decode-as", "tcp:99999=fogslink", "x.pcap"), "tcp:9000=fogslink", id="decode-as with no port"),
    pytest.param(("report", "--decode-as", "tcp:9000=gopher", "x.pcap"), "known are fogslink", id="decode-as with no protocol"),
    pytest.param(("report", "--decode-as", "udp:9000=fogslink", "x.pcap"), "fogslink runs over tcp only; say tcp:9000=fogslink", id="fogslink over UDP"),
    pytest.param(("show", "--decode-as", "tcp:9000=clife-lan", "x.pcap"), "clife-lan runs over udp only; say udp:9000=clife-lan", id="clife-lan over TCP"),
    pytest.param(("report", "--deadline", "gopher=1", "x.pcap"), "known are fogslink", id="deadline of no protocol"),
    pytest.param(("report", "--deadline", "camera=0", "x.pcap"), "no number of seconds", id="deadline of nothing"),
    pytest.param(("report", "--deadline", "camera", "x.pcap"), "clife-lan=10s", id="deadline without seconds"),
    pytest.param(("report", "--from", "yesterday", "x.pcap"), "is no time", id="no time"),
    pytest.param(("report", "--from", "2026-01-02", "--to", "2026-01-01", "x.pcap"), "--from is later than --to", id="times reversed"),
    pytest.param(("report", "--fail-on", "fatal", "x.pcap"), "invalid choice", id="no such level"),
    pytest.param(("protocols", "gopher"), "known are fogslink", id="no such protocol"),
]


@pytest.mark.parametrize(("words", "says"), WRONG_USAGE)
def test_wrong_usage_is_status_2_and_one_line(words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(*words) == 2
    said = capsys.readouterr()
    assert says in said.err and said.err.count("\n") == 1 and not said.out


def test_what_fails_is_status_1_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys\x1b[31m.toml"
    missing = str(tmp_path / "missing.pcap")
    for words in (("anomalies", "no.such"), ("report", missing), ("show", missing), ("report", "--keys", str(keys), missing),
                  ("report", "-o", str(tmp_path / "no" / "folder.json"), missing)):
        assert status(*words) == 1
        said = capsys.readouterr()
        assert said.err.startswith("dissect: ") and said.err.count("\n") == 1 and "\x1b" not in said.err and not said.out


def test_a_report_never_overwrites_its_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = tmp_path / "a.pcap"
    capture.write_bytes(b"\xd4\xc3\xb2\xa1 precious")
    assert status("report", str(capture), "-o", str(capture)) == 2
    assert capture.read_bytes().endswith(b"precious") and "is the capture itself" in capsys.readouterr().err


def test_catalogues_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from dissect.catalogue import CATALOGUE

    assert status("anomalies") == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(CATALOGUE)
    assert status("anomalies", "pair.") == 0
    assert [row.split()[0] for row in capsys.readouterr().out.splitlines()[1:]] == [code for code in CATALOGUE if code.startswith("pair.")]
    assert status("schema") == status("schema", "--line") == 0
    assert status("protocols", "--json", "fogslink") == 0
    shown = capsys.readouterr().out
    assert '"urn:dissect-report/1:line"' in shown and '"fogslink.eqSN"' in shown


def test_a_closed_pipe_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([sys.executable, "-m", "dissect", "protocols"], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60,
                              check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_text_that_a_locale_cannot_write_is_no_failure() -> None:
    done = run("protocols", env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0 and "\\u" in done.stdout and not done.stderr


def test_options_become_values() -> None:
    import argparse

    from dissect.cli.report import add_arguments

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ["x.pcap", "--decode-as", "tcp:9000=fogslink", "--decode-as", "udp:5000=clife-lan", "--deadline", "camera=2.5s"]
    options = options_of(parser.parse_args([*words, "--from", "1970-01-01", "--to", "2"]))
    assert options.decode_as == [DecodeAs("tcp", 9000, "fogslink"), DecodeAs("udp", 5000, "clife-lan")]
    assert options.deadlines_s == {"camera": 2.5} and (options.from_ns, options.to_ns) == (0, 2 * 10**9)
    assert options.keys is None


def test_a_table_is_aligned_by_cells() -> None:
    assert list(table(("name", "n"), [("报告", 1), ("x\x1b", None)], {1})) == ["name   n", "报告   1", "x\\x1b  -"]


WIDE = [("device", "addresses", "n", "answered", "late"), [("fogslink:20260031", "192.168.1.30 192.168.1.31", 12, 11, 1_000_000)], {2, 3, 4}]


def test_columns_of_text_give_way_to_a_terminal_and_figures_do_not() -> None:
    head, rows, right = WIDE
    whole = list(table(head, rows, right))
    assert list(table(head, rows, right, width=200)) == whole
    fitted = list(table(head, rows, right, width=60))
    assert max(map(cell_width, fitted)) == 60 and [line.split()[-3:] for line in fitted] == [line.split()[-3:] for line in whole]
    # The widest gives way first.
    assert "fogslink:20260031" in fitted[1] and "192.168.1.30 192.…" in fitted[1]


def test_a_table_that_cannot_fit_is_shown_in_parts_that_begin_with_its_keys() -> None:
    head, rows, right = WIDE
    parts = list(table(head, rows, right, width=36, keys=1, least=15))
    assert [line.split()[0] if line else "" for line in parts] == ["device", "fogslink:20260…", "", "device", "fogslink:20260031"]
    assert max(map(cell_width, parts)) <= 36 and "1000000" in parts[-1] and "answered" in parts[3]
    assert max(map(cell_width, table(head, rows, right, width=36))) > 36


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_noun_follows_its_number(count: int) -> None:
    assert (counted(count, "message"), counted(count, "retry", "retries")) == [
        ("0 messages", "0 retries"), ("1 message", "1 retry"), ("2 messages", "2 retries")][count]


REFUSED = {"export": {"--redact"}, "extract": {"--redact"}, "live": {"--from", "--to", "--tls-keylog", "--engine"}}


@pytest.mark.parametrize(("command", "refused"), REFUSED.items())
def test_help_tells_no_option_that_is_always_refused(command: str, refused: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status(command, "--help") == 0
    assert not refused & set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


def test_progress_is_shown_to_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from dissect.cli import notices

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(notices, "INTERVAL_S", -1)
    for stream, seen in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        progress = notices.Progress()
        progress.at(500_000, 1_000_000)
        progress.at(900_000, None)
        progress.end()
        assert ("[###############...............] 0.5 MB of 1.0 MB" in stream.getvalue()) is seen
        assert ("0.9 MB" in stream.getvalue()) is seen and stream.getvalue().endswith("\r\x1b[K") is seen


def test_the_schema_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "The report of dissect"
