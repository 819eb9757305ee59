"""The private keys that sign a repository's metadata, as files in folders.

``ROLE-N.pem`` (Ed25519, PKCS #8, mode 0600). Root and targets keys belong on sticks in a safe and are there only when
somebody publishes or rotates; the online key, which signs only what is freshest, stays with the gateway.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from securesystemslib.signer import CryptoSigner

from hotspotd.errors import ConfigError, Reason

ROOT: Final = "root"
TARGETS: Final = "targets"
ONLINE: Final = "online"
KINDS: Final = (ROOT, TARGETS, ONLINE)


class KeyRing:
    """The signing keys that are at hand."""

    def __init__(self, signers: Iterable[CryptoSigner]) -> None:
        self._signers = {signer.public_key.keyid: signer for signer in signers}

    @classmethod
    def load(cls, folders: Sequence[Path]) -> KeyRing:
        """Every key in ``folders``. Raises ConfigError: UNREADABLE, NOT_FOUND where there is none."""
        signers = [_load(path) for folder in folders for path in sorted(folder.glob("*.pem"))]
        if not signers:
            raise ConfigError(
                Reason.NOT_FOUND,
                f"no signing key in {', '.join(str(folder) for folder in folders) or 'no folder'}",
                "Name the folders that hold the keys.",
            )
        return cls(signers)

    def of(self, keyids: Iterable[str]) -> list[CryptoSigner]:
        """Those of these keys that are at hand."""
        return [self._signers[keyid] for keyid in keyids if keyid in self._signers]


def make_keys(folder: Path, kind: str, count: int) -> list[CryptoSigner]:
    """``count`` new keys of this kind in ``folder``, numbered on from those there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    first = 1 + max((_number(path) for path in folder.glob(f"{kind}-*.pem")), default=0)
    signers = []
    for number in range(first, first + count):
        signer = CryptoSigner.generate_ed25519()
        descriptor = os.open(folder / f"{kind}-{number}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(signer.private_bytes)
            file.flush()
            os.fsync(file.fileno())
        signers.append(signer)
    return signers


def _number(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _load(path: Path) -> CryptoSigner:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        return CryptoSigner(key)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(Reason.UNREADABLE, f"{path}: no usable signing key", "Restore it from its copy.") from error
