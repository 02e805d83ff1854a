"""CoAP over UDP, one layer for a whole capture: messages (RFC 7252, 4), requests and responses (5), block-wise transfers (RFC 7959).

The two layers are kept apart: the message layer knows message IDs and endpoints (acknowledgement, reset, repetition), the request layer
tokens and endpoints (which request a response answers, hence its URI).
"""

from __future__ import annotations

from collections.abc import Iterable

from dissect.carriers.api import Note, Unit
from dissect.carriers.blockwise import EXCHANGE_LIFETIME_NS, Block, Transfers
from dissect.carriers.bounded import make_room, take_before
from dissect.carriers.coap_wire import (
    ACK,
    CODES,
    CON,
    RST,
    TYPES,
    CoapProblem,
    parse,
)
from dissect.streams.api import Conversation

MAX_TRANSMIT_SPAN_NS = 45_000_000_000
MAX_MESSAGES = 1 << 15
"""message IDs remembered (older ones are forgotten early)"""
MAX_REQUESTS = 1 << 14
MAX_OBSERVATIONS = 1 << 14
MAX_UNACKNOWLEDGED = 1 << 14
MAX_NOTES = 1 << 16
_OTHER_SIDE_AND_KIND = 3 << 16
_RESPONSE = 32
"""codes from 1.00 on are no requests"""
_NO_UNITS: tuple[Unit, ...] = ()

Asker = tuple[str, int, bytes]
"""client address and port, token"""


