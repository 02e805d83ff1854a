"""Whether devices say that they live as often as their protocol asks (`grammars.vocabulary.Heartbeat`; anomalies.md, timing.heartbeat-gap)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dissect.engine.sessions import DeviceState, SessionState
from dissect.pairing.exchanges import Seen
from grammars.vocabulary import ApplicationProtocol, Finding

NEVER = 1 << 63

Report = Callable[[SessionState, Finding, tuple[int, ...], tuple[int, ...], int, str], None]
"""(session, what, messages, packets, time in ns, where the document says it)"""


class Heartbeats:
    """Counted for a session or, where a protocol says so, for its device."""

    def __init__(self, devices: Mapping[str, DeviceState], report: Report) -> None:
        self._devices, self._report = devices, report

    def message(self, seen: Seen, session: SessionState, protocol: ApplicationProtocol) -> None:
        """Told of heartbeats, and of what else the device says once one may be overdue (`SessionState.beat_due_ns`)."""
        heartbeat = protocol.heartbeat
        if heartbeat is None:
            session.beat_due_ns = NEVER
            return
        holder: SessionState | DeviceState = session
        if heartbeat.per_device:
            device = self._devices.get(seen.device_id or "")
            holder = device if device is not None else session
        if heartbeat.starts_with is not None and holder.beat_ns is None:
            holder.beat_ns = session.facts.get(heartbeat.starts_with)
        if holder.beat_ns is not None:
            self.overdue(holder, session, seen, seen.time_ns)
        if seen.kind in heartbeat.kinds:
            holder.beat_ns = seen.time_ns
            holder.beat_reported = False
        if holder is session and holder.beat_ns is not None:
            session.beat_due_ns = NEVER if holder.beat_reported else holder.beat_ns + int(heartbeat.limit_s(session.facts) * 1e9)

    def interrupted(self, session: SessionState, now_ns: int) -> None:
        """Bytes of the device are missing before *now_ns*: a heartbeat may have been among them, so that counting begins anew."""
        heartbeat = session.protocol.heartbeat
        if heartbeat is None:
            return
        device = self._devices.get(session.device_id or "") if heartbeat.per_device else None
        holder: SessionState | DeviceState = session if device is None else device
        since = holder.beat_ns if holder.beat_ns is not None or heartbeat.starts_with is None else session.facts.get(heartbeat.starts_with)
        if since is not None:
            holder.beat_ns = max(since, now_ns)

    def overdue(self, holder: SessionState | DeviceState, session: SessionState, seen: Seen | None, now_ns: int) -> None:
        """Tell once if none came in time before *now_ns*, which *seen* (None: the session's end) shows."""
        heartbeat = session.protocol.heartbeat
        if heartbeat is None or holder.beat_reported:
            return
        if heartbeat.per_device and holder is session:
            device = self._devices.get(session.device_id or "")
            if device is None or device.beat_reported:
                return
            holder = device
        if holder.beat_ns is None:
            return
        limit_s = heartbeat.limit_s(holder.facts)
        since = holder.beat_ns
        if heartbeat.restarts_with is not None:
            since = max(since, holder.facts.get(heartbeat.restarts_with, 0))
        due = since + int(limit_s * 1e9)
        if now_ns > due:
            holder.beat_reported = True
            uids, packets = ((seen.uid,), seen.packets) if seen is not None else ((), ())
            text = f"no heartbeat for more than {limit_s:g} s"
            reference = f"{session.protocol.document} {heartbeat.reference}"
            self._report(session, Finding("timing.heartbeat-gap", text), uids, packets, due, reference)
