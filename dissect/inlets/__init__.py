"""One inlet a conversation: it recognises the bytes, reads them through their carrier and framing, and feeds the engine."""

from dissect.inlets.bare import BareReader
from dissect.inlets.carried import CarriedReader
from dissect.inlets.lan import LanInlet
from dissect.inlets.payload import read_payload
from dissect.inlets.tcp import TcpInlet

__all__ = ["BareReader", "CarriedReader", "LanInlet", "TcpInlet", "read_payload"]
