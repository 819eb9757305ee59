"""What document readers that send of themselves have in common: one thread listens, the newest document counts.

The device is listened to all the time it is open, so that a document shown a moment before it is asked for counts,
and one shown long before does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from abc import abstractmethod

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DocumentReader, DriverError, DriverReason, MrzRead
from drivers.document.mrz_lines import Dropped, MrzAssembler, NotLinesError, Result
from drivers.worker import DeviceWorker, Token

_log = logging.getLogger(__name__)

# A traveller who shows the document a little early need not show it again; older ones may be another traveller's.
FRESH_S = 3.0

# What ``skip=`` may be: flags and code identifiers have one to three characters.
MOST_SKIPPED = 16


class ListeningReader(DocumentReader):
    """One reader. Its device is used by one thread only: ``_take``, ``_receive`` and ``_let_go`` are called there."""

    # What to look at when bytes come that are no lines.
    advice = "check the options in the device address"

    def __init__(self, address: DeviceAddress, *, skip: int = 0, lrc: bool = False) -> None:
        self._address = address
        self._skip = skip
        self._lrc = lrc
        self._worker = DeviceWorker(f"mrz {address.path}")
        self._task: asyncio.Task[None] | None = None
        self._latest: tuple[float, MrzRead | DriverError] | None = None
        self._failure: DriverError | None = None
        self._news = asyncio.Event()

    @abstractmethod
    def _take(self, token: Token) -> DeviceInfo:
        """Take hold of the device. Raises DriverError."""

    @abstractmethod
    def _receive(self) -> bytes:
        """What has come as text, waiting at most 0.05 s; raises DriverError (LOST)."""

    @abstractmethod
    def _let_go(self) -> None:
        """Let go of the device; never raises, and may be called when it is not held."""

    async def open(self) -> DeviceInfo:
        """Take hold of the device and listen."""
        await self.close()
        self._worker.start()
        try:
            info = await self._worker.run(self._take)
        except BaseException:
            await self.close()
            raise
        self._latest = self._failure = None
        self._task = asyncio.create_task(self._listen(), name=f"mrz {self._address.path}")
        self._task.add_done_callback(self._ended)
        return info

    async def close(self) -> None:
        """Let go of the device; at most 2 s."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        self._failure = DriverError(DriverReason.LOST, f"{self._address.path} is not open", "open it first")
        self._tell()
        await self._worker.close(self._let_go)

    async def read(self) -> MrzRead:
        """The next document, or one that came at most FRESH_S seconds ago and was not read yet."""
        # What comes while it is waited for is fresh, however late a busy loop hears of it.
        asked = time.monotonic()
        while True:
            latest, self._latest = self._latest, None
            if latest is not None and latest[0] >= asked - FRESH_S:
                if isinstance(latest[1], DriverError):
                    raise latest[1]
                return latest[1]
            if self._failure is not None:
                # A fresh exception: one object raised several times would gather all tracebacks.
                raise DriverError(self._failure.reason, self._failure.what, self._failure.advice)
            await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await self._worker.run(lambda token: self._pump(token, loop))
        except DriverError as error:
            self._failure = error
            self._tell()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """An error that nobody foresaw is a lost reader, not a quiet one."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the reader at %s has failed", self._address.path, exc_info=error)
            self._failure = DriverError(
                DriverReason.LOST, f"the driver of {self._address.path} has failed", "see the log"
            )
            self._tell()

    def _arrived(self, at: float, result: tuple[str, ...] | NotLinesError) -> None:
        """Keep the newest only: an older one that nobody read is of a traveller who has moved on."""
        if isinstance(result, NotLinesError):
            what = f"what {self._address.path} sends are no lines of text: {result}"
            self._latest = at, DriverError(DriverReason.PROTOCOL, what, self.advice)
        else:
            self._latest = at, MrzRead(result)
        self._tell()

    def _pump(self, token: Token, loop: asyncio.AbstractEventLoop) -> None:
        """Listen until nobody listens any more; in the worker's thread."""
        assembler = MrzAssembler(skip=self._skip, lrc=self._lrc)
        level = logging.INFO  # A reader that drops much says so once and then whispers.
        while True:
            token.check()
            data = self._receive()
            now = time.monotonic()
            results: list[Result] = assembler.feed(data, now) if data else assembler.silence(now)
            for result in results:
                if isinstance(result, Dropped):
                    _log.log(level, "%s: dropped %s", self._address.path, result.reason)
                    level = logging.DEBUG
                    continue
                # The loop may be closed by now: then nobody waits for the document.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._arrived, now, result)
