"""SQLite for the records: one writer, readers beside it, WAL with ``synchronous=FULL``.

Promises that what ``write`` returned from is on disk, that schema changes are applied once and in order, and
that a damaged file is set aside under another name, loudly, instead of being used or overwritten.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

import aiosqlite

from hotspotd.errors import Reason, RecordsError

log = logging.getLogger(__name__)

# Other processes (hotspotctl) may read, and write for a moment; the daemon waits this long for them.
_BUSY_TIMEOUT_S = 5.0
_SIDE_FILES = ("", "-wal", "-shm")


class Database:
    """An open database. ``set_aside`` names the damaged file that was moved away at opening, if one was."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self._writer = writer
        self._reader = reader
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Open (or make) the database in ``path`` and bring its schema up to date.

        Raises RecordsError (STORAGE_FAILED, STORAGE_FULL, WRONG_VERSION).
        """
        with storage_errors(f"open {path.name}"):
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            damaged = await asyncio.to_thread(_set_aside_if_damaged, path)
            writer = await aiosqlite.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            try:
                await _prepare(writer)
                await _migrate(writer)
                reader = await aiosqlite.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            except BaseException:
                await writer.close()
                raise
            await reader.execute("PRAGMA query_only = ON")
        database = cls(path, writer, reader)
        database.set_aside = damaged
        return database

    async def close(self) -> None:
        """Close both connections; the last one checkpoints the WAL."""
        async with self._turn:
            await self._reader.close()
            await self._writer.close()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[aiosqlite.Connection]:
        """The writer inside one transaction: committed and on disk when the block ends, undone when it raises."""
        async with self._turn:
            with storage_errors("write"):
                try:
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                except BaseException:
                    # A statement whose caller was cancelled still runs, in order, before this one.
                    await asyncio.shield(self._roll_back())
                    raise
                await asyncio.shield(self._commit())

    async def _commit(self) -> None:
        try:
            await self._writer.execute("COMMIT")
        except sqlite3.Error:
            await self._roll_back()
            raise

    async def _roll_back(self) -> None:
        try:
            await self._writer.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            # SQLite has undone the transaction by itself on some errors (full disk), or never began it.
            log.debug("records: nothing to roll back: %s", error)

    async def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """All rows of a reading query."""
        with storage_errors("read"):
            async with self._reader.execute(query, parameters) as cursor:
                cursor.row_factory = sqlite3.Row
                return list(await cursor.fetchall())

    async def row(self, query: str, parameters: tuple[object, ...] = ()) -> sqlite3.Row | None:
        """The first row of a reading query."""
        found = await self.rows(query, parameters)
        return found[0] if found else None


class storage_errors:  # noqa: N801  # Reads as a statement where it is used, as contextlib's own do.
    """Turns SQLite's and the system's errors into RecordsError with a reason."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise the RecordsError that ``error`` stands for, if it is one of storage."""
        if isinstance(error, sqlite3.Error):
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        elif isinstance(error, OSError):
            full = error.errno == errno.ENOSPC
        else:
            return
        if full:
            raise RecordsError(
                Reason.STORAGE_FULL, f"records: {self._what}: the disk is full", "Free space; nothing stored is lost."
            ) from error
        raise RecordsError(
            Reason.STORAGE_FAILED, f"records: {self._what}: {error}", "Check the disk and the folder's permissions."
        ) from error


async def _prepare(connection: aiosqlite.Connection) -> None:
    for pragma in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        # What is deleted is overwritten: personal data does not stay behind in free pages.
        "PRAGMA secure_delete = ON",
        # Bounds the WAL, and with it how long erased data can be found in it.
        "PRAGMA journal_size_limit = 4194304",
    ):
        await connection.execute(pragma)


def _schema_files() -> list[tuple[int, str]]:
    folder = resources.files("hotspotd.records") / "schema"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_", 1)[0]), (folder / name).read_text(encoding="utf-8")) for name in files]


async def _migrate(connection: aiosqlite.Connection) -> None:
    async with connection.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    present = int(row[0]) if row else 0
    files = await asyncio.to_thread(_schema_files)
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
            await connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


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
