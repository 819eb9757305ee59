"""A lane kept without travellers, while a technician tries its devices.

Begins only between two travellers and ends by itself: a technician who walks away leaves no closed lane behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

HOLD_S: Final = 120.0
"""How long a hold lasts after it was last asked for."""
_BEGINS_WITHIN_S = 3.0


class Hold:
    """Whether a lane is to be, and is, without travellers."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.asked = asyncio.Event()
        """Set: the lane takes no further traveller."""
        self._begun = asyncio.Event()
        self._ended = asyncio.Event()
        self._monotonic = monotonic
        self._until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the devices are free to be tried."""
        return self._begun.is_set()

    async def begin(self) -> bool:
        """Ask for the lane, or for more time; whether it is free. False: a traveller came first."""
        self._until = self._monotonic() + HOLD_S
        self._ended.clear()
        self.asked.set()
        try:
            async with asyncio.timeout(_BEGINS_WITHIN_S):
                await self._begun.wait()
        except TimeoutError:
            self.end()
        return self.is_on

    def end(self) -> None:
        """Let travellers in again. May be called twice."""
        self.asked.clear()
        self._begun.clear()
        self._ended.set()

    async def over(self) -> None:
        """For the lane: it is free from now on; returns when the hold has ended, or nobody asked for more time."""
        self._begun.set()
        try:
            while not self._ended.is_set() and (left := self._until - self._monotonic()) > 0:
                try:
                    async with asyncio.timeout(left):
                        await self._ended.wait()
                except TimeoutError:
                    continue
        finally:
            self.end()
