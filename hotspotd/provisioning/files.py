"""Files that a power cut leaves whole, that nobody else reads, and that can be erased."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

_PIECE: Final = 1024 * 1024


def write_private(path: Path, content: bytes) -> None:
    """Put ``content`` into ``path`` in one step, mode 0600, owned as its folder is. Blocks. Raises OSError."""
    # mkstemp's mode is 0600.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    made = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - An open descriptor, mode and all.
            file.write(content)
            file.flush()
            if os.geteuid() == 0:  # A technician makes it, the daemon has to read it.
                folder = path.parent.stat()
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
            os.fsync(file.fileno())
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def erase(path: Path, *, overwrite: bool) -> None:
    """Remove ``path``, overwritten with random bytes before where that is asked for. Blocks. Raises OSError.

    What a flash card has copied elsewhere by itself is out of reach: what is to be gone for sure is kept encrypted,
    and its key erased.
    """
    if overwrite and not path.is_symlink():
        left = path.stat().st_size
        with path.open("r+b") as file:
            while left > 0:
                left -= file.write(secrets.token_bytes(min(left, _PIECE)))
            file.flush()
            os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See to it that names put into or taken out of ``folder`` are on disk. Blocks. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
