"""What passes between a capture, be it files, an interface, or one read with tshark's help, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from dissect.capture.batch import Batch
    from dissect.capture.packets import PacketStore
    from dissect.capture.reader import Damage
    from dissect.model import SourceFile
    from dissect.streams.api import Listener


class Capture(Protocol):
    """Iterated once: batches in the order of the capture. What it tells is of what has been read so far, and final when the iteration has ended."""

    @property
    def kind(self) -> Literal["file", "live"]:
        """`file` or `live`, as the report's `source.kind`."""

    @property
    def files(self) -> Sequence[SourceFile]:
        """By file index."""

    @property
    def interface(self) -> str | None: ...

    @property
    def capture_filter(self) -> str | None: ...

    @property
    def packets(self) -> int: ...

    @property
    def first_ns(self) -> int | None:
        """Time of the earliest packet."""

    @property
    def last_ns(self) -> int | None: ...

    @property
    def clock_ns(self) -> int:
        """How far its clock has come, which of an interface goes on without packets too: then a batch is empty."""

    @property
    def digits(self) -> Mapping[int, int]:
        """File index → digits of a second's fraction that its times have."""

    @property
    def snap_lengths(self) -> Mapping[int, Mapping[int, int]]:
        """File index → link type → most bytes captured of a packet, 0: no limit."""

    @property
    def damages(self) -> Sequence[Damage]: ...

    @property
    def dropped(self) -> int:
        """Packets that capturing lost."""

    @property
    def several_interfaces(self) -> bool:
        """Whether the packets of the batch at hand come from several, and need not be in the order of time."""

    @property
    def secrets(self) -> Sequence[tuple[int, bytes]]:
        """Kind and bytes of decryption secrets blocks; never to be shown."""

    @property
    def store(self) -> PacketStore | None:
        """Gives single packets back, where they are kept."""

    def listening(self, listener: Listener) -> Listener:
        """Who is to be told of the conversations, so that *listener* has them in clear."""

    def __iter__(self) -> Iterator[Batch]: ...


class Passing:
    """A capture in the place of another one: a subclass has its say in the batches, all else is the other one's."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    @property
    def kind(self) -> Literal["file", "live"]:
        return self._capture.kind

    @property
    def files(self) -> Sequence[SourceFile]:
        return self._capture.files

    @property
    def interface(self) -> str | None:
        return self._capture.interface

    @property
    def capture_filter(self) -> str | None:
        return self._capture.capture_filter

    @property
    def packets(self) -> int:
        return self._capture.packets

    @property
    def first_ns(self) -> int | None:
        return self._capture.first_ns

    @property
    def last_ns(self) -> int | None:
        return self._capture.last_ns

    @property
    def clock_ns(self) -> int:
        return self._capture.clock_ns

    @property
    def digits(self) -> Mapping[int, int]:
        return self._capture.digits

    @property
    def snap_lengths(self) -> Mapping[int, Mapping[int, int]]:
        return self._capture.snap_lengths

    @property
    def damages(self) -> Sequence[Damage]:
        return self._capture.damages

    @property
    def dropped(self) -> int:
        return self._capture.dropped

    @property
    def several_interfaces(self) -> bool:
        return self._capture.several_interfaces

    @property
    def secrets(self) -> Sequence[tuple[int, bytes]]:
        return self._capture.secrets

    @property
    def store(self) -> PacketStore | None:
        return self._capture.store

    def listening(self, listener: Listener) -> Listener:
        return self._capture.listening(listener)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._capture)
