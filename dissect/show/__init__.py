"""Messages as text: a line each, the tree of their fields, their bytes."""

from dissect.show.hexdump import hexdump
from dissect.show.lines import Lines
from dissect.show.times import TIME_FORMS
from dissect.show.tree import tree

__all__ = ["TIME_FORMS", "Lines", "hexdump", "tree"]
