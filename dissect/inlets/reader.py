"""What the readers of a TCP connection share: its sessions, and what the transport tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissect.engine.sessions import SessionState
from dissect.streams.api import FILE_SHIFT, Conversation
from grammars.vocabulary import ApplicationProtocol, Finding

if TYPE_CHECKING:
    from dissect.pipeline import Pipeline

HELD_NOTES = 64
"""findings of the transport that wait for a session"""


class Reader:
    """What both kinds of reader share: sessions of one TCP connection."""

    def __init__(self, pipeline: Pipeline, conversation: Conversation) -> None:
        self._pipeline = pipeline
        self._engine = pipeline.engine
        self._conversation = conversation
        self.sessions: list[SessionState] = []
        self._waiting: list[tuple[Finding, tuple[int, ...], int]] = []
        """findings of the transport before there was a session"""

    def _open(self, protocol: ApplicationProtocol, carrier: str, device_side: int, own: bool, time_ns: int, packet: int) -> SessionState:
        conversation = self._conversation
        ends = ((conversation.address[0], conversation.port[0]), (conversation.address[1], conversation.port[1]))
        session = self._engine.open_session((conversation.id, protocol.name), protocol, carrier, ends, conversation.first_ns, packet >> FILE_SHIFT)
        session.device_side, session.own = device_side, own
        session.streams.append(conversation.id)
        session.clear = not conversation.tls
        session.began, session.conversation = conversation.saw_syn and not conversation.midstream, conversation
        session.clock_ns = conversation.last_ns
        self.sessions.append(session)
        if not session.began:
            session.midstream_ns = conversation.first_ns
        return session

    def _opened(self, session: SessionState, packet: int, time_ns: int) -> None:
        """All that can be known at its start is known: tell of it, and of what happened before it was one."""
        self._engine.session_seen(session)
        if not session.began:
            self._engine.report(session, Finding("tcp.midstream", "the capture starts inside the connection"), (), (packet,), time_ns)
        if len(self.sessions) == 1:
            waiting, self._waiting = self._waiting, []
            for finding in waiting:
                self.transport(*finding)

    def transport(self, finding: Finding, packets: tuple[int, ...], time_ns: int) -> None:
        if self.sessions:
            self._engine.report(self.sessions[0], finding, (), packets, time_ns)
        elif len(self._waiting) < HELD_NOTES:
            self._waiting.append((finding, packets, time_ns))

    def _missing(self, side: int, length: int, packet: int, time_ns: int, cut: bool) -> None:
        for session in self.sessions:
            self._engine.bytes_missing(session, side, time_ns)
        if cut:  # those are told as capture.truncated-packet, once
            return
        sender = self._conversation.address[side]
        self.transport(Finding("tcp.missing-bytes", f"{length} bytes of {sender} are missing before this packet"), (packet,), time_ns)

    def reset(self, time_ns: int) -> None:
        for session in self.sessions:
            session.ended_ns = time_ns

    def ended(self, time_ns: int) -> None:
        for session in self.sessions:
            self._engine.connection_ended(session, time_ns)

    def _close_sessions(self, fins: list[bool], reset: bool, time_ns: int) -> None:
        conversation = self._conversation
        ended = all(fins) or reset
        for session in self.sessions:
            session.complete = conversation.saw_syn and (any(fins) or reset)
            session.truncated = conversation.truncated_packets if session is self.sessions[0] else 0
            session.connectionless = not ended
            if not ended:
                # Its ports are used anew, or the capture is over.
                session.ended_ns = time_ns
            self._engine.close_session(session, conversation.last_ns)
