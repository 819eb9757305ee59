"""The gateway's database in one SQLite file: one connection, one writer at a time, WAL with ``synchronous=FULL``.

Another process may have the file open too, as the hit desk's console has: each waits for the other's transaction.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import aiosqlite

from hotspotd.errors import GatewayError, Reason
from hotspotd.gateway.storage.base import Database, Session

log = logging.getLogger(__name__)

# A transaction of the other process takes milliseconds; a disk in trouble can make it seconds.
_BUSY_TIMEOUT_S = 10.0


class SqliteDatabase(Database):
    """One file. Make it with ``open``."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._db = connection
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> SqliteDatabase:
        """Open or make the file. Raises GatewayError (STORAGE_FAILED, STORAGE_FULL, WRONG_VERSION)."""
        with storage_errors():
            await asyncio.to_thread(_make, path)
            connection = await aiosqlite.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            try:
                for pragma in (
                    "journal_mode = WAL",
                    "synchronous = FULL",
                    "foreign_keys = ON",
                    # What is erased is overwritten, not only unlinked.
                    "secure_delete = ON",
                    # Bounds the log, and with it how long erased pictures can be found in it.
                    "journal_size_limit = 16777216",
                ):
                    await connection.execute(f"PRAGMA {pragma}")
                await _migrate(connection, path.name)
            except BaseException:
                await connection.close()
                raise
        return cls(connection)

    async def close(self) -> None:
        """See Database."""
        async with self._turn:
            await self._db.close()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        """See Database."""
        async with self._turn:
            with storage_errors():
                async with _transaction(self._db, "BEGIN IMMEDIATE"):
                    yield _Session(self._db)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        """See Database."""
        async with self._turn:
            with storage_errors():
                async with _transaction(self._db, "BEGIN"):
                    yield _Session(self._db)


def _make(path: Path) -> None:
    """The file, for nobody else to read: faces are in it. Here too fails what cannot be opened, before a thread is."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


class _Session(Session):
    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._db = connection

    async def execute(self, query: str, *values: object) -> int:
        async with self._db.execute(query, values) as cursor:
            return cursor.rowcount

    async def rows(self, query: str, *values: object) -> Sequence[tuple[Any, ...]]:
        async with self._db.execute(query, values) as cursor:
            return [tuple(row) for row in await cursor.fetchall()]


@asynccontextmanager
async def _transaction(db: aiosqlite.Connection, begin: str) -> AsyncIterator[None]:
    try:
        # Inside: a caller cancelled here leaves a BEGIN that is carried out all the same.
        await db.execute(begin)
        yield
        await db.execute("COMMIT")
    except BaseException:
        await asyncio.shield(_roll_back(db))
        raise


async def _roll_back(db: aiosqlite.Connection) -> None:
    try:
        await db.execute("ROLLBACK")
    except sqlite3.OperationalError:
        # BEGIN failed, or a caller was cancelled while COMMIT ran: there is nothing to undo.
        if db.in_transaction:
            raise


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turns SQLite's and the system's errors into GatewayError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if full or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
            raise GatewayError(
                Reason.STORAGE_FULL, "gateway: the database's disk is full", "Free space; nothing stored is lost."
            ) from error
        raise GatewayError(
            Reason.STORAGE_FAILED, f"gateway: the database fails ({error})", "Check the disk and its permissions."
        ) from error


async def _migrate(db: aiosqlite.Connection, name: str) -> None:
    files = await asyncio.to_thread(_schema_files)
    # In one transaction that begins by locking: of two processes that open a new file, one makes the tables.
    async with _transaction(db, "BEGIN IMMEDIATE"):
        async with db.execute("PRAGMA user_version") as cursor:
            present = int((await cursor.fetchall())[0][0])  # type: ignore[index]  # A pragma's rows are a list.
        if present > len(files):
            raise GatewayError(
                Reason.WRONG_VERSION,
                f"gateway: {name} has schema {present}, this software knows up to {len(files)}",
                "Run the newer software that made it.",
            )
        for number, script in enumerate(files[present:], start=present + 1):
            for statement in _statements(script):
                await db.execute(statement)
            await db.execute(f"PRAGMA user_version = {number}")
            log.info("gateway: %s has schema %d now", name, number)


def _schema_files() -> list[str]:
    folder = resources.files("hotspotd.gateway.storage") / "schema"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.startswith("sqlite_"))
    return [(folder / name).read_text(encoding="utf-8") for name in names]


def _statements(script: str) -> Iterator[str]:
    """One by one: what carries out a script as a whole commits before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
