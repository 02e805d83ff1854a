"""`LiveCapture`: an interface as a source of batches. A thread takes packets from the kernel, saves them, and queues them; whoever iterates analyses.

What no one takes in time stays in the kernel's ring, and what finds no room there the kernel counts: nothing is dropped in silence.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from dissect.capture import Batch, Damage, PacketStore
from dissect.capture.reader import Placed
from dissect.errors import CaptureError, UsageError
from dissect.live.dumpcap import DumpcapPipe
from dissect.live.interfaces import index_of, is_up, link_of, name_of
from dissect.live.opening import ANY, InterfaceDown, is_about_down, open_source
from dissect.live.ring import RETIRE_MS, PacketRing
from dissect.live.saving import Recorder, RingSize
from dissect.model import SourceFile
from grammars.linktypes import ETHERNET

if TYPE_CHECKING:
    import numpy as np

    from dissect.streams.api import Listener

QUEUED_BYTES = 128 << 20
"""of packets that wait for the analysis; beyond it they wait in the kernel's ring, and what has no room there is dropped and counted"""
TOGETHER = 4096
"""packets that are analysed at once, where so many wait in small batches"""
SET_BACK_NS = 5_000_000_000
"""further back than packets of one moment lie behind each other"""
REST_S = 0.2
"""how long an iteration without packets waits"""
_WAIT_S = 0.1
_LOOK_S = 1.0
# how often the interface is looked at, and the kernel asked what it dropped
_SETTLED_NS = (RETIRE_MS + 250) * 1_000_000
# a ring's packets are handed out by then
_PIPE_SETTLED_NS = 2_000_000_000


