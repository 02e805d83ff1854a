"""The inlet of a TCP connection: holds what comes until it is recognised, then hands it to a reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dissect.carriers.http import HttpCarrier
from dissect.carriers.mqtt import MqttCarrier
from dissect.inlets.bare import BareReader
from dissect.inlets.carried import CarriedReader
from dissect.inlets.reader import HELD_NOTES
from dissect.inlets.recognition import Claim, Recogniser
from dissect.streams.api import Conversation
from grammars.vocabulary import ApplicationProtocol, Finding

if TYPE_CHECKING:
    from dissect.pipeline import Pipeline


class TcpInlet:
    """A `StreamHandler`: holds what comes until it is recognised, then hands it to a reader."""

    __slots__ = ("_pipeline", "_conversation", "_recogniser", "_held", "_notes", "reader", "_fins", "_reset", "data")

    def __init__(self, pipeline: Pipeline, conversation: Conversation, forced: list[ApplicationProtocol]) -> None:
        self._pipeline = pipeline
        self._conversation = conversation
        midstream = not conversation.saw_syn or conversation.midstream
        self._recogniser: Recogniser | None = Recogniser(midstream, conversation.port, forced)
        self._held: list[tuple[str, tuple[Any, ...]]] = []
        self._notes: list[tuple[Finding, tuple[int, ...], int]] = []
        self.reader: BareReader | CarriedReader | None = None
        self._fins = [False, False]
        self._reset = False
        self.data: Callable[[int, bytes, int, int], None] = self._undecided
        """the reader's own, as soon as there is one"""

    def _undecided(self, side: int, data: bytes, packet: int, time_ns: int) -> None:
        if self.reader is not None:
            self.reader.data(side, data, packet, time_ns)
            return
        if self._recogniser is None:
            return
        self._held.append(("data", (side, data, packet, time_ns)))
        claim = self._recogniser.look(side, data)
        if claim is not None:
            self._claimed(claim)

    def _claimed(self, claim: Claim) -> None:
        recogniser, conversation = self._recogniser, self._conversation
        assert recogniser is not None
        self._recogniser = None
        held, self._held = self._held, []
        if claim is Claim.NOTHING:
            conversation.wanted = False
            self._notes.clear()
            return
        midstream = not conversation.saw_syn or conversation.midstream
        if claim is Claim.BARE:
            assert recogniser.protocol is not None
            self.reader = BareReader(self._pipeline, conversation, recogniser.protocol, midstream)
        elif claim is Claim.HTTP:
            self.reader = CarriedReader(self._pipeline, conversation, HttpCarrier(midstream=midstream), "http")
            if recogniser.from_segment:
                held = held[-1:]
        else:
            carrier = MqttCarrier(claim is Claim.MQTT_MIDSTREAM, self._pipeline.known_payload, self._pipeline.publishes)
            self.reader = CarriedReader(self._pipeline, conversation, carrier, "mqtt")
        for name, arguments in held:
            getattr(self.reader, name)(*arguments)
        self.data = self.reader.data
        for note in self._notes:
            self.reader.transport(*note)
        self._notes.clear()

    def gap(self, side: int, length: int, packet: int, time_ns: int) -> None:
        cut = self._conversation.gap_is_cut
        if self.reader is not None:
            self.reader.gap(side, length, packet, time_ns, cut)
        elif self._recogniser is not None:
            self._held.append(("gap", (side, length, packet, time_ns, cut)))

    def fin(self, side: int, packet: int, time_ns: int) -> None:
        self._fins[side] = True
        if self._recogniser is not None and self.reader is None:
            claim = self._recogniser.ended(side)
            if claim is not None:
                self._claimed(claim)
        if self.reader is not None:
            self.reader.fin(side, packet, time_ns)
            if all(self._fins):
                self.reader.ended(time_ns)
        elif self._recogniser is not None:
            self._held.append(("fin", (side, packet, time_ns)))

    def reset(self, side: int, packet: int, time_ns: int) -> None:
        finding = Finding("tcp.reset", f"{self._conversation.address[side]} ended the connection by RST")
        if self._reset or all(self._conversation.fin_seen):
            return
        self._reset = True
        if self.reader is not None:
            # What is held behind a hole comes later: requests are judged with the last of it (`closed`).
            self.reader.transport(finding, (packet,), time_ns)
            self.reader.reset(time_ns)
        elif self._recogniser is not None and len(self._notes) < HELD_NOTES:
            self._notes.append((finding, (packet,), time_ns))

    def note(self, code: str, side: int, text: str, packet: int, time_ns: int) -> None:
        finding = Finding(code, text)
        if self.reader is not None:
            self.reader.transport(finding, (packet,), time_ns)
        elif self._recogniser is not None and len(self._notes) < HELD_NOTES:
            self._notes.append((finding, (packet,), time_ns))

    def closed(self, time_ns: int) -> None:
        if self.reader is None and self._recogniser is not None:
            for side in (0, 1):
                claim = self._recogniser.ended(side) if self._recogniser is not None else None
                if claim is not None:
                    self._claimed(claim)
        if self.reader is not None:
            self.reader.closed(time_ns, self._fins, self._reset)
        if self.reader is None or not self.reader.sessions:
            self._pipeline.truncated_elsewhere += self._conversation.truncated_packets
        # What leads back to itself only the collector would free, which hardly ever runs.
        self.data = _nothing_more


def _nothing_more(side: int, data: bytes, packet: int, time_ns: int) -> None:
    """After the end nothing comes."""
