"""SQLite for the records: one writer, a reader beside it, WAL with ``synchronous=FULL``.

Promises that what ``write`` returned from is on disk, that schema changes are applied once and in order, and
that a damaged file is set aside under another name, loudly, instead of being used or overwritten.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import aiosqlite

from hotspotd.errors import Reason, RecordsError
from hotspotd.records.data_key import KeySource, beside
from hotspotd.records.sealing import Sealing
from hotspotd.records.storage_errors import storage_errors
from hotspotd.records.vault import Vault, keys_path
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
    # What is unsealed for a query is never sorted on the disk.
    "PRAGMA temp_store = MEMORY",
)


class Database:
    """An open database. ``set_aside`` names the damaged file that was moved away at opening, if one was."""

    def __init__(self, path: Path, writer: Writer, reader: aiosqlite.Connection, unsealing: Sealing) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self.writer = writer
        self.vault = unsealing.vault
        self._reader = reader
        self._unsealing = unsealing

    @classmethod
    async def open(cls, path: Path, source: KeySource | None = None) -> Database:
        """Open (or make) the database in ``path`` and bring its schema up to date.

        ``source`` has its data key; without one it is in a file beside it. Raises RecordsError (STORAGE_FAILED,
        STORAGE_FULL, WRONG_VERSION; NO_KEY, UNREADABLE, BAD_VALUE for the data key).
        """
        with storage_errors(f"open {path.name}"):
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            damaged = await asyncio.to_thread(_set_aside_if_damaged, path)
            vault = await asyncio.to_thread(Vault.open, path, source or beside(path))
            database = await cls._with_reader(path, _open_for_writing, vault)
        database.set_aside = damaged
        return database

    @classmethod
    async def beside(cls, path: Path, source: KeySource | None = None) -> Database:
        """Open the database that another process made and may be using. Only its keeper mends or changes it.

        Without a ``source`` of its data key, what is sealed stays so. Raises RecordsError: NOT_FOUND,
        WRONG_VERSION, STORAGE_FAILED.
        """
        if not await asyncio.to_thread(path.is_file):
            raise RecordsError(
                Reason.NOT_FOUND, f"records: no database in {path}", "The daemon makes it; check the configuration."
            )
        with storage_errors(f"open {path.name}"):
            await asyncio.to_thread(_refuse_other_schema_of, path)
            vault = await asyncio.to_thread(partial(Vault.open, path, source, make=False))
            return await cls._with_reader(path, _open_beside, vault)

    @classmethod
    async def _with_reader(
        cls, path: Path, opened: Callable[[Path, Vault, Sealing], sqlite3.Connection], vault: Vault
    ) -> Database:
        """The database with the connection that ``opened`` makes for writing, and a reader of its own."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, vault.close)
            sealing = Sealing(vault)
            writer = Writer(await asyncio.to_thread(opened, path, vault, sealing), sealing.told)
            stack.push_async_callback(writer.close)
            reader = await aiosqlite.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            stack.push_async_callback(reader.close)
            reader.row_factory = sqlite3.Row
            unsealing = Sealing(vault)
            await reader.create_function("unseal", 4, unsealing.unseal)
            await reader.execute_fetchall("PRAGMA query_only = ON")
            await reader.execute_fetchall("PRAGMA temp_store = MEMORY")
            stack.pop_all()
        return cls(path, writer, reader, unsealing)

    async def close(self) -> None:
        """Do the writes that wait, then close both connections; the last one checkpoints the WAL."""
        await self._reader.close()
        await self.writer.close()
        await asyncio.to_thread(self.vault.close)

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
            try:
                return list(await self._reader.execute_fetchall(query, parameters))
            except sqlite3.OperationalError as error:
                raise self._unsealing.told(error) from error

    async def row(self, query: str, parameters: tuple[object, ...] = ()) -> sqlite3.Row | None:
        """The first row of a reading query."""
        found = await self.rows(query, parameters)
        return found[0] if found else None


def _open_for_writing(path: Path, vault: Vault, sealing: Sealing) -> sqlite3.Connection:
    # Handed from this thread to the writer's; never used by two at once.
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        sealing.register(connection)
        try:
            _migrate(connection, vault)
        except sqlite3.OperationalError as error:
            raise sealing.told(error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _open_beside(path: Path, _vault: Vault, sealing: Sealing) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=rw"  # Never made here, whoever removes it meanwhile.
    connection = sqlite3.connect(
        address, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        sealing.register(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_other_schema_of(path: Path) -> None:
    address = f"file:{quote(str(path))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT_S)) as connection:
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


def _migrate(connection: sqlite3.Connection, vault: Vault) -> None:
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
            # One transaction a file: a power cut leaves the schema before it or after it. Keys that it makes are on
            # disk before what is sealed with them.
            with vault.together():
                connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};")
            connection.execute("COMMIT")
    if present < newest:
        # What was changed is not left in the log as it was.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _set_aside_if_damaged(path: Path) -> Path | None:
    """Where the database was set aside to, which is damaged, or whose keys are damaged or not there."""
    if not path.exists():
        return None
    keys = keys_path(path)
    if not _sound(path):
        why = "is damaged"
    elif keys.exists():
        if _sound(keys):
            return None
        why = "cannot be opened, since its keys are damaged,"
    elif _holds_sealed(path):
        why = f"cannot be opened, since its keys ({keys.name}) are not here,"
    else:
        return None
    return _set_aside(path, why)


def _sound(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)) as connection:
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            return False


def _holds_sealed(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)) as connection:
        has_keys = "SELECT 1 FROM pragma_table_info('encounter') WHERE name = 'key_id'"
        if connection.execute(has_keys).fetchone() is None:
            return False
        return connection.execute("SELECT 1 FROM encounter WHERE key_id IS NOT NULL LIMIT 1").fetchone() is not None


def _set_aside(path: Path, why: str) -> Path:
    """Give the database and its keys another name, under which they stay together."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    keys, keys_aside = keys_path(path), keys_path(aside)
    for suffix in _SIDE_FILES:
        for part, name in ((path, aside), (keys, keys_aside)):
            if part.with_name(part.name + suffix).exists():
                part.with_name(part.name + suffix).rename(name.with_name(name.name + suffix))
    log.error("records: %s %s and was set aside as %s; a new database is begun", path.name, why, aside.name)
    return aside
