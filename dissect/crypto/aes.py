"""AES-128-CBC with PKCS#7 padding (003_c27addfd9ee668ff.txt 4.2), decrypting many messages under one kept cipher.

Setting up a cipher costs ten times what decrypting a message does. One CBC decryptor per key is therefore kept, and each
message is fed behind its IV: whatever stood in the chain before, the block after the IV is decrypted against the IV.
"""

from __future__ import annotations

from binascii import a2b_base64 as _from_base64
from collections.abc import Callable

BLOCK_SIZE = 16
KEY_SIZE = 16

INITIAL_VECTORS: dict[str, bytes] = {"ascii-zeros": b"0" * BLOCK_SIZE, "zero-bytes": bytes(BLOCK_SIZE)}
"""Readings of table 4.2-1's "偏移量 IV 0000000000000000", by their names in the report."""

_PADDINGS = tuple(bytes([last]) * last if 0 < last <= BLOCK_SIZE else b"no padding" + bytes([last ^ 1]) for last in range(256))
"""The padding that a last byte announces; behind a byte that announces none, something that does not end in it."""


class BlockCipher:
    """Decrypts under one key. Not for several threads at once. Its repr says nothing of the key."""

    __slots__ = ("_update",)

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        if len(key) != KEY_SIZE:
            raise ValueError(f"AES-128 takes {KEY_SIZE} bytes")
        self._update: Callable[[bytes], bytes] = Cipher(AES(key), CBC(bytes(BLOCK_SIZE))).decryptor().update

    def decrypt(self, ciphertext: bytes, initial_vector: bytes) -> bytes | None:
        """The plaintext without its padding; None when the padding is wrong. *ciphertext*: whole blocks, at least one."""
        padded = self._update(initial_vector + ciphertext)
        if padded.endswith(_PADDINGS[padded[-1]]):
            return padded[BLOCK_SIZE : -padded[-1]]
        return None

    def may_open(self, ciphertext: bytes) -> bool:
        """Whether the padding of *ciphertext* is right under this key, looked at in the last block alone: 1 in 255 wrong keys passes.

        One block's IV is part of the question, so a ciphertext of one block always may.
        """
        if len(ciphertext) < 2 * BLOCK_SIZE:
            return True
        padded = self._update(ciphertext[-2 * BLOCK_SIZE :])
        return padded.endswith(_PADDINGS[padded[-1]])


def ciphertext_of(data: str) -> bytes | None:
    """*data* out of base64; None when it is not base64, empty, or not whole blocks.

    Line breaks in it are taken: table 4.2-1 says base64 and some encoders break its lines.
    """
    try:
        ciphertext = _from_base64(data, strict_mode=True)
    except ValueError:  # binascii.Error, or text that is not ASCII
        joined = "".join(data.split())
        if joined == data:
            return None
        try:
            ciphertext = _from_base64(joined, strict_mode=True)
        except ValueError:
            return None
    return ciphertext if ciphertext and not len(ciphertext) & 15 else None
