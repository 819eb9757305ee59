"""The database file itself: durability settings, migrations, damage, a newer schema, a crash."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from importlib import resources
from pathlib import Path

import pytest

from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.database import Database
from tests.records.examples import encounter, item


async def test_every_commit_is_synchronous_and_erased_pages_are_overwritten(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "records.db")
    pragmas = ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
    values = await database.write(lambda db: [db.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas])
    await database.close()
    assert values == ["wal", 2, 1, 1]


async def test_opening_twice_applies_no_migration_twice(tmp_path: Path) -> None:
    for _ in range(2):
        database = await Database.open(tmp_path / "records.db")
        await database.close()
    assert _version(tmp_path / "records.db") == _latest()


async def test_a_database_of_the_first_schema_is_brought_up_to_date_with_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    schema = resources.files("hotspotd.records") / "schema" / "0001_first.sql"
    connection = sqlite3.connect(path)
    connection.executescript(schema.read_text(encoding="utf-8") + "PRAGMA user_version = 1;")
    connection.execute(
        "INSERT INTO encounter (id, tcn, lane, operation, opened_at, recorded_at, clock_trusted, trouble)"
        " VALUES ('E1', 'T1', 'lane-1', 'demo', '2026-11-22T12:00:00.000Z', '2026-11-22T12:00:01.000Z', 1, x'5b5d')"
    )
    connection.execute("INSERT INTO sample VALUES ('E1', 'finger', 2, 'image/png', x'00', 1, 1, 500, 70, x'01', NULL)")
    connection.commit()
    connection.close()
    records = await Records.open(path)
    [sample] = (await records.encounter("E1")).encounter.samples
    await records.close()
    assert (sample.quality, sample.nfiq2) == (70, None)
    assert _version(path) == _latest()


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    await (await Database.open(path)).close()
    _set_version(path, 999)
    with pytest.raises(RecordsError) as caught:
        await Database.open(path)
    assert caught.value.reason is Reason.WRONG_VERSION
    assert _version(path) == 999


async def test_a_damaged_file_is_set_aside_whole_and_loudly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(b"this is no database" * 500)
    records = await Records.open(path)
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.close()
    assert records.set_aside == tmp_path / "records.db.damaged-1"
    assert records.set_aside.read_bytes() == b"this is no database" * 500
    assert "damaged" in caplog.text


async def test_a_folder_that_cannot_be_made_gives_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordsError) as caught:
        await Database.open(tmp_path / "file" / "records.db")
    assert caught.value.reason is Reason.STORAGE_FAILED


_ROOT = Path(__file__).resolve().parents[2]

_CRASHING = """
import asyncio, sys
from pathlib import Path
from hotspotd.records import Records
from tests.records.examples import encounter, item

async def main():
    records = await Records.open(Path(sys.argv[1]))
    for number in range(1000):
        given = encounter(number)
        await records.record_encounter(given, item(given))
        print(given.tcn, flush=True)

asyncio.run(main())
"""


async def test_what_was_acknowledged_before_a_kill_is_there_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CRASHING, str(path), stdout=asyncio.subprocess.PIPE, cwd=_ROOT
    )
    assert process.stdout is not None
    acknowledged = [await process.stdout.readline() for _ in range(25)]
    process.kill()
    acknowledged += (await process.stdout.read()).splitlines()
    await process.wait()
    records = await Records.open(path)
    stored = {row.tcn for row in await records.outbox_due(2000)}
    await records.close()
    assert {line.decode().strip() for line in acknowledged if line.strip()} <= stored


async def test_what_was_written_is_read_at_once_whatever_else_is_being_read(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "records.db")
    ended = asyncio.Event()

    async def reading() -> None:
        while not ended.is_set():
            await database.rows("SELECT name FROM meta")

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(reading())
        try:
            for number in range(100):
                value = str(number)
                await database.write(
                    lambda writer, value=value: writer.execute("INSERT OR REPLACE INTO meta VALUES ('at', ?)", (value,))
                )
                row = await database.row("SELECT value FROM meta WHERE name = 'at'")
                assert row is not None
                assert row["value"] == value
        finally:
            ended.set()
    await database.close()


def _latest() -> int:
    """The number of the last migration: they are counted without a gap."""
    folder = resources.files("hotspotd.records") / "schema"
    numbers = sorted(int(entry.name[:4]) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    assert numbers == list(range(1, len(numbers) + 1))
    return numbers[-1]


def _version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def _set_version(path: Path, number: int) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.execute(f"PRAGMA user_version = {number}")
    finally:
        connection.close()
