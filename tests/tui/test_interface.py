"""The interface over a network interface: real sockets in namespaces, messages as they come, bounded memory, what is said before and after."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dissect.capture import open_capture
from dissect.live import LiveCapture
from dissect.options import Options
from tests.namespaces import Network
from tests.tui.conftest import ROOT, screen_text
from tests.tui.terminal import Terminal
from tests.tui.test_live import until
from tui.app import DissectApp
from tui.export.files import FORMATS, Job, export
from tui.loading import Loader

pytestmark = pytest.mark.slow
DEVICE, SERVER, PORT = "10.78.0.1", "10.78.0.2", 63321


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        made.address(made.a, DEVICE)
        made.address(made.b, SERVER)
        yield made


class Talk:
    """A fogslink device in namespace a and its platform in b."""

    def __init__(self, network: Network) -> None:
        listener = network.socket(network.b, lambda: socket.create_server((SERVER, PORT)))
        self.device = network.socket(network.a, lambda: socket.create_connection((SERVER, PORT), 5))
        self.platform, _ = listener.accept()
        network.sockets.append(self.platform)
        self.platform.settimeout(10)

    def report(self, number: int, answered: bool = True) -> None:
        self.device.sendall(b'{"req200":{"eqSN":"20260030","packID":"%d","totalSize":0,"eqData":[]}}\n' % number)
        self.platform.recv(1000)
        if answered:
            self.platform.sendall(b'{"res200":{"eqSN":"20260030","packID":"%d","code":"8"}}\n' % number)
            self.device.recv(1000)

    def reports(self, start: int, stop: int) -> None:
        for number in range(start, stop):
            self.report(number)


CLONE_NEWNS, MS_REC_PRIVATE = 0x00020000, 0x44000
_libc = ctypes.CDLL(None, use_errno=True)


def opened_there(*arguments: Any, **named: Any) -> LiveCapture:
    """In the thread's own namespace of the network, with a /sys that shows it, as `ip netns exec` makes one; threads begun here stay here."""
    assert not _libc.unshare(CLONE_NEWNS), ctypes.get_errno()
    assert not _libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None), ctypes.get_errno()
    assert not _libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None), ctypes.get_errno()
    return LiveCapture(*arguments, **named)


def live_app(network: Network, keep: int = 500_000, options: Options | None = None, bpf: str = "tcp", redact: bool = False, **named: Any) -> DissectApp:
    capture = network.within(network.b, lambda: opened_there("veth", bpf, **named))
    return DissectApp(Loader([], options or Options(keep_bytes=True), live=capture, keep=keep, redact=redact), ascii_only=False, follow=True)


async def test_messages_come_up_as_they_are_sent(network: Network, tmp_path: Path) -> None:
    app = live_app(network)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.5)
        assert "waiting on veth" in screen_text(app)
        talk = await asyncio.to_thread(Talk, network)
        await asyncio.to_thread(talk.reports, 0, 30)
        await until(lambda: app.messages.list.count == 60)
        assert app.messages.list.cursor == 59, "it follows"
        await pilot.pause(1.2)
        shown = screen_text(app)
        assert "LIVE" in shown and "veth" in shown and "drop 0" in shown and "mem " in shown
        assert b"req200" in app.messages.hex.data["Packet"] or b"res200" in app.messages.hex.data["Packet"]
        await pilot.press("p")
        await asyncio.to_thread(talk.reports, 30, 40)
        await until(lambda: app.waiting_rows == 20)
        assert app.messages.list.count == 60
        await pilot.pause(0.5)
        assert "+20 new" in screen_text(app)
        await pilot.press("p")
        await until(lambda: app.messages.list.count == 80)
        await pilot.press("q")
        assert len(app.screen_stack) == 2 and "not saved" in screen_text(app)
        await pilot.press("n")
        job = Job(app.store, app.loader, app.context, [0, 1, 2], app.pane.lines, app.hiding)
        assert "3 packets" in export(job, FORMATS[0], tmp_path / "out.pcapng")
        app.loader.cancel()
        await until(lambda: app.store.finished)
        await pilot.press("q")
    app.loader.close()


def frames_of(folder: str) -> list[bytes]:
    """The packets of a sample capture."""
    found = []
    for batch in open_capture([str(next((ROOT / "captures" / folder).glob("capture.pcap*")))]):
        found += [batch.packet(place) for place in range(len(batch))]
    return found


