"""The engine knows no protocol (ARCHITECTURE.md): none of its files names a protocol, a kind of message, or a member that pairs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from grammars.registry import PROTOCOLS

ROOT = Path(__file__).resolve().parents[1] / "dissect"
ENGINE = [ROOT / "pipeline.py", *(path for folder in ("engine", "pairing", "inlets") for path in sorted((ROOT / folder).glob("*.py")))]
WORDS = {name for name, protocol in PROTOCOLS.items()} | {
    word for protocol in PROTOCOLS.values() for row in protocol.messages.values() for word in (row.kind, row.type, *row.key)
} | {
    word for protocol in PROTOCOLS.values() for word in (*protocol.named_by, *(inner.name for one in protocol.extra_fields for inner in one.members))
}
COMMON = {"data", "command"}
"""words of messages that are also words of everyone"""


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.stem)
def test_no_word_of_a_protocol_stands_in_the_engine(path: Path) -> None:
    said = {node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not said & (WORDS - COMMON)
