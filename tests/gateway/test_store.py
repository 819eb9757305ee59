"""The gateway's store when callers go away in the middle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hotspotd.gateway.store import Store


@pytest.mark.parametrize("turns", range(12))
async def test_a_caller_that_is_cancelled_anywhere_leaves_the_store_usable(tmp_path: Path, turns: int) -> None:
    store = await Store.open(tmp_path / "gateway.db")
    try:
        taking = asyncio.create_task(store.take("kiosk-1", "T1", b"<a/>", priority=2, at="now", most_unprocessed=9))
        for _ in range(turns):
            await asyncio.sleep(0)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        await store.take("kiosk-1", "T1", b"<a/>", priority=2, at="now", most_unprocessed=9)
        counts = await store.counts("kiosk-1")
        assert counts.transactions == 1
    finally:
        await store.close()


@pytest.mark.parametrize("at", range(6))
async def test_cancelling_between_the_steps_of_a_transaction_leaves_it_whole_or_undone(tmp_path: Path, at: int) -> None:
    store = await Store.open(tmp_path / "gateway.db")
    try:
        steps = 0
        loop = asyncio.get_running_loop()

        def step(_sql: str) -> None:
            nonlocal steps
            steps += 1
            if steps == at:
                loop.call_soon_threadsafe(taking.cancel)

        await store._db.set_trace_callback(step)
        taking = asyncio.create_task(store.take("kiosk-1", "T1", b"<a/>", priority=2, at="now", most_unprocessed=9))
        await asyncio.gather(taking, return_exceptions=True)
        await store._db.set_trace_callback(lambda _sql: None)
        await store.take("kiosk-1", "T1", b"<a/>", priority=2, at="now", most_unprocessed=9)
        assert (await store.counts("kiosk-1")).transactions == 1
    finally:
        await store.close()
