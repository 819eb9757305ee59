"""SQLite for the records: one writer, a reader beside it, WAL with ``synchronous=FULL``.

Promises that what ``write`` returned from is on disk, that schema changes are applied once and in order, and
that a damaged file is set aside under another name, loudly, instead of being used or overwritten.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import aiosqlite

from hotspotd.errors import Reason, RecordsError
from hotspotd.records.storage_errors import storage_errors
from hotspotd.records.writer import Writer

log = logging.getLogger(__name__)

T = TypeVar("T")

# Other processes (hotspotctl) may read, and write for a moment; the daemon waits this long for them.
_BUSY_TIMEOUT_S = 5.0
_SIDE_FILES = ("", "-wal", "-shm")
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # What is deleted is overwritten: personal data does not stay behind in free pages.
    "PRAGMA secure_delete = ON",
    # Sorting and temporary tables stay in memory: nothing of them is written to the card, or left on it.
    "PRAGMA temp_store = MEMORY",
    # Bounds the WAL, and with it how long erased data can be found in it.
    "PRAGMA journal_size_limit = 4194304",
)


class Database:
    """An open database. ``set_aside`` names the damaged file that was moved away at opening, if one was."""

    def __init__(self, path: Path, writer: Writer, reader: aiosqlite.Connection) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self.writer = writer
        self._reader = reader

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Open (or make) the database in ``path`` and bring its schema up to date.

        Raises RecordsError (STORAGE_FAILED, STORAGE_FULL, WRONG_VERSION).
        """
        with storage_errors(f"open {path.name}"):
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            damaged = await asyncio.to_thread(_set_aside_if_damaged, path)
            database = await cls._with_reader(path, await asyncio.to_thread(_open_for_writing, path))
        database.set_aside = damaged
        return database

    @classmethod
    async def beside(cls, path: Path) -> Database:
        """Open the database that another process made and may be using. Only the one who keeps it mends or changes it.

        Raises RecordsError: NOT_FOUND, WRONG_VERSION, STORAGE_FAILED.
        """
        if not await asyncio.to_thread(path.is_file):
            raise RecordsError(
                Reason.NOT_FOUND, f"records: no database in {path}", "The daemon makes it; check the configuration."
            )
        with storage_errors(f"open {path.name}"):
            return await cls._with_reader(path, await asyncio.to_thread(_open_beside, path))

    @classmethod
    async def _with_reader(cls, path: Path, connection: sqlite3.Connection) -> Database:
        """The database that ``connection`` writes, with a reader of its own."""
        writer = Writer(connection)
        try:
            reader = await aiosqlite.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        except BaseException:
            await writer.close()
            raise
        reader.row_factory = sqlite3.Row
        await reader.execute_fetchall("PRAGMA query_only = ON")
        return cls(path, writer, reader)

    async def close(self) -> None:
        """Do the writes that wait, then close both connections; the last one checkpoints the WAL."""
        await self._reader.close()
        await self.writer.close()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in the writer's thread, inside a transaction; its result when that is committed and on disk.

        What ``work`` changed is undone when it raises. It changes the database and nothing else: it may be run again.
        Raises what ``work`` raises; RecordsError: STORAGE_FULL, STORAGE_FAILED, BUSY.
        """
        return await self.writer.do(work)

    async def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """All rows of a reading query, with everything that was written before it was asked.

        Begun and ended in one go: a query that another one of the same connection keeps waiting halfway would share
        that one's view of the database, which may be older than what the asker has just written.
        """
        with storage_errors("read"):
            return list(await self._reader.execute_fetchall(query, parameters))

    async def row(self, query: str, parameters: tuple[object, ...] = ()) -> sqlite3.Row | None:
        """The first row of a reading query."""
        found = await self.rows(query, parameters)
        return found[0] if found else None


def _open_for_writing(path: Path) -> sqlite3.Connection:
    # Handed from this thread to the writer's; never used by two at once.
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_beside(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=rw"  # Never made here, whoever removes it meanwhile.
    connection = sqlite3.connect(
        address, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _refuse_other_schema(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_other_schema(connection: sqlite3.Connection) -> None:
    present, newest = _schema(connection), _schema_files()[-1][0]
    if present != newest:
        raise RecordsError(
            Reason.WRONG_VERSION,
            f"records: the database has schema {present}, this software uses {newest}",
            "Use the software of the daemon that keeps it; start that once after an update.",
        )


def _schema(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _schema_files() -> list[tuple[int, str]]:
    folder = resources.files("hotspotd.records") / "schema"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_", 1)[0]), (folder / name).read_text(encoding="utf-8")) for name in files]


def _migrate(connection: sqlite3.Connection) -> None:
    present = _schema(connection)
    files = _schema_files()
    newest = files[-1][0]
    if present > newest:
        raise RecordsError(
            Reason.WRONG_VERSION,
            f"records: the database has schema {present}, this software knows up to {newest}",
            "Run the newer software that made it.",
        )
    for number, script in files:
        if number > present:
            # One transaction a file: a power cut leaves the schema before it or after it.
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _set_aside_if_damaged(path: Path) -> Path | None:
    if not path.exists():
        return None
    try:
        with sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S) as connection:
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        connection.close()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        connection.close()
        sound = False
    if sound:
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in _SIDE_FILES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    log.error("records: %s is damaged and was set aside as %s; a new database is begun", path.name, aside.name)
    return aside
