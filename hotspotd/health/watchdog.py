"""Alive means working: systemd's watchdog is fed only while the daemon can do its work.

Fed from the event loop itself, so that a hung loop is not fed; and withheld while the loop runs late, while a
call in a worker runs longer than its limit, or while the database writer cannot write. systemd then restarts the
service. Each failure is logged once at ERROR when it begins and once at INFO when it is over.

Lateness is how long after its time a sleep returns, on the monotonic clock: what every other coroutine suffers too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from hotspotd.clock import Clock
from hotspotd.errors import HotspotError
from hotspotd.health.notify import Notifier

logger = logging.getLogger(__name__)

# Without systemd the same is measured and logged, this often.
_UNWATCHED_PERIOD_S = 15.0
# Often enough to see a hang between two feedings, seldom enough to cost nothing.
_LONGEST_TICK_S = 0.5


class Busy(Protocol):
    """A worker as the watchdog sees it."""

    @property
    def name(self) -> str:
        """What the worker is called."""

    def oldest_running_s(self) -> float:
        """Seconds for which its longest call has been running."""


class Watchdog:
    """Judges every third of ``period_s`` (``notify.watchdog_period_s``) and feeds, or doesn't. ``run`` it as a task.

    ``writer_check`` proves that the database writer can write; it is given a third of the period.
    ``status`` is one line for ``systemctl status`` while all is well.
    """

    def __init__(
        self,
        notifier: Notifier,
        period_s: float | None,
        *,
        lateness_limit_s: float,
        workers: Sequence[Busy],
        stuck_limit_s: float,
        writer_check: Callable[[], Awaitable[object]],
        status: Callable[[], str] = lambda: "",
        clock: Clock | None = None,
    ) -> None:
        self._notifier = notifier
        # A third: one feeding may be lost and the next still comes in time.
        self._interval = (period_s or _UNWATCHED_PERIOD_S) / 3
        self._lateness_limit = lateness_limit_s
        self._workers = workers
        self._stuck_limit = stuck_limit_s
        self._writer_check = writer_check
        self._status = status
        self._monotonic = (clock or Clock()).monotonic
        self._worst = 0.0
        self._failing = ""

    @property
    def failing(self) -> str:
        """Why the watchdog is not being fed; empty while it is."""
        return self._failing

    async def run(self) -> None:
        """Measure, judge and feed until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure(), name="watchdog-lateness")
            tasks.create_task(self._beat(), name="watchdog-beat")

    async def _measure(self) -> None:
        tick = min(_LONGEST_TICK_S, self._interval / 2)
        while True:
            await self._sleep(tick)

    async def _sleep(self, seconds: float) -> None:
        before = self._monotonic()
        await asyncio.sleep(seconds)
        self._worst = max(self._worst, self._monotonic() - before - seconds)

    async def _beat(self) -> None:
        while True:
            self._report(self._late() or self._stuck() or await self._cannot_write())
            await self._sleep(self._interval)

    def _late(self) -> str:
        worst, self._worst = self._worst, 0.0
        return f"the event loop was {worst:.1f} s late" if worst > self._lateness_limit else ""

    def _stuck(self) -> str:
        for worker in self._workers:
            running = worker.oldest_running_s()
            if running > self._stuck_limit:
                return f"worker {worker.name} has been in one call for {running:.0f} s"
        return ""

    async def _cannot_write(self) -> str:
        try:
            async with asyncio.timeout(self._interval):
                await self._writer_check()
        except TimeoutError:
            return f"the database has not written for {self._interval:.1f} s"
        except (HotspotError, OSError) as error:
            return f"the database cannot write: {error}"
        return ""

    def _report(self, failing: str) -> None:
        if failing:
            if not self._failing:
                logger.error("not working, the watchdog is not fed: %s", failing)
            self._notifier.status(f"not working: {failing}")
        else:
            if self._failing:
                logger.info("working again, the watchdog is fed")
            self._notifier.alive(self._status())
        self._failing = failing
