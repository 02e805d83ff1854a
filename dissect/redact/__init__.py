"""`--redact`: one sink in front of any other, so that nothing behind it can tell what is a device's, a user's or a network's own."""

from dissect.redact.pseudonyms import Pseudonyms
from dissect.redact.sink import RedactingSink

__all__ = ["Pseudonyms", "RedactingSink"]
