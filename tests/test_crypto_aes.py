"""AES-128-CBC against OpenSSL, the padding, and the base64 around it."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from dissect.crypto.aes import BLOCK_SIZE, INITIAL_VECTORS, BlockCipher, ciphertext_of


def encrypted(key: bytes, iv: bytes, padded: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def sealed(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    padder = PKCS7(128).padder()
    return encrypted(key, iv, padder.update(plaintext) + padder.finalize())


def opened_by_the_library(key: bytes, iv: bytes, ciphertext: bytes) -> bytes | None:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    try:
        return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        return None


def test_a_published_vector() -> None:
    """NIST SP 800-38A, F.2.2 CBC-AES128.Decrypt, its first two blocks (which carry no padding: a block of it is added)."""
    key, iv = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), bytes(range(16))
    ciphertext = bytes.fromhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")
    plaintext = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    cipher = BlockCipher(key)
    assert cipher.decrypt(ciphertext, iv) is None
    assert cipher.decrypt(ciphertext + encrypted(key, ciphertext[-16:], bytes([16]) * 16), iv) == plaintext


@given(st.binary(min_size=16, max_size=16), st.lists(st.tuples(st.sampled_from(list(INITIAL_VECTORS.values())), st.binary(max_size=200)), max_size=8))
def test_one_kept_cipher_opens_message_after_message(key: bytes, messages: list[tuple[bytes, bytes]]) -> None:
    cipher = BlockCipher(key)
    for iv, plaintext in messages:
        ciphertext = sealed(key, iv, plaintext)
        assert cipher.may_open(ciphertext)
        assert cipher.decrypt(ciphertext, iv) == plaintext


@given(st.binary(min_size=16, max_size=16), st.lists(st.integers(1, 5).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n)), max_size=5))
def test_any_ciphertext_fares_as_with_the_library(key: bytes, ciphertexts: list[bytes]) -> None:
    cipher, iv = BlockCipher(key), INITIAL_VECTORS["ascii-zeros"]
    for ciphertext in ciphertexts:
        assert cipher.decrypt(ciphertext, iv) == opened_by_the_library(key, iv, ciphertext)


PADDINGS = [  # last bytes of a block, how many plaintext bytes are left; None: wrong
    pytest.param(b"\x01", 15, id="one"),
    pytest.param(b"\x10" * 16, 0, id="a whole block"),
    pytest.param(b"\x02\x02", 14, id="two"),
    pytest.param(b"\x00", None, id="zero"),
    pytest.param(b"\x11", None, id="longer than a block"),
    pytest.param(b"\x01\x02", None, id="bytes that differ"),
    pytest.param(b"\x0f" + b"\x10" * 15, None, id="first byte of sixteen wrong"),
    pytest.param(b"\xff", None, id="255"),
]


@pytest.mark.parametrize(("tail", "left"), PADDINGS)
def test_paddings(tail: bytes, left: int | None) -> None:
    key, iv = b"k" * 16, INITIAL_VECTORS["zero-bytes"]
    block = b"p" * (BLOCK_SIZE - len(tail)) + tail
    plaintext = BlockCipher(key).decrypt(encrypted(key, iv, block), iv)
    assert (None if plaintext is None else len(plaintext)) == left
    two_blocks = encrypted(key, iv, b"q" * 16 + block)
    assert BlockCipher(key).may_open(two_blocks) is (left is not None)


BLOCK = base64.b64encode(b"sixteen of bytes").decode()
DATA = [
    pytest.param(BLOCK, b"sixteen of bytes", id="one block"),
    pytest.param(BLOCK[:10] + "\r\n" + BLOCK[10:] + "\n", b"sixteen of bytes", id="broken lines"),
    pytest.param("", None, id="empty"),
    pytest.param("\n", None, id="blank"),
    pytest.param("AAAA", None, id="three bytes"),
    pytest.param(BLOCK[:-1], None, id="no padding"),
    pytest.param(BLOCK + BLOCK, None, id="two in a row"),
    pytest.param("-_" + BLOCK[2:], None, id="the alphabet of URLs"),
    pytest.param("not base64!", None, id="other text"),
    pytest.param("数据" + BLOCK, None, id="not ASCII"),
    pytest.param("\ud800", None, id="a lone surrogate"),
    pytest.param("=" * 24, None, id="only padding"),
]


@pytest.mark.parametrize(("data", "ciphertext"), DATA)
def test_what_is_ciphertext(data: str, ciphertext: bytes | None) -> None:
    assert ciphertext_of(data) == ciphertext


@given(st.text(max_size=60))
def test_any_text_is_whole_blocks_or_none(data: str) -> None:
    ciphertext = ciphertext_of(data)
    assert ciphertext is None or (len(ciphertext) >= 16 and not len(ciphertext) % 16)


def test_a_cipher_refuses_a_key_of_another_size_and_says_nothing_of_its_own() -> None:
    with pytest.raises(ValueError, match="16 bytes") as caught:
        BlockCipher(b"secret")
    assert "secret" not in str(caught.value)
    assert "kkkk" not in repr(BlockCipher(b"k" * 16))
