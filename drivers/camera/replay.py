"""A folder of pictures as a camera that runs in real time.

Address: ``replay:///folder?fps=5&limit=5``. Pictures come in name order, round and round, ``fps`` a second; the folder
is listed anew for each one. ``newest`` raises LOST when the folder has gone, and TIMEOUT when no picture could be
read for ``limit`` seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.address import DeviceAddress
from drivers.base import Camera, DeviceInfo, DriverError, DriverReason, Frame
from drivers.image_folder import ImageFolder
from drivers.worker import DeviceWorker, Token

_log = logging.getLogger(__name__)
_OPTIONS = frozenset({"fps", "limit"})
# A symlink swapped in two steps is away for a moment; a folder away longer than this has gone.
_AWAY_S = 1.0


class ReplayCamera(Camera):
    """One folder."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("replay", _OPTIONS)
        self._address = address
        self._fps = address.number("fps", 5.0, 0.1, 120.0)
        self._limit_s = address.number("limit", 5.0, 0.1, 3600.0)
        self._folder = ImageFolder(Path(address.path), cv2.IMREAD_COLOR_RGB)
        self._worker = DeviceWorker(f"replay camera {address.path}")
        self._task: asyncio.Task[None] | None = None
        self._frame: Frame | None = None
        self._sequence = 0
        self._failure: DriverError | None = None
        self._news = asyncio.Event()

    async def open(self) -> DeviceInfo:
        """Start to run. Raises DriverError (ABSENT)."""
        await self.close()
        self._worker.start()
        try:
            await self._worker.run(lambda _: self._folder.require())
        except BaseException:
            await self.close()
            raise
        self._frame = self._failure = None
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"replay camera {self._address.path}")
        self._task.add_done_callback(self._ended)
        return DeviceInfo("replay", str(self._address), model="pictures of a folder", details={"fps": f"{self._fps:g}"})

    async def close(self) -> None:
        """Stop."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        self._fail(DriverError(DriverReason.LOST, f"the camera {self._address.path} is not open", "open it first"))
        await self._worker.close(lambda: None)

    async def newest(self, after: int = -1) -> Frame:
        """The newest frame with ``sequence`` greater than ``after``."""
        await asyncio.sleep(0)  # A caller that only ever asks for any frame must not starve the loop.
        while True:
            if self._failure is not None:
                # A fresh exception: one object raised by several callers would gather all their tracebacks.
                raise DriverError(self._failure.reason, self._failure.what, self._failure.advice)
            if self._frame is not None and self._frame.sequence > after:
                return self._frame
            try:
                async with asyncio.timeout(self._limit_s):
                    await self._news.wait()
            except TimeoutError as error:
                raise DriverError(
                    DriverReason.TIMEOUT,
                    f"no picture could be read from {self._address.path} for {self._limit_s:g} s",
                    "put pictures there (png, jpg)",
                ) from error

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """An error that nobody foresaw is a lost camera, not a quiet one."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the camera %s has failed", self._address.path, exc_info=error)
            self._fail(DriverError(DriverReason.LOST, f"the camera {self._address.path} has failed", "see the log"))

    def _fail(self, failure: DriverError) -> None:
        self._failure = failure
        self._tell()

    async def _run(self) -> None:
        due = seen_at = time.monotonic()
        while True:
            pixels, there = await self._worker.run(self._look)
            now = time.monotonic()
            if there:
                seen_at = now
            elif now - seen_at > _AWAY_S:
                self._fail(DriverError(DriverReason.LOST, f"the folder {self._address.path} has gone", "put it back"))
                return
            if pixels is not None:
                self._frame = Frame(pixels, now, self._sequence)
                self._sequence += 1
                self._tell()
            # In step with real time; a late picture is not made up for.
            due = max(due + 1 / self._fps, now)
            await asyncio.sleep(due - now)

    def _look(self, token: Token) -> tuple[NDArray[np.uint8] | None, bool]:
        token.check()
        pixels = self._folder.next()
        return pixels, pixels is not None or self._folder.there()
