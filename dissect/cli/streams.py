"""`dissect streams`: every conversation, or the bytes of one."""

from __future__ import annotations

import argparse

from dissect.cli.options import add_analysis, add_captures, add_fail_on

SIDES = {"a-b": 0, "b-a": 1}

END_WIDTH = 21
"""cells of an IPv4 address with its port, which a table shows whole"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_captures(parser)
    parser.add_argument("--json", action="store_true", help="as a list of JSON objects")
    parser.add_argument("--follow", metavar="N", type=int, help="write the reassembled bytes of conversation N, both sides in order of time "
                        "(not with --redact)")
    parser.add_argument("--direction", choices=tuple(SIDES), help="with --follow: of this side only")
    add_fail_on(parser)
    add_analysis(parser)


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
    kept, status = _kept(arguments)
    options = options_of(arguments)
    with watched_capture(arguments.captures, options) as capture:
        if arguments.follow is not None:
            return _follow(capture, arguments)
        from dissect.conversations import conversations_of

        found = conversations_of(capture, options)
    listed = [one for one in found.conversations if kept is None or one["id"] in kept]
    conversations = _redacted(listed) if arguments.redact else listed
    if arguments.json:
        import json

        print(json.dumps(conversations, indent=1))
    else:
        _table(conversations)
    return status


def _kept(arguments: argparse.Namespace) -> tuple[set[int] | None, int]:
    """The conversations of the sessions that `--filter` keeps (None: all), and the exit status that `--fail-on` asks for: both need the analysis."""
    if arguments.filter is None and arguments.fail_on is None:
        return None, 0
    from dissect.cli.work import analysis_of, exit_status
    from dissect.errors import UsageError

    if "-" in arguments.captures or arguments.follow is not None:
        raise UsageError("--filter and --fail-on read the captures twice: give files, and leave --follow out")
    analysis = analysis_of(argparse.Namespace(**{**vars(arguments), "redact": False}))
    status = exit_status(analysis, arguments.fail_on)
    kept = {ident for session in analysis.sessions.values() for ident in session.streams}
    analysis.close()
    return (kept if arguments.filter is not None else None), status


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


def _table(conversations: list[dict[str, object]]) -> None:
    from dissect.cli.table import table, terminal_width

    if not conversations:
        print("no conversations")
        return
    head = ("id", "kind", "a", "b", "protocol", "carrier", "packets", "bytes a-b", "bytes b-a", "missing", "resent", "rtt ms", "what")
    rows = []
    for one in conversations:
        kinds: dict[str, int] = one["carrier_messages"]  # type: ignore[assignment]
        missing = int(str(one["missing_a_b"])) + int(str(one["missing_b_a"]))
        rtt = one["rtt_ms"]
        rows.append((one["id"], one["transport"], one["a"], one["b"], one["protocol"], one["carrier"], one["packets"], one["bytes_a_b"],
                     one["bytes_b_a"], missing, one["retransmissions"], None if rtt is None else f"{rtt:.3f}",
                     ", ".join(f"{kind}: {count}" for kind, count in kinds.items()) or one["reason"] or ""))
    for line in table(head, rows, {0, 6, 7, 8, 9, 10, 11}, width=terminal_width(), keys=1, least=END_WIDTH):
        print(line)
