"""A camera that runs while it is open, over a blocking source of pictures in a thread of its own.

What differs between cameras is a ``Source``; waiting, the newest frame, faults and closing are here, once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.base import Camera, DeviceInfo, DriverError, DriverReason, Frame
from drivers.worker import DeviceWorker, Token

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a source: ``pixels`` (height, width, 3) uint8 RGB, taken at ``captured_at`` (monotonic) [s].

    ``preview`` is the same instant as a smaller picture, where the camera makes one itself.
    """

    pixels: NDArray[np.uint8]
    captured_at: float
    preview: NDArray[np.uint8] | None = None


class Source(ABC):
    """Where pictures come from. Used by one thread only, which may block but looks at the token every 0.1 s."""

    @abstractmethod
    def open(self, token: Token) -> DeviceInfo:
        """Take hold of the camera. Raises DriverError; ``close`` follows then too."""

    @abstractmethod
    def grab(self, token: Token) -> Picture | None:
        """The newest picture, waiting for one at most 1 s or so; ``None`` where none came or it could not be read.

        Raises DriverError when the camera must be opened anew.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the camera; may be called twice."""


class LiveCamera(Camera):
    """A source as a camera. ``shown`` is its address as it may be logged; TIMEOUT after ``limit_s`` without a frame."""

    def __init__(self, name: str, shown: str, source: Source, limit_s: float, advice: str) -> None:
        self._name = f"{name} camera {shown}"
        self._shown = shown
        self._source = source
        self._limit_s = limit_s
        self._advice = advice
        self._worker = DeviceWorker(self._name)
        self._task: asyncio.Task[None] | None = None
        self._frame: Frame | None = None
        self._sequence = 0
        self._failure: DriverError | None = None
        self._news = asyncio.Event()

    async def open(self) -> DeviceInfo:
        """Start to run. Raises DriverError."""
        await self.close()
        self._worker.start()
        try:
            info = await self._worker.run(self._source.open)
        except BaseException:
            await self.close()
            raise
        self._frame = self._failure = None
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=self._name)
        self._task.add_done_callback(self._ended)
        return info

    async def close(self) -> None:
        """Stop; at most 2 s."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        self._fail(DriverError(DriverReason.LOST, f"the camera {self._shown} is not open", "open it first"))
        await self._worker.close(self._source.close)

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
                    f"no picture could be read from {self._shown} for {self._limit_s:g} s",
                    self._advice,
                ) from error

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """An error that nobody foresaw is a lost camera, not a quiet one."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the camera %s has failed", self._shown, exc_info=error)
            self._fail(DriverError(DriverReason.LOST, f"the camera {self._shown} has failed", "see the log"))

    def _fail(self, failure: DriverError) -> None:
        self._failure = failure
        self._tell()

    async def _run(self) -> None:
        while True:
            try:
                picture = await self._worker.run(self._source.grab)
            except DriverError as error:
                self._fail(error)
                return
            if picture is not None:
                self._frame = Frame(picture.pixels, picture.captured_at, self._sequence, picture.preview)
                self._sequence += 1
                self._tell()


class Pace:
    """Waiting in a source's thread so that pictures come ``fps`` a second; a late picture is not made up for."""

    def __init__(self, fps: float) -> None:
        self._step_s = 1 / fps
        self._due = 0.0

    def wait(self, token: Token) -> float:
        """Wait until the next picture is due and return the monotonic time [s]."""
        now = time.monotonic()
        if now < self._due:
            token.pause(self._due - now)
            now = time.monotonic()
        self._due = max(self._due + self._step_s, now)
        return now
