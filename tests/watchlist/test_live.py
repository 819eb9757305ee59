"""The list in force under running lanes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import Entry, ListedDocument, Shelf
from hotspotd.watchlist.live import LiveWatchlist
from hotspotd.workers import Worker


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveWatchlist]:
    worker = Worker("search")
    yield LiveWatchlist(tmp_path, finger_engine=finger.ENGINE, face_engine=None, worker=worker)
    worker.close()


def _publish(folder: Path, version: str) -> Path:
    record = ListRecord(reference=f"SLTD/{version}", notice=Notice.SLTD, owner="UTO")
    entries = [Entry(record, documents=(ListedDocument("X1", "UTO"),))]
    return Shelf(folder).publish(entries, finger_engine=finger.ENGINE, face_engine=None, version=version)


async def test_without_a_list_there_is_nothing_to_search_and_it_is_said_once(
    live: LiveWatchlist, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert not await live.look()
    assert live.snapshot is None
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1


async def test_a_new_list_takes_the_place_of_the_old_and_the_old_stays_usable(
    live: LiveWatchlist, tmp_path: Path
) -> None:
    await asyncio.to_thread(_publish, tmp_path, "1")
    assert await live.look()
    old = live.snapshot
    assert old is not None
    assert not await live.look()
    await asyncio.to_thread(_publish, tmp_path, "2")
    assert await live.look()
    assert live.snapshot is not None
    assert (old.version, live.snapshot.version) == ("1", "2")
    assert old.record("SLTD/1").owner == "UTO"


async def test_a_damaged_new_list_leaves_the_old_one_in_force(
    live: LiveWatchlist, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(_publish, tmp_path, "1")
    assert await live.look()
    newer = await asyncio.to_thread(_publish, tmp_path, "2")
    documents = newer / "documents.bin"
    damaged = next(iter(sorted(newer.glob("*")))) if not documents.exists() else documents
    damaged.write_bytes(b"\x00" + damaged.read_bytes()[1:] + b"\x00")
    await live.look()
    assert live.snapshot is not None
    assert live.snapshot.version == "1"
    assert "damaged" in caplog.text.lower()


async def test_a_folder_that_cannot_be_read_is_told_and_changes_nothing(
    live: LiveWatchlist, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "current").symlink_to("current")
    for _ in range(2):
        assert not await live.look()
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1
