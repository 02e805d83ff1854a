"""What was analysed, kept so that a million messages cost columns and a file, not a million objects."""

from dissect.analysis.store import Analysis

__all__ = ["Analysis"]
