"""Bytes of messages, built with the grammars: fogslink, imei-tcp, C-Life, camera, MQTT, HTTP, and a small picture."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping

from grammars import fogslink, imei_tcp, mqtt


def compact(value: object) -> bytes:
    """JSON as small devices write it, without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def line(name: str, **members: object) -> bytes:
    """fogslink: one object with the member *name*, with its line end."""
    built: bytes = fogslink.LINE.build({"json": compact({name: members})})
    return built


def frame(command: str, status: str, imei: str, data: str = "", length: int | None = None) -> bytes:
    """imei-tcp: one frame. *length*: what LEN states, when it is not the truth (the document's own 020 and 021)."""
    size = imei_tcp.FRAME_SIZE + len(data) if length is None else length
    built: bytes = imei_tcp.FRAME.build(
        {"length": b"%03d" % size, "status": status.encode(), "imei": imei.encode(), "cmd": command.encode(), "data": data.encode()}
    )
    return built


def web_command(imei: str, kind: str, seconds: str | None = None) -> bytes:
    """imei-tcp's web side: `command` and one JSON object."""
    long = {} if seconds is None else {"long": seconds}
    return imei_tcp.COMMAND + compact({"imei": imei, "type": kind, **long})


def envelope(cmd: int, direction: str, msg_id: int, timestamp: int, data: object = None, **more: object) -> bytes:
    """C-Life: the envelope of both protocols. *timestamp* in ms, of the epoch or since the device started."""
    members: dict[str, object] = {"cmd": cmd, "ver": "1.0", "dir": direction, "timestamp": timestamp, "msgId": msg_id, **more}
    if data is not None:
        members["data"] = data
    return compact(members)


def operate(name: str, request_id: str, serial: str, **members: object) -> bytes:
    """camera: one message, written with the blanks of the document's examples."""
    return json.dumps({"operate": name, "request_id": request_id, "sn": serial, **members}).encode()


def mqtt_packet(kind: mqtt.Kind, body: Mapping[str, object], *, qos: int = 0, retain: bool = False, level: int = mqtt.LEVEL_3_1_1) -> bytes:
    """One MQTT control packet; *body* as the grammar names its fields."""
    reserved = 0 if kind is mqtt.Kind.PUBLISH else mqtt.RESERVED_FLAGS[kind]
    flags = {"dup": False, "qos": qos or reserved >> 1, "retain": retain}
    whole = {"properties": None if level < mqtt.LEVEL_5_0 else [], **body}
    packet = {"first_byte": {"kind": int(kind), "flags": flags}, "kind": int(kind), "flags": flags, "body": whole}
    built: bytes = mqtt.PACKET.build(packet, level=level)
    return built


def mqtt_connect(client: str, *, keep_alive: int = 60, will: tuple[str, bytes] | None = None, level: int = mqtt.LEVEL_3_1_1) -> bytes:
    flags = {"user_name": False, "password": False, "will_retain": False, "will_qos": 0, "will": bool(will), "clean_start": True, "reserved": False}
    will_topic, will_payload = will or (None, None)
    body: dict[str, object] = {
        "protocol_name": b"MQTT", "protocol_level": level, "connect_flags": flags, "keep_alive": keep_alive, "client_identifier": client,
        "properties": [], "will_properties": [], "will_topic": will_topic, "will_payload": will_payload,
        "user_name_text": None, "password_bytes": None,
    }
    return mqtt_packet(mqtt.Kind.CONNECT, body, level=level)


def http_request(target: str, host: str, body: bytes) -> bytes:
    """A POST of JSON."""
    head = (f"POST {target} HTTP/1.1", f"Host: {host}", "User-Agent: esp-http-client/1.0", *_json_head(body))
    return "\r\n".join(head).encode() + body


def http_response(status: str, body: bytes) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", "Server: nginx", *_json_head(body))).encode() + body


def _json_head(body: bytes) -> tuple[str, ...]:
    return "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: keep-alive", "", ""


def picture(number: int) -> str:
    """A whole JPEG of 8 by 8 grey pixels in base64; a comment brings it to the size of a thumbnail and makes each *number* its own."""
    comment = f"snapshot {number} ".encode() * 100
    sections = [
        (0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        (0xFE, comment),
        (0xDB, bytes([0]) + bytes([16] * 64)),
        (0xC0, bytes([8, 0, 8, 0, 8, 1, 1, 0x11, 0])),
        (0xC4, bytes([0x00, 0, 1, *[0] * 14, number & 3])),
        (0xC4, bytes([0x10, 0, 1, *[0] * 14, 0])),
        (0xDA, bytes([1, 1, 0x00, 0, 63, 0])),
    ]
    body = b"".join(bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content for marker, content in sections)
    return b64encode(b"\xff\xd8" + body + b"\x3f" + b"\xff\xd9").decode()
