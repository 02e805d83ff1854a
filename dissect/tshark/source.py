"""A capture read with tshark's help: the batches of a `CaptureSource`, the network layer found for link types that we do not peel."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, cast

import msgspec
import numpy as np

from dissect.capture import Batch, Damage, PcapngWriter, open_capture
from dissect.capture.inflate import ByteSource
from dissect.capture.reader import OTHER_FORMATS, open_reader
from dissect.capture.source import STANDARD_INPUT
from dissect.errors import CaptureError
from dissect.layers.link import READABLE
from dissect.model import SourceFile
from dissect.sources import Passing
from dissect.streams.api import Listener
from dissect.tshark.facts import FactReader, Facts, Header
from dissect.tshark.program import convert, find_tshark
from dissect.tshark.survey import survey
from dissect.tshark.tls import Plaintexts, TlsListener
from grammars.linktypes import IPV4, IPV6
from grammars.pcap import BYTE_ORDERS, MAGIC_MICROSECONDS, MAGIC_NANOSECONDS
from grammars.pcapng import SECTION

COPY_SIZE = 1 << 20
_AHEAD = 64
# Frames that tshark may count more than we do (blocks that hold no packet of a link) and still be asked for in time.
_PLAIN_MAGICS = (*(magic.to_bytes(4, order.name) for magic in (MAGIC_MICROSECONDS, MAGIC_NANOSECONDS) for order in BYTE_ORDERS), SECTION.to_bytes(4, "big"))


class TsharkSource(Passing):
    """Close it always."""

    def __init__(self, paths: Sequence[str], keylog: Path | None, tshark: str, *, stdin: BinaryIO | None = None, from_ns: int | None = None,
                 to_ns: int | None = None, keep: bool = False) -> None:
        """Raises CaptureError."""
        self._tshark = tshark
        self._keylog = _checked(keylog)
        self._plaintexts = Plaintexts()
        self._facts: FactReader | None = None
        self._stack = ExitStack()
        self._shown: dict[str, tuple[str, str | None]] = {}
        # name that is read -> name as given, and its format where we do not read it ourselves
        try:
            self._paths = [self._readable(path, stdin) for path in paths]
            self._opened = open_capture(self._paths, from_ns=from_ns, to_ns=to_ns, keep=keep)
        except BaseException:
            self._stack.close()
            raise
        super().__init__(self._opened)

    # -- what is told of the capture --

    @property
    def files(self) -> list[SourceFile]:
        return [self._as_given(file) for file in self._capture.files]

    def _as_given(self, file: SourceFile) -> SourceFile:
        if file.name not in self._shown:
            return file
        name, kind = self._shown[file.name]
        size = Path(name).stat().st_size if kind is not None and Path(name).is_file() else file.bytes
        return msgspec.structs.replace(file, name=name, format=kind or file.format, bytes=size)

    @property
    def damages(self) -> Sequence[Damage]:
        problem = self._facts.problem if self._facts is not None else None
        found = self._capture.damages
        return found if problem is None or found else [Damage(0, f"tshark ended before its end: {problem}", self._capture.packets, self._capture.last_ns or 0)]

    def listening(self, listener: Listener) -> Listener:
        """Who is to be told of the conversations, so that *listener* has them in clear."""
        return TlsListener(listener, self._plaintexts)

    def __enter__(self) -> TsharkSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End tshark, close files, remove what was written; a second time does nothing."""
        if self._facts is not None:
            self._facts.close()
        self._opened.close()
        self._stack.close()

    # -- what tshark can read --

    def _temporary(self) -> IO[bytes]:
        return self._stack.enter_context(tempfile.NamedTemporaryFile(prefix="dissect-", suffix=".pcapng"))

    def _readable(self, path: str, stdin: BinaryIO | None) -> str:
        """*path*, or a temporary file that holds the same and can be read twice by the native reader."""
        if path == STANDARD_INPUT:
            copy = self._temporary()
            source = stdin or sys.stdin.buffer
            while data := source.read(COPY_SIZE):
                copy.write(data)
            copy.flush()
            self._shown[copy.name] = (STANDARD_INPUT, None)
            path = copy.name
        if not Path(path).is_file():
            return path
        try:
            with open(path, "rb", buffering=0) as stream:
                open_reader(path, 0, ByteSource(stream, live=False))
        except CaptureError:
            return self._converted(path)
        except OSError as error:
            raise CaptureError(f"{path}: cannot be opened ({error.strerror or error})") from error
        return path

    def _converted(self, path: str) -> str:
        with open(path, "rb") as stream:
            head = stream.read(8)
        if not head or head.startswith(_PLAIN_MAGICS):
            return path  # what is wrong with it the native reader says best
        copy = self._temporary()
        convert(self._tshark, path, copy)
        name = self._shown.get(path, (path, None))[0]
        self._shown[copy.name] = (name, next((kind for magic, kind, _ in OTHER_FORMATS if head.startswith(magic)), "tshark"))
        return copy.name

    def _joined(self) -> tuple[str, list[np.ndarray[Any, np.dtype[np.int64]]] | None]:
        """A file for tshark with all packets in the order in which they are handed out, and their references; one plain file serves as it is."""
        if len(self._paths) == 1 and Path(self._paths[0]).is_file():
            with open(self._paths[0], "rb") as stream:
                if stream.read(4) in _PLAIN_MAGICS:
                    return self._paths[0], None
        copy = self._temporary()
        writer = PcapngWriter(cast(BinaryIO, copy))
        references: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        with open_capture(self._paths) as capture:
            for batch in capture:
                references.append(batch.references())
                for index, (time_ns, link, length) in enumerate(zip(batch.time_ns.tolist(), batch.link.tolist(), batch.origlen.tolist(), strict=True)):
                    writer.packet(writer.interface(link), time_ns, batch.packet(index), length)
        if capture.secrets:
            copy = self._with_secrets_first(copy, capture.secrets)
        copy.flush()
        return copy.name, references

    def _with_secrets_first(self, body: IO[bytes], secrets: list[tuple[int, bytes]]) -> IO[bytes]:
        """Secrets are known when a file has been read whole, and tshark wants them before the packets."""
        copy = self._temporary()
        writer = PcapngWriter(cast(BinaryIO, copy))
        for kind, secret in secrets:
            writer.secrets(kind, secret)
        body.seek(0)
        while data := body.read(COPY_SIZE):
            copy.write(data)
        return copy

    # -- batches --

    def __iter__(self) -> Iterator[Batch]:
        name, references = self._joined()
        place = _places(references)
        links, ports = survey(self._paths)
        reader = self._facts = FactReader(self._tshark, name, self._keylog, links, ports)
        waiting = iter(reader)
        ahead: Facts | None = None
        for batch in self._capture:
            last = place(batch.reference(len(batch) - 1))
            headers: dict[int, tuple[Header, ...]] = {}
            for facts in chain(() if ahead is None else (ahead,), waiting):
                ahead = None
                if facts.number > last + _AHEAD:
                    ahead = facts
                    break
                for fragment, plaintext in facts.records:
                    self._plaintexts.add(fragment, plaintext)
                if facts.headers:
                    headers[facts.number] = facts.headers
            yield _with_network(batch, headers, place) if headers else batch


