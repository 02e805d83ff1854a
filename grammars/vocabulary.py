"""The words in which grammars are written: documentation of fields, members, messages, protocols and their rules.

`grammars` imports construct and the standard library only; what these declarations mean is carried out in `dissect`.
"""

from __future__ import annotations


class Doc(str):
    """What a Construct field means; attach it as `"length" / Int16ub * Doc("Whole frame, itself included", unit="byte", spec="二")`.

    It is a plain string to Construct (the subconstruct's `docs`), with the unit and the section of the document beside it.
    """

    unit: str
    spec: str

    def __new__(cls, text: str, unit: str = "", spec: str = "") -> Doc:
        self = super().__new__(cls, text)
        self.unit = unit
        self.spec = spec
        return self