@pytest.mark.parametrize("ended", [False, True], ids=["while it goes on", "when it has ended"])
async def test_keys_loaded_meanwhile_open_what_is_kept_and_what_comes(network: Network, ended: bool) -> None:
    """A key exchange with a private value: its own messages have to be opened before those that it seals."""
    frames = frames_of("clife-lan-dh")
    wire = network.socket(network.a, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    network.within(network.a, lambda: wire.bind(("veth", 0)))
    app = live_app(network, bpf="udp")
    async with app.run_test(size=(120, 40)) as pilot:
        for frame in frames[:15]:
            wire.send(frame)
        await until(lambda: app.store.count >= 8)
        await pilot.pause(0.5)
        if ended:
            app.loader.cancel()
            await until(lambda: app.store.finished)
        await pilot.press("g", "j", "j", "m", "a")
        marked = app.store.analysis.id_of(app.mark_names["a"])
        assert "[no-key]" in screen_text(app)
        count = app.store.count
        await pilot.press("K")
        await pilot.pause(0.1)
        await pilot.press(*str(ROOT / "captures" / "clife-lan-dh" / "keys.toml"), "enter")
        await until(lambda: "[no-key]" not in screen_text(app) and app.store.analysis is app.loader.analysis)
        analysis = app.store.analysis
        assert app.store.count == count
        states = [one.encryption.status for one in map(analysis.message_at, range(count)) if one.encryption is not None]
        assert states and set(states) == {"decrypted"}
        assert "crypto.no-key" not in {one.code for one in analysis.anomalies}
        assert analysis.id_of(app.mark_names["a"]) == marked and app.messages.index == app.mark_names["a"]
        await until(lambda: any("messages are decrypted now" in one.message for one in app._notifications))
        await until(lambda: "Decrypted" in str(app.messages.hex.border_title))
        if not ended:
            for frame in frames[15:]:
                wire.send(frame)
            await until(lambda: app.store.count == 17)
            last = app.store.analysis.message_at(13)
            assert last.encryption is not None and last.encryption.status == "decrypted"
    app.loader.close()


async def test_redacted_keys_open_nothing_that_is_kept(network: Network) -> None:
    frames = frames_of("clife-lan-fixed")
    wire = network.socket(network.a, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    network.within(network.a, lambda: wire.bind(("veth", 0)))
    app = live_app(network, bpf="udp", redact=True)
    async with app.run_test(size=(120, 40)) as pilot:
        for frame in frames:
            wire.send(frame)
        await until(lambda: app.store.count == 9)
        app._load_keys(str(ROOT / "captures" / "clife-lan-fixed" / "keys.toml"))
        await until(lambda: any("nothing is kept of what was sent" in one.message for one in app._notifications))
        assert not app.names
        await pilot.press("Q")
    app.loader.close()


async def test_saved_packets_need_no_question(network: Network, tmp_path: Path) -> None:
    app = live_app(network, write=str(tmp_path / "saved.pcapng"))
    async with app.run_test(size=(80, 24)) as pilot:
        talk = await asyncio.to_thread(Talk, network)
        await asyncio.to_thread(talk.report, 1)
        await until(lambda: app.messages.list.count == 2)
        assert app.loader.saved and not app.loader.unsaved
        await pilot.press("q")
        await pilot.pause(0.2)
        assert app._exit
    app.loader.close()
    done = subprocess.run(["tshark", "-r", str(tmp_path / "saved.pcapng"), "-Y", "data or tcp.len > 0"], capture_output=True, text=True, timeout=60, check=True)
    assert len(done.stdout.splitlines()) == 2


async def test_no_more_than_asked_for_is_kept_and_the_reader_stays_where_he_is(network: Network) -> None:
    app = live_app(network, keep=300)
    app.following = False
    async with app.run_test(size=(120, 40)) as pilot:
        talk = await asyncio.to_thread(Talk, network)
        await asyncio.to_thread(talk.reports, 0, 140)
        await until(lambda: app.messages.list.count == 280)
        app.go_to_message(250)
        await pilot.press("m")
        ident, place = app.store.analysis.id_of(250), app.messages.list.cursor - app.messages.list.top
        await asyncio.to_thread(talk.reports, 140, 180)
        await until(lambda: app.loader.evicted > 0 and app.store.analysis is app.loader.analysis)
        await until(lambda: app.messages.list.count == 360 - app.loader.evicted)
        index = app.messages.index
        assert index is not None and app.store.analysis.id_of(index) == ident and app.marked == {index}
        assert app.messages.list.cursor - app.messages.list.top == place
        assert len(app.store.analysis) <= 300 and app.loader.evicted == 150
        await pilot.pause(1.0)
        assert "150 evicted" in screen_text(app)
        await pilot.resize_terminal(80, 24)
        await pilot.pause(1.0)
        title = screen_text(app).splitlines()[0]
        assert all(text in title for text in ("veth", "150 evicted", "LIVE", "drop 0", "MB", " E ", " W ")), title
        await pilot.resize_terminal(120, 40)
        await asyncio.to_thread(talk.reports, 180, 400)
        await until(lambda: app.loader.evicted + app.messages.list.count == 800, 20)
        assert len(app.loader.analysis) <= 300 and app.is_running and not app.marked
        await pilot.press("F")
        await asyncio.to_thread(talk.reports, 400, 560)
        await until(lambda: app.loader.evicted + app.messages.list.count == 1120, 20)
        await until(lambda: app.messages.list.cursor == app.messages.list.count - 1)
        await pilot.press("p")
        shown, evicted = app.messages.list.count, app.first_kept
        await asyncio.to_thread(talk.reports, 560, 800)
        await until(lambda: app.loader.evicted + len(app.loader.analysis) == 1600, 20)
        await until(lambda: app.waiting_rows == 480)
        assert app.messages.list.count == shown and app.first_kept == evicted, "what is looked at stays, whatever is evicted meanwhile"
        await pilot.press("p")
        await until(lambda: app.first_kept == app.loader.evicted and app.messages.list.count == 1600 - app.loader.evicted, 20)
        app.set_filter('fogslink.packID == "790"')
        await until(lambda: len(app.listing) == 2)
    app.loader.close()


async def test_a_request_beyond_its_deadline_is_overdue_before_it_is_final(network: Network) -> None:
    app = live_app(network, options=Options(keep_bytes=True, deadlines_s={"fogslink": 1.0}))
    async with app.run_test(size=(120, 40)) as pilot:
        talk = await asyncio.to_thread(Talk, network)
        await asyncio.to_thread(talk.report, 1)
        await asyncio.to_thread(talk.report, 2, False)
        await until(lambda: app.messages.list.count == 3)
        assert not app.store.overdue
        await until(lambda: app.store.overdue == {3})
        await pilot.pause(0.3)
        assert screen_text(app).count("overdue") == 1 and len(app.store.analysis.exchange_columns) == 1
        await pilot.press("2")
        await until(lambda: "overdue" in screen_text(app))
        await pilot.press("3")
        await until(lambda: "1 overdue" in screen_text(app))
        talk.platform.sendall(b'{"res200":{"eqSN":"20260030","packID":"2","code":"8"}}\n')
        await until(lambda: not app.store.overdue)
        await until(lambda: [one.status for one in map(app.store.analysis.exchange_at, range(len(app.store.analysis.exchange_columns)))] == ["ok", "late"])
    app.loader.close()


def test_in_a_terminal_and_what_is_said_without_the_right_or_the_interface(network: Network) -> None:
    with Terminal("-i", "nosuch0") as terminal:
        terminal.wait_for(b"no such interface")
        assert terminal.status() == 1 and b"\x1b[?1049h" not in terminal.seen
    drop = "-net_raw,-net_admin"
    with Terminal("-i", "veth", prefix=("ip", "netns", "exec", network.b, "setpriv", "--bounding-set", drop, "--inh-caps", drop)) as terminal:
        terminal.wait_for(b"may not capture")
        assert terminal.status() == 1 and b"sudo" in terminal.seen and b"\x1b[?1049h" not in terminal.seen
    with Terminal("-i", "veth", prefix=("ip", "netns", "exec", network.b)) as terminal:
        terminal.wait_for(b"waiting on veth")
        talk = Talk(network)
        for number in range(5):
            talk.report(number)
        terminal.wait_for(b"10 msgs")
        terminal.press("q")
        terminal.wait_for(b"not saved")
        terminal.press("y")
        assert terminal.status() == 0
        time.sleep(0.1)
        assert b"Traceback" not in terminal.seen
