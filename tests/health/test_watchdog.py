"""When the watchdog is fed and when it is not, seen from systemd's end of the socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.health.notify import Notifier
from hotspotd.health.watchdog import Watchdog

# Short, so that a test sees many feedings; nothing is asserted about how long one takes.
PERIOD_S = 0.06
ALIVE = b"WATCHDOG=1"


class Machine:
    """The daemon's parts as the watchdog sees them, each of which a test can break."""

    name = "finger"

    def __init__(self, folder: Path) -> None:
        self.running_s = 0.0
        self.write: Callable[[], None] = lambda: None
        self.write_hangs = False
        self.now = 0.0
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.listening.bind(str(folder / "notify"))
        self.listening.setblocking(False)
        self.notifier = Notifier({"NOTIFY_SOCKET": str(folder / "notify")})
        self.watchdog = Watchdog(
            self.notifier,
            PERIOD_S,
            lateness_limit_s=2.0,
            workers=[self],
            stuck_limit_s=30.0,
            writer_check=self.check,
            status=lambda: "1 lane open",
            clock=Clock(monotonic=lambda: self.now),
        )

    def oldest_running_s(self) -> float:
        return self.running_s

    async def check(self) -> None:
        if self.write_hangs:
            await asyncio.Event().wait()
        self.write()

    async def heard(self) -> bytes:
        async with asyncio.timeout(30):
            return await asyncio.get_running_loop().sock_recv(self.listening, 4096)

    async def heard_failing(self) -> bytes:
        """The first message that isn't a feeding."""
        while (message := await self.heard()).startswith(ALIVE):
            pass
        return message

    async def heard_alive(self) -> bytes:
        """The first message that is a feeding."""
        while not (message := await self.heard()).startswith(ALIVE):
            pass
        return message


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path)
    task = asyncio.create_task(machine.watchdog.run())
    yield machine
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    machine.notifier.close()
    machine.listening.close()


async def test_is_fed_while_all_is_well(machine: Machine) -> None:
    for _ in range(3):
        assert await machine.heard() == b"WATCHDOG=1\nSTATUS=1 lane open"
    assert machine.watchdog.failing == ""


async def test_a_late_loop_is_not_fed_until_it_is_on_time_again(machine: Machine) -> None:
    await machine.heard()
    machine.now += 5.0  # The clock runs on while a sleep is under way: the loop did not come back for 5 s.
    assert b"event loop" in await machine.heard_failing()
    assert await machine.heard_alive()


async def test_a_hung_loop_says_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    watchdog = Watchdog(
        machine.notifier,
        PERIOD_S,
        lateness_limit_s=0.05,
        workers=[],
        stuck_limit_s=30.0,
        writer_check=machine.check,
    )
    task = asyncio.create_task(watchdog.run())
    await machine.heard_alive()
    while True:  # Nothing that was sent before the hang is left over.
        try:
            machine.listening.recv(4096)
        except BlockingIOError:
            break
    time.sleep(10 * PERIOD_S)  # noqa: ASYNC251  # This is the hang.
    with pytest.raises(BlockingIOError):
        machine.listening.recv(4096)
    assert b"event loop" in await machine.heard_failing()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    machine.notifier.close()
    machine.listening.close()


async def test_a_stuck_worker_is_named_and_not_fed(machine: Machine) -> None:
    await machine.heard()
    machine.running_s = 31.0
    assert await machine.heard_failing() == b"STATUS=not working: worker finger has been in one call for 31 s"
    machine.running_s = 0.0
    assert await machine.heard_alive()


async def test_a_writer_that_cannot_write_is_told_once_and_so_is_its_recovery(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    def full() -> None:
        raise RecordsError(Reason.STORAGE_FULL, "no space left")

    with caplog.at_level(logging.INFO, logger="hotspotd.health.watchdog"):
        await machine.heard()
        machine.write = full
        assert b"no space left" in await machine.heard_failing()
        assert b"no space left" in await machine.heard_failing()
        machine.write = lambda: None
        await machine.heard_alive()
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_a_writer_that_never_answers_is_not_waited_for(machine: Machine) -> None:
    await machine.heard()
    machine.write_hangs = True
    assert b"database has not written" in await machine.heard_failing()
    machine.write_hangs = False
    assert await machine.heard_alive()
