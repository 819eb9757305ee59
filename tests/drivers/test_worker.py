"""One thread for one device: results, refusals, abandonment and an end that never hangs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from drivers.base import DriverError, DriverReason
from drivers.worker import DeviceWorker, Token
from tests.drivers.benches import until


def nothing() -> None:
    pass


async def test_jobs_run_in_the_named_thread_one_after_the_other() -> None:
    worker = DeviceWorker("replay test")
    worker.start()
    names = await asyncio.gather(*(worker.run(lambda _: threading.current_thread().name) for _ in range(3)))
    assert names == ["replay test"] * 3
    await worker.close(nothing)


async def test_an_error_of_a_job_reaches_its_caller() -> None:
    worker = DeviceWorker("replay test")
    worker.start()

    def fail(token: Token) -> None:
        raise DriverError(DriverReason.BAD_IMAGE, "torn")

    with pytest.raises(DriverError, match="torn"):
        await worker.run(fail)
    assert await worker.run(lambda _: 5) == 5
    await worker.close(nothing)


async def test_more_jobs_than_may_wait_are_refused() -> None:
    worker = DeviceWorker("replay test", waiting=1)
    worker.start()
    tasks = [asyncio.create_task(worker.run(lambda token: token.pause(60))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(DriverError) as caught:
        await worker.run(lambda _: None)
    assert caught.value.reason is DriverReason.BUSY
    await worker.close(nothing)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, DriverError) and result.reason is DriverReason.LOST for result in results)


async def test_a_cancelled_job_leaves_and_the_next_one_runs() -> None:
    worker = DeviceWorker("replay test")
    worker.start()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(worker.run(lambda token: token.pause(60)), 0.02)
    assert await asyncio.wait_for(worker.run(lambda _: 1), 2) == 1
    await worker.close(nothing)


async def test_closing_calls_the_last_function_in_the_thread() -> None:
    worker = DeviceWorker("replay test")
    worker.start()
    names: list[str] = []
    await worker.close(lambda: names.append(threading.current_thread().name))
    await worker.close(lambda: names.append("again"))
    assert names == ["replay test"]


async def test_a_thread_that_does_not_end_is_left_behind_and_its_callers_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = DeviceWorker("replay test")
    worker.start()
    release = threading.Lock()
    release.acquire()

    running: list[bool] = []

    def stuck(token: Token) -> None:
        running.append(True)
        release.acquire()  # Like a read in a kernel driver that has gone wrong: looks at no token.

    task = asyncio.create_task(worker.run(stuck))
    await until(lambda: bool(running))
    left = next(thread for thread in threading.enumerate() if thread.name == "replay test")
    with caplog.at_level(logging.WARNING):
        await worker.close(nothing, limit_s=0.05)
    assert "left behind" in caplog.text
    with pytest.raises(DriverError) as caught:
        await task
    assert caught.value.reason is DriverReason.LOST
    worker.start()
    assert await worker.run(lambda _: 2) == 2
    await worker.close(nothing)
    release.release()
    await until(lambda: not left.is_alive())


def test_a_loop_that_has_gone_does_not_disturb_the_thread() -> None:
    worker = DeviceWorker("replay test")

    async def leave() -> None:
        worker.start()
        task = asyncio.create_task(worker.run(lambda _: time.sleep(0.05)))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())

    async def close() -> None:
        await worker.close(nothing)

    asyncio.run(close())
