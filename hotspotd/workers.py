"""Named, bounded worker threads for whatever would block the event loop.

A worker that already has as much waiting as it may refuses further work (WorkError BUSY): an answer at the
limit, not a queue without end. A call whose caller was cancelled runs to its end in its thread, since Python
cannot stop one, and its result is dropped; the watchdog sees one that never ends by ``oldest_running_s``.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hotspotd.errors import Reason, WorkError

T = TypeVar("T")


class Worker:
    """One pool of ``threads`` threads called ``name`` that lets at most ``waiting`` calls wait."""

    def __init__(self, name: str, threads: int = 1, waiting: int = 8) -> None:
        self.name = name
        self._limit = threads + waiting
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._numbers = itertools.count()
        self._pending = 0
        self._running: dict[int, float] = {}

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """``function(*arguments)`` in one of the threads. Raises what it raises, or WorkError (BUSY)."""
        if self._pending >= self._limit:
            raise WorkError(Reason.BUSY, f"worker {self.name} has {self._pending} calls waiting", "Try again later.")
        number = next(self._numbers)

        def call() -> T:
            self._running[number] = time.monotonic()
            try:
                return function(*arguments)
            finally:
                del self._running[number]

        future = self._pool.submit(call)
        self._pending += 1
        future.add_done_callback(self._done_in(asyncio.get_running_loop()))
        return await asyncio.wrap_future(future)

    def _done_in(self, loop: asyncio.AbstractEventLoop) -> Callable[[object], None]:
        def done(_: object) -> None:
            # A loop that has ended has nobody left to count for.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._finished)

        return done

    def _finished(self) -> None:
        self._pending -= 1

    def oldest_running_s(self) -> float:
        """Seconds for which the longest call has been running now; 0 when none is."""
        started = list(self._running.values())
        return time.monotonic() - min(started) if started else 0.0

    def close(self) -> None:
        """Take no further work. Does not wait for calls that run."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def finish(self) -> None:
        """Take no further work, drop what waits, and return when what runs has ended."""
        self.close()
        await asyncio.to_thread(self._pool.shutdown, wait=True)
