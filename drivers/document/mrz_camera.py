"""A camera as a reader of machine readable zones: frames in, the lines of each document that is shown, once.

Address: that of the camera, as its own driver takes it. What a frame says is told by what is handed in (``Watching``),
for drivers know no networks; it works in this driver's own thread. Only the newest frame is looked at. A document that
stays in view counts once; another one counts anew, and so does the same one after it was out of view for GONE_S. A
fault of the camera is a fault of the reader.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from drivers import registry
from drivers.address import DeviceAddress
from drivers.base import Camera, DeviceInfo, DriverError, DriverReason, MrzRead
from drivers.document.watching import View, Watching, WatchingReader
from drivers.worker import DeviceWorker, Token

_log = logging.getLogger(__name__)

# Of the others the scheme is the driver's name.
_CAMERA_OF = {"http": "http-mjpeg", "https": "http-mjpeg"}
GONE_S = 2.0
"""Out of view for so long, a document was taken away: a hand or a reflection hides it for less."""
FRESH_S = 3.0
"""Read at most so long ago, or still in view: an older one may be another traveller's."""
SAME_TO = 3
"""Characters in which two readings of a document may differ: different documents differ in more, check digits alone."""


class Presence:
    """Which document is before the camera. Pure: the caller gives the time, monotonic seconds."""

    def __init__(self) -> None:
        self._given: tuple[str, ...] | None = None
        self._seen_at = float("-inf")
        self._away_since: float | None = None

    def saw(self, in_view: bool, lines: tuple[str, ...] | None, now: float) -> tuple[str, ...] | None:
        """The lines, where they are those of a document that was not given yet."""
        if not in_view:
            if self._away_since is None:
                self._away_since = now
            return None
        # Only what was looked at counts: a slow computer sees little, and nothing is away while nobody looks.
        if self._away_since is not None and now - self._away_since > GONE_S:
            self._given = None
        self._seen_at, self._away_since = now, None
        if lines is None or (self._given is not None and _same(lines, self._given)):
            return None
        self._given = lines
        return lines

    def still_there(self, now: float) -> bool:
        """Whether the document that was given last may still be in view."""
        return now - self._seen_at <= FRESH_S


def _same(lines: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if [len(line) for line in lines] != [len(line) for line in other]:
        return False
    pairs = zip("".join(lines), "".join(other), strict=True)
    return sum(one != another for one, another in pairs) <= SAME_TO


def _look(watch: Watching, pixels: NDArray[np.uint8], token: Token) -> View:
    token.check()
    return watch.look(pixels)


def over_camera(address: DeviceAddress) -> MrzCameraReader:
    """The reader over the camera with this address; its scheme says which driver that is."""
    return MrzCameraReader(registry.camera_at(_CAMERA_OF.get(address.scheme, address.scheme), address), address)


class MrzCameraReader(WatchingReader):
    """One camera, and what reads its frames; before ``watch_with`` it can be opened, but not read."""

    def __init__(self, camera: Camera, address: DeviceAddress) -> None:
        self._camera = camera
        self._shown = str(address)
        self._make_watch: Callable[[], Watching] | None = None
        self._worker = DeviceWorker(f"mrz camera {self._shown}")
        self._task: asyncio.Task[None] | None = None
        self._presence = Presence()
        self._latest: MrzRead | None = None
        self._failure: DriverError | None = None
        self._news = asyncio.Event()

    def watch_with(self, make: Callable[[], Watching]) -> None:
        """See WatchingReader."""
        self._make_watch = make

    async def open(self) -> DeviceInfo:
        """Open the camera and watch its frames. Raises DriverError."""
        await self.close()
        self._worker.start()
        try:
            info = await self._camera.open()
            make = self._make_watch
            watch = None if make is None else await self._worker.run(lambda _: make())
        except BaseException:
            await self.close()
            raise
        self._presence, self._latest, self._failure = Presence(), None, None
        if watch is not None:
            self._task = asyncio.create_task(self._run(watch), name=f"mrz camera {self._shown}")
            self._task.add_done_callback(self._ended)
        return DeviceInfo("mrz-camera", info.address, f"zones read from {info.model or info.driver}", info.serial)

    async def close(self) -> None:
        """Close the camera, too; at most 4 s."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        self._fail(DriverError(DriverReason.LOST, f"the reader at {self._shown} is not open", "open it first"))
        await self._worker.close(lambda: None)
        await self._camera.close()

    async def read(self) -> MrzRead:
        """The next document, or one that was read and not asked for, while it is in view or FRESH_S after that."""
        if self._make_watch is None:
            raise DriverError(
                DriverReason.UNSUPPORTED, "the driver mrz-camera was given nothing to read zones with", "use the daemon"
            )
        while True:
            latest, self._latest = self._latest, None
            if latest is not None and self._presence.still_there(time.monotonic()):
                return latest
            if self._failure is not None:
                # A fresh exception: one object raised several times would gather all tracebacks.
                raise DriverError(self._failure.reason, self._failure.what, self._failure.advice)
            await self._news.wait()

    async def _run(self, watch: Watching) -> None:
        after = -1
        while True:
            try:
                frame = await self._camera.newest(after)
                after = frame.sequence
                view = await self._worker.run(partial(_look, watch, frame.pixels))
            except DriverError as error:
                self._fail(error)
                return
            lines = self._presence.saw(view.in_view, view.lines, time.monotonic())
            if lines is not None:
                self._latest = MrzRead(lines)
                self._tell()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """An error that nobody foresaw is a lost reader, not a quiet one."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the reader at %s has failed", self._shown, exc_info=error)
            self._fail(DriverError(DriverReason.LOST, f"the reader at {self._shown} has failed", "see the log"))

    def _fail(self, failure: DriverError) -> None:
        self._failure = failure
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
