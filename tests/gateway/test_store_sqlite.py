"""What is SQLite's own: that erased pictures are gone from the file, older files, and a disk that is full."""

from __future__ import annotations

import asyncio
import sqlite3
from importlib import resources
from pathlib import Path

import pytest

from hotspotd.errors import GatewayError, Reason
from hotspotd.gateway.storage import open_store
from hotspotd.gateway.storage.sqlite import SqliteDatabase
from tests.gateway.test_store import answer, message, take, time

FIRST = (resources.files("hotspotd.gateway.storage") / "schema" / "sqlite_0001.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("at", range(8))
async def test_cancelling_between_the_steps_of_a_transaction_leaves_it_whole_or_undone(tmp_path: Path, at: int) -> None:
    store = await open_store(tmp_path / "gateway.db")
    assert isinstance(store._db, SqliteDatabase)
    connection = store._db._db
    try:
        steps = 0
        loop = asyncio.get_running_loop()

        def step(_sql: str) -> None:
            nonlocal steps
            steps += 1
            if steps == at:
                loop.call_soon_threadsafe(taking.cancel)

        await connection.set_trace_callback(step)
        taking = asyncio.create_task(take(store, message()))
        await asyncio.gather(taking, return_exceptions=True)
        await connection.set_trace_callback(lambda _sql: None)
        await take(store, message())
        assert (await store.counts("kiosk-1")).transactions == 1
    finally:
        await store.close()


async def test_a_body_is_kept_until_it_is_answered_and_no_longer(tmp_path: Path) -> None:
    path, body = tmp_path / "gateway.db", b"<a>" + b"JPEG of a face" * 10_000 + b"</a>"
    store = await open_store(path)
    await take(store, message(body=body))
    await store.close()
    assert b"JPEG of a face" in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    store = await open_store(path)
    await answer(store, b"<reply/>")
    assert not (await take(store, message(body=body)))[1]
    assert [reply.body for reply in await store.replies("kiosk-1", 9)] == [b"<reply/>"]
    await store.close()
    assert b"JPEG of a face" not in path.read_bytes()


async def test_a_file_of_the_first_schema_keeps_its_replies_and_loses_bodies_that_were_answered(
    tmp_path: Path,
) -> None:
    path = tmp_path / "gateway.db"
    with sqlite3.connect(path) as database:
        database.executescript(FIRST + "PRAGMA user_version = 1;")
        database.execute("INSERT INTO meta VALUES ('gateway', 'abc')")
        for number, processed in ((1, 1), (2, 0)):
            database.execute(
                "INSERT INTO inbox (device, tcn, sha256, priority, body, receipt, processed)"
                " VALUES ('kiosk-1', ?, '', 2, x'aa', x'bb', ?)",
                (f"T{number}", processed),
            )
        database.execute("INSERT INTO reply VALUES ('kiosk-1', 7, 1, 'T1', x'cc', 0)")
    database.close()
    store = await open_store(path)
    assert store.gateway == "abc"
    assert [(reply.sequence, reply.body) for reply in await store.replies("kiosk-1", 9)] == [(7, b"\xcc")]
    taken = await store.begin([])
    assert taken
    assert (taken.tcn, taken.body) == ("T2", b"\xaa")
    await store.finish(taken, b"<reply/>", time())
    assert [reply.sequence for reply in await store.replies("kiosk-1", 9)] == [7, 8]
    await store.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT body FROM inbox").fetchall() == [(b"",), (b"",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


async def test_a_file_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(GatewayError) as caught:
        await open_store(path)
    assert caught.value.reason is Reason.WRONG_VERSION


async def test_a_file_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(GatewayError) as caught:
        await open_store(tmp_path / "none" / "gateway.db")
    assert caught.value.reason is Reason.STORAGE_FAILED


async def test_a_full_disk_refuses_what_is_new_and_keeps_what_is_there(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "gateway.db")
    assert isinstance(store._db, SqliteDatabase)
    raw, _ = await take(store, message())
    # SQLite's own limit on the file, which fails as a full disk does.
    async with store._db._db.execute("PRAGMA page_count") as cursor:
        row = await cursor.fetchone()
    assert row
    await store._db._db.execute(f"PRAGMA max_page_count = {row[0]}")
    with pytest.raises(GatewayError) as caught:
        await take(store, message("T2", body=bytes(100_000)))
    assert caught.value.reason is Reason.STORAGE_FULL
    assert await take(store, message()) == (raw, False)
    assert (await store.counts("kiosk-1")).transactions == 1
    await store.close()
