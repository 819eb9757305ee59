"""The camera's newest frame, for the lane and for the mirror on the traveller's screen."""

from __future__ import annotations

import asyncio

from drivers.base import Camera, DriverError, Frame
from hotspotd.lane.devices import SupervisedDevice


class CameraFeed:
    """Takes frames from a supervised camera for as long as it runs; keeps only the newest."""

    def __init__(self, camera: SupervisedDevice[Camera]) -> None:
        self._camera = camera
        self._newest: Frame | None = None
        self._arrived = asyncio.Condition()

    async def run(self) -> None:
        """Fetch frames without end; a camera that fails is reported to its supervisor."""
        while True:
            camera = await self._camera.ready()
            after = -1
            try:
                while True:
                    frame = await camera.newest(after)
                    after = frame.sequence
                    async with self._arrived:
                        self._newest = frame
                        self._arrived.notify_all()
            except DriverError as error:
                self._newest = None
                self._camera.fault(camera, error)

    @property
    def is_ready(self) -> bool:
        """Whether the camera is there."""
        return self._camera.is_ready

    def patience(self, return_s: float) -> float:
        """How much longer [s] to wait for the camera, which has ``return_s`` to come back from when it went; or 0."""
        return self._camera.patience(return_s)

    async def ready(self) -> None:
        """Return as soon as the camera is there."""
        await self._camera.ready()

    def latest(self) -> Frame | None:
        """The newest frame, or ``None`` while the camera gives none."""
        return self._newest

    async def next(self, after: float) -> Frame:
        """A frame captured later than ``after`` (monotonic seconds), waiting for it."""
        async with self._arrived:
            while self._newest is None or self._newest.captured_at <= after:
                await self._arrived.wait()
            return self._newest
