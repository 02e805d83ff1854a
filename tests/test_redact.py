"""`--redact`: what is whose is gone from every output, what happened is still told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.samples import SAMPLES, Sample
from captures.write import FOLDER
from dissect.analysis import Analysis
from dissect.catalogue import CATALOGUE
from dissect.cli import main
from dissect.model import Device, Encryption, Endpoint, Totals
from dissect.redact import Pseudonyms, RedactingSink
from dissect.redact.fields import FieldRedactor, ProtocolPlans
from dissect.redact.pseudonyms import LONGEST_NAME
from dissect.redact.texts import without_quotes
from grammars.registry import PROTOCOLS
from grammars.vocabulary import Member, Privacy
from tests.conftest import Run
from tests.synthetic import anomaly, at, exchange, feed, message, session, source

EACH_SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)

SECRET_NAMES = {
    "eqSN", "sn", "imei", "mac", "devId", "productCode", "clientId", "client_id", "apiKey", "tKey", "userId", "pubKey", "dhP", "dhG", "eVal", "sPeriod",
    "sType", "params", "events", "io0", "io1", "long", "upload_addr", "package_url", "url", "msg", "sha256", "raw_b64", "topic", "traceId", "address",
    "addresses", "identity",
}
"""members whose values nobody but their owner needs, written down from the documents, not from the declarations"""


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def originals(value: Any) -> Iterator[str]:
    """Every value under a secret name, and every encrypted text."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in SECRET_NAMES or (name == "data" and isinstance(inner, str)):
                yield from leaves(inner)
            yield from originals(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from originals(inner)


def telling(values: Iterator[str]) -> set[str]:
    """Those long enough to be found by themselves: a 1 is everywhere, and a 15.0 is a duration too."""
    return {value for value in values if len(value) >= 4 and not re.fullmatch(r"\d{1,4}|\d{1,3}\.\d{1,2}", value)}


Say = Callable[..., bytes]


@pytest.fixture
def say(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Say:
    """`say(sample, "report", …)`: what the command writes of a sample, run in this process."""

    def run(sample: Sample, command: str, *arguments: str) -> bytes:
        monkeypatch.chdir(FOLDER / sample.name)
        keys = ["--keys", "keys.toml"] if sample.keys else []
        assert main([command, *arguments, sample.file_name, *keys]) == 0
        return capsysbinary.readouterr().out

    return run


OUTPUTS = [("report",), ("report", "--format", "ndjson"), ("report", "--format", "html"), ("show", "-v"), ("stats",), ("stats", "--json")]


@EACH_SAMPLE
def test_no_original_is_left_in_any_output(sample: Sample, say: Say) -> None:
    secrets = telling(originals(json.loads(say(sample, "report"))))
    assert secrets
    for output in OUTPUTS:
        shown = say(sample, *output, "--redact").decode()
        assert shown
        assert [(output, one) for one in secrets if re.search(rf"(?<![0-9A-Za-z.]){re.escape(one)}(?![0-9A-Za-z])", shown)] == []


@EACH_SAMPLE
def test_what_happened_is_told_as_without(sample: Sample, say: Say) -> None:
    plain, hidden = (json.loads(say(sample, "report", *more)) for more in ([], ["--redact"]))
    assert hidden["totals"] == plain["totals"] and hidden["source"] == plain["source"] and len(hidden["devices"]) == len(plain["devices"])
    for ours, theirs in zip(hidden["sessions"], plain["sessions"], strict=True):
        for kind, names in (("messages", ("id", "time", "frames", "type", "name", "direction", "size", "duplicate_of")),
                            ("exchanges", ("id", "operation", "request", "response", "attempts", "status", "latency_ms")),
                            ("anomalies", ("id", "code", "severity", "time", "messages", "frames", "reference"))):
            assert [[one[name] for name in names] for one in ours[kind]] == [[one[name] for name in names] for one in theirs[kind]]
        for one, other in zip(ours["messages"], theirs["messages"], strict=True):
            for name in ("cmd", "operate", "code", "status", "ret", "dir", "timestamp"):
                if other["fields"] is not None and name in other["fields"]:
                    assert one["fields"][name] == other["fields"][name], (name, other["fields"])


def members(row_members: tuple[Member, ...]) -> Iterator[Member]:
    for member in row_members:
        yield member
        yield from members(member.members)


NAMES_OF = {  # from the documents: what every declaration of the member must say
    "eqSN": Privacy.DEVICE, "imei": Privacy.DEVICE, "sn": Privacy.DEVICE, "mac": Privacy.DEVICE, "devId": Privacy.DEVICE, "productCode": Privacy.DEVICE,
    "apiKey": Privacy.CREDENTIAL, "tKey": Privacy.CREDENTIAL, "userId": Privacy.CREDENTIAL, "pubKey": Privacy.CREDENTIAL, "dhP": Privacy.CREDENTIAL,
    "url": Privacy.ADDRESS, "package_url": Privacy.ADDRESS, "upload_addr": Privacy.ADDRESS, "eVal": Privacy.VALUE, "events": Privacy.VALUE,
    "io0": Privacy.VALUE, "io1": Privacy.VALUE, "sPeriod": Privacy.VALUE, "sType": Privacy.VALUE, "long": Privacy.VALUE,
}


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda one: one.name)
def test_every_declaration_of_a_secret_says_so(protocol: Any) -> None:
    for row in protocol.messages.values():
        for member in members((*row.members, *(row.data or ()), *protocol.extra_fields)):
            assert member.privacy is NAMES_OF.get(member.name, member.privacy), (row.kind, member.name)
            assert not member.credential or member.privacy is Privacy.CREDENTIAL
            assert not (member.embedded or member.plain_url) or member.privacy is not Privacy.OPEN


def redacted(fields: Any, kind: str = "req201", protocol: str = "fogslink") -> Any:
    plans = ProtocolPlans(PROTOCOLS[protocol])
    return FieldRedactor(Pseudonyms()).fields(fields, plans.of_type.get(kind, plans.any), kind)


@pytest.mark.parametrize(("kind", "protocol", "fields", "expected"), [
    pytest.param("req201", "fogslink", {"eqSN": "12345678", "eChan": "P0-C1", "eVal": "2.34"}, {"eqSN": "eqSN-1", "eChan": "P0-C1", "eVal": "value-1"},
                 id="declared"),
    pytest.param("req201", "fogslink", {"eqSN": "12345678", "phone": "13912345678"}, {"eqSN": "eqSN-1", "phone": "value-1"}, id="a member of no table"),
    pytest.param("req201", "fogslink", {"13912345678": {"x": [1, None, "12"]}}, {"member-1": {"x": ["value-1", None, "value-2"]}}, id="a name of no table"),
    pytest.param("req201", "fogslink", {"eChan": "my flat", "eChanSta": "1"}, {"eChan": "eChan-1", "eChanSta": "1"}, id="open, but not of the document's form"),
    pytest.param("req201", "fogslink", {"eqSN": 12345678, "eVal": 2.5}, {"eqSN": "eqSN-1", "eVal": "value-1"}, id="numbers"),
    pytest.param("req777", "fogslink", {"eqSN": "12345678", "new": "value"}, {"eqSN": "eqSN-1", "new": "value-1"}, id="a type of no table"),
    pytest.param("res001", "fogslink", {"code": "12345678", "eqSN": "87654321"}, {"code": "12345678", "eqSN": "eqSN-1"}, id="a code stays"),
    pytest.param("req001", "fogslink", {"eqSN": "12345678", "eqType": "12345678"}, {"eqSN": "eqSN-1", "eqType": "eqSN-1"}, id="a known id in an open member"),
    pytest.param("heartbeat_rsp", "camera", {"operate": "heartbeat_rsp", "request_id": "cam-7f", "ret": 0, "msg": "for Ann"},
                 {"operate": "heartbeat_rsp", "request_id": "request_id-1", "ret": 0, "msg": "msg-1"}, id="free text"),
    pytest.param("get_dev_config_rsp", "camera", {"mac": "11:22:33:44:55:66", "upload_addr": "https://me:pw@bd.example:8443/api?key=1", "run_time": 1795161600},
                 {"mac": "mac-1", "upload_addr": "https://address-1/path-1", "run_time": 1795161600}, id="a URL keeps its scheme, a time stays"),
    pytest.param("upload_snapshot", "camera", {"data": {"bytes": 4000, "sha256": "ab" * 32, "media_type": "image/jpeg"}},
                 {"data": {"bytes": 4000, "sha256": "value-1", "media_type": "image/jpeg"}}, id="an image's hash"),
    pytest.param("upload_snapshot", "camera", {"data": {"bytes": 4000, "sha256": "x", "media_type": "Ann's door", "y": 1}},
                 {"data": {"bytes": "value-1", "member-1": "value-2", "media_type": "value-3", "y": "value-4"}}, id="an object that only looks like one"),
    pytest.param("2006", "clife-lan", {"cmd": 2006, "data": {"params": [{"0": "1"}, {"4": 25}], "who": "Ann"}},
                 {"cmd": 2006, "data": {"params": [{"0": "value-1"}, {"4": "value-2"}], "who": "value-3"}}, id="params keep their function ids"),
    pytest.param("2000", "clife-cloud", {"cmd": 2000, "query": {"authLevel": "1", "productCode": "1234", "extra": "Ann"}},
                 {"cmd": 2000, "query": {"authLevel": "1", "productCode": "productCode-1", "extra": "value-1"}}, id="query parameters"),
    pytest.param("QD", "imei-tcp", {"length": 26, "status": "000", "imei": "861234050012345", "cmd": "QD", "data": "900"},
                 {"length": 26, "status": "000", "imei": "imei-1", "cmd": "QD", "data": "value-1"}, id="a frame"),
])
def test_members(kind: str, protocol: str, fields: Any, expected: Any) -> None:
    assert redacted(fields, kind, protocol) == expected


def test_bytes_that_only_a_lenient_reader_takes_are_read_and_hidden() -> None:
    assert redacted(msgspec.Raw(b'{"eqSN":"\\ud800 lone","eVal":1e999,"eChan":"P0-C1"}')) == {"eqSN": "eqSN-1", "eVal": "value-1", "eChan": "P0-C1"}


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), lambda inner: st.lists(inner, max_size=4)
                    | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=20)


