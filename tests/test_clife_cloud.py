"""clife-cloud as whole captures: registration over HTTP, messages through a broker seen on one leg or both, bare JSON over TCP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.ciphers import Key
from dissect.crypto.secret import Secret
from dissect.keys import KeyEntry, KeyKind, Keyring
from tests.effort import examples
from tests.ladder import Told
from tests.scene import Scene, Tcp, answered, envelope, post, publish

BROKER, PLATFORM, ONE, TWO = ("203.0.113.1", 1883), ("10.0.0.9", 41000), ("10.0.0.5", 42000), ("10.0.0.6", 42000)
WEB = ("203.0.113.2", 80)
PARAMS = {"params": [{"0": "1"}]}
DEV_KEY = "00c1d2e3f405162738495a6b7c8d9eaf"
KEYS = Keyring(entries=(KeyEntry("clife-cloud", KeyKind.DEV_KEY, "product", Secret(DEV_KEY.encode())),))
SEALED = Key(bytes.fromhex(DEV_KEY))
Row = list[tuple[Any, ...]]


class Legs:
    """A platform and devices d1, d2 at one broker, seen on every leg, or on the platform's, or on the devices' alone."""

    def __init__(self, seen: str = "both", level: int = 4) -> None:
        self.scene = Scene()
        self.seen = seen
        self.platform = self.scene.mqtt(PLATFORM, BROKER, "platform", 0.0, level) if seen != "devices" else None
        self.devices: dict[str, Tcp] = {}
        if seen != "platform":
            self.devices = {"d1": self.scene.mqtt(ONE, BROKER, "d1", 0.1, level), "d2": self.scene.mqtt(TWO, BROKER, "d2", 0.2, level)}

    def down(self, at: float, device: str, cmd: int, msg_id: object, data: object = None, **more: Any) -> None:
        payload, topic = envelope(cmd, "30", msg_id, data, at), f"clife/{device}/down"
        if self.platform is not None:
            self.platform.says(at, topic, payload, **more)
        if self.devices:
            self.devices[device].hears(at + 0.01, topic, payload, **more)

    def up(self, at: float, device: str, cmd: int, msg_id: object, data: object = None, skew: float = 0, **more: Any) -> None:
        payload, topic = envelope(cmd, "03", msg_id, data, at + skew), f"clife/{device}/up"
        if self.devices:
            self.devices[device].says(at, topic, payload, **more)
        if self.platform is not None:
            self.platform.hears(at + 0.01, topic, payload, **more)

    def told(self, keys: Keyring | None = None, until: float | None = None) -> Told:
        return self.scene.told(keys, until=until)


SEEN = pytest.mark.parametrize("seen", ["both", "platform", "devices"])


def firsts(told: Told) -> list[tuple[Any, ...]]:
    """Legs of exchanges, places counted among messages that are no duplicates."""
    order = [one.id for one in told.messages if one.duplicate_of is None]
    place: Any = lambda ids: [place(one) for one in ids] if isinstance(ids, list) else ids and order.index(ids) + 1  # noqa: E731
    return [(place(one.attempts), place(one.intermediate), place(one.response), place(one.acknowledgement), one.status) for one in told.exchanges]


@SEEN
@pytest.mark.parametrize("level", [4, 5])
def test_two_devices_with_the_same_numbers(seen: str, level: int) -> None:
    legs = Legs(seen, level)
    legs.down(1, "d1", 2009, 7, {"params": []})
    legs.down(1.1, "d2", 2009, 7, {"params": []})
    legs.up(2, "d2", 2006, 7, PARAMS)
    legs.up(2.1, "d1", 2006, 7, PARAMS)
    legs.down(3, "d1", 2007, 7)
    legs.down(3.1, "d2", 2007, 7)
    told = legs.told(until=100)
    assert firsts(told) == [([1], [], 4, 5, "ok"), ([2], [], 3, 6, "ok")] and told.codes() == {}
    assert sum(one.duplicate_of is not None for one in told.messages) == (6 if seen == "both" else 0)
    assert sorted(told.devices) == ([] if seen == "platform" else ["clife-cloud:d1", "clife-cloud:d2"])
    if seen == "both":
        assert told.devices["clife-cloud:d1"].addresses == ["10.0.0.5"]
        platform = next(one for one in told.sessions.values() if one.client_id == "platform")
        assert platform.device_id is None and platform.device.address == BROKER[0] and platform.peer.address == PLATFORM[0]
        device = next(one for one in told.sessions.values() if one.client_id == "d1")
        assert (device.device_id, device.device.address, device.peer.address, device.carrier) == ("clife-cloud:d1", ONE[0], BROKER[0], "tcp/mqtt")


@SEEN
def test_a_report_of_another_device_answers_no_query(seen: str) -> None:
    legs = Legs(seen)
    legs.down(1, "d1", 2009, 7, {"params": []})
    legs.up(2, "d2", 2006, 7, PARAMS)
    legs.down(3, "d2", 2007, 7)
    told = legs.told(until=100)
    assert firsts(told) == [([1], [], None, None, "timeout"), ([2], [], 3, None, "ok")] and told.codes() == {"pair.timeout": 1}


@SEEN
def test_the_same_request_to_two_devices_is_no_retransmission(seen: str) -> None:
    legs = Legs(seen)
    legs.down(1, "d1", 2011, 7, PARAMS)
    legs.down(1.1, "d2", 2011, 7, PARAMS)
    told = legs.told(until=5)
    assert told.statuses() == ["pending", "pending"] and told.codes() == {}


def test_one_publication_sent_on_twice_is_one_message_and_two_publications_are_two() -> None:
    payload, topic = envelope(2006, "03", 7, PARAMS, 1), "clife/d1/up"
    scene = Scene()
    platform, device = scene.mqtt(PLATFORM, BROKER, "platform"), scene.mqtt(ONE, BROKER, "d1")
    device.says(1, topic, payload, qos=1, packet_id=5)
    platform.hears(1.01, topic, payload, qos=1, packet_id=9)
    device.says(2, topic, payload, qos=1, packet_id=5, dup=True)
    platform.hears(2.01, topic, payload, qos=1, packet_id=10)
    platform.hears(3, topic, payload, qos=1, packet_id=10, dup=True)
    told = scene.told()
    assert [one.duplicate_of for one in told.messages] == [None] + [told.messages[0].id] * 4 and told.statuses() == ["pending"]
    scene = Scene()
    platform, device = scene.mqtt(PLATFORM, BROKER, "platform"), scene.mqtt(ONE, BROKER, "d1")
    for at in (1.0, 2.0):
        device.says(at, topic, payload)
        platform.hears(at + 0.01, topic, payload)
    told = scene.told()
    assert [told.place.get(one.duplicate_of or 0) for one in told.messages] == [None, 1, None, 3]
    assert [len(one.attempts) for one in told.exchanges] == [2] and told.codes() == {"pair.retransmission": 1}


def test_a_listener_to_everything_is_no_device_and_its_copies_keep_their_direction() -> None:
    scene = Scene()
    listener = scene.mqtt(("10.0.0.8", 43000), BROKER, "logger")
    listener.up(0.5, b"\x82\x06\0\1\0\1#\0")
    platform, device = scene.mqtt(PLATFORM, BROKER, "platform"), scene.mqtt(ONE, BROKER, "d1")
    said: Row = [(1.0, platform, "down", "30", 2011, PARAMS), (2.0, device, "up", "03", 2006, PARAMS), (3.0, platform, "down", "30", 2007, None)]
    for at, speaker, way, dir_, cmd, data in said:
        payload, topic = envelope(cmd, dir_, 7, data, at), f"clife/d1/{way}"
        speaker.says(at, topic, payload)
        for later, hearer in enumerate((listener, device if speaker is platform else platform), 1):
            hearer.hears(at + later * 0.01, topic, payload)
    told = scene.told()
    assert firsts(told) == [([1], [], 2, 3, "ok")] and told.codes() == {} and list(told.devices) == ["clife-cloud:d1"]
    assert [one.direction for one in told.messages] == ["down"] * 3 + ["up"] * 3 + ["down"] * 3


def test_a_retained_message_opens_nothing_and_is_old_by_right() -> None:
    legs = Legs("platform")
    legs.up(900, "d1", 2006, 7, PARAMS, skew=-800, retain=True)
    told = legs.told(until=1000)
    assert told.exchanges == [] and told.codes() == {} and told.messages[0].carrier is not None and told.messages[0].carrier["retain"] is True
    legs = Legs("platform")
    legs.up(900, "d1", 2006, 7, PARAMS, skew=-800)
    assert legs.told(until=1000).codes() == {"timing.clock-skew": 1, "pair.timeout": 1}


@pytest.mark.parametrize("broken", [b'{"cmd":2006,', b"hello", b"\0\1"])
def test_a_broken_payload_is_one_message_on_both_legs(broken: bytes) -> None:
    legs = Legs()
    legs.up(1, "d1", 2006, 7, PARAMS)
    legs.down(2, "d1", 2007, 7)
    assert legs.platform is not None
    legs.devices["d1"].says(3, "clife/d1/up", broken)
    legs.platform.hears(3.01, "clife/d1/up", broken)
    legs.platform.hears(3.02, "elsewhere", broken)
    told = legs.told()
    assert told.codes() == {"framing.malformed": 1} and [one.type for one in told.messages[-2:]] == [None, None]
    assert told.messages[-1].duplicate_of == told.messages[-2].id


@SEEN
def test_what_nothing_is_owed_for_is_no_exchange(seen: str) -> None:
    legs = Legs(seen)
    legs.up(1, "d1", 2014, 7)
    legs.down(2, "d1", 2017, 8)
    legs.up(3, "d1", 2018, 9, {"respCode": 2, "respCont": "FIRM"})
    told = legs.told(until=100)
    assert told.exchanges == [] and told.codes() == {}


def test_a_will_is_the_publication_of_it() -> None:
    payload = envelope(2014, "03", 7, at=1)
    scene = Scene()
    platform, other = scene.mqtt(PLATFORM, BROKER, "platform"), scene.mqtt(("10.0.0.8", 43000), BROKER, "backup")
    platform.hears(1, "clife/d1/up", payload)
    other.hears(1.01, "clife/d1/up", payload)
    told = scene.told()
    assert [one.direction for one in told.messages] == ["up", "up"] and told.messages[1].duplicate_of == told.messages[0].id and told.devices == {}


def test_unknown_commands_are_told_and_do_not_turn_a_connection_around() -> None:
    legs = Legs("platform")
    legs.up(1, "d1", 2999, 7)
    legs.up(2, "d1", 2006, 8, PARAMS)
    legs.down(3, "d1", 2007, 8)
    told = legs.told()
    assert told.codes() == {"schema.unknown-type": 1} and told.statuses() == ["ok"] and [one.direction for one in told.messages] == ["up", "up", "down"]


def test_a_clock_is_one_devices() -> None:
    legs = Legs("platform")
    for number, (device, skew) in enumerate((("d1", 1000), ("d2", 0), ("d1", 1000), ("d2", 0), ("d1", 0), ("d1", 1000))):
        legs.up(1 + number, device, 2006, number, PARAMS, skew=skew)
        legs.down(1.5 + number, device, 2007, number)
    assert legs.told().codes() == {"timing.clock-skew": 2}


@SEEN
def test_a_hole_in_one_direction_costs_what_it_held(seen: str) -> None:
    legs = Legs(seen)
    for number in range(4):
        lost = number == 1
        payload, topic = envelope(2006, "03", number, PARAMS, 1 + number), "clife/d1/up"
        if legs.devices:
            legs.devices["d1"].up(1 + number, publish(topic, payload), lost=lost and seen == "devices")
        if legs.platform is not None:
            legs.platform.down(1.01 + number, publish(topic, payload), lost=lost and seen == "platform")
        if not lost or seen == "both":
            legs.down(1.5 + number, "d1", 2007, number)
    told = legs.told(until=100)
    assert told.codes() == ({} if seen == "both" else {"tcp.missing-bytes": 1}) and set(told.statuses()) == {"ok"}
    assert len(told.exchanges) == (4 if seen == "both" else 3)


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("front", [b"", b'"params":[{"0":"1"}],"msgId":7}}', b"\x40\2\0\1"])
def test_a_connection_without_its_connect_on_any_port_is_the_brokers(front: bytes, level: int) -> None:
    scene = Scene()
    device = scene.mqtt(ONE, ("203.0.113.1", 41883), "d1", midstream=True, level=level)
    device.up(1, front + publish("clife/d1/up", envelope(2006, "03", 1, PARAMS, 1), level=level, qos=1))
    device.down(1.1, b"\x40\2\0\1", publish("clife/d1/down", envelope(2007, "30", 1, at=1), level=level))
    told = scene.told()
    assert told.codes() == {} and told.statuses() == ["ok"] and [one.carrier for one in told.sessions.values()] == ["tcp/mqtt"]


@pytest.mark.parametrize(("at", "orphans"), [(9.9, 0), (10.1, 1)])
def test_a_connection_that_was_silent_at_first_was_listened_to_all_the_same(at: float, orphans: int) -> None:
    scene = Scene()
    device = scene.mqtt(ONE, BROKER, "d1", midstream=True)
    device.up(0, b"\xc0\0")
    device.down(0.1, b"\xd0\0")
    device.hears(at, "clife/d1/down", envelope(2007, "30", 2, at=at))
    assert len(scene.told().orphans()) == orphans


# -- registration --


def register(target: str, data: object, answer: object = None, keys: Keyring | None = KEYS, client: tuple[str, int] = ONE) -> Told:
    scene = Scene()
    line = scene.tcp(client, WEB)
    line.up(0.1, post(target, envelope(2000, "03", 1, data, 0.1)))
    line.down(0.2, answered(envelope(2001, "30", 1, answer, 0.2)))
    line.close(0.3)
    return scene.told(keys)


PATH = "/device/register"
CLEAR = {"security.cleartext-credential": 1}
REGISTRATIONS: list[tuple[str, object, str, dict[str, int]]] = [
    ("?authLevel=1&productCode=1234", SEALED.seal({"productCode": "1234"}), "10.0.0.5", CLEAR),
    ("?authLevel=2&productCode=1234", SEALED.seal({"productCode": "1234"}), "10.0.0.5", CLEAR),
    ("?authLevel=0&devId=d9", SEALED.seal({"mac": "1"}), "d9", CLEAR),
    ("?authLevel=0", SEALED.seal({"mac": "1"}), "10.0.0.5", {**CLEAR, "schema.missing-field": 1}),
    ("?authLevel=1", SEALED.seal({"productCode": "1234"}), "10.0.0.5", {**CLEAR, "schema.missing-field": 1}),
    ("?authLevel=1&productCode=1234", SEALED.seal({"mac": "1"}), "10.0.0.5", {**CLEAR, "schema.missing-field": 1}),
    ("?authLevel=3&devId=d9", SEALED.seal({"mac": "1"}), "d9", {**CLEAR, "schema.bad-value": 1}),
    ("", SEALED.seal({"mac": "1"}), "10.0.0.5", {**CLEAR, "schema.missing-field": 1}),
    ("?authLevel=0&devId=d9", {"mac": "1"}, "d9", {**CLEAR, "security.plaintext-payload": 1}),
    ("?authLevel=0&devId=d9", None, "d9", {**CLEAR, "schema.missing-field": 1}),
]


@pytest.mark.parametrize(("query", "data", "device", "codes"), REGISTRATIONS)
def test_registration(query: str, data: object, device: str, codes: dict[str, int]) -> None:
    told = register(PATH + query, data)
    assert told.codes(()) == codes and told.statuses() == ["ok"] and list(told.devices) == [f"clife-cloud:{device}"]
    assert told.exchanges[0].operation == "register" and told.sessions[1].carrier == "tcp/http" and told.sessions[1].complete
    assert told.messages[0].fields["query"] == dict(one.split("=") for one in query[1:].split("&") if one)
    assert told.messages[0].carrier == {"method": "POST", "target": PATH + query, "status": None}


def test_registration_without_its_key() -> None:
    told = register(PATH + "?authLevel=0&devId=d9", SEALED.seal({"mac": "1"}), keys=None)
    assert told.codes() == {"crypto.no-key": 1}
    wrong = Keyring(entries=(KeyEntry("clife-cloud", KeyKind.DEV_KEY, "other", Secret(b"11" * 16)),))
    told = register(PATH + "?authLevel=0&devId=d9", SEALED.seal({"mac": "1"}), keys=wrong)
    assert told.codes() == {"crypto.wrong-key": 1}


# -- bare TCP --

TALK = [envelope(2004, "03", 1), envelope(2006, "03", 2, {"params": [{"0": 'a}{"'}, {"1": "é"}]}), b"\r\n" + envelope(2006, "03", 3, PARAMS)]


@examples(60)
@given(st.lists(st.integers(1, sum(map(len, TALK)) - 1), max_size=8), st.booleans())
def test_bare_json_is_the_same_however_it_is_cut(cuts: list[int], blanks: bool) -> None:
    stream = (b" \n" if blanks else b"").join(TALK)
    ends = sorted({0, *cuts, len(stream)})
    scene = Scene()
    line = scene.tcp(ONE, ("203.0.113.7", 9000))
    for place, (start, end) in enumerate(zip(ends, ends[1:], strict=False)):
        line.up(0.1 + place * 0.01, stream[start:end])
    for number in (1, 2, 3):
        line.down(1, envelope(2005 if number == 1 else 2007, "30", number, at=1))
    told = scene.told()
    assert told.codes() == {} and told.statuses() == ["ok"] * 3 and told.fields()[:3] == [json.loads(one) for one in TALK]
    assert told.sessions[1].carrier == "tcp" and list(told.devices) == ["clife-cloud:10.0.0.5"]


def test_what_is_no_message_on_bare_tcp() -> None:
    good = [envelope(2006, "03", number, PARAMS) for number in range(3)]
    for between, malformed in ((b'xyz{bad}abc{"a":1}', 1), (b'{"cmd":2006,"data":{', 1), (b'{"cmd":"', 1), (b"\r\n\t ", 0)):
        scene = Scene()
        line = scene.tcp(ONE, ("203.0.113.7", 9000))
        line.up(0.1, good[0], between, good[1] + good[2])
        told = scene.told()
        assert told.codes() == ({"framing.malformed": 1} if malformed else {}), between
        assert [one.fields and one.fields["msgId"] for one in told.messages] == [0, *[None] * malformed, 1, 2]


def test_a_start_or_a_hole_inside_a_message_leaves_nothing_of_it() -> None:
    large = envelope(2006, "03", 9, {"params": [{str(place): "x" * 20} for place in range(20)]})
    good = [envelope(2006, "03", number, PARAMS) for number in range(3)]
    scene = Scene()
    line = scene.tcp(ONE, ("203.0.113.7", 9000), midstream=True)
    line.up(0.1, large[100:], *good)
    told = scene.told()
    assert told.codes() == {} and [one.fields["msgId"] for one in told.messages] == [0, 1, 2]
    scene = Scene()
    line = scene.tcp(ONE, ("203.0.113.7", 9000))
    line.up(0.1, good[0], large[:100])
    line.up(0.2, large[100:200], lost=True)
    line.up(0.3, large[200:], good[1], good[2])
    told = scene.told(until=5)
    assert told.codes() == {"tcp.missing-bytes": 1} and [one.fields["msgId"] for one in told.messages] == [0, 1, 2]


# -- whatever comes --

NAMES = ["params", "fileInfo", "fileType", "devVer", "devNum", "0", "software"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**40) | st.text(max_size=5) | st.sampled_from(["FIRM", "DOWN", "1.0", "2006", "DH", -1, 3, 1.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
KINDS = [2000, 2001, 2004, 2005, 2006, 2007, 2009, 2011, 2012, 2013, 2014, 2017, 2018, 2019, 2020, 3000]
DATA = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"fileMode": st.sampled_from(["DOWN", "UP", "QUERY"]) | VALUES, "fileInfo": VALUES, "respCode": st.sampled_from([-1, 0, 1, 2, 3]) | VALUES,
         "respCont": VALUES, "devVer": VALUES, "productVer": VALUES, "startTime": VALUES, "stopTime": VALUES}
    ),
)


@examples(150)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.booleans(), st.integers(1, 3) | VALUES, DATA, VALUES), min_size=1, max_size=6))
def test_members_of_any_shape_raise_nothing(said: list[tuple[int, bool, Any, Any, Any]]) -> None:
    legs = Legs("devices")
    legs.up(0.5, "d1", 2004, 1)
    for place, (cmd, rises, msg_id, data, timestamp) in enumerate(said):
        payload = json.dumps({"cmd": cmd, "ver": "1.0", "dir": "03", "msgId": msg_id, "timestamp": timestamp, "data": data}).encode()
        (legs.devices["d1"].says if rises else legs.devices["d1"].hears)(1 + place, f"clife/d1/{'up' if rises else 'down'}", payload)
    assert len(legs.told(until=200).messages) == len(said) + 1
