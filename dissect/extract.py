"""Files inside messages (members declared `embedded`), written out. Names come from the session, the message's id in the report and the
content's hash, endings from the content: nothing of a name is what a packet says.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from dissect.analysis import Analysis
from dissect.engine.checks import declared
from dissect.engine.media import files_in, media_type
from dissect.errors import DissectError
from dissect.jsontext import decode
from grammars.registry import PROTOCOLS

HASH_DIGITS = 16
"""hexadecimal digits of the SHA-256 in a file's name"""

Path = tuple[str, ...]


class Extract(NamedTuple):
    """A file inside a message."""

    name: str
    content: bytes
    media_type: str
    session: int
    message: int
    time: str
    member: str
    """where in the message it was, as a path of declared members"""


def _holders() -> dict[tuple[str, str], tuple[Path, ...]]:
    """(protocol, type) -> where files are in such a message."""
    found: dict[tuple[str, str], tuple[Path, ...]] = {}
    for protocol in PROTOCOLS.values():
        for row in protocol.messages.values():
            paths = declared(row.members, "embedded")
            if paths:
                found[protocol.name, row.type] = tuple(dict.fromkeys((*found.get((protocol.name, row.type), ()), *paths)))
    return found


def extracts(analysis: Analysis) -> Iterator[Extract]:
    """Every file of a finished *analysis* that kept its bytes, in order of time; a message seen twice (a broker's other leg) counts once."""
    holders = _holders()
    types = {kind for _, kind in holders}
    for index in analysis.order().tolist():
        kind = analysis.type_of(index)
        if kind not in types or analysis.columns.value(index, "duplicate_of"):
            continue
        session = analysis.columns.value(index, "session")
        paths = holders.get((analysis.sessions[session].protocol, kind or ""))
        decoded = decode(analysis.raw(index) or b"") if paths else None
        if not paths or decoded is None:
            continue
        seen: set[bytes] = set()
        for path, content in files_in(decoded.value, paths):
            digest = hashlib.sha256(content)
            if digest.digest() in seen:
                continue
            seen.add(digest.digest())
            media, ending = media_type(content)
            ident = analysis.id_of(index)
            name = f"session-{session:04d}-message-{ident:06d}-{digest.hexdigest()[:HASH_DIGITS]}.{ending}"
            yield Extract(name, content, media, session, ident, analysis.body(index).time, ".".join(path))


def check_folder(path: str) -> None:
    """Raises DissectError when *path* is no folder and none can be made there; makes none: there may be nothing to put into it."""
    present = os.path.abspath(path)
    while not os.path.lexists(present):
        present = os.path.dirname(present)
    if not os.path.isdir(present) or not os.access(present, os.W_OK | os.X_OK):
        raise DissectError(f"{path} is no folder that can be written into; name another with --to")


def make_folder(path: str) -> None:
    """Raises DissectError when there is no such folder and none can be made."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise DissectError(f"{path} is no folder and cannot be made one ({error.strerror}); name another with --to") from error


def write(folder: str, extract: Extract) -> bool:
    """Write it into *folder*; False when the same file lies there already. Raises DissectError: another content there, or no room."""
    path = os.path.join(folder, extract.name)
    try:
        with open(path, "xb") as file:  # never follows a link, never writes over a file
            try:
                file.write(extract.content)
                file.flush()
            except OSError:
                os.unlink(path)
                raise
    except FileExistsError:
        if _same(path, extract.content):
            return False
        raise DissectError(f"{path} is there already with other content; name another folder with --to") from None
    except OSError as error:
        raise DissectError(f"{path} cannot be written ({error.strerror}); name another folder with --to") from error
    return True


def _same(path: str, content: bytes) -> bool:
    """Whether *path* is an ordinary file of exactly this content."""
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size != len(content):
        return False
    with open(path, "rb") as file:
        return file.read(len(content) + 1) == content
