"""The gateway's store when callers go away in the middle, and what it keeps of what is answered."""

from __future__ import annotations

import asyncio
import sqlite3
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


async def test_a_body_is_kept_until_it_is_answered_and_no_longer(tmp_path: Path) -> None:
    path, body = tmp_path / "gateway.db", b"<a>" + b"JPEG of a face" * 10_000 + b"</a>"
    store = await Store.open(path)
    await store.take("kiosk-1", "T1", body, priority=2, at="now", most_unprocessed=9)
    await store.close()
    assert b"JPEG of a face" in path.read_bytes()
    store = await Store.open(path)
    taken = await store.begin([])
    assert taken
    assert taken.body == body
    await store.finish(taken, b"<reply/>", "now")
    assert await store.begin([]) is None
    assert not (await store.take("kiosk-1", "T1", body, priority=2, at="now", most_unprocessed=9))[1]
    assert [reply.body for reply in await store.replies("kiosk-1", 9)] == [b"<reply/>"]
    await store.close()
    assert b"JPEG of a face" not in path.read_bytes()


async def test_bodies_that_were_kept_after_their_answer_are_erased_when_the_store_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    store = await Store.open(path)
    for tcn in ("T1", "T2"):
        await store.take("kiosk-1", tcn, b"<a/>", priority=2, at="now", most_unprocessed=9)
    taken = await store.begin([])
    assert taken
    await store.finish(taken, b"<reply/>", "now")
    await store.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE inbox SET body = x'aa'")
    database.close()
    await (await Store.open(path)).close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT tcn, body FROM inbox ORDER BY id").fetchall() == [("T1", b""), ("T2", b"\xaa")]
    database.close()
