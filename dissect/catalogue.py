"""The anomaly catalogue: each code is declared once, with its severity and one sentence of meaning.

`dissect anomalies`, the report, the interface's explanations and the tests derive from it. The reference (a document and its section) is
given with each anomaly by the protocol whose rule it breaks, since one code serves several documents; codes of the transport cite their RFC here.
"""

from __future__ import annotations

from typing import NamedTuple

from dissect.model import Severity


class Kind(NamedTuple):
    code: str
    severity: Severity
    meaning: str
    reference: str | None = None
    """where the document is a general one"""


_NOTE, _WARNING, _ERROR = Severity.NOTE, Severity.WARNING, Severity.ERROR

CATALOGUE: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            "capture.damaged-file",
            _ERROR,
            "the file ends inside a record, or a block is impossible; all before it is kept, and reading resumes where it can",
        ),
        Kind("capture.truncated-packet", _WARNING, "a used packet was cut by the snap length (once per session, with the count)"),
        Kind("capture.dropped-packets", _WARNING, "the kernel or the interface dropped packets"),
        Kind("ip.incomplete-fragments", _WARNING, "fragments of a datagram are missing", "RFC 791 3.2"),
        Kind("tcp.missing-bytes", _WARNING, "a hole in the stream that never filled; the messages around it are still read", "RFC 9293 3.4"),
        Kind("tcp.conflicting-bytes", _ERROR, "a retransmission with other bytes than the first", "RFC 9293 3.4"),
        Kind("tcp.out-of-window", _WARNING, "a segment over 1 GiB from the stream's furthest position, ignored", "RFC 9293 3.4"),
        Kind("tcp.midstream", _NOTE, "the capture starts inside the connection"),
        Kind("tcp.reset", _NOTE, "ended by RST", "RFC 9293 3.5.2"),
        Kind("coap.malformed", _ERROR, "the carrier's own format is broken", "RFC 7252 3"),
        Kind("mqtt.malformed", _ERROR, "the carrier's own format is broken", "MQTT 5.0 2"),
        Kind("http.malformed", _ERROR, "the carrier's own format is broken", "RFC 9112 2"),
        Kind(
            "coap.unacknowledged",
            _WARNING,
            "a CON neither acknowledged nor reset within MAX_TRANSMIT_SPAN (45 s), and the capture goes on past it",
            "RFC 7252 4.2",
        ),
        Kind("coap.reset", _WARNING, "a RST answered a message", "RFC 7252 4.2"),
        Kind("coap.incomplete-block", _WARNING, "a block-wise transfer with missing blocks", "RFC 7959 2"),
        Kind("framing.malformed", _ERROR, "bytes that are no message of the session's protocol; framing finds the next one"),
        Kind("framing.length-mismatch", _WARNING, "imei-tcp LEN is not the frame's length"),
        Kind(
            "framing.missing-terminator",
            _WARNING,
            "fogslink: objects that follow each other without \\n, or a last one without it at the end of the connection",
        ),
        Kind("schema.lenient-json", _NOTE, "JSON that only a lenient reading accepts, or a member name with blanks around it"),
        Kind("schema.duplicate-key", _WARNING, "a member twice in one object"),
        Kind("schema.unknown-type", _WARNING, "a message name, cmd or operate that the document does not have"),
        Kind("schema.missing-field", _WARNING, "a required member is absent (conditionally required ones included)"),
        Kind("schema.bad-type", _NOTE, "a member of another JSON type"),
        Kind(
            "schema.bad-value",
            _WARNING,
            "a value outside the document's set or form (eqType, eChan, code, dir, fileType, respCode, version string, imei not 15 digits …)",
        ),
        Kind("schema.size-mismatch", _WARNING, "totalSize is not the number of eqData entries"),
        Kind("schema.wrong-direction", _WARNING, "dir, a req/res name or an operate contradicts who sent it"),
        Kind(
            "state.before-authentication",
            _ERROR,
            "fogslink data or heartbeat before 002 succeeded; imei-tcp command before HT succeeded; C-Life data before the key exchange (when "
            "the session is seen from its start)",
        ),
        Kind("state.authentication-failed", _WARNING, "res001 code 2, res002 code 3, imei-tcp 401/300, non-zero ret to a heartbeat"),
        Kind("state.not-disconnected", _WARNING, "the connection goes on after a failure that must close it"),
        Kind("state.token-mismatch", _ERROR, "req100's tKey is not the one issued"),
        Kind("pair.timeout", _WARNING, "no answer within the deadline (after the last attempt)"),
        Kind("pair.late", _NOTE, "the answer came after the deadline, up to 60 s after it"),
        Kind(
            "pair.orphan-response",
            _WARNING,
            "an answer to nothing that was asked (not reported within the deadline after a session's midstream start)",
        ),
        Kind(
            "pair.retransmission",
            _NOTE,
            "the same request again before its answer: same type, key and sender and the same members (decrypted where possible) apart from "
            "timestamp, traceId and prio; undecrypted, the same cmd and msgId suffice. A re-send after fogslink's code 9 is none; a req201 with "
            "another eVal is a new exchange, and an answer goes to the oldest open one",
        ),
        Kind("pair.retries-exhausted", _ERROR, "three sends without an answer"),
        Kind(
            "pair.id-reuse",
            _WARNING,
            "a packID, msgId or request_id (eqSN, eChan and imei are names, not ids) used again by the same requester for the same device for a "
            "different request while the first is open, or within 60 s. A 2006 that answers a 2009/2011 is none",
        ),
        Kind("pair.identity-mismatch", _WARNING, "request and answer name different devices"),
        Kind("pair.wrong-answer", _NOTE, "answered by another type than the document's (2020 by 2007)"),
        Kind(
            "pair.refused",
            _WARNING,
            "an answer with a failure code (9, 201, 202, ret != 0) that no retry made good (code 9: no re-send within 60 s or before the "
            "connection ends)",
        ),
        Kind(
            "timing.heartbeat-gap",
            _WARNING,
            "no heartbeat for longer than allowed (fogslink 10 s, imei-tcp 60 s, camera its interval in force plus 50 %)",
        ),
        Kind("timing.heartbeat-interval", _NOTE, "camera: hb_interval outside 15..360"),
        Kind(
            "timing.clock-skew",
            _WARNING,
            "camera timestamp over 5 minutes from the capture's clock; C-Life timestamp over 5 minutes off once synchronised",
        ),
        Kind("timing.discovery-schedule", _NOTE, "clife-lan discovery attempts closer together than the schedule"),
        Kind("crypto.no-key", _NOTE, "encrypted data and no key for it"),
        Kind("crypto.wrong-key", _WARNING, "no hypothesis with the given keys works"),
        Kind("crypto.bad-ciphertext", _ERROR, "not base64, or not whole AES blocks"),
        Kind("security.plaintext-payload", _WARNING, "data in clear that the document wants encrypted"),
        Kind("security.cleartext-credential", _NOTE, "apiKey, tKey, or a TLS-less register seen in clear"),
        Kind("security.unauthenticated-command", _WARNING, "a web command to the imei-tcp server"),
        Kind("security.weak-key-exchange", _WARNING, "a 128-bit DH or a 112-bit ECDH exchange (once per session)"),
        Kind("security.invalid-public-key", _ERROR, "a public key off its curve, a DH value of 0, 1 or p-1, or a dhP that is no prime"),
        Kind("security.key-reuse", _WARNING, "the same public key in two exchanges of different sessions or days"),
        Kind("security.insecure-url", _NOTE, "firmware, upload or package address over plain http"),
        Kind("upgrade.failed", _ERROR, "respCode -1, with its reason"),
        Kind("upgrade.incomplete", _WARNING, "stages of a started upgrade are missing at the end of the session"),
        Kind("upgrade.out-of-order", _WARNING, "progress goes backwards or a stage comes before its predecessor"),
        Kind("upgrade.downgrade", _WARNING, "a request installs an older version than the device reported"),
        Kind("text.control-characters", _NOTE, "control, bidirectional or invisible characters in a text member (shown escaped)"),
    )
}
