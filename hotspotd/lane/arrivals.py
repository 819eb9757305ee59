"""That something was plugged in, for every supervisor that waits to try again."""

from __future__ import annotations

import asyncio

# One device that is plugged in is told by several messages within some hundredths of a second: they are one arrival.
_SETTLE_S = 0.1


class Arrivals:
    """Counts arrivals; belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._count = 0
        self._next = asyncio.Event()

    @property
    def count(self) -> int:
        """How many there were. Taken before an attempt and given to ``pause`` after it, so that none is missed."""
        return self._count

    def announce(self) -> None:
        """Something was plugged in."""
        self._count += 1
        self._next.set()
        self._next = asyncio.Event()

    async def pause(self, seconds: float, since: int) -> bool:
        """Wait ``seconds``, or until there was an arrival after ``since`` were counted: then True."""
        if self._count == since:
            try:
                async with asyncio.timeout(seconds):
                    await self._next.wait()
            except TimeoutError:
                return False
        await asyncio.sleep(_SETTLE_S)
        return True
