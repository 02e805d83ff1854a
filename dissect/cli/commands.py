"""The table of commands. Nothing here loads a command: `dissect --help` shows this table alone."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """One command; the module `dissect.cli.<name>` carries it out."""

    name: str
    help: str
    """one line"""
    example: str
    """a whole command line, shown by its --help"""


COMMANDS = (
    Command("report", "the report of captures as JSON, as a stream of lines, or as an HTML page",
            "dissect report capture.pcapng --keys keys.toml -o report.json"),
    Command("show", "one line a message; -v its tree of fields, -x its bytes", "dissect show capture.pcapng --keys keys.toml -v"),
    Command("stats", "figures: devices, answer times per operation, messages over time", "dissect stats capture.pcapng --json"),
    Command("export", "the packets of the sessions that a filter keeps, as pcapng",
            "dissect export capture.pcapng --filter 'exchange.status == \"timeout\"' -w timeouts.pcapng"),
    Command("extract", "snapshots and other files inside messages, written out", "dissect extract capture.pcapng --to snapshots/"),
    Command("streams", "every TCP and UDP conversation and what it was taken for", "dissect streams capture.pcapng --follow 3 --direction a-b"),
    Command("tui", "the terminal interface: messages, ladder, pairs, anomalies, figures", "dissect tui capture.pcapng --keys keys.toml"),
    Command("live", "capture on an interface, analysed as it goes", "sudo dissect live -i eth0 --write capture.pcapng --report report.json"),
    Command("protocols", "the protocols it knows, with the fields of each", "dissect protocols fogslink"),
    Command("anomalies", "the catalogue of anomalies", "dissect anomalies"),
    Command("schema", "the JSON Schema of the report", "dissect schema > report.schema.json"),
)
"""in the order of `dissect --help`"""
