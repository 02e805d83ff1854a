"""camera as whole captures: over a broker on both legs, HTTP, and bare TCP; identities, heartbeats, clocks, pictures."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissect.model import Message
from tests.effort import examples
from tests.ladder import Told
from tests.scene import End, Scene, Tcp, answered, operate, post

BROKER, SERVER, ONE, TWO = ("203.0.113.1", 1883), ("10.0.0.9", 41000), ("10.0.0.5", 42000), ("10.0.0.6", 42000)
BARE, WEB = ("203.0.113.7", 9100), ("203.0.113.8", 8080)
A, B = "200000000001", "200000000002"
CONFIG: dict[str, Any] = {"upload_type": 0, "upload_addr": "https://bd.com/api", "hb_interval": 60}
TOLD: dict[str, Any] = {**CONFIG, "mac": "11:22:33", "run_time": 1000}
PICTURE = b"\xff\xd8\xff" + bytes(2000)


class Bare:
    """A camera on one TCP connection."""

    def __init__(self, scene: Scene | None = None, camera: End = ONE, serial: str = A) -> None:
        self.scene = scene or Scene()
        self.serial = serial
        self.line = self.scene.tcp(camera, BARE)

    def up(self, at: float, name: str, request: str, serial: str | None = None, **more: Any) -> None:
        self.line.up(at, operate(name, request, serial or self.serial, None if name.endswith("_rsp") else at, **more))

    def down(self, at: float, name: str, request: str, serial: str | None = None, **more: Any) -> None:
        self.line.down(at, operate(name, request, serial or self.serial, None if name.endswith("_rsp") else at, **more))

    def beat(self, at: float, number: int = 0, ret: Any = 0) -> None:
        self.up(at, "heartbeat", f"h{at}{number}")
        self.down(at + 0.1, "heartbeat_rsp", f"h{at}{number}", ret=ret, msg="")


OPERATIONS: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    ("up", "heartbeat", {}, {}, "heartbeat"),
    ("up", "upload_snapshot", {"data": ""}, {}, "upload snapshot"),
    ("down", "get_dev_config", {}, TOLD, "get configuration"),
    ("down", "set_dev_config", CONFIG, {}, "set configuration"),
    ("down", "upgrade_dev", {"package_url": "https://app.bin"}, {}, "push upgrade"),
    ("down", "control_cmd", {"cmd_data": {"type": "take_snapshot"}}, {"cmd_data": {"type": "take_snapshot", "data": "AAAA"}}, "control"),
    ("down", "control_cmd", {"cmd_data": {"type": "io_control", "io0": 0, "io1": "1"}}, {"cmd_data": {"type": "io_control", "data": None}}, "control"),
    ("down", "control_cmd", {"cmd_data": {"type": "io_control"}}, {}, "control"),
]


@pytest.mark.parametrize(("way", "name", "asks", "answers", "operation"), OPERATIONS)
@pytest.mark.parametrize(("ret", "status", "code"), [(0, "ok", None), (1, "error", "pair.refused"), ("0", "ok", "schema.bad-type")])
def test_every_operation(way: str, name: str, asks: dict[str, Any], answers: dict[str, Any], operation: str, ret: Any, status: str, code: str | None) -> None:
    camera = Bare()
    (camera.up if way == "up" else camera.down)(1, name, "r1", **asks)
    (camera.down if way == "up" else camera.up)(2, name + "_rsp", "r1", ret=ret, msg="", **answers)
    told = camera.scene.told()
    if name == "heartbeat" and ret == 1:
        code = "state.authentication-failed"
    assert told.codes() == ({code: 1} if code else {}) and told.legs() == [([1], [], 2, None, status)]
    assert told.exchanges[0].operation == operation and told.exchanges[0].latency_ms == 1000
    assert told.devices["camera:" + A].addresses == ["10.0.0.5"] and told.sessions[1].device_id == "camera:" + A


BROKEN: dict[str, tuple[bytes, dict[str, int]]] = {
    "the document's comma": (
        b'{"operate":"control_cmd","request_id":"r9","sn":"200000000001","timestamp":1790000001,"cmd_data":{"type":"take_snapshot",}}',
        {"schema.lenient-json": 1},
    ),
    "an unknown operate": (operate("dance", "r9", A, 1), {"schema.unknown-type": 1}),
    "no timestamp": (operate("get_dev_config", "r9", A), {"schema.missing-field": 1}),
    "an interval too short": (operate("set_dev_config", "r9", A, 1, **{**CONFIG, "hb_interval": 10}), {"timing.heartbeat-interval": 1}),
    "the shortest interval": (operate("set_dev_config", "r9", A, 1, **{**CONFIG, "hb_interval": 15}), {}),
    "an interval too long": (operate("set_dev_config", "r9", A, 1, **{**CONFIG, "hb_interval": 361}), {"timing.heartbeat-interval": 1}),
    "an upload type that is none": (operate("set_dev_config", "r9", A, 1, **{**CONFIG, "upload_type": 2}), {"schema.bad-value": 1}),
    "an address without TLS": (operate("upgrade_dev", "r9", A, 1, package_url="http://app.bin"), {"security.insecure-url": 1}),
    "an action that is none": (operate("control_cmd", "r9", A, 1, cmd_data={"type": "explode"}), {"schema.bad-value": 1}),
    "a picture that is no base64": (operate("upload_snapshot", "r9", A, 2, data="@@@@"), {"schema.bad-value": 1, "schema.wrong-direction": 1}),
    "a picture as a URL": (operate("upload_snapshot", "r9", A, 2, data="data:image/png;base64,QUJD"), {"schema.wrong-direction": 1}),
    "the clock 301 s ahead": (operate("get_dev_config", "r9", A, 303), {"timing.clock-skew": 1}),
    "the clock 299 s ahead": (operate("get_dev_config", "r9", A, 301), {}),
    "an absurd clock": (operate("get_dev_config", "r9", A, timestamp=10**400), {"timing.clock-skew": 1}),
    "the camera's words from the server": (operate("heartbeat", "r9", A, 2), {"schema.wrong-direction": 1}),
    "no JSON": (b'{"operate":"x",,}', {"framing.malformed": 1}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_can_be_wrong_with_a_request(name: str) -> None:
    payload, codes = BROKEN[name]
    camera = Bare()
    camera.beat(1)
    camera.line.down(2, payload)
    assert camera.scene.told().codes() == codes


def test_skew_is_told_once_for_each_sender_and_again_after_a_right_clock() -> None:
    camera = Bare()
    for place, skew in enumerate((0, 400, 400, 0, 400)):
        camera.line.up(1 + place, operate("heartbeat", f"h{place}", A, 1 + place + skew))
        camera.down(1.5 + place, "heartbeat_rsp", f"h{place}", ret=0, msg="")
    camera.line.down(8, operate("get_dev_config", "q", A, 1000))
    assert camera.scene.told().codes() == {"timing.clock-skew": 3}


# -- heartbeats --


@pytest.mark.parametrize(
    ("beats", "gaps"),
    [([0, 60, 120], 0), ([0, 89, 178], 0), ([0, 91], 1), ([0, 60, 200, 260, 400], 2), ([0, 1000], 1), ([1000], 0)],
)
def test_gaps_between_heartbeats(beats: list[float], gaps: int) -> None:
    camera = Bare()
    camera.down(0.5, "get_dev_config", "first")
    camera.up(0.6, "get_dev_config_rsp", "first", ret=0, msg="", **TOLD)
    for at in beats:
        camera.beat(1 + at)
    assert camera.scene.told().codes() == ({"timing.heartbeat-gap": gaps} if gaps else {})


@pytest.mark.parametrize(("ret", "gaps"), [(0, {}), (1, {"timing.heartbeat-gap": 1, "pair.refused": 1})])
def test_a_successful_setting_changes_the_interval(ret: int, gaps: dict[str, int]) -> None:
    camera = Bare()
    camera.beat(1)
    camera.down(2, "set_dev_config", "s", **{**CONFIG, "hb_interval": 300})
    camera.up(2.1, "set_dev_config_rsp", "s", ret=ret, msg="")
    camera.beat(300)
    assert camera.scene.told().codes() == gaps


def test_heartbeats_count_across_connections() -> None:
    scene = Scene()
    for place in range(4):
        at = 60.0 * place
        line = scene.tcp(("10.0.0.5", 42000 + place), WEB, at)
        line.up(at + 0.1, post("/api", operate("heartbeat", f"h{place}", A, at)))
        line.down(at + 0.2, answered(operate("heartbeat_rsp", f"h{place}", A, ret=0, msg="")))
        line.close(at + 0.3)
    told = scene.told()
    assert told.codes() == {} and len(told.sessions) == 4 and told.statuses() == ["ok"] * 4
    assert told.devices["camera:" + A].sessions == [1, 2, 3, 4] and {one.carrier for one in told.sessions.values()} == {"tcp/http"}


# -- who is meant --


def test_two_cameras_with_the_same_request_id_on_their_own_connections() -> None:
    scene = Scene()
    one, two = Bare(scene), Bare(scene, TWO, B)
    one.up(1, "heartbeat", "x")
    two.up(1.1, "heartbeat", "x")
    two.down(1.2, "heartbeat_rsp", "x", ret=0, msg="")
    one.down(1.3, "heartbeat_rsp", "x", ret=0, msg="")
    told = scene.told()
    assert told.legs() == [([1], [], 4, None, "ok"), ([2], [], 3, None, "ok")] and told.codes() == {}


@pytest.mark.parametrize("wrong", ["999", B], ids=["of no camera", "of the other camera, which asks the same"])
def test_an_answer_that_names_another_camera(wrong: str) -> None:
    scene = Scene()
    one, two = Bare(scene), Bare(scene, TWO, B)
    two.up(1, "heartbeat", "x")
    one.up(1.1, "heartbeat", "x")
    one.down(1.3, "heartbeat_rsp", "x", wrong, ret=0, msg="")
    two.down(1.4, "heartbeat_rsp", "x", ret=0, msg="")
    told = scene.told()
    assert told.legs() == [([1], [], 4, None, "ok"), ([2], [], 3, None, "ok")] and told.codes() == {"pair.identity-mismatch": 1}
    assert sorted(told.devices) == ["camera:" + A, "camera:" + B]


def test_the_documents_own_mismatch_and_a_camera_that_answers_for_another() -> None:
    camera = Bare()
    camera.up(1, "upload_snapshot", "x", "290200001002", data="")
    camera.down(1.1, "upload_snapshot_rsp", "x", "200000000001", ret=0, msg="")
    told = camera.scene.told()
    assert told.codes() == {"pair.identity-mismatch": 1} and list(told.devices) == ["camera:290200001002"] and told.statuses() == ["ok"]
    camera = Bare()
    camera.down(1, "get_dev_config", "x")
    camera.up(1.1, "get_dev_config_rsp", "x", "999", ret=0, msg="", **TOLD)
    told = camera.scene.told()
    assert told.codes() == {"pair.identity-mismatch": 1} and list(told.devices) == ["camera:" + A]


def test_requests_sent_again_late_and_in_vain() -> None:
    camera = Bare()
    for at in (1, 12, 23):
        camera.up(at, "upload_snapshot", "v", data="")
    camera.up(40, "upload_snapshot", "l", data="")
    camera.down(55, "upload_snapshot_rsp", "l", ret=0, msg="")
    camera.up(60, "upload_snapshot", "n", data="")
    told = camera.scene.told(until=300)
    assert told.statuses() == ["timeout", "late", "timeout"]
    assert told.codes() == {"pair.retries-exhausted": 1, "pair.retransmission": 1, "pair.late": 1, "pair.timeout": 1}


def test_an_id_used_for_another_request() -> None:
    camera = Bare()
    camera.down(1, "get_dev_config", "x")
    camera.up(1.1, "get_dev_config_rsp", "x", ret=0, msg="", **TOLD)
    camera.down(2, "set_dev_config", "x", **CONFIG)
    camera.up(2.1, "set_dev_config_rsp", "x", ret=0, msg="")
    assert camera.scene.told().codes() == {"pair.id-reuse": 1}


# -- a broker --


def relay(speaker: Tcp, hearer: Tcp, at: float, topic: str, payload: bytes, **more: Any) -> None:
    speaker.says(at, topic, payload, **more)
    hearer.hears(at + 0.01, topic, payload, **more)


@pytest.mark.parametrize("wrong", [None, "999", B])
def test_both_legs_and_two_cameras_with_one_request_id(wrong: str | None) -> None:
    scene = Scene()
    server = scene.mqtt(SERVER, BROKER, "platform", 0, 5)
    one, two = scene.mqtt(ONE, BROKER, "cam1", 0.1), scene.mqtt(TWO, BROKER, "cam2", 0.2)
    relay(one, server, 1, f"cam/{A}/up", operate("heartbeat", "x", A, 1))
    relay(two, server, 1.1, f"cam/{B}/up", operate("heartbeat", "x", B, 1))
    relay(server, one, 1.3, f"cam/{A}/down", operate("heartbeat_rsp", "x", wrong or A, ret=0, msg=""), qos=2)
    relay(server, two, 1.4, f"cam/{B}/down", operate("heartbeat_rsp", "x", B, ret=0, msg=""), qos=1)
    told = scene.told()
    assert told.codes() == ({"pair.identity-mismatch": 1} if wrong else {})
    assert [(told.places(one.request), told.places(one.response)) for one in told.exchanges] == [(1, 5), (3, 7)]
    assert {device.id: device.addresses for device in told.devices.values()} == {"camera:" + A: ["10.0.0.5"], "camera:" + B: ["10.0.0.6"]}
    assert [one.duplicate_of is None for one in told.messages] == [True, False] * 4 and {one.latency_ms for one in told.exchanges} == {300.0}


def test_the_platforms_leg_alone_learns_no_address() -> None:
    scene = Scene()
    server = scene.mqtt(SERVER, BROKER, "platform")
    server.says(1, f"cam/{A}/down", operate("get_dev_config", "x", A, 1))
    server.hears(2, f"cam/{A}/up", operate("get_dev_config_rsp", "x", A, ret=0, msg="", **TOLD))
    server.says(3, f"cam/{B}/down", operate("get_dev_config", "y", B, 3))
    server.hears(4, f"cam/{B}/up", operate("get_dev_config_rsp", "y", "999", ret=0, msg="", **TOLD))
    told = scene.told()
    assert told.statuses() == ["ok", "ok"] and told.codes() == {"pair.identity-mismatch": 1}
    assert {device.id: device.addresses for device in told.devices.values()} == {"camera:" + A: []}


# -- HTTP --


@pytest.mark.parametrize(("midstream", "codes"), [(True, {}), (False, {"http.malformed": 1})])
def test_the_rest_of_a_torn_answer_is_not_malformed(midstream: bool, codes: dict[str, int]) -> None:
    scene = Scene()
    line = scene.tcp(ONE, WEB, midstream=midstream)
    line.down(0.5, b"the rest of a body")
    line.up(1, post("/api", operate("heartbeat", "1", A, 1)))
    line.down(1.1, answered(operate("heartbeat_rsp", "1", A, ret=0, msg="")))
    told = scene.told()
    assert told.codes() == codes and told.statuses() == ["ok"]


def test_pipelined_and_chunked_bodies() -> None:
    scene = Scene()
    line = scene.tcp(ONE, WEB)
    line.up(1, post("/api", operate("heartbeat", "1", A, 1)) + post("/api", operate("heartbeat", "2", A, 1)))
    body = operate("heartbeat_rsp", "1", A, ret=0, msg="")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    line.down(1.1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks[:20])
    line.down(1.2, chunks[20:] + answered(operate("heartbeat_rsp", "2", A, ret=0, msg="")))
    told = scene.told()
    assert told.statuses() == ["ok", "ok"] and told.codes() == {} and told.messages[2].size == len(body)
    assert told.messages[3].carrier == {"method": "POST", "target": "/api", "status": 200}


# -- pictures --


def shown(message: Message) -> Any:
    return message.fields["data"] if "data" in message.fields else message.fields["cmd_data"]["data"]


@pytest.mark.parametrize(("size", "whole"), [(1024, True), (1025, False), pytest.param(2_000_000, False, marks=pytest.mark.slow)])
def test_pictures_over_a_kibibyte_are_told_by_their_hash(size: int, whole: bool) -> None:
    picture = (PICTURE * (size // len(PICTURE) + 1))[:size]
    text = b64encode(picture).decode()
    camera = Bare()
    camera.up(1, "upload_snapshot", "p", data=text)
    camera.down(2, "upload_snapshot_rsp", "p", ret=0, msg="")
    camera.down(3, "control_cmd", "q", cmd_data={"type": "take_snapshot"})
    camera.up(4, "control_cmd_rsp", "q", ret=0, msg="", cmd_data={"type": "take_snapshot", "data": text})
    told = camera.scene.told()
    summary = {"bytes": size, "sha256": hashlib.sha256(picture).hexdigest(), "media_type": "image/jpeg"}
    assert [shown(told.messages[place]) for place in (0, 3)] == [text if whole else summary] * 2 and told.codes() == {}


# -- however it comes --

TALK = [operate("heartbeat", "1", A, 0), operate("upload_snapshot", "2", A, 0, data="QUFB" * 40, note="A{}" * 40), operate("heartbeat", "3", A, 0)]


@examples(60)
@given(st.lists(st.integers(1, sum(map(len, TALK)) - 1), max_size=8))
def test_bare_json_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream = b"".join(TALK)
    ends = sorted({0, *cuts, len(stream)})
    camera = Bare()
    for place, (start, end) in enumerate(zip(ends, ends[1:], strict=False)):
        camera.line.up(0.1 + place * 0.01, stream[start:end])
    told: Told = camera.scene.told()
    assert told.codes() == {} and told.fields() == [json.loads(one) for one in TALK]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.text(max_size=5) | st.just(1.5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "data", "io0"]), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["timestamp", "ret", "msg", "data", "cmd_data", "hb_interval", "upload_type", "upload_addr", "package_url", "mac", "run_time", "sn", "request_id"]
KINDS = [one[1] + end for one in OPERATIONS for end in ("", "_rsp")] + ["dance"]


@examples(150)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.booleans(), st.dictionaries(st.sampled_from(NAMES), VALUES)), min_size=1, max_size=6))
def test_members_of_any_shape_raise_nothing(said: list[tuple[str, bool, dict[str, Any]]]) -> None:
    camera = Bare()
    camera.beat(0.5)
    for place, (name, rises, members) in enumerate(said):
        payload = json.dumps({"operate": name, "request_id": "x", "sn": A, **members}).encode()
        (camera.line.up if rises else camera.line.down)(1 + place, payload)
    assert len(camera.scene.told(until=300).messages) == len(said) + 2
