"""Groups of options that several commands share, and the values that they stand for."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dissect.errors import UsageError
from dissect.model import SEVERITIES
from dissect.options import DecodeAs, Options
from dissect.timefmt import parse_seconds, parse_time

if TYPE_CHECKING:
    from dissect.filter import Filter
    from dissect.keys import Keyring

T = TypeVar("T")

ENGINES = ("native", "tshark")
FORMATS = ("json", "ndjson", "html")
"""of a report"""


def value_of(parse: Callable[[str], T]) -> Callable[[str], T]:
    """*parse* as argparse wants it: the sentence of a ValueError becomes the message."""
    def read(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return read


def add_captures(parser: argparse.ArgumentParser, nargs: str = "+") -> None:
    """CAPTURE... alone."""
    parser.add_argument("captures", nargs=nargs, metavar="CAPTURE",
                        help="a pcap or pcapng file, plain or gzip, zstd or lz4; a folder of them; - for standard input")


def add_analysis(parser: argparse.ArgumentParser, until: str = "--to", redact: bool = True, files: bool = True) -> None:
    """What says how captures are analysed; `options_of` reads it. *until*: the option for the last time, where `--to` means something else.

    *redact*: whether the command can hide what it shows; *files*: whether it reads files. Where not, the options are taken all the same, since they are
    refused with a reason, and not told of.
    """
    group = parser.add_argument_group("analysis")
    group.add_argument("--keys", metavar="FILE", help="the keys file (TOML)")
    group.add_argument("--filter", metavar="EXPR", help="keep the messages that match, the exchanges and anomalies that name one, and the messages those "
                       "name, for example 'fogslink.eqSN == \"12345678\" && exchange.latency_ms > 500' (`dissect protocols` lists the fields)")
    group.add_argument("--redact", action="store_true", help="credentials, device ids, addresses and payload values become pseudonyms: imei-1, address-2"
                       if redact else argparse.SUPPRESS)
    add_selection(group, until, files)
    group.add_argument("--deadline", metavar="PROTOCOL=SECONDS", action="append", default=[], type=value_of(_deadline),
                       help="the time an answer may take, for example clife-lan=10s (repeatable)")


def add_selection(group: argparse._ActionsContainer, until: str = "--to", files: bool = True) -> None:
    """What says which packets are used, and as what; *files* as in `add_analysis`."""
    def of_files(told: str) -> str:
        return told if files else argparse.SUPPRESS

    group.add_argument("--decode-as", metavar="tcp:PORT=PROTOCOL", action="append", default=[], type=value_of(_decode_as),
                       help="take conversations with this port for this protocol (repeatable)")
    group.add_argument("--from", dest="from_ns", metavar="TIME", type=value_of(parse_time),
                       help=of_files("use packets from this time on (RFC 3339; UTC without zone)"))
    group.add_argument(until, dest="to_ns", metavar="TIME", type=value_of(parse_time), help=of_files("use packets up to this time"))
    group.add_argument("--tls-keylog", metavar="FILE", help=of_files("secrets of TLS connections (SSLKEYLOGFILE), which tshark opens with them"))
    group.add_argument("--engine", choices=ENGINES, help=of_files(
        "tshark: for TLS, link layers and file formats that the native readers lack; needs tshark installed "
        "(default: native, tshark where a key log or secrets in the capture ask for it)"))


def add_fail_on(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fail-on", choices=SEVERITIES, metavar="LEVEL", help="exit status 3 when an anomaly of this level or above is found, with "
                        "--filter when it is kept: " + ", ".join(SEVERITIES))


def filter_of(arguments: argparse.Namespace) -> Filter | None:
    """The filter of a command line; None where there is none or a blank one. Raises FilterError."""
    text = getattr(arguments, "filter", None)
    if text is None or not text.strip():
        return None
    from dissect.filter import compile_filter

    return compile_filter(text)


def options_of(arguments: argparse.Namespace, keep_bytes: bool = False) -> Options:
    """The options that `add_analysis` added. Raises UsageError, KeysError."""
    from_ns, to_ns = arguments.from_ns, arguments.to_ns
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise UsageError("--from is later than --to: no packet lies between them")
    if arguments.engine == "native" and arguments.tls_keylog is not None:
        raise UsageError("--tls-keylog needs the tshark engine; leave --engine native out")
    known = _protocol_names()
    decode_as: list[DecodeAs] = arguments.decode_as
    deadlines: list[tuple[str, float]] = getattr(arguments, "deadline", [])
    for option, name in (*(("--decode-as", entry.protocol) for entry in decode_as), *(("--deadline", name) for name, _ in deadlines)):
        if name not in known:
            raise UsageError(f"{option}: no protocol is called {name!r}; known are {', '.join(known)}")
    for entry in decode_as:
        carried = _transports(entry.protocol)
        if entry.transport not in carried:
            raise UsageError(f"--decode-as: {entry.protocol} runs over {' and '.join(carried)} only; say {carried[0]}:{entry.port}={entry.protocol}")
    return Options(keys=keyring_of(arguments), decode_as=decode_as, deadlines_s=dict(deadlines), from_ns=from_ns, to_ns=to_ns, keep_bytes=keep_bytes,
                   engine=arguments.engine, tls_keylog=Path(arguments.tls_keylog) if arguments.tls_keylog is not None else None)


def keyring_of(arguments: argparse.Namespace) -> Keyring | None:
    """The keys file of a command line, read once: it may be a pipe. Raises KeysError."""
    if getattr(arguments, "keys", None) is None:
        return None
    if not hasattr(arguments, "keyring"):
        from dissect.cli.notices import warn
        from dissect.keys import load_keys

        arguments.keyring = load_keys(arguments.keys)
        for text in arguments.keyring.warnings:
            warn(text)
    found: Keyring = arguments.keyring
    return found


def names_of(arguments: argparse.Namespace) -> dict[str, str]:
    """What the keys file calls ids and addresses; nothing where they are hidden."""
    keyring = keyring_of(arguments)
    return {} if keyring is None or arguments.redact else keyring.names


def _protocol_names() -> list[str]:
    from grammars.registry import PROTOCOLS

    return list(PROTOCOLS)


def _transports(protocol: str) -> list[str]:
    """What carries the carriers of *protocol*."""
    from grammars.registry import PROTOCOLS

    return sorted({"udp" if carrier in ("coap", "udp") else "tcp" for carrier in PROTOCOLS[protocol].carriers})


_DECODE_AS = re.compile(r"(tcp|udp):(\d{1,5})=([\w-]+)", re.ASCII)


def _decode_as(text: str) -> DecodeAs:
    parts = _DECODE_AS.fullmatch(text)
    if not parts or not 0 < int(parts[2]) < 65536:
        raise ValueError(f"{text!r} is not of the form tcp:9000=fogslink or udp:5683=clife-lan")
    return DecodeAs(parts[1], int(parts[2]), parts[3])


def _deadline(text: str) -> tuple[str, float]:
    name, equals, seconds = text.partition("=")
    if not name or not equals:
        raise ValueError(f"{text!r} is not of the form clife-lan=10s")
    return name, parse_seconds(seconds)
