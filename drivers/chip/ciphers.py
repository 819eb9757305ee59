"""The symmetric ciphers of secure messaging and their keys (ICAO Doc 9303-11, 9.7 and 9.8). Pure."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

ENCRYPTION, AUTHENTICATION, PASSWORD = 1, 2, 3
"""What a derived key is for: the counter of the key derivation (9303-11, 9.7.1)."""

MAC_LENGTH = 8


class Suite(Enum):
    """Encryption and message authentication that go together, with the length of their keys in bytes."""

    TDES = ("3DES", 16, 8)
    AES128 = ("AES-128", 16, 16)
    AES192 = ("AES-192", 24, 16)
    AES256 = ("AES-256", 32, 16)

    def __init__(self, label: str, key_length: int, block: int) -> None:
        self.label = label
        self.key_length = key_length
        self.block = block

    def derive(self, secret: bytes, purpose: int) -> bytes:
        """A key from a shared secret (9303-11, 9.7.1): with SHA-1 up to 128 bits, with SHA-256 above."""
        material = secret + purpose.to_bytes(4, "big")
        if self in (Suite.TDES, Suite.AES128):
            key = hashlib.sha1(material, usedforsecurity=False).digest()[: self.key_length]
        else:
            key = hashlib.sha256(material).digest()[: self.key_length]
        return _odd_parity(key) if self is Suite.TDES else key

    def encrypt(self, key: bytes, data: bytes, counter: bytes | None = None) -> bytes:
        """CBC of whole blocks. ``counter`` is the send sequence counter that AES makes its vector of; None: zeros."""
        worker = Cipher(self._algorithm(key), modes.CBC(self._vector(key, counter))).encryptor()
        return worker.update(data) + worker.finalize()

    def decrypt(self, key: bytes, data: bytes, counter: bytes | None = None) -> bytes:
        """The reverse of ``encrypt``. Raises ValueError where ``data`` is not of whole blocks."""
        worker = Cipher(self._algorithm(key), modes.CBC(self._vector(key, counter))).decryptor()
        return worker.update(data) + worker.finalize()

    def mac(self, key: bytes, data: bytes) -> bytes:
        """Eight bytes over ``data``: the retail MAC (ISO/IEC 9797-1, algorithm 3) over whole blocks, or CMAC."""
        if self is not Suite.TDES:
            worker = CMAC(AES(key))
            worker.update(data)
            return worker.finalize()[:MAC_LENGTH]
        first = Cipher(TripleDES(key[:8] * 3), modes.CBC(bytes(8))).encryptor()
        chained = (bytes(8) + first.update(data[:-8]))[-8:]
        last = bytes(one ^ other for one, other in zip(chained, data[-8:], strict=True))
        whole = Cipher(self._algorithm(key), modes.CBC(bytes(8))).encryptor()
        return whole.update(last) + whole.finalize()

    def _algorithm(self, key: bytes) -> TripleDES | AES:
        return TripleDES(key + key[:8]) if self is Suite.TDES else AES(key)

    def _vector(self, key: bytes, counter: bytes | None) -> bytes:
        if self is Suite.TDES or counter is None:
            return bytes(self.block)
        worker = Cipher(AES(key), modes.CBC(bytes(self.block))).encryptor()
        return worker.update(counter) + worker.finalize()


def pad(data: bytes, block: int) -> bytes:
    """Padding method 2 of ISO/IEC 9797-1: always one byte 80, then zeros."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def unpad(data: bytes) -> bytes:
    """The reverse of ``pad``. Raises ValueError where there is no padding."""
    end = len(data.rstrip(b"\x00")) - 1
    if end < 0 or data[end] != 0x80:
        raise ValueError("no padding at the end")
    return data[:end]


def same(one: bytes, other: bytes) -> bool:
    """Whether two authentication codes are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


def _odd_parity(key: bytes) -> bytes:
    return bytes(byte & 0xFE | (byte >> 1).bit_count() & 1 ^ 1 for byte in key)
