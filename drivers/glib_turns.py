"""Asynchronous GLib operations on one device, one at a time, awaited from an event loop.

The counterpart of ``drivers.worker`` for libraries that call back instead of blocking. An operation begins in the
GLib thread and ends when its callback says so; cancelling the call asks it to end, and the next one waits for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from drivers.base import DriverError, DriverReason
from drivers.glib_thread import GlibThread

_log = logging.getLogger(__name__)

_WAITING = 4


class Turn:
    """One operation: ``begin`` sets ``cancel`` where it can be ended early, and has ``end`` called."""

    def __init__(self, begin: Callable[[Turn], None], reply: Callable[[Any, BaseException | None], None]) -> None:
        self.begin = begin
        self.reply = reply
        self.cancel: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None
        self.ended = False

    def end(self, result: Any = None, error: BaseException | None = None) -> None:
        """The operation has ended; only the first time counts."""
        if self.ended:
            return
        self.ended = True
        self.cancel = None
        self.reply(result, error)
        if self.after is not None:
            self.after()


class GlibTurns:
    """The operations of one device. ``run`` and ``close`` belong to the event loop's thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread = GlibThread()
        self._open = False
        self._ending: asyncio.Task[None] | None = None
        # What follows belongs to the GLib thread.
        self._running: Turn | None = None
        self._waiting: deque[Turn] = deque()
        self._closing = False

    def start(self) -> None:
        """Take hold of the GLib thread. Raises RuntimeError when it is held already."""
        self._thread.take()
        self._open = True
        self._thread.post(self._reset)

    async def run(self, begin: Callable[[Turn], None]) -> Any:
        """Do the operation and return its result, or raise its error.

        Raises DriverError: LOST when it is not started or closed meanwhile, BUSY when too many wait.
        """
        if not self._open:
            raise DriverError(DriverReason.LOST, f"{self._name} is not open", "open it first")
        turn, future = self._turn(begin)
        self._thread.post(lambda: self._submit(turn))
        try:
            return await future
        except asyncio.CancelledError:
            self._thread.post(lambda: self._abandon(turn))
            raise

    async def close(self, last: Callable[[Turn], None], limit_s: float = 2.0) -> None:
        """End what runs, do ``last`` and let go of the thread; waits at most ``limit_s`` seconds for each."""
        if self._open:
            self._open = False
            self._ending = asyncio.create_task(self._end(last, limit_s), name=f"closing {self._name}")
        if self._ending is not None:
            # Cancelling the caller does not leave the device open.
            await asyncio.shield(self._ending)

    async def _end(self, last: Callable[[Turn], None], limit_s: float) -> None:
        turn, future = self._turn(last)
        self._thread.post(lambda: self._shut(turn))
        try:
            async with asyncio.timeout(limit_s):
                await future
        except TimeoutError:
            _log.warning("%s does not end what it does; it is left behind", self._name)
            self._thread.post(self._forget)
        finally:
            await self._thread.release()

    @staticmethod
    def _turn(begin: Callable[[Turn], None]) -> tuple[Turn, asyncio.Future[Any]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def reply(result: Any, error: BaseException | None) -> None:
            # The loop may be closed by now: then nobody waits for the result.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_hand_over, future, result, error)

        return Turn(begin, reply), future

    # What follows runs in the GLib thread.

    def _reset(self) -> None:
        self._running, self._closing = None, False
        self._waiting.clear()

    def _submit(self, turn: Turn) -> None:
        if self._closing:
            turn.end(error=_closed())
        elif self._running is None:
            self._begin(turn)
        elif len(self._waiting) < _WAITING:
            self._waiting.append(turn)
        else:
            turn.end(error=DriverError(DriverReason.BUSY, f"{self._name} has {_WAITING} calls waiting already"))

    def _begin(self, turn: Turn) -> None:
        self._running = turn
        turn.after = self._next
        try:
            turn.begin(turn)
        except DriverError as error:
            # Its traceback would keep the library's objects until another thread lets go of them.
            turn.end(error=error.with_traceback(None))
        except BaseException as error:  # noqa: BLE001  # Handed to the caller, who raises it.
            turn.end(error=error)

    def _next(self) -> None:
        self._running = None
        if self._waiting:
            self._begin(self._waiting.popleft())

    def _abandon(self, turn: Turn) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
        elif turn.cancel is not None:
            turn.cancel()

    def _shut(self, last: Turn) -> None:
        self._closing = True
        waiting, self._waiting = list(self._waiting), deque([last])
        for turn in waiting:
            turn.end(error=_closed())
        if self._running is None:
            self._next()
        elif self._running.cancel is not None:
            self._running.cancel()

    def _forget(self) -> None:
        """Nobody waits any longer for what hangs: its caller must not, either."""
        stuck, self._running = self._running, None
        self._waiting.clear()
        if stuck is not None:
            stuck.after = None
            stuck.end(error=_closed())


def _closed() -> DriverError:
    return DriverError(DriverReason.LOST, "the device was closed while it was used")


def _hand_over(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
