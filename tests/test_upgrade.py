"""File operations and their stories (001, 4.3.2.8 and 5.4): what each answer makes of the exchange, and which anomaly belongs to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ladder import Told
from tests.scene import Scene, envelope, packet

BROKER, DEVICE = ("203.0.113.1", 1883), ("10.0.0.5", 42000)
MD5 = "6d348c902ace4d09b6d62ce982dc8ace"


def firmware(software: str = "1.0.2.0", **more: Any) -> dict[str, Any]:
    file = {"fileType": "FIRM", "devNum": 0, "software": software, "hardware": "1.0", "checkSum": 1, "md5": MD5, "url": "https://clife.cn/a.bin"}
    return {"fileMode": "DOWN", "productVer": 2, "fileInfo": [{**file, **more}]}


def without(name: str) -> dict[str, Any]:
    asked = firmware()
    return {"fileMode": "DOWN", "productVer": 2, "fileInfo": [{key: value for key, value in asked["fileInfo"][0].items() if key != name}]}


def version(software: str, number: int = 0) -> dict[str, Any]:
    return {"respCode": 3, "respCont": "ver", "productVer": 2, "devVer": [{"software": software, "hardware": "1.0", "devNum": number}]}


BLANKS: dict[str, Any] = {" devNum ": 0}
UPLOAD = {"fileMode": "UP", "fileInfo": [{"fileType": "PHOTO", "url": "https://clife.cn/storage"}]}
QUERY = {"fileMode": "QUERY", "fileInfo": [{"fileType": "FIRM", "url": "https://clife.cn/ota"}]}


def told_of(*said: Any, until: float = 500) -> Told:
    """Each step: the data of a 2019 or 2018 with msgId 9, or (msgId, data); the first in the session is a 2004."""
    scene = Scene()
    line = scene.mqtt(DEVICE, BROKER, "d1")
    line.says(0.5, "clife/d1/up", envelope(2004, "03", 1, at=0.5))
    line.hears(0.6, "clife/d1/down", envelope(2005, "30", 1, at=0.6))
    for place, step in enumerate(said):
        at = 1.0 + place
        msg_id, data = step if isinstance(step, tuple) and isinstance(step[1], dict) else (9, step)
        if isinstance(data, tuple):
            data = {"respCode": data[0], "respCont": data[1]}
        if "fileMode" in data:
            line.hears(at, "clife/d1/down", envelope(2019, "30", msg_id, data, at))
        else:
            line.says(at, "clife/d1/up", envelope(2018, "03", msg_id, data, at))
    return scene.told(until=until)


GOOD = ((1, 1), (1, 100), (0, 1), (0, 100))
def test_a_story_without_end_is_given_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dissect.pairing.waiting.MEMBERS_LIMIT", 20)
    told = told_of(firmware(), *[(1, 1)] * 40)
    story = told.exchanges[-1]
    assert len(story.attempts) + len(story.intermediate) == 20
    assert told.totals.limits.open_requests == 1


STORIES: dict[str, tuple[tuple[Any, ...], str, int | None, int, dict[str, int]]] = {
    # name: steps, status, place of the response among the steps, number of intermediates, codes
    "good": ((firmware(), *GOOD), "ok", 2, 3, {}),
    "good, in text": ((firmware(), *((code, str(share)) for code, share in GOOD)), "ok", 2, 3, {}),
    "good, with more stages": ((firmware(), (1, 1), (1, 50), (1, 50), (1, 100), (0, 1), (0, 60), (0, 100)), "ok", 2, 6, {}),
    "failed by its checksum": ((firmware(), (1, 1), (1, 100), (-1, 2)), "error", 2, 2, {"upgrade.failed": 1}),
    "failed at once": ((firmware(), (-1, "0")), "error", 2, 0, {"upgrade.failed": 1}),
    "failed otherwise": ((firmware(), (1, 1), (-1, "flash worn")), "error", 2, 1, {"upgrade.failed": 1}),
    "broken off": ((firmware(), (1, 1), (1, 40)), "pending", 2, 1, {"upgrade.incomplete": 1}),
    "not begun": ((firmware(),), "timeout", None, 0, {"pair.timeout": 1}),
    "backwards": ((firmware(), (1, 1), (1, 60), (1, 40), (1, 100), (0, 1), (0, 100)), "ok", 2, 5, {"upgrade.out-of-order": 1}),
    "swapped": ((firmware(), (1, 1), (0, 1), (1, 100), (0, 100)), "ok", 2, 3, {"upgrade.out-of-order": 1}),
    "a stage left out": ((firmware(), (1, 1), (1, 100), (0, 100)), "ok", 2, 2, {"upgrade.incomplete": 1}),
    "a share of 0": ((firmware(), (1, 0), *GOOD), "ok", 2, 4, {"schema.bad-value": 1}),
    "a code that is none": ((firmware(), (7, 1), *GOOD), "ok", 2, 4, {"schema.bad-value": 1}),
    "the version behind it": ((firmware(), *GOOD, version("1.0.2.0")), "ok", 2, 3, {}),
    "an upload": ((UPLOAD, (1, 100)), "ok", 2, 0, {}),
    "an upload that failed": ((UPLOAD, (-1, 0)), "error", 2, 0, {"upgrade.failed": 1}),
    "an upload without answer": ((UPLOAD,), "timeout", None, 0, {"pair.timeout": 1}),
    "a query": ((QUERY, version("1.0.0.0")), "ok", 2, 0, {}),
    "a query that fails": ((QUERY, (-1, 1)), "error", 2, 0, {"upgrade.failed": 1}),
    "http": ((firmware(url="http://clife.cn/a.bin"), *GOOD), "ok", 2, 3, {"security.insecure-url": 1}),
    "a name with blanks": ((firmware("1.0.2.0", **BLANKS), *GOOD), "ok", 2, 3, {"schema.lenient-json": 1}),
    "no md5": ((without("md5"), *GOOD), "ok", 2, 3, {"schema.missing-field": 1}),
    "no software": ((without("software"), *GOOD), "ok", 2, 3, {"schema.missing-field": 1}),
    "no url": ((without("url"), *GOOD), "ok", 2, 3, {"schema.missing-field": 1}),
    "no product version": (({"fileMode": "DOWN", "fileInfo": firmware()["fileInfo"]}, *GOOD), "ok", 2, 3, {"schema.missing-field": 1}),
    "product version 0": (({**firmware(), "productVer": 0}, *GOOD), "ok", 2, 3, {"schema.bad-value": 1}),
    "a part over 100": ((firmware("1.0.101.0"), *GOOD), "ok", 2, 3, {"schema.bad-value": 1}),
    "a part of 100": ((firmware("1.0.100"), *GOOD), "ok", 2, 3, {}),
    "a plug-in without its number": ((without("devNum") | {"fileInfo": [{**without("devNum")["fileInfo"][0], "fileType": "SUBFIRM"}]}, *GOOD), "ok", 2, 3,
                                     {"schema.missing-field": 1}),
    "it ends before it starts": (({**firmware(), "startTime": 10, "stopTime": 5}, *GOOD), "ok", 2, 3, {"schema.bad-value": 1}),
}


@pytest.mark.parametrize("name", STORIES)
def test_stories(name: str) -> None:
    steps, status, response, intermediate, codes = STORIES[name]
    told = told_of(*steps)
    story = told.exchange_of("file operation")
    assert (story.status, len(story.intermediate), story.attempts) == (status, intermediate, [story.request])
    assert told.places(story.response) == (response + 2 if response else None)
    assert told.codes() == codes


@pytest.mark.parametrize("unasked", [(2, "FIRM"), (2, "ALL"), version("1.0.0.0"), (1, 1), (-1, 0)])
def test_what_comes_unasked_is_no_orphan(unasked: Any) -> None:
    told = told_of((77, unasked) if isinstance(unasked, dict) else (77, {"respCode": unasked[0], "respCont": unasked[1]}))
    assert told.exchanges[1:] == [] and told.orphans() == []
    assert told.codes() == ({"upgrade.failed": 1} if unasked == (-1, 0) else {})


@pytest.mark.parametrize(("has", "gets", "codes"), [("2.0.0.0", "1.9.9.9", 1), ("1.0", "1.0.0.0", 0), ("1.0.9.0", "1.0.10.0", 0), ("junk", "1.0", 0)])
def test_downgrades(has: str, gets: str, codes: int) -> None:
    told = told_of((5, version(has)), (9, firmware(gets)), *GOOD)
    assert told.codes(("schema.bad-value",)) == ({"upgrade.downgrade": 1} if codes else {})
    assert told_of((5, version(has, 3)), (9, firmware(gets)), *GOOD).codes(("schema.bad-value",)) == {}


def test_the_documents_examples() -> None:
    asked = {
        "fileMode": "DOWN", "productVer": 2, "startTime": 0, "stopTime": 600,
        "fileInfo": [
            {"fileType": "FIRM", "devNum": 0, "software": "1.0.2.0", "hardware": "02", "checkSum": 34458424, "md5": MD5,
             "url": "http://clife.open.cn/device/ota/esp8266.bin"},
            {"fileType": "SUBFIRM", " devNum": 1, "software": "01", "hardware": "02", "checkSum": 764234235, "md5": MD5,
             "url": "http://clife.open.cn/device/ota/esp8266_1.bin"},
        ],
    }
    answer = {"respCode": 3, "respCont": "ver", "productVer": 2,
              "devVer": [{"software": "1.0.0.0", "hardware": "1.0", "devNum": 0}, {"software": "01", "hardware": "02", "devNum": 1}]}
    told = told_of((23454, asked), (23454, answer), (23454, {"respCode": 2, "respCont": "SUBFIRM"}))
    assert told.codes() == {"schema.lenient-json": 1, "security.insecure-url": 2}
    assert told.messages[2].fields["data"] == asked


def test_what_a_device_subscribes_to_tells_whom_the_platform_means() -> None:
    scene = Scene()
    platform, device = scene.mqtt(("10.0.0.9", 41000), BROKER, "platform"), scene.mqtt(DEVICE, BROKER, "d1", 0.1)
    device.up(0.2, packet(0x82, b"\0\1" + b"\0\x0dclife/d1/down\1"))
    device.down(0.3, b"\x90\3\0\1\1")
    told = envelope(2018, "03", 5, version("1.0.3.0"), 1)
    device.says(1, "clife/d1/up", told)
    platform.hears(1.01, "clife/d1/up", told)
    asked = envelope(2019, "30", 9, firmware("1.0.2.0"), 2)
    platform.says(2, "clife/d1/down", asked)
    device.hears(2.01, "clife/d1/down", asked)
    assert scene.told().codes() == {"upgrade.downgrade": 1}
