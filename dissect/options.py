"""What a user may ask of an analysis, as values; the command line and the interface make them, the pipeline reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dissect.keys import Keyring


@dataclass(frozen=True, slots=True)
class DecodeAs:
    """`--decode-as tcp:9000=fogslink`: conversations with this port are of this protocol, whatever their bytes look like."""

    transport: str
    """tcp or udp"""
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Options:
    """How a capture is analysed."""

    keys: Keyring | None = None
    decode_as: list[DecodeAs] = field(default_factory=list)
    deadlines_s: dict[str, float] = field(default_factory=dict)
    """protocol -> seconds that it may take to answer, instead of the document's"""
    from_ns: int | None = None
    """packets before it are not used"""
    to_ns: int | None = None
    """packets after it are not used"""
    endless: bool = False
    """a live capture whose sink keeps nothing for ever: devices, and what is told of each, are bounded"""
    keep_bytes: bool = False
    """the sink wants each message's own bytes and plaintext"""
    engine: str | None = None
    """native or tshark; None: whichever the capture and the keys need"""
    tls_keylog: Path | None = None
    """opens TLS, through tshark"""