@given(st.dictionaries(st.sampled_from(["eqSN", "eVal", "eChan", "eqData", "code", "x"]), JSON, max_size=6))
def test_whatever_a_message_holds_gives_json_of_its_shape(fields: dict[str, Any]) -> None:
    assert len(redacted(fields, "req200")) == len(fields)


def test_nesting_beyond_the_bound_becomes_one_value() -> None:
    deep: Any = "secret text"
    for _ in range(300):
        deep = [deep]
    assert "secret" not in json.dumps(redacted({"new": deep}))


def test_pseudonyms_are_numbered_by_first_appearance_and_never_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dissect.redact.pseudonyms.REMEMBERED", 2)
    names = Pseudonyms()
    assert [names.of("value", text) for text in "abacaa"] == ["value-1", "value-2", "value-1", "value-3", "value-4", "value-4"]


@pytest.mark.parametrize(("text", "expected"), [
    ("10.0.0.5", "address-1"), ("2001:db8::1", "address-1"), ("http://10.0.0.5/", "http://address-1"), ("HTTPS://a.example:1/x?y", "https://address-1/path-1"),
    ("http://[2001:db8::1]:80/x", "http://address-1/path-1"), ("nonsense", "address-1"), ("http://", "http://address-1"), ("", "address-1"),
])
def test_addresses(text: str, expected: str) -> None:
    assert Pseudonyms().address(text) == expected


