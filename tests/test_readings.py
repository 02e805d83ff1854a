"""Readings derived from grammars say what the grammars say, on any bytes."""

from __future__ import annotations

from typing import Any

import pytest
from construct import Construct, ConstructError, GreedyBytes, Int8ub, Int16ub, Int16ul, Struct, Switch, this
from hypothesis import given
from hypothesis import strategies as st

from grammars import ethernet, ip, linux_sll, loopback, pcap, pcapng, pppoe, tcp, udp
from grammars.readings import field_table, front, spans
from grammars.vocabulary import Doc

FIXED: list[tuple[str, Construct]] = [
    ("ethernet", ethernet.ETHERNET), ("vlan tag", ethernet.VLAN_TAG), ("sll", linux_sll.LINUX_SLL), ("sll2", linux_sll.LINUX_SLL2),
    ("loopback", loopback.LOOPBACK), ("pppoe", pppoe.PPPOE), ("ipv4", ip.IPV4), ("ipv6", ip.IPV6), ("extension", ip.IPV6_EXTENSION),
    ("fragment", ip.IPV6_FRAGMENT), ("tcp", tcp.TCP), ("udp", udp.UDP),
    *((f"{make.__name__} {order.name}", make(order)) for order in pcap.BYTE_ORDERS for make in (
        pcap.file_header, pcap.record_header, pcapng.block_header, pcapng.option_header, pcapng.section_header, pcapng.interface_description,
        pcapng.enhanced_packet, pcapng.simple_packet, pcapng.obsolete_packet, pcapng.statistics, pcapng.secrets)),
]
GRAMMARS = pytest.mark.parametrize("grammar", [pytest.param(grammar, id=name) for name, grammar in FIXED])


def flat(container: Any) -> dict[str, Any]:
    """The grammar's own values: bit fields by their names, the integer that holds them left out."""
    found: dict[str, Any] = {}
    for name, value in container.items():
        if name == "_io":
            continue
        found.update(flat(value) if hasattr(value, "items") else {name: value})
    return found


@GRAMMARS
@given(data=st.binary(min_size=40, max_size=60))
def test_the_front_reads_what_the_grammar_reads(grammar: Construct, data: bytes) -> None:
    layout = front(grammar)
    assert layout.size == grammar.sizeof()
    read = layout.read(data)
    assert {name: read[name] for name in flat(grammar.parse(data))} == flat(grammar.parse(data))


@GRAMMARS
@given(data=st.binary(max_size=44))
def test_spans_of_truncated_bytes_are_those_of_the_whole_fields(grammar: Construct, data: bytes) -> None:
    found = spans(grammar, data)
    whole = [span for span in spans(grammar, data.ljust(64, b"\0")) if span.end <= len(data)]
    assert found == whole
    assert all(0 <= span.start < span.end <= len(data) for span in found)
    for span in found:
        if span.bits is not None:
            assert span.bits.of(int.from_bytes(data[span.start:span.end], "big")) == span.value


@GRAMMARS
def test_every_field_says_what_it_means_and_where_that_is_written(grammar: Construct) -> None:
    rows = field_table(grammar)
    assert rows
    for row in rows:
        assert row.doc and row.spec, row.name
        assert row.offset is not None and row.size is not None


def test_the_front_ends_where_lengths_begin_to_vary_or_byte_orders_mix() -> None:
    assert front(Struct("a" / Int16ub, "rest" / GreedyBytes, "b" / Int16ub)).names == ("a",)
    assert front(Struct("a" / Int16ub, "b" / Int8ub, "c" / Int16ul)).names == ("a", "b")


def test_spans_follow_a_switch_and_name_elements_of_structures() -> None:
    grammar = Struct("kind" / Int8ub * Doc("Kind"), "body" / Switch(this.kind, {1: Struct("x" / Int16ub * Doc("X"))}, default=GreedyBytes) * Doc("Body"))
    assert [(span.name, span.start, span.end, span.value) for span in spans(grammar, b"\1\2\3")] == [("kind", 0, 1, 1), ("body.x", 1, 3, 0x0203)]
    assert [(span.name, span.doc) for span in spans(grammar, b"\2\2\3")] == [("kind", "Kind"), ("body", "Body")]
    with pytest.raises(ConstructError):
        grammar.parse(b"\1\2")
    assert [span.name for span in spans(grammar, b"\1\2")] == ["kind"]
