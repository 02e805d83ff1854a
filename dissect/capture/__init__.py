"""Capture files in, batches of packets out; and a pcapng writer."""

from dissect.capture.batch import Batch, in_order
from dissect.capture.packets import PacketRecord, PacketStore
from dissect.capture.reader import Damage
from dissect.capture.source import CaptureSource, open_capture
from dissect.capture.write import PcapngWriter

__all__ = ["Batch", "CaptureSource", "Damage", "PacketRecord", "PacketStore", "PcapngWriter", "in_order", "open_capture"]
