"""The end of a device: keys first, then everything that they opened, then the rest.

What a flash card keeps in cells that nobody can address survives any overwriting. So the order is what counts: once the
device-key and the data-key are gone, what is left of private key and records is noise.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hotspotd.errors import ProvisioningError, Reason
from hotspotd.provisioning import credentials
from hotspotd.provisioning.files import erase, sync_folder
from hotspotd.provisioning.secrets import NAMES

_WAL = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a device has: the folder of its identity, its secret files, its database, its watchlist and that one's key.

    ``identity`` is None where the configuration names files; they are then among ``keys``.
    """

    identity: Path | None
    keys: tuple[Path, ...]
    database: Path
    watchlist: Path


def in_use(database: Path) -> bool:
    """Whether a daemon has the database open. Blocks."""
    if not database.exists():
        return False
    try:
        connection = sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=0.0, isolation_level=None)
        try:
            # Nobody else may have it open in WAL mode for this to succeed.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False  # Damaged, or not readable without its key: nobody works with it.
    return False


def everything(belongings: Belongings, store: Path | None = None) -> Iterator[tuple[Path, bool]]:
    """Each file to be erased, keys first, and whether it is overwritten. Blocks."""
    for name in NAMES:
        yield credentials.sealed_file(name, store), True
    for path in belongings.keys:
        yield path, True
    if belongings.identity is not None and belongings.identity.is_dir():
        for path in sorted(belongings.identity.iterdir()):
            yield path, True
    for suffix in _WAL:
        yield belongings.database.with_name(belongings.database.name + suffix), True
    for path in sorted(belongings.database.parent.glob(f"{belongings.database.name}.*")):
        yield path, True  # Those that were set aside.
    # Published data, gigabytes of it, and what is listed by number is hashed under a key that is gone by now.
    yield belongings.watchlist, False


def erase_all(belongings: Belongings, said: Callable[[Path], None], store: Path | None = None) -> int:
    """Erase everything; returns how much there was. Whatever is interrupted is done by beginning again. Blocks.

    Raises ProvisioningError (BUSY) while a daemon runs; OSError.
    """
    if in_use(belongings.database):
        raise ProvisioningError(
            Reason.BUSY, f"{belongings.database}: hotspotd runs", "Stop it: systemctl disable --now hotspotd"
        )
    count = 0
    for path, overwrite in everything(belongings, store):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
            sync_folder(path.parent)
        elif path.exists() or path.is_symlink():
            erase(path, overwrite=overwrite)
        else:
            continue
        count += 1
        said(path)
    return count
