"""A lane without a light: takes every state and shows nothing."""

from __future__ import annotations

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, LaneSignal, SignalState


class NoSignal(LaneSignal):
    """Address: ``none:``. ``state`` is what would be shown."""

    def __init__(self, address: DeviceAddress) -> None:
        self._address = address
        self.state = SignalState.OFF

    async def open(self) -> DeviceInfo:
        """Always succeeds."""
        return DeviceInfo("none", str(self._address), model="no lane light")

    async def close(self) -> None:
        """Nothing to let go of."""
        self.state = SignalState.OFF

    async def show(self, state: SignalState) -> None:
        """Remember ``state``."""
        self.state = state
