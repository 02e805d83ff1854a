"""What someone who opens the interface for the first time stumbles over: a ladder on one machine, Esc, files that are damaged or none."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.bench.packets import SYN, Flow, address, write
from tests.tui.conftest import DEMO, ROOT, Running, app_of, make_app, screen_text, settled
from tests.tui.test_live import until
from tui.app import DissectApp
from tui.model.cells import plain
from tui.screens.stats import ticks_of

pytestmark = pytest.mark.slow


def told(app: DissectApp) -> str:
    """What pops up at the edge."""
    return "\n".join(one.message for one in app._notifications)


def one_machine(path: Path) -> Path:
    """A device and its server on two ports of 127.0.0.1."""
    flow = Flow(address(127, 0, 0, 1), address(127, 0, 0, 1), 40000, 63321, 1)
    write(path, [(0.0, flow.tcp(0, b"", SYN)), (0.1, flow.tcp(0, b'{"req001":{"eqSN":"12345678","eqType":"128"}}\n')),
                 (0.2, flow.tcp(1, b'{"res001":{"eqSN":"12345678","code":"0","tKey":"abc"}}\n'))])
    return path


async def test_two_ports_of_one_machine_are_two_lifelines(running: Running, tmp_path: Path) -> None:
    async with running(app=make_app(one_machine(tmp_path / "lo.pcap"), None)) as pilot:
        app = app_of(pilot)
        await pilot.press("2")
        await settled(pilot)
        shown = screen_text(app)
        assert "12345678 :40000" in shown and "127.0.0.1:63321" in shown
        assert "─ req001 ─" in shown and "<─ res001 ─" in shown
        from tui.export.ladder import ladder_mermaid, ladder_svg

        assert "p0->>p1" in ladder_mermaid(app.store, app.context, [0, 1]) and "p1-->>p0" in ladder_mermaid(app.store, app.context, [0, 1])
        assert ladder_svg(app.store, app.context, [0, 1]).count("127.0.0.1") == 1


async def test_merged_sessions_stand_beside_whom_they_speak_with(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        app.choose_sessions(frozenset({1, 4, 5}))
        await settled(pilot)
        app.action_view("ladder")
        await settled(pilot)
        ladder = app.ladder.list.ladder
        assert ladder is not None
        place = {lane.address: at for at, lane in enumerate(ladder.lanes)}
        for ident in (1, 4, 5):
            device, peer = ladder.ends(app.store.analysis.sessions[ident])
            assert place[peer] - place[device] == 1, "no foreign lifeline between them"
        assert not app.ladder.preview.display, "the preview makes room for lifelines"
        await pilot.press("0")
        await pilot.pause(0.1)
        assert app.ladder.preview.display, "until it is asked for"
        lines = [plain(ladder.line(entry, 82, 0)) for entry in range(len(ladder))]
        assert any(" >> " in line and "HT" in line for line in lines), "what is beyond the edge is named there"
        assert any("<< req001" in plain(ladder.line(entry, 82, len(ladder.lanes) - 2)) for entry in range(len(ladder)))


async def test_esc_never_leaves_and_q_does(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("4", "escape", "escape", "escape", "escape")
        await pilot.pause(0.1)
        assert app.current == "messages" and app.is_running and "q quits" in told(app)
        await pilot.press("2", "q")
        assert app.current == "messages" and app.is_running
        await pilot.press("q")
        await pilot.pause(0.2)
        assert not app.is_running


async def test_what_failed_is_said_where_the_messages_would_be(running: Running, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pcap"
    nothing.write_bytes(b"garbage that is no capture at all\n" * 3)
    app = make_app(nothing, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.loader.done)
        await pilot.pause(1)
        shown = " ".join(screen_text(app).replace("░", " ").split())
        assert "reading failed: " in shown and "neither pcap nor pcapng; --engine tshark reads what Wireshark knows" in shown
    app.loader.close()


async def test_a_file_that_ends_too_soon_is_called_damaged(running: Running, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(DEMO.read_bytes()[:20_000])
    async with running(app=make_app(cut)) as pilot:
        await pilot.pause(0.6)
        assert " damaged " in screen_text(app_of(pilot)) and "ends inside a block" in told(app_of(pilot))


async def test_keys_say_what_they_opened(running: Running, tmp_path: Path) -> None:
    folder = ROOT / "captures" / "clife-lan-dh"
    async with running(app=make_app(folder / "capture.pcap", None)) as pilot:
        app = app_of(pilot)
        app._load_keys(str(folder / "keys.toml"))
        await settled(pilot)
        await pilot.pause(0.5)
        assert "10 messages are decrypted now" in told(app)
        other = tmp_path / "other.toml"
        other.write_text('[names]\n"192.168.6.6" = "lamp"\n')
        app._load_keys(str(other))
        await settled(pilot)
        await pilot.pause(0.5)
        assert "these keys open no message here" in told(app)


async def test_an_export_of_what_is_shown_takes_folded_heartbeats_along(running: Running, tmp_path: Path) -> None:
    async with running(size=(120, 40)) as pilot:
        app = app_of(pilot)
        assert len(app.listing) < app.store.count and "23 folded" in screen_text(app)
        assert app.pane.shown().members().tolist() == app.store.order().tolist()
        await pilot.press("2")
        await settled(pilot)
        mine = app.store.session_column()[app.pane.shown().members()]
        assert len(set(mine.tolist())) == 1 and len(mine) == int(app.pane.shown().folded().sum()) > len(app.pane.shown())
        await pilot.press("1", "e")
        await pilot.pause(0.2)
        assert f"shown ({app.store.count})" in screen_text(app)
        there = tmp_path / "there.csv"
        there.write_text("mine")
        from textual.widgets import Input, RadioSet

        app.screen.query_one("#export-format", RadioSet)._selected = 3
        app.screen.query_one("#export-format", RadioSet).action_toggle_button()
        await pilot.pause(0.1)
        app.screen.query_one("#export-path", Input).value = str(there)
        await pilot.press("f2")
        await pilot.pause(0.3)
        assert there.read_text() == "mine" and "overwrites" in screen_text(app)
        await pilot.press("f2")
        await until(lambda: there.read_text() != "mine")
        await pilot.pause(0.3)
        head, *rows = csv.reader(there.open(encoding="utf-8"))
        assert len(set(head)) == len(head) and len(rows) == app.store.count


async def test_follow_ends_a_pause(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("p", "F")
        assert app.following and not app.paused and app.messages.index == app.listing.index(len(app.listing) - 1)
        await pilot.press("F")
        assert not app.following


async def test_the_session_of_the_message_under_the_cursor_is_pointed_to(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        for _ in range(6):
            await pilot.press("j")
        await pilot.pause(0.3)
        index = app.messages.index
        assert index is not None and app.store.session_of(index).id != 1
        assert app.messages.sessions.session == app.store.session_of(index).id
        assert "192.168.6.9" in str(app.messages.details.border_title)


@pytest.mark.parametrize(("values", "by_tens", "expected"), [
    ([0, 8], False, [0, 2, 4, 6, 8]), ([0.0, 94.8], False, [0, 20, 40, 60, 80]), ([34, 11131], True, [100, 1000, 10000]),
    ([34, 98], True, [34, 98]), ([5], True, [5]), ([], True, [1]), ([0, 0], False, [0]),
])
def test_axes_have_round_figures(values: list[float], by_tens: bool, expected: list[float]) -> None:
    assert ticks_of(values, by_tens)[:5] == pytest.approx(expected)


async def test_what_tab_would_take_and_what_else_there_is_stands_below_what_is_typed(running: Running) -> None:
    async with running() as pilot:
        app = app_of(pilot)
        await pilot.press("slash", *"imei", "full_stop")
        await pilot.pause(0.3)
        assert "imei.cmd " in screen_text(app) and "Tab: take" in screen_text(app)
        app.filter_bar.input.clear()
        await pilot.press(*"clife.cmd", "space", "equals_sign", "equals_sign", "space")
        await pilot.pause(0.5)
        listed = [one.shown for one in app.filter_bar.offers.offered]
        assert listed[:2] == ["2006", "2007"] and "HT" not in listed, "values of this protocol alone"
        await pilot.press("tab")
        await pilot.pause(0.1)
        assert app.filter_bar.input.value == "clife.cmd == 2006"
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert "Tab: take" not in screen_text(app)


@pytest.mark.parametrize("width", [80, 120])
async def test_a_long_reason_is_cut_where_the_bar_ends(running: Running, width: int) -> None:
    async with running(size=(width, 24)) as pilot:
        app = app_of(pilot)
        app.set_filter("rubbish rubbish && ==")
        await pilot.pause(0.2)
        assert app.glyphs.cross in screen_text(app).splitlines()[1]


async def test_a_request_and_its_answer_are_compared_by_what_is_in_their_envelopes(running: Running) -> None:
    from tui.model.diff import difference

    async with running() as pilot:
        found = {row.name: row.sign for row in difference(app_of(pilot).store, 0, 1)}
        assert found["eqSN"] == " " and found["eqType"] == "-" and found["code"] == "+"


async def test_the_ladder_of_an_upgrade_says_what_codes_stand_for_and_how_far_it_is(running: Running) -> None:
    async with running(app=make_app(ROOT / "captures" / "clife-cloud-upgrade" / "capture.pcapng", None)) as pilot:
        await pilot.press("2")
        await settled(pilot)
        shown = screen_text(app_of(pilot))
        assert "2004 #101 connect ─" in shown and "upgrading 60%" in shown and "tells its versions" in shown
