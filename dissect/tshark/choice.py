"""Which engine reads a capture: the native one, or tshark where the user, a key log or the capture's own secrets ask for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dissect.capture import CaptureSource, open_capture
from dissect.options import Options

if TYPE_CHECKING:
    from dissect.tshark.source import TsharkSource

PEEKED = 1 << 20
"""bytes at the front of a file in which decryption secrets are looked for; writers put them before the packets"""
_SECRETS_BEFORE_PACKETS = 64


def open_as_asked(paths: Sequence[str], options: Options, warn: Callable[[str], None], *, stdin: BinaryIO | None = None,
                  keep: bool = False) -> CaptureSource | TsharkSource:
    """Open *paths* with the engine that *options* name, or else with the one they need. Raises CaptureError.

    *warn* is told where TLS stays closed because tshark is not installed and nobody asked for it by an option.
    """
    keylog = options.tls_keylog
    why = "--engine tshark" if options.engine == "tshark" else "--tls-keylog" if keylog is not None else None
    if keylog is None and options.keys is not None and options.keys.tls_keylog is not None and options.keys.tls_keylog.is_file():
        keylog = options.keys.tls_keylog
    if options.engine != "native" and (why or keylog is not None or any(map(_holds_secrets, paths))):
        if why or shutil.which("tshark"):
            from dissect.tshark.source import open_with_tshark

            return open_with_tshark(paths, keylog, why or "TLS", stdin=stdin, from_ns=options.from_ns, to_ns=options.to_ns, keep=keep)
        from dissect.tshark.program import INSTALL

        warn(f"TLS stays closed: opening it needs tshark, and {INSTALL}")
    return open_capture(paths, stdin=stdin, from_ns=options.from_ns, to_ns=options.to_ns, keep=keep)


def _holds_secrets(path: str) -> bool:
    """Whether a pcapng file begins with decryption secrets."""
    from dissect.capture.blocks import LAYOUTS, byte_order
    from dissect.capture.pcapng import is_pcapng
    from grammars.pcapng import ENHANCED_PACKET, OBSOLETE_PACKET, SECRETS, SIMPLE_PACKET

    if not Path(path).is_file():
        return False
    try:
        with open(path, "rb") as stream:
            front = stream.read(PEEKED)
    except OSError:
        return False  # the reader says why it cannot be read
    order = byte_order(front)
    if order is None or not is_pcapng(front):
        return False
    head = LAYOUTS[order].block.struct
    place = 0
    for _ in range(_SECRETS_BEFORE_PACKETS):
        if place + head.size > len(front):
            return False
        kind, length = head.unpack_from(front, place)
        if kind == SECRETS:
            return True
        if length < head.size or kind in (ENHANCED_PACKET, SIMPLE_PACKET, OBSOLETE_PACKET):
            return False
        place += length
    return False
