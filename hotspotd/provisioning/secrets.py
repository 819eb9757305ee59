"""The device's secrets: 32 random bytes each, handed over by systemd, or in a file that only the daemon may read.

    device-key   opens the private key of the device's certificate
    data-key     wraps the keys of the records

systemd hands them over as credentials (``LoadCredentialEncrypted=``): encrypted on disk under a key in the TPM where
there is one, under the machine's own key where not, and in memory only for the unit. Either way what is kept is 64
hexadecimal digits.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.errors import ConfigError, ProvisioningError, Reason
from hotspotd.provisioning import credentials

DEVICE_KEY: Final = "device-key"
DATA_KEY: Final = "data-key"
NAMES: Final = (DEVICE_KEY, DATA_KEY)
SECRET_BYTES: Final = 32
# Neither follow a link nor wait for who writes into a pipe.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_SECRET: Final = re.compile(rb"[0-9a-f]{64}\n?")
_MOST: Final = 128
_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_MOST_PEM: Final = 64 * 1024


def load_secret(name: str, file: Path | None) -> bytes:
    """The 32 bytes of the secret ``name``. Blocks.

    Looked for, in this order: the credential of that name that systemd hands over (``$CREDENTIALS_DIRECTORY``);
    ``file``, where one is named and there; for root at a terminal, the sealed credential that the unit would be handed.

    Raises ProvisioningError: NO_KEY where it is nowhere, UNREADABLE for a file that others may read or write, that
    belongs to neither this user, root nor the owner of its folder, or that cannot be read; BAD_VALUE for other content.
    """
    handed = credentials.handed_over(name)
    if handed is not None:
        return _parsed(handed, f"credential {name}")
    if file is not None:
        try:
            return _parsed(read_private(file, _MOST), str(file))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise ProvisioningError(
                Reason.UNREADABLE, f"{file}: {error.strerror}", "Give it to the user hotspotd runs as, mode 0600."
            ) from error
    sealed = credentials.sealed_file(name)
    if os.geteuid() == 0 and sealed.exists():
        return _parsed(credentials.unseal(name, sealed), str(sealed))
    where = f"neither a credential nor {file}" if file is not None else "no credential"
    raise ProvisioningError(
        Reason.NO_KEY,
        f"secret {name}: {where}",
        "Start hotspotd by its unit, or run this as root. A device without one is enrolled: hotspotctl device enrol.",
    )


def new_secret() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def written(secret: bytes) -> bytes:
    """A secret as it is kept in a file or a credential."""
    return secret.hex().encode() + b"\n"


def read_private(path: Path, most: int) -> bytes:
    """The content of a file that only its owner may touch; at most ``most`` bytes of it and one more.

    Raises ProvisioningError (UNREADABLE) for one that others may read or write or that is somebody else's; OSError.
    """
    with open(os.open(path, _READ), "rb") as file:  # noqa: PTH123 - An open descriptor.
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ProvisioningError(
                Reason.UNREADABLE, f"{path}: others may read or write it", f"chmod 0600 {path}, and make a new one."
            )
        if found.st_uid not in (os.geteuid(), 0, path.parent.stat().st_uid):
            raise ProvisioningError(
                Reason.UNREADABLE, f"{path}: belongs to user {found.st_uid}", "Give it to the user hotspotd runs as."
            )
        return file.read(most + 1)


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The EC private key in a PEM file; one that is encrypted is opened with the secret ``device-key``. Blocks.

    Beside the key there may be its certificate. Raises ConfigError: UNREADABLE, also for a bare key that others may
    read, BAD_VALUE for another kind of key; ProvisioningError as ``load_secret``.
    """
    try:
        content = path.read_bytes()[:_MOST_PEM]
        if _ENCRYPTED not in content:
            _check_bare(path)
        password = _password(path) if _ENCRYPTED in content else None
        key = serialization.load_pem_private_key(content, password)
    except (OSError, ValueError) as error:
        raise ConfigError(
            Reason.UNREADABLE, f"{path}: no usable PEM key", "Enrol the device, or see docs/relay.md."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(Reason.BAD_VALUE, f"{path}: not an EC key", "Enrol the device again.")
    return key


def password_of(key: Path) -> Callable[[], bytes]:
    """What opens the key in this file, for ``ssl.SSLContext.load_cert_chain``; asked for only if it is encrypted."""
    return lambda: _password(key)


def password(device_key: bytes) -> bytes:
    """What the private key is encrypted under, given the secret ``device-key``."""
    return device_key.hex().encode()


def _password(key: Path) -> bytes:
    return password(load_secret(DEVICE_KEY, key.parent / DEVICE_KEY))


def _check_bare(path: Path) -> None:
    """A key that root installed may be read by the daemon's group; nobody else's by anybody else."""
    found = path.stat()
    allowed = stat.S_IRGRP if found.st_uid == 0 else 0
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~allowed:
        raise ConfigError(
            Reason.UNREADABLE, f"{path}: others may read or write this key", f"chmod 0600 {path}, and enrol again."
        )


def _parsed(content: bytes, where: str) -> bytes:
    if not _SECRET.fullmatch(content):
        raise ProvisioningError(Reason.BAD_VALUE, f"{where}: not 64 hexadecimal digits", "Restore it, or enrol again.")
    return bytes.fromhex(content.decode().strip())