def _checked(keylog: Path | None) -> Path | None:
    if keylog is None:
        return None
    try:
        with open(keylog, "rb") as stream:
            stream.read(1)
    except OSError as error:
        raise CaptureError(f"{keylog}: the TLS key log cannot be read ({error.strerror or error})") from error
    return keylog


def _places(references: list[np.ndarray[Any, np.dtype[np.int64]]] | None) -> Any:
    """From a packet reference to its number in what tshark reads."""
    from dissect.streams.api import NUMBER_MASK

    if references is None:
        return lambda reference: reference & NUMBER_MASK
    firsts: list[tuple[int, int, int]] = []
    number = 1
    for chunk in references:
        if len(chunk):
            firsts.append((int(chunk[0]), len(chunk), number))
        number += len(chunk)
    ordered = sorted(firsts)

    def place(reference: int) -> int:
        import bisect

        first, _, begin = ordered[bisect.bisect_right(ordered, (reference, 1 << 62, 0)) - 1]
        return begin + reference - first

    return place


def _with_network(batch: Batch, headers: dict[int, tuple[Header, ...]], place: Any) -> Batch:
    """*batch* with the packets of foreign link types cut down to the IP packets that tshark found in them."""
    indices: list[int] = []
    moved: list[tuple[int, int]] = []
    for index in range(len(batch)):
        found = headers.get(place(batch.reference(index)), ()) if int(batch.link[index]) not in READABLE else ()
        cuts = list(_outermost(batch, index, found))
        for cut in cuts or [(0, int(batch.link[index]))]:
            indices.append(index)
            moved.append(cut)
    chosen = batch.select(np.array(indices, np.int64))
    skip = np.array([one for one, _ in moved], np.int64)
    return Batch(chosen.buffer, chosen.offset + skip, chosen.caplen - skip, chosen.origlen - skip, chosen.time_ns,
                 np.array([link for _, link in moved], np.int64), chosen.number, chosen.file)


def _outermost(batch: Batch, index: int, headers: tuple[Header, ...]) -> Iterator[tuple[int, int]]:
    """Place and link type of the IP headers that stand in the frame itself, and in no other IP packet."""
    data, end = batch.packet(index), 0
    for header in headers:
        before = 12 if header.version == 4 else 8
        place = header.place + before
        if header.place >= end and data[place:place + len(header.source)] == header.source and data[header.place] >> 4 == header.version:
            end = header.place + max(header.size, 1)
            yield header.place, IPV4 if header.version == 4 else IPV6


def open_with_tshark(paths: Sequence[str], keylog: Path | None, why: str, *, stdin: BinaryIO | None = None, from_ns: int | None = None,
                     to_ns: int | None = None, keep: bool = False) -> TsharkSource:
    """*why*: the option that asked for it, for the message where tshark is not installed. Raises CaptureError."""
    return TsharkSource(paths, keylog, find_tshark(why), stdin=stdin, from_ns=from_ns, to_ns=to_ns, keep=keep)
