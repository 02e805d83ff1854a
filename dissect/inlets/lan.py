"""The inlet of a UDP conversation: CoAP datagrams, read by the capture's one CoAP layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissect.streams.api import Conversation
from grammars.coap import PORT

if TYPE_CHECKING:
    from dissect.pipeline import Pipeline

DATAGRAMS_IN_VAIN = 1 << 16
"""datagrams of CoAP that bring no message of ours after which a conversation is left alone"""


class LanInlet:
    """A `DatagramHandler`: CoAP datagrams of one UDP conversation, read by the capture's one CoAP layer."""

    __slots__ = ("_pipeline", "_conversation", "_ours", "_datagrams", "_known_port", "_truncated")

    def __init__(self, pipeline: Pipeline, conversation: Conversation) -> None:
        self._pipeline = pipeline
        self._conversation = conversation
        self._ours = False
        self._datagrams = 0
        self._known_port = PORT in conversation.port

    def datagram(self, side: int, data: bytes, missing: int, packets: tuple[int, ...], time_ns: int) -> None:
        if not data or data[0] >> 6 != 1:
            if not self._known_port and not self._ours:
                self._conversation.wanted = False
            if not data or not self._ours:
                return
        self._datagrams += 1
        pipeline = self._pipeline
        for unit in pipeline.coap.datagram(self._conversation, side, data, packets, time_ns, missing > 0):
            if pipeline.coap_unit(self._conversation, unit):
                self._ours = True
        broken = False
        if pipeline.coap.notes:
            broken = any(note.code == "coap.malformed" for _, note in pipeline.coap.notes)
            pipeline.coap_notes()
        # A message may come in hundreds of blocks, each with its acknowledgement, and from a port of its own.
        if not self._ours and (self._datagrams > DATAGRAMS_IN_VAIN or (broken and not self._known_port)):
            self._conversation.wanted = False

    def closed(self, time_ns: int) -> None:
        self._pipeline.coap_closed(self._conversation)
