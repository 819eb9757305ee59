"""What lane signals that switch outputs have in common: their course in time, and their safe state.

Everything is off, and the barrier closed, from ``open`` until something is shown, and after ``close``. A barrier that
was opened is closed after its time by this class, also where the call that opened it was cancelled; where that fails,
the next ``show`` raises.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from abc import abstractmethod

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason, LaneSignal, SignalState
from drivers.signal.lane_outputs import Output, Step, Wiring
from drivers.worker import DeviceWorker, Token

_log = logging.getLogger(__name__)

_ALL_OFF: frozenset[Output] = frozenset()


class SwitchedSignal(LaneSignal):
    """One set of outputs, used by one thread only: ``_take``, ``_switch`` and ``_let_go`` are called there."""

    def __init__(self, address: DeviceAddress, name: str, wiring: Wiring) -> None:
        self._address = address
        self._wiring = wiring
        self._worker = DeviceWorker(f"{name} {address.path}")
        self._course: asyncio.Task[None] | None = None
        self._failure: DriverError | None = None
        self._is_open = False

    @abstractmethod
    def _take(self, token: Token) -> DeviceInfo:
        """Take hold of the outputs. Raises DriverError."""

    @abstractmethod
    def _switch(self, on: frozenset[Output], token: Token) -> None:
        """Switch every wired output, in the order of Output: those in ``on`` on, the others off. Raises DriverError."""

    @abstractmethod
    def _let_go(self) -> None:
        """Let go of the outputs; never raises, and may be called when they are not held."""

    async def open(self) -> DeviceInfo:
        """Take hold of the outputs and switch all off."""
        await self.close()
        self._worker.start()
        try:
            info = await self._worker.run(self._take)
            await self._worker.run(lambda token: self._switch(_ALL_OFF, token))
        except BaseException:
            await self.close()
            raise
        self._failure = None
        self._is_open = True
        return info

    async def close(self) -> None:
        """Switch all off and let go; at most 2 s."""
        was_open, self._is_open = self._is_open, False
        course, self._course = self._course, None
        if course is not None:
            course.cancel()
            await asyncio.wait({course})
        await self._worker.close(self._off_and_let_go if was_open else self._let_go)

    async def show(self, state: SignalState) -> None:
        """Show ``state``, as ``lane_outputs`` says; what was shown before ends. Returns when it is switched."""
        self._check()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        before = self._course
        if before is not None:
            before.cancel()  # Here, not in the task: one that is cancelled before it begins would leave it running.
        # The task, not this call, switches: cancelling the call must not leave a barrier open.
        course = self._run(before, self._wiring.course(state), done)
        self._course = asyncio.create_task(course, name=f"signal {self._address.path}")
        self._course.add_done_callback(lambda task: self._ended(task, done))
        await done
        self._check()

    def _check(self) -> None:
        if not self._is_open:
            raise DriverError(DriverReason.LOST, f"{self._address} is not open", "open it first")
        if self._failure is not None:
            # A fresh exception: one object raised several times would gather all tracebacks.
            raise DriverError(self._failure.reason, self._failure.what, self._failure.advice)

    async def _run(
        self, before: asyncio.Task[None] | None, steps: tuple[Step, ...], first_done: asyncio.Future[None]
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            if before is not None:
                await asyncio.wait({before})
            began = loop.time()
            for step in steps:
                await asyncio.sleep(began + step.after - loop.time())
                await self._worker.run(functools.partial(self._switch, step.on))
                if not first_done.done():
                    first_done.set_result(None)
        except DriverError as error:
            if self._is_open:
                _log.warning("%s", error)
            self._failure = error

    def _ended(self, course: asyncio.Task[None], first_done: asyncio.Future[None]) -> None:
        """An error that nobody foresaw is a lost signal, not a quiet one."""
        if not course.cancelled() and (error := course.exception()) is not None:
            _log.error("the signal at %s has failed", self._address, exc_info=error)
            self._failure = DriverError(DriverReason.LOST, f"the driver of {self._address} has failed", "see the log")
        if not first_done.done():
            first_done.set_result(None)

    # What follows runs in the worker's thread.

    def _off_and_let_go(self) -> None:
        try:
            self._switch(_ALL_OFF, Token())
        except DriverError as error:
            _log.warning("left as it is: %s", error)
        self._let_go()
