"""`dissect streams`: every conversation, or the bytes of one."""

from __future__ import annotations

import argparse

from dissect.cli.options import add_captures, add_selection

SIDES = {"a-b": 0, "b-a": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_captures(parser)
    parser.add_argument("--json", action="store_true", help="as a list of JSON objects")
    parser.add_argument("--follow", metavar="N", type=int, help="write the reassembled bytes of conversation N, both sides in order of time")
    parser.add_argument("--direction", choices=tuple(SIDES), help="with --follow: of this side only")
    group = parser.add_argument_group("analysis")
    group.add_argument("--redact", action="store_true", help="addresses become pseudonyms, and the hashes of what was sent are left out")
    add_selection(group)


def run(arguments: argparse.Namespace) -> int:
    from dissect.cli.options import options_of
    from dissect.cli.work import watched_capture
    from dissect.errors import UsageError

    if arguments.direction is not None and arguments.follow is None:
        raise UsageError("--direction says which side --follow writes; give --follow N too")
    if arguments.json and arguments.follow is not None:
        raise UsageError("--follow writes bytes, --json the list; choose one")
    if arguments.redact and arguments.follow is not None:
        raise UsageError("--follow writes what was sent, and --redact hides it; leave one of them out")
    options = options_of(arguments)
    with watched_capture(arguments.captures, options) as capture:
        if arguments.follow is not None:
            return _follow(capture, arguments)
        from dissect.conversations import conversations_of

        found = conversations_of(capture, options)
    conversations = _redacted(found.conversations) if arguments.redact else found.conversations
    if arguments.json:
        import json

        print(json.dumps(conversations, indent=1))
        return 0
    return _table(conversations)


def _redacted(conversations: list[dict[str, object]]) -> list[dict[str, object]]:
    """Without addresses, and without hashes, by which guessed bytes could be recognised."""
    from dissect.redact import Pseudonyms

    pseudonyms = Pseudonyms()

    def end(text: object) -> str:
        address, _, port = str(text).rpartition(":")
        return f"{pseudonyms.address(address.strip('[]'))}:{port}"

    return [{**one, "a": end(one["a"]), "b": end(one["b"]), "sha256_a_b": None, "sha256_b_a": None} for one in conversations]


def _follow(capture: object, arguments: argparse.Namespace) -> int:
    from typing import Any, cast

    from dissect.cli.output import output
    from dissect.conversations import follow
    from dissect.errors import DissectError

    try:
        parts = follow(cast(Any, capture), arguments.follow, SIDES.get(arguments.direction))
    except LookupError as error:
        raise DissectError(f"{error}; `dissect streams` lists them") from None
    with output(None) as out:
        for part in parts:
            out.write(part)
    return 0


def _table(conversations: list[dict[str, object]]) -> int:
    from dissect.cli.table import table

    head = ("id", "kind", "a", "b", "protocol", "carrier", "packets", "bytes a-b", "bytes b-a", "missing", "resent", "rtt ms", "what")
    rows = []
    for one in conversations:
        kinds: dict[str, int] = one["carrier_messages"]  # type: ignore[assignment]
        missing = int(str(one["missing_a_b"])) + int(str(one["missing_b_a"]))
        rtt = one["rtt_ms"]
        rows.append((one["id"], one["transport"], one["a"], one["b"], one["protocol"], one["carrier"], one["packets"], one["bytes_a_b"],
                     one["bytes_b_a"], missing, one["retransmissions"], None if rtt is None else f"{rtt:.3f}",
                     ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or one["reason"] or ""))
    for line in table(head, rows, {0, 6, 7, 8, 9, 10, 11}):
        print(line)
    return 0
