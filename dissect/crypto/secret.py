"""Key material that cannot be shown by accident: no text form, no pickle, no JSON; only `reveal` gives it out."""

from __future__ import annotations

from typing import NoReturn

_HIDDEN = "Secret(hidden)"


class Secret:
    """Bytes that are a key or become one. Equal when the bytes are equal; printed, formatted or dumped it never says what it holds."""

    __slots__ = ("_material",)

    def __init__(self, material: bytes) -> None:
        self._material = material

    def reveal(self) -> bytes:
        """The bytes themselves, for a cipher and for nothing else."""
        return self._material

    def __repr__(self) -> str:
        return _HIDDEN

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return format(_HIDDEN, specification)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._material == other._material

    def __hash__(self) -> int:
        return hash(self._material)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not written to a file")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self
