"""Bounded worker threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hotspotd.errors import Reason, WorkError
from hotspotd.workers import Worker


async def test_work_runs_in_a_thread_with_the_workers_name() -> None:
    worker = Worker("finger")
    assert (await worker.run(lambda: threading.current_thread().name)).startswith("finger")
    worker.close()


async def test_an_error_reaches_the_caller() -> None:
    worker = Worker("finger")
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0)
    worker.close()


async def test_a_full_worker_refuses_and_recovers() -> None:
    worker = Worker("finger", threads=1, waiting=1)
    release = threading.Event()
    running = asyncio.create_task(worker.run(release.wait))
    waiting = asyncio.create_task(worker.run(release.wait))
    await asyncio.sleep(0)
    with pytest.raises(WorkError) as caught:
        await worker.run(release.wait)
    assert caught.value.reason is Reason.BUSY
    release.set()
    await asyncio.gather(running, waiting)
    assert await worker.run(lambda: 5) == 5
    worker.close()


async def test_a_stuck_call_shows_its_age() -> None:
    worker = Worker("finger")
    assert worker.oldest_running_s() == 0.0
    started, release = threading.Event(), threading.Event()

    def stick() -> None:
        started.set()
        release.wait()

    task = asyncio.create_task(worker.run(stick))
    await asyncio.to_thread(started.wait)
    assert worker.oldest_running_s() > 0.0
    release.set()
    await task
    worker.close()


async def test_finishing_waits_for_what_runs_and_drops_what_waits() -> None:
    worker = Worker("intake", threads=1, waiting=1)
    release, begun = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        begun.set()
        release.wait()
        done.append("first")

    running = asyncio.create_task(worker.run(work))
    waiting = asyncio.create_task(worker.run(done.append, "second"))
    await asyncio.to_thread(begun.wait)
    finishing = asyncio.create_task(worker.finish())
    await asyncio.sleep(0)
    release.set()
    await finishing
    assert done == ["first"]
    await running
    with pytest.raises(asyncio.CancelledError):
        await waiting
