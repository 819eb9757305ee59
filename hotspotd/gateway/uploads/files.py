"""Parts of messages as files: what arrived stays, whatever the line does, until the message is whole or its time is up.

One folder, bounded in files for each device, in bytes, and in days. Nothing here is acknowledged as durable: a part
that a power cut takes is sent again. Blocks: for threads.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from hotspotd.errors import GatewayError, Reason, RelayError

KEPT_S = 7 * 86_400.0
_MOST_OF_DEVICE = 256
_NAME = 32


@dataclass(frozen=True, slots=True)
class Upload:
    """One message on its way: whose it is, under which number, how long as it travels, and the hash (SHA-256, hex) of
    the payload in it. Whether it is that is seen when it is whole, by its seal.
    """

    device: str
    tcn: str
    length: int
    sha256: str

    @property
    def name(self) -> str:
        """Name in paths: the same for the same message of the same device, whenever it is asked for."""
        return self._owner + hashlib.sha256(f"{self.tcn}/{self.sha256}/{self.length}".encode()).hexdigest()[:_NAME]

    @property
    def _owner(self) -> str:
        return owner_of(self.device)


def owner_of(device: str) -> str:
    """What the names of a device's uploads begin with."""
    return hashlib.sha256(device.encode()).hexdigest()[:_NAME]


class UploadFiles:
    """The files of one folder."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def begin(self, upload: Upload) -> int:
        """Make the file if it is not there; returns how many bytes of it are. Raises RelayError (BUSY)."""
        path = self._folder / upload.name
        try:
            if path.exists():
                return path.stat().st_size
            self._folder.mkdir(parents=True, exist_ok=True)
            self._check_room(upload)
            path.touch(mode=0o600)
        except OSError as error:
            raise _failed(error) from error
        return 0

    def append(self, name: str, offset: int, data: bytes) -> int:
        """Add ``data`` at ``offset``, which is the end; returns the end then. Raises RelayError (WRONG_OFFSET)."""
        try:
            with (self._folder / name).open("r+b") as file:
                if file.seek(0, os.SEEK_END) != offset:
                    raise RelayError(Reason.WRONG_OFFSET, "upload: not where it goes on", "Ask for its offset.")
                file.write(data)
                return file.tell()
        except FileNotFoundError as error:
            raise RelayError(Reason.NOT_FOUND, "upload: not known, or no longer", "Begin it again.") from error
        except OSError as error:
            raise _failed(error) from error

    def read(self, upload: Upload) -> bytes:
        """What arrived of the message. Raises GatewayError."""
        try:
            return (self._folder / upload.name).read_bytes()
        except OSError as error:
            raise _failed(error) from error

    def remove(self, upload: Upload) -> None:
        """The message is stored elsewhere, or was refused."""
        (self._folder / upload.name).unlink(missing_ok=True)

    def clear_old(self) -> int:
        """Remove what nobody has gone on with for a week; returns how many."""
        before = time.time() - KEPT_S
        old = [path for path in self._files() if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _files(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if path.is_file()] if self._folder.is_dir() else []

    def _check_room(self, upload: Upload) -> None:
        files = self._files()
        owner = owner_of(upload.device)
        if sum(path.name.startswith(owner) for path in files) >= _MOST_OF_DEVICE:
            raise RelayError(Reason.BUSY, f"upload: {_MOST_OF_DEVICE} are begun already", "End one of them first.")
        if sum(path.stat().st_size for path in files) + upload.length > self._most_bytes:
            raise RelayError(Reason.BUSY, "upload: no room for more", "Try again later.")


def _failed(error: OSError) -> GatewayError:
    return GatewayError(Reason.STORAGE_FAILED, f"upload: {error.strerror}", "Look after the gateway's disk.")