def test_an_address_is_the_same_in_a_url_and_alone() -> None:
    names = Pseudonyms()
    assert [names.address("10.0.0.5"), names.address("http://10.0.0.5:80/a"), names.device("clientId", "10.0.0.5")] == [
        "address-1", "http://address-1/path-1", "address-1"]


@pytest.mark.parametrize(("code", "text", "expected"), [
    ("schema.missing-field", "data.fileInfo[0].md5 is absent", "data.fileInfo[0].md5 is absent"),
    ("framing.malformed", "1 byte that is no message of FogsLink data cloud", "1 byte that is no message of FogsLink data cloud"),
    ("framing.malformed", "23 bytes that are no message of Camera", "23 bytes that are no message of Camera"),
    ("schema.size-mismatch", "totalSize says 3, eqData holds 1 entry", "totalSize says 3, eqData holds 1 entry"),
    ("capture.dropped-packets", "1 packet was dropped by the capture", "1 packet was dropped by the capture"),
    ("schema.missing-field", "channel P0-C5 is normal and has no eVal", CATALOGUE["schema.missing-field"].meaning),
    ("schema.bad-value", "eVal '25.3' is none of 1, 2", "eVal: " + CATALOGUE["schema.bad-value"].meaning),
    ("schema.bad-value", "secret '25.3' is none of 1, 2", CATALOGUE["schema.bad-value"].meaning),
    ("pair.refused", "push upgrade refused: ret 5", "push upgrade refused: ret 5"),
    ("pair.refused", "push upgrade refused: ret 5 'no space on 10.0.0.5'", CATALOGUE["pair.refused"].meaning),
    ("security.unauthenticated-command", "start of 861234050012345 without any authentication", CATALOGUE["security.unauthenticated-command"].meaning),
    ("tcp.reset", "10.0.0.5 ended the connection by RST", "address-1 ended the connection by RST"),
    ("pair.identity-mismatch", "the request names 'abc', the answer 'def'", CATALOGUE["pair.identity-mismatch"].meaning),
    ("upgrade.failed", "respCode -1: upgrade interrupted", "respCode -1: upgrade interrupted"),
    ("upgrade.failed", "respCode -1: see 10.0.0.5", CATALOGUE["upgrade.failed"].meaning),
    ("timing.heartbeat-gap", "no heartbeat for more than 861234050012345 s", CATALOGUE["timing.heartbeat-gap"].meaning),
])
def test_texts_of_anomalies_keep_what_quotes_nothing(code: str, text: str, expected: str) -> None:
    assert without_quotes(code, text, Pseudonyms().address) == expected


