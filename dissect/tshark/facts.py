"""What tshark tells of single frames, in order: where IP headers are, and what TLS records hold. pyshark runs it and reads its output."""

from __future__ import annotations

import asyncio
import configparser
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from dissect.errors import CaptureError

if TYPE_CHECKING:
    from pathlib import Path

_ABOVE_TLS = ("http", "http2", "mqtt", "websocket", "rdpmt", "mq", "5gli", "fix", "credssp", "aim")
# What tshark might hand decrypted bytes to by ALPN or heuristics; without them it shows each record's bytes as they are.
_LARGEST_OVERHEAD = 512
_SHOWN = "tls data"
_UNKNOWN_STATUS = "retcode: 255"
# What asyncio says of a process whose status another waiter took, as ending it with kill() may: no crash.
_TAKEN_STATUS = "Unknown child process"
# And what it logs of it, which would stand on stderr beside our own lines.


class Header(NamedTuple):
    """An IP header in a frame."""

    version: int
    place: int
    """offset of its first byte, as tshark has it"""
    source: bytes
    size: int
    """bytes of the header and all behind it, as it tells itself"""


class Facts(NamedTuple):
    """Of one frame."""

    number: int
    """1-based, in what tshark read"""
    headers: tuple[Header, ...]
    records: tuple[tuple[bytes, bytes | None], ...]
    """fragments of the TLS application data records that it completes, as sent, and what they hold; None: not decrypted"""


class FactReader:
    """One run of tshark over the file *name*. Iterate it once, and close it: tshark ends then, whatever it was at."""

    def __init__(self, tshark: str, name: str, keylog: Path | None, links: bool, tls_ports: Iterable[int] = ()) -> None:
        """*links*: tell of every frame's IP headers too. *tls_ports*: where TLS is spoken for certain. Raises CaptureError."""
        import pyshark  # type: ignore[import-untyped,unused-ignore]

        preferences = {"tls.desegment_ssl_application_data": "FALSE", "tcp.reassemble_out_of_order": "TRUE", "tcp.try_heuristic_first": "TRUE",
                       "ip.defragment": "TRUE", "tls.ignore_ssl_mac_failed": "FALSE"}
        if keylog is not None:
            preferences["tls.keylog_file"] = str(keylog)
        parameters = ["-d", "tls.port==0-65535,data", "-J", f"{_SHOWN} ip ipv6" if links else _SHOWN]
        for port in tls_ports:
            parameters += ["-d", f"tcp.port=={port},tls"]
        for protocol in _ABOVE_TLS:
            parameters += ["--disable-protocol", protocol]
        logging.getLogger("asyncio").addFilter(_is_news)
        # A loop of its own: whoever calls may have one, or be a thread without.
        self._loop = asyncio.new_event_loop()
        try:
            self._capture: Any = pyshark.FileCapture(
                name, keep_packets=False, display_filter="tls.app_data || ip || ipv6" if links else "tls.app_data", tshark_path=tshark,
                override_prefs=preferences, custom_parameters=parameters, eventloop=self._loop)
        except (OSError, configparser.Error) as error:
            self._loop.close()
            raise CaptureError(f"{name}: tshark cannot be run on it ({error})") from error
        self.problem: str | None = None
        """why tshark ended before its end, when it did"""

    def __iter__(self) -> Iterator[Facts]:
        from pyshark.capture.capture import TSharkCrashException  # type: ignore[import-untyped,unused-ignore]

        while True:
            try:
                packet = self._capture.next()
            except StopIteration:
                return
            except TSharkCrashException as error:
                self._crashed(error)
                return
            except OSError as error:
                self.problem = str(error)
                return
            facts = _facts(packet)
            if facts is not None:
                yield facts

    def _crashed(self, error: Exception) -> None:
        text = str(error).splitlines()[0]
        if _UNKNOWN_STATUS not in text:
            self.problem = self.problem or text

    def close(self) -> None:
        """End tshark; a second time does nothing."""
        if self._loop.is_closed():
            return
        from pyshark.capture.capture import TSharkCrashException

        try:
            self._capture.close()
        except TSharkCrashException as error:
            self._crashed(error)
            # It has ended; pyshark would try again when it is collected, in a loop that is closed.
            self._capture._running_processes.clear()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record of asyncio's log tells more than that a process has been waited for."""
    return not record.msg.startswith(_TAKEN_STATUS) if isinstance(record.msg, str) else True


def _facts(packet: Any) -> Facts | None:
    """What a pyshark packet tells; None where its output is not what we know of any version."""
    headers: list[Header] = []
    sealed: list[bytes] = []
    opened: list[bytes] = []
    for layer in packet.layers:
        name = layer.layer_name
        if name == "tls":
            sealed += _bytes(layer, "tls.app_data")
        elif name == "DATA" and sealed:
            opened += _bytes(layer, "data")
        elif name in ("ip", "ipv6"):
            header = _header(layer, name)
            if header is not None:
                headers.append(header)
    number = str(packet.number)
    return Facts(int(number), tuple(headers), tuple(_matched(sealed, opened))) if number.isdigit() else None


def _bytes(layer: Any, name: str) -> list[bytes]:
    found = layer.get_field(name)
    return [] if found is None else [value for value in (_unhex(field.raw_value) for field in found.all_fields) if value is not None]


def _unhex(text: str | None) -> bytes | None:
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        return None


def _header(layer: Any, name: str) -> Header | None:
    source, length = layer.get_field(f"{name}.src"), layer.get_field("ip.len" if name == "ip" else "ipv6.plen")
    address = _unhex(source.raw_value) if source is not None else None
    if address is None or not str(source.pos).isdigit():
        return None
    told = _unhex(length.raw_value) if length is not None else None
    before, fixed = (12, 0) if name == "ip" else (8, 40)
    return Header(4 if name == "ip" else 6, int(source.pos) - before, address, int.from_bytes(told or b"", "big") + fixed)


def _matched(sealed: list[bytes], opened: list[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
    """Records with their plaintexts: both in order; a record that holds nothing, or was not opened, has none."""
    waiting = list(reversed(opened))
    spare = len(sealed) - len(opened)
    for fragment in sealed:
        fits = waiting and len(waiting[-1]) <= len(fragment) and (spare <= 0 or len(fragment) - len(waiting[-1]) <= _LARGEST_OVERHEAD)
        if fits:
            yield fragment, waiting.pop()
        else:
            spare -= 1
            yield fragment, None
