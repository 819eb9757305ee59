"""Driver of document readers that send the machine readable zone as text on a serial line.

Address: ``serial:///dev/ttyACM0?baud=9600&parity=N``. The port is listened to all the time it is open, so that a
document shown a moment before it is asked for counts, and one shown long before does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import termios
import time

import serial

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DocumentReader, DriverError, DriverReason, MrzRead
from drivers.document.mrz_lines import MrzAssembler, NotLinesError
from drivers.serial_port import losses, open_port, read_some
from drivers.worker import DeviceWorker, Token

_log = logging.getLogger(__name__)

# A traveller who shows the document a little early need not show it again; older ones may be another traveller's.
FRESH_S = 3.0


class MrzSerialReader(DocumentReader):
    """One reader. Its port is used by one thread only."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("serial", frozenset({"baud", "parity"}))
        self._address = address
        self._baud = address.integer("baud", 9_600, 1_200, 921_600)
        self._parity = address.choice("parity", "N", ("N", "E", "O"))
        self._port: serial.Serial | None = None
        self._worker = DeviceWorker(f"mrz {address.path}")
        self._task: asyncio.Task[None] | None = None
        self._latest: tuple[float, MrzRead | DriverError] | None = None
        self._failure: DriverError | None = None
        self._news = asyncio.Event()

    async def open(self) -> DeviceInfo:
        """Open the port and listen."""
        await self.close()
        self._worker.start()
        try:
            await self._worker.run(self._open)
        except BaseException:
            await self.close()
            raise
        self._latest = self._failure = None
        self._task = asyncio.create_task(self._listen(), name=f"mrz {self._address.path}")
        self._task.add_done_callback(self._ended)
        return DeviceInfo("mrz-serial", str(self._address), model="serial reader of machine readable zones")

    async def close(self) -> None:
        """Let go of the port; at most 2 s."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        self._failure = DriverError(DriverReason.LOST, f"{self._address.path} is not open", "open it first")
        self._tell()
        await self._worker.close(self._close_port)

    async def read(self) -> MrzRead:
        """The next document, or one that came at most FRESH_S seconds ago and was not read yet."""
        while True:
            latest, self._latest = self._latest, None
            if latest is not None and time.monotonic() - latest[0] <= FRESH_S:
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
            self._latest = (
                at,
                DriverError(
                    DriverReason.PROTOCOL,
                    f"what {self._address.path} sends are no lines of text: {result}",
                    "check baud= and parity= in the device address",
                ),
            )
        else:
            self._latest = at, MrzRead(result)
        self._tell()

    # What follows runs in the worker's thread.

    def _open(self, token: Token) -> None:
        token.check()
        self._port = open_port(self._address.path, self._baud, self._parity)

    def _close_port(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        try:
            port.close()
        except (OSError, termios.error) as error:
            _log.debug("closing %s: %s", self._address.path, error)

    def _pump(self, token: Token, loop: asyncio.AbstractEventLoop) -> None:
        port, assembler = self._port, MrzAssembler()
        if port is None:
            return
        while True:
            token.check()
            with losses(self._address.path, "document reader"):
                data = read_some(port)
            now = time.monotonic()
            for result in assembler.feed(data, now) if data else assembler.silence(now):
                # The loop may be closed by now: then nobody waits for the document.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._arrived, now, result)
