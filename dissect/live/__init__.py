"""Live capture: packets of an interface as batches, like those of a file (cli.md, `dissect live`).

`LiveCapture` is the source, which `dissect.pipeline.analyse` takes as it takes a file. Nothing here is loaded for files.
"""

from dissect.live.capture import LiveCapture
from dissect.live.interfaces import Interface, interfaces

__all__ = ["Interface", "LiveCapture", "interfaces"]
