"""Files that are there whole or not at all, whenever the power goes."""

from __future__ import annotations

import os
from pathlib import Path

from hotspotd.watchlist.layout import fsync_folder


def write_durably(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of whatever ``path`` was. Blocks. Raises OSError."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    fsync_folder(path.parent)
