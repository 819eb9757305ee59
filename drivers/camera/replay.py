"""A folder of pictures as a camera that runs in real time.

Address: ``replay:///folder?fps=5&limit=5``. Pictures come in name order, round and round, ``fps`` a second; the folder
is listed anew for each one. ``newest`` raises LOST when the folder has gone, and TIMEOUT when no picture could be
read for ``limit`` seconds.
"""

from __future__ import annotations

import time
from pathlib import Path

import cv2

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.camera.live import LiveCamera, Pace, Picture, Source
from drivers.image_folder import ImageFolder
from drivers.worker import Token

_OPTIONS = frozenset({"fps", "limit"})
# A symlink swapped in two steps is away for a moment; a folder away longer than this has gone.
_AWAY_S = 1.0


class ReplayCamera(LiveCamera):
    """One folder."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("replay", _OPTIONS)
        fps = address.number("fps", 5.0, 0.1, 120.0)
        limit_s = address.number("limit", 5.0, 0.1, 3600.0)
        super().__init__("replay", address.path, _Folder(address, fps), limit_s, "put pictures there (png, jpg)")


class _Folder(Source):
    def __init__(self, address: DeviceAddress, fps: float) -> None:
        self._address = address
        self._fps = fps
        self._folder = ImageFolder(Path(address.path), cv2.IMREAD_COLOR_RGB)
        self._pace = Pace(fps)
        self._seen_at = 0.0

    def open(self, token: Token) -> DeviceInfo:
        token.check()
        self._folder.require()
        self._seen_at = time.monotonic()
        return DeviceInfo("replay", str(self._address), model="pictures of a folder", details={"fps": f"{self._fps:g}"})

    def grab(self, token: Token) -> Picture | None:
        now = self._pace.wait(token)
        pixels = self._folder.next()
        if pixels is not None:
            self._seen_at = now
            return Picture(pixels, time.monotonic())
        if self._folder.there():
            self._seen_at = now
        elif now - self._seen_at > _AWAY_S:
            raise DriverError(DriverReason.LOST, f"the folder {self._address.path} has gone", "put it back")
        return None

    def close(self) -> None:
        """Nothing is held between pictures."""
