"""From link frames to TCP segments and UDP datagrams."""

from dissect.layers.decode import Decoder
from dissect.layers.segments import Row, Segments

__all__ = ["Decoder", "Row", "Segments"]
