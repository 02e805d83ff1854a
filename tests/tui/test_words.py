"""Codes as their document reads them: the stages of an upgrade in the list and on the ladder."""

from __future__ import annotations

import pytest

from grammars.clife_cloud import told_in_words
from tests.tui.conftest import ROOT, Running, make_app, screen_text, settled


@pytest.mark.parametrize(("data", "words"), [
    ({"respCode": 1, "respCont": "1"}, "downloading 1%"),
    ({"respCode": 1, "respCont": 100}, "downloaded 100%"),
    ({"respCode": 0, "respCont": "60"}, "upgrading 60%"),
    ({"respCode": 0, "respCont": "100"}, "upgraded 100%"),
    ({"respCode": 2, "respCont": "FIRM"}, "asks for an upgrade FIRM"),
    ({"respCode": 3, "respCont": "ver"}, "tells its versions"),
    ({"respCode": -1, "respCont": "2"}, "failed: checksum wrong, upgrade cancelled"),
    ({"respCode": -1, "respCont": "x" * 500}, "failed: " + "x" * 80),
    ({"respCode": 1, "respCont": "101"}, ""),
    ({"respCode": True, "respCont": "5"}, ""),
    ({"respCode": [], "respCont": {}}, ""),
    ({}, ""), (None, ""), ([1], ""), ("text", ""),
])
def test_what_a_device_says_of_an_upgrade(data: object, words: str) -> None:
    assert told_in_words(data) == words


@pytest.mark.slow
async def test_the_story_of_an_upgrade_is_read_off_the_ladder(running: Running) -> None:
    folder = ROOT / "captures" / "clife-cloud-upgrade"
    keys = folder / "keys.toml"
    async with running(app=make_app(next(folder.glob("capture.pcap*")), keys if keys.exists() else None)) as pilot:
        await pilot.press("2")
        await settled(pilot)
        shown = screen_text(pilot.app)  # type: ignore[arg-type]
        told = [shown.find(words) for words in ("downloading 1%", "downloaded 100%", "upgrading 1%", "upgraded 100%")]
        assert -1 not in told and told == sorted(told), shown
