"""The data key: 32 bytes that come from outside and without which no stored encounter can be read.

It is handed over by systemd, as the credential ``data-key`` (``LoadCredentialEncrypted=``), or stands in a key file
that only its owner may read. Both hold either the 32 bytes or 64 hexadecimal digits. For training, a key file beside
the database is made where there is none; production refuses to start without a key.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hotspotd.errors import Reason, RecordsError

log = logging.getLogger(__name__)

KEY_BYTES: Final = 32
CREDENTIAL: Final = "data-key"
"""Name of the credential that systemd hands over."""
_LIMIT: Final = 128
# Neither follow a link nor wait for who writes into a pipe.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_HEX: Final = re.compile(rb"[0-9a-fA-F]{64}\n?")


@dataclass(frozen=True, slots=True, repr=False)
class DataKey:
    """One data key (32 bytes). Its ``id`` says which it is and tells nothing of it."""

    key: bytes

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits."""
        return hmac.digest(self.key, b"hotspotd data key id", hashlib.sha256)[:8].hex()

    def __repr__(self) -> str:
        return f"DataKey(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the data key is, to be read again when it was changed there.

    ``kind``: ``credential`` was given by systemd, which has seen to who may read it; ``file`` is a key file;
    ``beside`` is one beside the database, which is made when it is missing. ``user`` is another one (by number) whose
    file it may be: for root, who looks after the database of the daemon's user.
    """

    path: Path
    kind: Literal["credential", "file", "beside"]
    user: int | None = None

    def load(self) -> DataKey:
        """The key. Blocks.

        Raises RecordsError: NO_KEY without a file, UNREADABLE for one that others may read, that belongs to
        somebody else, or that cannot be read; BAD_VALUE for anything but a key.
        """
        if self.kind == "beside" and not self.path.exists():
            make_key_file(self.path)
            log.warning("the data key was made beside the data, in %s: for training only", self.path)
        return read_key_file(self.path, self.user, handed_over=self.kind == "credential")


def beside(database: Path) -> KeySource:
    """The key file beside ``database``: for training, where no other key is named."""
    return KeySource(database.with_name(f"{database.name}.data-key"), "beside")


def find_data_key(
    database: Path, configured: Path | None, *, production: bool, environment: Mapping[str, str] = os.environ
) -> KeySource:
    """Where the key to ``database`` is: systemd's credential, the ``configured`` file, or beside it for training.

    Raises RecordsError (NO_KEY) where ``production`` has neither of the first two.
    """
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if folder and (credential := Path(folder) / CREDENTIAL).exists():
        return KeySource(credential, "credential")
    if configured is not None:
        return KeySource(configured, "file")
    if production:
        raise RecordsError(
            Reason.NO_KEY,
            "records: production keeps nothing without a data key",
            f"Hand over the credential {CREDENTIAL} (systemd), or name a key file in records.data_key.",
        )
    return beside(database)


def read_key_file(path: Path, user: int | None = None, *, handed_over: bool = False) -> DataKey:
    """The key in ``path``; whose file it is and who may read it is checked unless it was ``handed_over`` by systemd.

    It may be this user's, root's and ``user``'s. Blocks. Raises RecordsError as ``KeySource.load`` says.
    """
    try:
        with open(os.open(path, _READ), "rb") as file:  # noqa: PTH123 - An open descriptor, flags and all.
            _check(path, os.fstat(file.fileno()), user, handed_over=handed_over)
            content = file.read(_LIMIT + 1)
    except FileNotFoundError as error:
        raise RecordsError(
            Reason.NO_KEY, f"{path}: no data key", "Put the key's file back, or make one: hotspotctl privacy make-key."
        ) from error
    except OSError as error:
        raise RecordsError(
            Reason.UNREADABLE, f"{path}: {error.strerror}", "Give the file to the user hotspotd runs as, mode 0600."
        ) from error
    if len(content) == KEY_BYTES:
        return DataKey(content)
    if _HEX.fullmatch(content):
        return DataKey(bytes.fromhex(content.decode("ascii").strip()))
    raise RecordsError(
        Reason.BAD_VALUE, f"{path}: neither 32 bytes nor 64 hexadecimal digits", "Name the file of the data key."
    )


def make_key_file(path: Path, like: Path | None = None) -> None:
    """Write a new key into ``path``, which is not there yet, for its owner only. Blocks.

    Made by root, it is given to the owner of the file ``like``, or else of its folder. Raises RecordsError (CONFLICT),
    OSError.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise RecordsError(Reason.CONFLICT, f"{path}: there is a file already", "Name another one.") from error
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - An open descriptor, mode and all.
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        if os.geteuid() == 0:  # A technician made it, the daemon has to read it.
            owner = (like or path.parent).stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        os.fsync(file.fileno())
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in ``folder`` is on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(path: Path, found: os.stat_result, user: int | None, *, handed_over: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RecordsError(Reason.UNREADABLE, f"{path}: no regular file", "Name the file of the data key.")
    if handed_over:
        return
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RecordsError(Reason.UNREADABLE, f"{path}: others may read this key", f"chmod 0600 {path}")
    if found.st_uid not in (os.geteuid(), 0, user):
        raise RecordsError(
            Reason.UNREADABLE, f"{path}: belongs to user {found.st_uid}", "Give it to the user hotspotd runs as."
        )