def through_sink() -> tuple[Analysis, RedactingSink]:
    inner = Analysis(keep_bytes=True)
    return inner, RedactingSink(inner)


def test_bytes_and_plaintext_are_not_handed_on() -> None:
    inner, sink = through_sink()
    feed(sink)
    assert {inner.raw(index) for index in range(len(inner))} == {b""} and {inner.plaintext(index) for index in range(len(inner))} == {None}
    assert [one.raw_b64 for one in map(inner.message_at, range(len(inner)))] == [None] * 6


def test_session_device_exchange_and_carrier_speak_of_the_same_pseudonyms() -> None:
    inner, sink = through_sink()
    sink.source(source())
    sink.session(session(1, "camera", client_id="cam-200000000001", carrier="tcp/mqtt"), False)
    sink.device(Device(id="camera:200000000001", protocol="camera", identity={"sn": "200000000001"}, addresses=["10.0.0.5"], sessions=[1]))
    carrier = {"topic": "cam/200000000001/up", "qos": 1, "retain": False, "dup": False, "packet_id": 7, "new": "Ann"}
    sink.message(message(1, type="heartbeat", key={"request_id": "r-1"}, fields={"operate": "heartbeat", "sn": "200000000001", "request_id": "r-1"},
                         carrier=carrier, device_id="camera:200000000001"), 1, at(0), b"x", None)
    sink.exchange(exchange(1, 1, None, key={"request_id": "r-1"}), 1)
    sink.anomaly(anomaly(1, "pair.refused", "warning", 1, [1], message="refused by 10.0.0.5"), 1, at(1))
    sink.attribute(1, "camera:200000000001")
    sink.session(session(1, "camera", client_id="cam-200000000001", device_id="camera:200000000001"), True)
    sink.finish(source(), Totals())
    told = inner.message_at(0)
    assert (inner.sessions[1].device, inner.sessions[1].peer) == (Endpoint("address-1", 40000), Endpoint("address-2", 63321))
    assert (inner.sessions[1].client_id, inner.sessions[1].device_id) == ("clientId-1", "camera:sn-1")
    assert inner.devices["camera:sn-1"].identity == {"sn": "sn-1"} and inner.devices["camera:sn-1"].addresses == ["address-1"]
    assert (told.fields["sn"], told.device_id, told.key) == ("sn-1", "camera:sn-1", inner.exchange_at(0).key)
    assert told.carrier == {"topic": "level-1/sn-1/level-2", "qos": 1, "retain": False, "dup": False, "packet_id": 7, "new": "value-1"}


