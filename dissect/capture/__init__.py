"""Capture files in, batches of packets out; and a pcapng writer."""

from dissect.capture.batch import Batch
from dissect.capture.packets import PacketRecord, PacketStore
from dissect.capture.reader import Damage
from dissect.capture.source import CaptureSource, open_capture
from dissect.capture.write import PcapngWriter

__all__ = ["Batch", "CaptureSource", "Damage", "PacketRecord", "PacketStore", "PcapngWriter", "open_capture"]