class LiveCapture:
    """A `Capture` of an interface, iterated in one thread: batches as they come, and an empty one when for a while there was none.

    It ends after `stop`, or with a `failure`. *keep*: packets are given back by `store`. *count*, *duration_s*: ends by itself.
    *notify* is told, from the reading thread, what a user should know at once. Raises CaptureError, UsageError.
    """

    kind: Literal["live"] = "live"
    several_interfaces = False

    def __init__(self, interface: str, capture_filter: str | None = None, *, promiscuous: bool = False, write: str | None = None,
                 ring: RingSize | None = None, count: int | None = None, duration_s: float | None = None, keep: bool = False,
                 notify: Callable[[str], None] | None = None) -> None:
        self.interface = interface
        self.capture_filter = capture_filter
        self.packets = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.clock_ns = 0
        """packets up to this time have been handed out: all of them, when the last batch was empty. Goes back when the machine's clock is set back"""
        self.digits: dict[int, int] = {0: 9}
        self.damages: list[Damage] = []
        self.secrets: list[tuple[int, bytes]] = []
        self.snap_lengths: dict[int, dict[int, int]] = {}
        """none: packets are taken whole"""
        self.dropped = 0
        """by the kernel"""
        self.store = PacketStore() if keep else None
        self._promiscuous = promiscuous
        self._notify = notify or (lambda text: None)
        self._left = count
        self._until = None if duration_s is None else time.monotonic() + duration_s
        self._told_of_drops = False
        self._queue: deque[Batch] = deque()
        self._queued = 0
        self._ready = threading.Condition()
        self._settled_ns = 0
        self._stop = threading.Event()
        self._ended = self._given_back = False
        self.failure: CaptureError | None = None
        """why it ended by itself, when it was none of the reasons it was given"""
        self._numbered = 0
        self._name = interface
        """what it is called now"""
        self._index: int | None = None
        self._source = self._open()
        self._up = self._source is not None
        """what the user was told last"""
        self._seen_up = self._up
        try:
            link = self._source.link if self._source is not None else link_of(interface)
            self._recorder = None if write is None else Recorder(write, interface, ETHERNET if link is None else link, ring)
        except BaseException:
            if self._source is not None:
                self._source.close()
            raise
        if not self._up:
            self._notify(f"{interface} is down; waiting for it (`sudo ip link set {interface} up` switches it on)")
        self._stored = -1
        """the latest file of which the store knows"""
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    # -- opening --

    def _open(self) -> PacketRing | DumpcapPipe | None:
        """None while the interface is down. Raises CaptureError, UsageError."""
        try:
            source = open_source(self._name, self.capture_filter, self._promiscuous)
        except InterfaceDown:
            return None
        self._index = index_of(self._name)
        return source

    # -- what is told --

    @property
    def files(self) -> list[SourceFile]:
        """Those that were written, if packets are saved: of a ring also those that are deleted by now."""
        return self._recorder.described() if self._recorder is not None else []

    def listening(self, listener: Listener) -> Listener:
        return listener

    @property
    def through(self) -> str:
        """How it captures: `packet socket` or `dumpcap`; once it is up."""
        if self._source is None:
            return "once it is up"
        return "packet socket" if isinstance(self._source, PacketRing) else "dumpcap"

    # -- the reading thread --

    def _run(self) -> None:
        try:
            self._read()
        except CaptureError as error:
            self.failure = error
        except OSError as error:
            self.failure = CaptureError(f"{self.interface}: capture ended ({error.strerror or error})")
        finally:
            with self._ready:
                self._ended = True
                self._ready.notify_all()

    def _read(self) -> None:
        look = time.monotonic() + _LOOK_S
        while not self._stop.is_set() and not self._over():
            began_ns = time.time_ns()
            source = self._source
            if source is None:
                self._settled_ns = began_ns
                self._stop.wait(_WAIT_S)
                self._try_again()
                continue
            if self._drain():
                self._settled_ns = began_ns - (_SETTLED_NS if isinstance(source, PacketRing) else _PIPE_SETTLED_NS)
            if time.monotonic() >= look:
                look = time.monotonic() + _LOOK_S
                self._count_drops()
                self._look_at_interface()
                continue
            try:
                source.wait(_WAIT_S)
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
                self._look_at_interface()
                self._stop.wait(_WAIT_S)
            if isinstance(source, DumpcapPipe) and source.ended is not None:
                self._dumpcap_ended(source, source.ended)
        self._rest()
        self._count_drops()
        if self._recorder is not None:
            self._recorder.close(time.time_ns())

    def _try_again(self) -> None:
        """Open an interface that was down when it was opened last, if it is up by now."""
        if not is_up(self._name):
            return
        try:
            self._source = self._open()
        except UsageError as error:
            raise CaptureError(str(error)) from error
        if self._source is not None:
            self._tell_of(True)

    def _dumpcap_ended(self, source: DumpcapPipe, reason: str) -> None:
        """It ends when its interface goes down; another one is begun when that is up again. Raises CaptureError for any other end."""
        for taken in source.rest():
            self._hand_on(taken)
        self._count_drops()
        if self._name == ANY or is_up(self._name) and not is_about_down(reason):
            raise CaptureError(f"{self.interface}: {reason}")
        source.close()
        self._source = None
        self._tell_of(False)

    def _tell_of(self, up: bool) -> None:
        """That the interface went down or came back, once."""
        if up != self._up:
            self._up = up
            again = " again" if self._seen_up else ""
            self._seen_up = self._seen_up or up
            self._notify(f"{self._name} is up{again}" if up else f"{self._name} is down; waiting for it")

    def _over(self) -> bool:
        return self._left == 0 or self._until is not None and time.monotonic() >= self._until

    def _rest(self) -> None:
        """What the kernel had when the end was wanted."""
        if self._source is None:
            return
        if isinstance(self._source, DumpcapPipe):
            for taken in self._source.rest():
                self._hand_on(taken)
            return
        time.sleep(2 * RETIRE_MS / 1000)
        self._drain()

    def _drain(self) -> bool:
        """Take what the kernel has, while the queue has room; whether that was all."""
        source = self._source
        if source is None:
            return True
        with self._ready:
            while self._queued > QUEUED_BYTES and not self._stop.is_set():
                self._ready.wait(_WAIT_S)
        if isinstance(source, DumpcapPipe):
            for taken in source.take():
                self._hand_on(taken)
                if self._queued > QUEUED_BYTES:
                    return False
            return True
        for block in source.take():
            batch = source.batch(block)
            if batch is not None:
                self._hand_on(batch)
            if self._queued > QUEUED_BYTES and not self._stop.is_set():
                return False
        return True

    def _hand_on(self, batch: Batch) -> None:
        """Save and queue it, with the numbers that its packets have in their files."""
        if self._left is not None:
            if len(batch) > self._left:
                batch = _part(batch, slice(0, self._left))
            self._left -= len(batch)
        begin = 0
        while begin < len(batch):
            room = len(batch) - begin
            if self._recorder is not None:
                room = self._recorder.room(_part(batch, slice(begin, None)))
                part = _numbered(_part(batch, slice(begin, begin + room)), self._recorder.file, self._recorder.next_number)
                self._recorder.write(part)
            else:
                part = _numbered(_part(batch, slice(begin, begin + room)), 0, self._numbered + 1)
            self._numbered += len(part)
            begin += room
            with self._ready:
                self._queue.append(part)
                self._queued += len(part.buffer)
                self._ready.notify_all()

    def _count_drops(self) -> None:
        if self._source is None:
            return
        found = self._source.statistics()
        self.dropped += found.dropped
        if self._recorder is not None:
            self._recorder.received, self._recorder.dropped = self._numbered, self.dropped
        if found.dropped and not self._told_of_drops:
            self._told_of_drops = True
            self._notify(f"{self.interface}: the kernel drops packets, more than can be read come; the report counts them (--bpf captures less)")

    def _look_at_interface(self) -> None:
        """Tell when it went down, came back or is called otherwise; take a new socket when it is another one of the same name."""
        if self._name == ANY:
            return
        index = index_of(self._name)
        if index != self._index and self._index is not None and (name := name_of(self._index)) is not None:
            self._notify(f"{self._name} is called {name} now; capturing goes on there")
            self._name, index = name, self._index
        up = is_up(self._name)
        if up and isinstance(self._source, PacketRing) and index is not None and index != self._index:
            self._drain()
            self._count_drops()
            self._source.close()
            self._source = None
            self._up = False
            self._try_again()
            up = self._source is not None
        self._tell_of(up)

    # -- whoever analyses --

    def __iter__(self) -> Iterator[Batch]:
        while True:
            with self._ready:
                settled_ns = self._settled_ns
                if not self._queue and not self._ended:
                    self._ready.wait(REST_S)
                batch = None
                if self._queue:
                    batch = self._next()
                    self._ready.notify_all()
                ended = self._ended
            if batch is not None:
                self._account(batch)
                yield batch
            elif ended:
                return
            else:
                self.clock_ns = after(self.clock_ns, settled_ns)
                yield _EMPTY

    def _next(self) -> Batch:
        """What has waited longest; small batches that wait together are one, since each costs as much as some ten packets."""
        queue = self._queue
        parts = [queue.popleft()]
        room = TOGETHER - len(parts[0])
        while queue and queue[0].file == parts[0].file and len(queue[0]) <= room:
            room -= len(queue[0])
            parts.append(queue.popleft())
        self._queued -= sum(len(part.buffer) for part in parts)
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _account(self, batch: Batch) -> None:
        self.packets += len(batch)
        first, last = int(batch.time_ns.min()), int(batch.time_ns.max())
        self.first_ns = first if self.first_ns is None else min(first, self.first_ns)
        self.last_ns = last if self.last_ns is None else max(last, self.last_ns)
        self.clock_ns = after(self.clock_ns, last)
        self.digits[batch.file] = 9
        if self.store is not None:
            if batch.file > self._stored:
                self._stored = batch.file
                self.store.begin(batch.file, None)
            self.store.add(Placed(batch, 0))

    # -- ending --

    def stop(self) -> None:
        """No more packets; those that came are still handed out."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and give everything back; a second time does nothing."""
        self.stop()
        self._thread.join()
        if self._given_back:
            return
        self._given_back = True
        if self._source is not None:
            self._source.close()
        if self._recorder is not None:
            self._recorder.end()
        if self.store is not None:
            self.store.close()

    def __enter__(self) -> LiveCapture:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def after(clock_ns: int, now_ns: int) -> int:
    """The clock when it was *clock_ns* and is *now_ns*: packets overtake each other a little, but a clock that was set back stays back.

    Else whatever is asked would count as unanswered at once, until the time is reached again that it was before.
    """
    return now_ns if clock_ns - now_ns > SET_BACK_NS else max(clock_ns, now_ns)


def _part(batch: Batch, rows: slice) -> Batch:
    """Some rows of *batch*, of the same buffer."""
    return Batch(batch.buffer, batch.offset[rows], batch.caplen[rows], batch.origlen[rows], batch.time_ns[rows], batch.link[rows], batch.number[rows],
                 batch.file)


def _joined(parts: list[Batch]) -> Batch:
    """Batches of one file, one behind the other."""
    import numpy as np

    starts = np.cumsum([0, *(len(part.buffer) for part in parts[:-1])])
    offset = np.concatenate([part.offset + start for part, start in zip(parts, starts.tolist(), strict=True)])
    caplen, origlen, time_ns, link, number = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("caplen", "origlen", "time_ns", "link", "number"))
    return Batch(b"".join(part.buffer for part in parts), offset, caplen, origlen, time_ns, link, number, parts[0].file)


def _numbered(batch: Batch, file: int, first: int) -> Batch:
    number: np.ndarray[tuple[int], np.dtype[np.int64]] = batch.number - batch.number[0] + first
    return Batch(batch.buffer, batch.offset, batch.caplen, batch.origlen, batch.time_ns, batch.link, number, file)


_EMPTY = Batch.of([], 1)
