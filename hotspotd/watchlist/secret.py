"""The key that numbers are hashed with: kept outside every list, so that a list alone names no number.

For now the device's secret store is a file that only its owner may read; which one is the configuration's. One key a
line, 64 hexadecimal digits; the first is used for new lists, all of them to read. A list says by its id which it needs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotspotd.errors import Reason, WatchlistError

KEY_BYTES: Final = 32
_MOST_KEYS: Final = 16
_LIMIT: Final = 4096
# Neither follow a link nor wait for who writes into a pipe.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_LINE: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, repr=False)
class ListKey:
    """One key (32 bytes). Its ``id`` says which it is and tells nothing of it."""

    key: bytes

    @classmethod
    def parse(cls, text: str) -> ListKey:
        """The key in ``text``, 64 hexadecimal digits. Raises WatchlistError(BAD_VALUE)."""
        if not _LINE.fullmatch(text):
            raise WatchlistError(Reason.BAD_VALUE, "what came as a list's key is none", "Publish the list again.")
        return cls(bytes.fromhex(text))

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits."""
        return hmac.digest(self.key, b"hotspotd watchlist key id", hashlib.sha256)[:8].hex()

    def __repr__(self) -> str:
        return f"ListKey(id={self.id!r})"


class Secrets:
    """The keys of one file."""

    def __init__(self, path: Path, keys: tuple[ListKey, ...]) -> None:
        self._path = path
        self._keys: Mapping[str, ListKey] = {key.id: key for key in keys}
        self.newest = keys[0]
        """The key of new lists."""

    @classmethod
    def load(cls, path: Path) -> Secrets:
        """The keys in ``path``.

        Raises WatchlistError: NO_KEY without a file, UNREADABLE for a file that others may read, that belongs to
        neither this user, root nor the owner of its folder, or that cannot be read; BAD_VALUE for anything but keys.
        """
        try:
            with open(os.open(path, _READ), encoding="ascii") as file:  # noqa: PTH123
                _check(path, os.fstat(file.fileno()))
                text = file.read(_LIMIT + 1)
        except FileNotFoundError as error:
            raise WatchlistError(
                Reason.NO_KEY, f"{path}: no key file", "Copy the one that the list was built with."
            ) from error
        except UnicodeDecodeError as error:
            raise _no_keys(path, "not ASCII") from error
        except OSError as error:
            raise WatchlistError(
                Reason.UNREADABLE, f"{path}: {error.strerror}", "Give the file to the user hotspotd runs as, mode 0600."
            ) from error
        lines = [line for line in text.split("\n") if line]
        if len(text) > _LIMIT or not 0 < len(lines) <= _MOST_KEYS or not all(map(_LINE.fullmatch, lines)):
            raise _no_keys(path, f"not 1 to {_MOST_KEYS} keys, one a line")
        return cls(path, tuple(ListKey(bytes.fromhex(line)) for line in lines))

    @classmethod
    def load_or_make(cls, path: Path) -> Secrets:
        """As ``load``; where there is no file, one with a new key is written, and given to the owner of its folder.

        Raises as ``load``, and OSError.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return cls.load(path)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - An open descriptor, mode and all.
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            if os.geteuid() == 0:  # A technician made it, the daemon has to read it.
                folder = path.parent.stat()
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
            os.fsync(file.fileno())
        return cls.load(path)

    @classmethod
    def add(cls, path: Path, key: ListKey) -> None:
        """Put ``key`` among those in ``path``, or into a new file. Raises as ``load``, and OSError."""
        known = [] if not path.exists() else list(cls.load(path).all())
        if key.id in {one.id for one in known}:
            return
        lines = [one.key.hex() for one in (key, *known)][:_MOST_KEYS]
        # mkstemp's mode is 0600.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - An open descriptor, mode and all.
            file.write("\n".join(lines) + "\n")
            file.flush()
            if os.geteuid() == 0:  # As in ``load_or_make``.
                folder = path.parent.stat()
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
            os.fsync(file.fileno())
        Path(name).replace(path)

    def all(self) -> tuple[ListKey, ...]:
        """Every key, the newest first."""
        return tuple(self._keys.values())

    def key(self, key_id: str) -> ListKey:
        """The key with this id. Raises WatchlistError(NO_KEY)."""
        try:
            return self._keys[key_id]
        except KeyError:
            raise WatchlistError(
                Reason.NO_KEY,
                f"{self._path}: key {key_id} of the list is not there",
                "Add the key that the list was built with as a line of its own.",
            ) from None


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WatchlistError(Reason.UNREADABLE, f"{path}: others may read this key", f"chmod 0600 {path}")
    if found.st_uid not in (os.geteuid(), 0, path.parent.stat().st_uid):
        raise WatchlistError(
            Reason.UNREADABLE, f"{path}: belongs to user {found.st_uid}", "Give it to the user hotspotd runs as."
        )


def _no_keys(path: Path, how: str) -> WatchlistError:
    return WatchlistError(Reason.BAD_VALUE, f"{path}: {how}", "Name the list's key file.")
