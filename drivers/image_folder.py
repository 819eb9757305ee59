"""A folder of pictures looked at again and again: what the replay drivers show. Blocking: for a device's own thread.

The folder is listed anew for every picture, and pictures come in the order of their names, so that swapping files,
or a symlink to another folder, changes what is seen at once.
"""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.base import DriverError, DriverReason

_log = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
# A 24-megapixel PNG; anything larger is no camera's frame and would only cost memory.
_LARGEST_FILE = 64 * 1024 * 1024
_WARNED_LIMIT = 1000


class ImageFolder:
    """``mode`` is cv2.IMREAD_COLOR_RGB or cv2.IMREAD_GRAYSCALE."""

    def __init__(self, folder: Path, mode: int) -> None:
        self._folder = folder
        self._mode = mode
        self._last = ""
        self._warned: set[str] = set()

    def there(self) -> bool:
        """Whether the folder exists."""
        return self._folder.is_dir()

    def require(self) -> None:
        """Raises DriverError (ABSENT) where there is no such folder."""
        if not self.there():
            raise DriverError(DriverReason.ABSENT, f"there is no folder {self._folder}", "make it, or correct its path")

    def next(self) -> NDArray[np.uint8] | None:
        """The picture after the last one, from the beginning after the end; ``None`` where none can be read."""
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError:
            return None
        later = [name for name in names if name > self._last]
        for name in later + names[: len(names) - len(later)]:
            self._last = name
            pixels = self._read(self._folder / name)
            if pixels is not None:
                return pixels
        return None

    def _read(self, path: Path) -> NDArray[np.uint8] | None:
        problem = "cannot be decoded"
        try:
            if path.stat().st_size > _LARGEST_FILE:
                problem = "is too large"
            else:
                data = np.frombuffer(path.read_bytes(), np.uint8)
                decoded = cv2.imdecode(data, self._mode) if data.size else None
                if decoded is not None:
                    return decoded.astype(np.uint8, copy=False)
        except (OSError, cv2.error) as error:
            problem = f"cannot be read ({type(error).__name__})"
        if path.name not in self._warned:
            if len(self._warned) >= _WARNED_LIMIT:
                self._warned.clear()
            self._warned.add(path.name)
            _log.warning("%s %s; skipped", path, problem)
        return None
