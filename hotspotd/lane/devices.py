"""Supervision of a lane's devices: absent, starting, ready, faulted, and back again.

Each device has one supervisor that opens it, waits until somebody reports a fault, closes it and tries again
with growing pauses, and at once when something is plugged in. Users ask for the device with ``ready`` and report
what went wrong with ``fault``; they never open or close it themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from drivers.base import Device, DriverError, DriverReason
from hotspotd.clock import Clock
from hotspotd.events import DeviceState, DeviceView, Events
from hotspotd.lane.arrivals import Arrivals

log = logging.getLogger(__name__)

D = TypeVar("D", bound=Device)

# A device that was just plugged in should be noticed at once, one that is gone for the day cheaply.
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0


class SupervisedDevice(Generic[D]):
    """One device of one lane. ``run`` is its life; it ends only by cancellation and then leaves it closed."""

    def __init__(
        self,
        lane: str,
        kind: str,
        make: Callable[[], D],
        events: Events,
        clock: Clock,
        arrivals: Arrivals | None = None,
    ) -> None:
        self.kind = kind
        self.away = asyncio.Event()
        """Set while the device is not ready."""
        self.away.set()
        self._away_since = clock.monotonic()
        self._arrivals = arrivals or Arrivals()
        self._lane = lane
        self._make = make
        self._events = events
        self._clock = clock
        self._device: D | None = None
        self._ready = asyncio.Event()
        self._faulted = asyncio.Event()
        self._faults: list[DriverError] = []
        self._known_fault: DriverReason | None = None

    async def run(self) -> None:
        """Open the device, keep it open, open it again after a fault."""
        pause = _FIRST_PAUSE_S
        while True:
            seen = self._arrivals.count
            device = self._make()
            try:
                if self._known_fault is None:
                    self._say(DeviceState.STARTING)
                await device.open()
            except DriverError as error:
                self._say_fault(error, absent=error.reason is DriverReason.ABSENT)
                await device.close()
                woken = await self._arrivals.pause(pause, seen)
                # What was plugged in may take a moment until it answers.
                pause = _FIRST_PAUSE_S if woken else min(pause * 2, _LONGEST_PAUSE_S)
                continue
            pause = _FIRST_PAUSE_S
            try:
                await self._hold(device)
                seen = self._arrivals.count
            finally:
                self._let_go()
                await device.close()
            await self._arrivals.pause(pause, seen)

    async def _hold(self, device: D) -> None:
        if self._known_fault is not None:
            log.info("%s: %s is back", self._lane, self.kind)
        self._known_fault = None
        self._faults.clear()
        self._faulted.clear()
        self._device = device
        self.away.clear()
        self._ready.set()
        self._say(DeviceState.READY)
        await self._faulted.wait()
        self._say_fault(self._faults.pop(), absent=False)

    async def ready(self) -> D:
        """The device, as soon as it is ready."""
        while self._device is None:
            await self._ready.wait()
        return self._device

    @property
    def is_ready(self) -> bool:
        """Whether the device is open and has no fault."""
        return self._device is not None

    def fault(self, device: D, error: DriverError) -> None:
        """A call to ``device`` failed so that it must be opened anew. Old news about an earlier one is ignored."""
        if device is self._device:
            self._faults.append(error)
            self._let_go()
            self._faulted.set()

    def patience(self, return_s: float) -> float:
        """How much longer [s] to wait for the device, which has ``return_s`` to come back from when it went; or 0."""
        return max(0.0, return_s - (self._clock.monotonic() - self._away_since)) if self._device is None else return_s

    def _let_go(self) -> None:
        if self._device is not None:
            self._away_since = self._clock.monotonic()
        self._device = None
        self._ready.clear()
        self.away.set()

    def _say(self, state: DeviceState, reason: str = "", advice: str = "") -> None:
        self._events.publish(DeviceView(lane=self._lane, device=self.kind, state=state, reason=reason, advice=advice))

    def _say_fault(self, error: DriverError, *, absent: bool) -> None:
        level = logging.DEBUG if error.reason is self._known_fault else logging.WARNING
        log.log(level, "%s: %s: %s", self._lane, self.kind, error)
        self._known_fault = error.reason
        self._say(DeviceState.ABSENT if absent else DeviceState.FAULTED, error.what, error.advice)
