"""What a technician may do with the devices of a lane that takes no travellers (console.controls.LaneTrials).

The devices stay with their supervisors: none is opened twice, and one that fails is opened anew as always.
"""

from __future__ import annotations

from drivers.base import Camera, Device, DeviceInfo, DriverError, DriverReason, Frame
from hotspotd.errors import Reason, UpkeepError
from hotspotd.events import LaneState
from hotspotd.lane.feed import CameraFeed
from hotspotd.lane.hold import Hold
from hotspotd.lane.parts import LaneDevices
from hotspotd.lane.screen import Screen

# No traveller is before the lane.
_FREE = frozenset({LaneState.STARTING, LaneState.IDLE, LaneState.OUT_OF_SERVICE})


class FeedCamera(Camera):
    """The lane's camera by its feed, which goes on taking the frames: opened and closed by its supervisor only."""

    def __init__(self, feed: CameraFeed) -> None:
        self._feed = feed
        self._at = 0.0

    async def open(self) -> DeviceInfo:
        """It is open already."""
        raise DriverError(DriverReason.BUSY, "the lane holds this camera")

    async def close(self) -> None:
        """It stays open."""

    async def newest(self, after: int = -1) -> Frame:
        """See Camera; waits without limit where the camera is gone."""
        while True:
            frame = await self._feed.next(self._at)
            self._at = frame.captured_at
            if frame.sequence > after:
                return frame


class LaneTrials:
    """The devices of one lane, for a technician."""

    def __init__(self, name: str, devices: LaneDevices, feed: CameraFeed | None, screen: Screen, hold: Hold) -> None:
        self._name = name
        self._devices = {device.kind: device for device in devices.present()}
        self._feed = feed
        self._screen = screen
        self._hold = hold

    @property
    def kinds(self) -> tuple[str, ...]:
        """The lane's devices, as the configuration calls them."""
        return tuple(self._devices)

    @property
    def held(self) -> bool:
        """Whether the lane is kept without travellers, so that its devices may be tried."""
        return self._hold.is_on

    async def hold(self) -> None:
        """Keep the lane without travellers for two minutes from now. Raises UpkeepError (CONFLICT)."""
        if not (self._hold.is_on or self._screen.view.state in _FREE) or not await self._hold.begin():
            raise UpkeepError(
                Reason.CONFLICT, f"{self._name}: a traveller is being served", "Wait until the lane is free."
            )

    def release(self) -> None:
        """Let travellers in again. May be called twice."""
        self._hold.end()

    def latest_frame(self) -> Frame | None:
        """The camera's newest frame, or ``None``; never waits. Raises UpkeepError (CONFLICT) where not held."""
        self._check()
        return None if self._feed is None else self._feed.latest()

    async def device(self, kind: str) -> Device:
        """The open device. Raises UpkeepError (CONFLICT, NOT_FOUND), DriverError (ABSENT) where it is away."""
        self._check()
        supervised = self._devices.get(kind)
        if supervised is None:
            raise UpkeepError(Reason.NOT_FOUND, f"{self._name} has no {kind}", "Look at the list of its devices.")
        if not supervised.is_ready:
            raise DriverError(DriverReason.ABSENT, f"{self._name}: {kind} is away", "see the list of devices for why")
        if kind == "camera" and self._feed is not None:
            return FeedCamera(self._feed)
        return await supervised.ready()

    def fault(self, kind: str, device: Device, error: DriverError) -> None:
        """``device`` must be opened anew."""
        match self._devices.get(kind):
            case None:
                pass
            case supervised:
                supervised.fault(device, error)  # type: ignore[arg-type]  # Another device than its own is ignored.

    def _check(self) -> None:
        if not self._hold.is_on:
            raise UpkeepError(Reason.CONFLICT, f"{self._name} takes travellers", "Close the lane for tests first.")
