"""Capture files in, batches of packets out; and a pcapng writer."""

from dissect.capture.batch import Batch
from dissect.capture.packets import PacketRecord, PacketStore
from dissect.capture.reader import Damage
from dissect.capture.source import CaptureSource, open_capture

__all__ = ["Batch", "CaptureSource", "Damage", "PacketRecord", "PacketStore", "open_capture"]