@pytest.mark.parametrize(("carrier", "expected"), [
    ({"method": "POST", "target": "/device/register?authLevel=1&productCode=12345678&x=y", "status": None},
     {"method": "POST", "target": "/device/register?authLevel=1&productCode=productCode-1&x=value-1", "status": None}),
    ({"method": "BREW", "target": "http://h.example/device/1", "status": 200},
     {"method": "value-1", "target": "http://address-3/level-1/level-2", "status": 200}),
    ({"type": "CON", "code": "2.05", "message_id": 7, "token": "a1b3ce15", "uri": "/device/uplink"},
     {"type": "CON", "code": "2.05", "message_id": 7, "token": "a1b3ce15", "uri": "/device/uplink"}),
    ({"type": "CON", "code": "POST", "message_id": 7, "token": "Ann", "uri": "/ann/flat"},
     {"type": "CON", "code": "POST", "message_id": 7, "token": "value-1", "uri": "/level-1/level-2"}),
])
def test_carriers(carrier: dict[str, Any], expected: dict[str, Any]) -> None:
    inner, sink = through_sink()
    sink.session(session(1, "clife-cloud" if "method" in carrier else "clife-lan"), False)
    sink.message(message(1, type="2000", key=None, fields={}, carrier=carrier), 1, at(0), b"", None)
    assert inner.message_at(0).carrier == expected


def test_the_users_names_for_keys_are_hidden_too() -> None:
    inner, sink = through_sink()
    sink.session(session(1, "clife-lan"), False)
    opened = Encryption(status="decrypted", key="Ann's bedroom", iv="zero-bytes", key_form="hex", data={"params": [{"0": "1"}]})
    sink.message(message(1, type="2006", key=None, fields={"data": "c2VjcmV0"}, encryption=opened), 1, at(0), b"", None)
    shown = inner.message_at(0)
    assert shown.encryption == Encryption(status="decrypted", key="key-1", iv="zero-bytes", key_form="hex", data={"params": [{"0": "value-2"}]})


@pytest.mark.parametrize("arguments", [("show", "-x"), ("extract", "--to", "out")], ids=" ".join)
def test_what_shows_bytes_cannot_be_redacted(arguments: tuple[str, ...], call_dissect: Run, tmp_path: Path) -> None:
    done = call_dissect(*arguments, FOLDER / "fogslink-day" / "capture.pcap", "--redact", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_a_name_of_any_length_has_one_pseudonym_and_a_long_one_is_not_kept() -> None:
    pseudonyms, long = Pseudonyms(), "n" * (LONGEST_NAME + 1)
    assert pseudonyms.named("imei", long) == pseudonyms.named("imei", long) == "imei-1"
    assert pseudonyms.named("imei", long[1:]) == "imei-2" and pseudonyms.known(long[1:]) == "imei-2"
    assert max(map(len, pseudonyms._known)) == LONGEST_NAME
    sink = RedactingSink(Analysis(), pseudonyms)
    assert long not in sink._scrubbed(f"a {long} b")
    assert sink._unknown("a " * 100_000) == "type-1", "not looked through word by word"


def test_a_type_that_bears_an_id_bears_it_nowhere_in_its_fields() -> None:
    inner, sink = through_sink()
    sink.session(session(1, "camera"), False)
    sink.device(Device(id="camera:200000000001", protocol="camera", identity={"sn": "200000000001"}, addresses=["10.0.0.5"], sessions=[1]))
    for number, kind in enumerate(("wake-200000000001", "wake_up"), start=1):
        sink.message(message(number, type=kind, name=None, key=None, fields={"operate": kind}), 1, at(0), b"x", None)
    told, harmless = inner.message_at(0), inner.message_at(1)
    assert "200000000001" not in f"{told.type} {told.fields}"
    assert (harmless.type, harmless.fields) == ("wake_up", {"operate": "wake_up"})
