"""One named thread for one device's blocking work, one job at a time, used from an event loop.

A job is a function of a ``Token``; it must look at the token at least every 0.1 s (``check``, ``pause``). Cancelling
``run`` sets the token and returns at once; the job leaves at its next look, and the next job waits for that, so a
device is never used by two jobs. The thread lives from ``start`` to ``close`` and is a daemon: a job stuck in the
kernel cannot keep the process from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from drivers.base import DriverError, DriverReason

_log = logging.getLogger(__name__)
T = TypeVar("T")

_LOOK_S = 0.02  # How often a pausing job looks at its token: far below what a person notices.


class AbandonedError(Exception):
    """Raised inside a job whose caller has gone; never reaches a caller."""


class Token:
    """Tells a job that nobody waits for it any more."""

    # A bare flag, not a threading.Event: setting an Event takes a lock, on which the event loop could have to wait.
    __slots__ = ("abandoned",)

    def __init__(self) -> None:
        self.abandoned = False

    def check(self) -> None:
        """Leave the job when nobody waits for it."""
        if self.abandoned:
            raise AbandonedError

    def pause(self, seconds: float) -> None:
        """Sleep in the worker's thread, leaving when nobody waits any more."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_S))
            self.check()


@dataclass(slots=True, eq=False)
class _Job:
    function: Callable[[Token], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    token: Token = field(default_factory=Token)


class DeviceWorker:
    """One thread, at most ``waiting`` jobs beside the running one. All methods belong to the event loop's thread."""

    def __init__(self, name: str, waiting: int = 4) -> None:
        self._name = name
        self._limit = waiting + 1
        self._outstanding: list[_Job] = []
        self._jobs: queue.SimpleQueue[_Job | Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread. Raises RuntimeError when it runs already."""
        if self._thread is not None:
            raise RuntimeError(f"{self._name} runs already")
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(target=_work, args=(self._jobs,), name=self._name, daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[Token], T]) -> T:
        """Run ``function`` in the thread and return its result; raises what it raises.

        Raises DriverError: BUSY when as many jobs wait as may, LOST when the thread is not started.
        """
        if self._thread is None:
            raise DriverError(DriverReason.LOST, f"{self._name} is not open", "open it first")
        if len(self._outstanding) >= self._limit:
            raise DriverError(DriverReason.BUSY, f"{self._name} has {len(self._outstanding)} jobs to do already")
        loop = asyncio.get_running_loop()
        job = _Job(function, loop, loop.create_future())
        self._outstanding.append(job)
        job.future.add_done_callback(lambda _: self._outstanding.remove(job))
        self._jobs.put(job)
        try:
            result: T = await job.future
        except asyncio.CancelledError:
            job.token.abandoned = True
            raise
        return result

    async def close(self, last: Callable[[], None], limit_s: float = 2.0) -> None:
        """Tell every job to leave, let the thread call ``last`` and end; wait for that at most ``limit_s`` seconds.

        Does nothing where it is not started.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        for job in self._outstanding:
            job.token.abandoned = True
        self._jobs.put(last)
        end = time.monotonic() + limit_s
        while thread.is_alive():
            if time.monotonic() > end:
                _log.warning("the thread %s does not end; it is left behind", self._name)
                for job in list(self._outstanding):
                    _hand_over(job, None, _closed())
                return
            await asyncio.sleep(0.002)  # Joining would block the loop, and a helper thread would outlive this one.


def _closed() -> DriverError:
    return DriverError(DriverReason.LOST, "the device was closed while it was used")


def _work(jobs: queue.SimpleQueue[_Job | Callable[[], None]]) -> None:
    while isinstance(job := jobs.get(), _Job):
        result: Any = None
        error: BaseException | None = None
        try:
            job.token.check()
            result = job.function(job.token)
        except AbandonedError:
            error = _closed()
        except BaseException as caught:  # noqa: BLE001  # Handed to the caller, who raises it.
            error = caught
        # The loop may be closed by now: then nobody waits for the result.
        with contextlib.suppress(RuntimeError):
            job.loop.call_soon_threadsafe(_hand_over, job, result, error)
        del job, result, error  # An image is not to be kept until the next job comes.
    job()


def _hand_over(job: _Job, result: Any, error: BaseException | None) -> None:
    if job.future.done():
        if error is not None and not job.token.abandoned:
            _log.debug("a job nobody waits for failed: %s", type(error).__name__)
    elif error is not None:
        job.future.set_exception(error)
    else:
        job.future.set_result(result)
