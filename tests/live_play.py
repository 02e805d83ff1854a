"""Sample captures played again over real sockets: each conversation's bytes, in their order, by sockets of devices and servers."""

from __future__ import annotations

import socket
import time
from typing import NamedTuple

from captures.samples import Sample
from captures.write import FOLDER
from dissect.capture import open_capture
from dissect.streams.api import Conversation, DatagramHandler, StreamHandler
from dissect.streams.table import ConversationTable
from tests.namespaces import Network

PAUSE_S = 0.003


class Line(NamedTuple):
    """Something that one side sent (None: it closed)."""

    time_ns: int
    order: int
    conversation: int
    side: int
    data: bytes | None


class Script(NamedTuple):
    conversations: dict[int, Conversation]
    lines: list[Line]


def script_of(sample: Sample) -> Script:
    """What is said in a sample, in order of time."""
    recorder = _Recorder()
    table = ConversationTable(recorder)
    with open_capture([str(FOLDER / sample.name / sample.file_name)]) as capture:
        for batch in capture:
            table.feed(batch.in_time_order())
        table.finish(capture.last_ns)
    return Script(recorder.conversations, sorted(recorder.lines))


class _Recorder:
    def __init__(self) -> None:
        self.conversations: dict[int, Conversation] = {}
        self.lines: list[Line] = []

    def opened(self, conversation: Conversation) -> StreamHandler | DatagramHandler:
        self.conversations[conversation.id] = conversation
        return _Recorded(self, conversation.id)

    def incomplete_fragments(self, addresses: tuple[str, str], packets: tuple[int, ...], time_ns: int) -> None: ...

    def tick(self, time_ns: int) -> None: ...


class _Recorded:
    def __init__(self, recorder: _Recorder, ident: int) -> None:
        self._recorder, self._id = recorder, ident

    def _line(self, time_ns: int, side: int, data: bytes | None) -> None:
        self._recorder.lines.append(Line(time_ns, len(self._recorder.lines), self._id, side, data))

    def data(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        self._line(time_ns, side, data)

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        self._line(time_ns, side, data)

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        self._line(time_ns, side, None)

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None: ...

    def reset(self, side: int, packet: int, time_ns: int) -> None: ...

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None: ...

    def closed(self, time_ns: int) -> None: ...


class Stage:
    """Sockets of the conversations of a script: side 0 in namespace a, side 1 in b, at mapped addresses and the script's ports."""

    def __init__(self, network: Network, subnet: int) -> None:
        self._network = network
        self._subnet = subnet
        self._hosts: dict[str, str] = {}
        self._ends: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._listening: dict[tuple[str, int], socket.socket] = {}
        self._datagrams: dict[tuple[str, int], socket.socket] = {}

    def _host(self, address: str, namespace: str) -> str:
        mapped = self._hosts.setdefault(f"{namespace} {address}", f"10.77.{self._subnet}.{len(self._hosts) + 1}")
        self._network.address(namespace, mapped)
        return mapped

    def _open(self, conversation: Conversation) -> tuple[socket.socket, socket.socket]:
        network, (client_port, server_port) = self._network, conversation.port
        client, server = self._host(conversation.address[0], network.a), self._host(conversation.address[1], network.b)
        if conversation.transport == "udp":
            ends = []
            for namespace, host, port in ((network.a, client, client_port), (network.b, server, server_port)):
                if (host, port) not in self._datagrams:
                    self._datagrams[host, port] = network.socket(namespace, lambda host=host, port=port: _datagrams(host, port))  # type: ignore[misc]
                ends.append(self._datagrams[host, port])
            self._targets = {**getattr(self, "_targets", {}), conversation.id: ((server, server_port), (client, client_port))}
            return ends[0], ends[1]
        if (server, server_port) not in self._listening:
            self._listening[server, server_port] = network.socket(network.b, lambda: socket.create_server((server, server_port)))
        connected = network.socket(network.a, lambda: socket.create_connection((server, server_port), 10, (client, 0)))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted, _ = self._listening[server, server_port].accept()
        accepted.settimeout(10)
        network.sockets.append(accepted)
        return connected, accepted

    def play(self, script: Script, pause_s: float = PAUSE_S) -> None:
        """Say every line, and wait until the other side has it."""
        for line in script.lines:
            conversation = script.conversations[line.conversation]
            if line.conversation not in self._ends:
                if line.data is None:
                    continue
                self._ends[line.conversation] = self._open(conversation)
            ends = self._ends[line.conversation]
            sender, receiver = ends[line.side], ends[1 - line.side]
            if line.data is None:
                sender.shutdown(socket.SHUT_WR)
            elif conversation.transport == "udp":
                sender.sendto(line.data, self._targets[line.conversation][line.side])
                assert receiver.recv(65536) == line.data
            else:
                sender.sendall(line.data)
                left = len(line.data)
                while left:
                    left -= len(receiver.recv(left))
            time.sleep(pause_s)
        for ends in self._ends.values():
            for one in ends:
                one.close()


def _datagrams(host: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((host, port))
    return one