class CoapLayer:
    """Fed every datagram of every CoAP conversation, in order of capture. Raises nothing; every table is bounded."""

    def __init__(self) -> None:
        self.notes: list[tuple[Conversation, Note]] = []
        """grown here, emptied by whoever reads it"""
        self._serial = 0
        self._seen: dict[int, tuple[int, int, int, str | None]] = {}
        """(conversation, side, ACK or RST, message ID) as one number: time, serial of its unit or 0, code, URI; in order of time"""
        self._unacknowledged: dict[int, tuple[int, Conversation, int, int, tuple[int, ...]]] = {}
        """CON: time, conversation, side, serial of its unit or 0, packets; in order of time"""
        self._requests: dict[Asker, tuple[str, int]] = {}
        """URI of the latest request with this token, and its message's key in _seen"""
        self._observations: dict[Asker, str] = {}
        """URIs whose notifications come long after the request"""
        self._transfers = Transfers()

    def datagram(
        self, conversation: Conversation, side: int, data: bytes, packets: tuple[int, ...], time_ns: int, cut: bool = False
    ) -> Iterable[Unit]:
        """One datagram's bytes; units are whole payloads (a repetition of a message is a unit too, a repeated block is none).

        *cut*: the capture lacks its end. What is there of the message layer counts, its payload is none.
        """
        read = parse(data)
        if isinstance(read, CoapProblem):
            if not cut:
                self._note(conversation, Note("coap.malformed", side, read.reason, packets, time_ns))
            return _NO_UNITS
        kind, code, message_id, token, options, payload = read
        key = conversation.id << 18 | side << 17 | kind >> 1 << 16 | message_id
        seen = self._seen
        before = seen.get(key)
        if before is not None and time_ns - before[0] > EXCHANGE_LIFETIME_NS:
            del seen[key]
            before = None

        request = 0 < code < _RESPONSE
        block = options.block1 if request else options.block2
        uri: str | None = None
        if request:
            uri = options.uri
            if before is None:
                self._ask((conversation.address[side], conversation.port[side], token), uri, key, options.observe)
        elif code:
            uri = self._asked(conversation, side, kind, token, key)

        unit = None
        serial = 0
        if (payload or block is not None) and not cut:
            plain = True
            units_packets, latest = packets, time_ns
            if block is not None:
                bits = int.from_bytes(block[:4], "big")
                if bits & 7 == 7 or len(block) > 3:
                    self._note(conversation, Note("coap.malformed", side, "a block option of a reserved size", packets, time_ns))
                elif bits & ~7:
                    plain = False
                    whole = None
                    if before is None:
                        client = side if request else 1 - side
                        address = conversation.address
                        whole = self._transfers.add(
                            (address[client], address[1 - client], token if uri is None else uri, code if request else 0),
                            Block(conversation, side, conversation.port[client], (bits >> 4) << (bits & 7) + 4, bits & 8 != 0,
                                  payload, options.etag, packets, time_ns))
                        self._tell_broken()
                    if whole is not None:
                        payload, units_packets, latest = whole
                        plain = True
            if plain and payload:
                self._serial = serial = self._serial + 1
                unit = Unit(side, payload, units_packets, latest,
                            {"type": TYPES[kind], "code": CODES[code], "message_id": message_id, "token": token.hex(),
                             "uri": uri}, serial, before[1] or None if before is not None else None)

        if before is None:
            if len(seen) >= MAX_MESSAGES:
                make_room(seen, MAX_MESSAGES)
            seen[key] = (time_ns, serial, code, uri)
            if kind == CON:
                if len(self._unacknowledged) >= MAX_UNACKNOWLEDGED:
                    make_room(self._unacknowledged, MAX_UNACKNOWLEDGED)
                self._unacknowledged[key] = (time_ns, conversation, side, serial, packets)
        if kind >= ACK:
            self._unacknowledged.pop(key ^ _OTHER_SIDE_AND_KIND, None)
            if kind == RST and before is None:
                self._reset(conversation, side, key, packets, time_ns)
        return _NO_UNITS if unit is None else (unit,)

    def tick(self, now_ns: int) -> None:
        """The capture's clock: what waited too long is reported and forgotten."""
        for time_ns, conversation, side, serial, packets in take_before(self._unacknowledged, now_ns - MAX_TRANSMIT_SPAN_NS):
            self._note(conversation, Note("coap.unacknowledged", side, "a CON was neither acknowledged nor reset within 45 s", packets,
                                          time_ns + MAX_TRANSMIT_SPAN_NS, serial or None))
        take_before(self._seen, now_ns - EXCHANGE_LIFETIME_NS)
        self._transfers.tick(now_ns)
        self._tell_broken()

    def finish(self, last_ns: int) -> None:
        """The capture has ended; *last_ns* is its last packet's time."""
        self.tick(last_ns)
        self._transfers.finish(last_ns)
        self._tell_broken()

    def _note(self, conversation: Conversation, note: Note) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append((conversation, note))

    def _ask(self, asker: Asker, uri: str, key: int, observe: bytes | None) -> None:
        requests = self._requests
        if len(requests) >= MAX_REQUESTS:
            make_room(requests, MAX_REQUESTS)
        requests[asker] = (uri, key)
        if observe is not None:
            if observe.strip(b"\0"):
                self._observations.pop(asker, None)
            else:
                make_room(self._observations, MAX_OBSERVATIONS)
                self._observations[asker] = uri

    def _asked(self, conversation: Conversation, side: int, kind: int, token: bytes, key: int) -> str | None:
        """The URI that a response answers for. A response of its own also ends the wait for an acknowledgement of its request (RFC 7252, 5.2.2)."""
        asker = (conversation.address[1 - side], conversation.port[1 - side], token)
        asked = self._requests.get(asker)
        if asked is not None:
            if kind != ACK:
                self._unacknowledged.pop(asked[1], None)
            return asked[0]
        observed = self._observations.get(asker)
        if observed is None and kind == ACK:
            message = self._seen.get(key ^ _OTHER_SIDE_AND_KIND)
            return message[3] if message is not None else None
        return observed

    def _reset(self, conversation: Conversation, side: int, key: int, packets: tuple[int, ...], time_ns: int) -> None:
        refused = self._seen.get(key ^ _OTHER_SIDE_AND_KIND)
        if refused is not None and refused[2] == 0:
            return  # RFC 7252, 4.3: RST is the answer to a ping
        what = CODES[refused[2]] if refused is not None else "a message that is not in the capture"
        self._note(conversation, Note("coap.reset", side, f"RST in answer to {what}", packets, time_ns,
                                      refused[1] or None if refused is not None else None))

    def _tell_broken(self) -> None:
        for transfer, missing, time_ns in self._transfers.broken:
            uri = transfer.key[2]
            named = uri if isinstance(uri, str) else "of an unknown URI"
            self._note(transfer.conversation, Note("coap.incomplete-block", transfer.side, f"block-wise transfer {named}: not seen: {missing}",
                                                   tuple(sorted(set(transfer.packets))), time_ns))
        self._transfers.broken.clear()
