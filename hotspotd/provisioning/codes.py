"""One-time codes: 80 random bits, to be read from one paper and typed into one device. No I/O.

A code is never kept. From it and the device's name both ends derive a key pair (scrypt, RFC 7914; Ed25519, RFC 8032).
The gateway keeps the public key alone: it can tell the code by it, and a request that was signed with the code, but
whoever reads the gateway's database can make neither.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hotspotd.errors import ProvisioningError, Reason

# Crockford's base 32: no I, L, O or U.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 16
_GROUP: Final = 4
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})
_CODE: Final = re.compile(f"[{_ALPHABET}]{{{_LENGTH}}}")
# 16 MiB and some 50 ms: the code's 80 bits do the work, this only makes guessing dearer still.
_N, _R, _P = 2**14, 8, 1
_SALT: Final = b"hotspotd enrolment 1|"


def new_code() -> str:
    """A code in four groups of four: ``7Q2M-9TRW-0XKC-HH4A``."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def code_key(code: str, device: str) -> Ed25519PrivateKey:
    """The private key that stands for ``code`` at ``device``. Takes some 50 ms: not for the loop's thread.

    Small letters, spaces and dashes don't matter; O is read as 0, I and L as 1. Raises ProvisioningError (WRONG_CODE)
    for what is no code.
    """
    plain = code.upper().translate(_READ_AS)
    if not _CODE.fullmatch(plain):
        raise ProvisioningError(
            Reason.WRONG_CODE, "this is no code", "Type the 16 letters and digits that the gateway printed."
        )
    seed = hashlib.scrypt(
        plain.encode(), salt=_SALT + device.encode(), n=_N, r=_R, p=_P, maxmem=64 * 1024 * 1024, dklen=32
    )
    return Ed25519PrivateKey.from_private_bytes(seed)


def verifier(code: str, device: str) -> str:
    """What the gateway keeps of ``code``: 64 hexadecimal digits. Raises as ``code_key``."""
    return code_key(code, device).public_key().public_bytes_raw().hex()


def signed_with_code(verifier_hex: str, signature: bytes, content: bytes) -> bool:
    """Whether the code behind ``verifier_hex`` has signed ``content``."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(verifier_hex)).verify(signature, content)
    except InvalidSignature:
        return False
    return True
