"""Tasks end when they are told to, whatever the libraries that they call make of it."""

from __future__ import annotations

import asyncio

import pytest

from hotspotd import cancelling
from hotspotd.cancelling import end, insist


@pytest.fixture(autouse=True)
def again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What heeds nothing is told again after a moment."""
    monkeypatch.setattr(cancelling, "_AGAIN_S", 0.05)


class Library:
    """It is answered in the very turn in which its caller is cancelled: ``asyncio.wait_for`` may pass over that."""

    def __init__(self) -> None:
        self.calls = 0
        self.called = asyncio.Event()
        self.deaf = 2

    async def call(self) -> None:
        self.calls += 1
        self.called.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.deaf -= 1
            if self.deaf < 0:
                raise

    async def for_ever(self) -> None:
        while True:
            await self.call()


async def test_a_task_is_cancelled_until_it_is_over() -> None:
    library = Library()
    task = asyncio.create_task(library.for_ever())
    await library.called.wait()
    async with asyncio.timeout(30):
        await end([task])
    assert task.cancelled()
    assert library.calls == 3


async def test_what_a_task_failed_with_stays_with_it() -> None:
    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end([task])
    assert isinstance(task.exception(), ValueError)
    await end([task])


async def test_a_group_ends_though_a_library_does_not_heed_it() -> None:
    library = Library()

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(insist([tasks.create_task(library.for_ever())]))

    running = asyncio.create_task(group())
    await library.called.wait()
    running.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_a_group_whose_other_task_fails_ends_with_that() -> None:
    library = Library()

    async def fails() -> None:
        await library.called.wait()
        raise ValueError

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            several = [tasks.create_task(library.for_ever()), tasks.create_task(fails())]
            tasks.create_task(insist(several))

    async with asyncio.timeout(30):
        with pytest.raises(ExceptionGroup) as caught:
            await group()
    assert caught.group_contains(ValueError)
