"""What the gateway has been given and what it answered: one SQLite file, one connection, one writer at a time.

Promises: ``take`` returns when the transaction is on disk (WAL, ``synchronous=FULL``); the same control number
from the same device is stored once; a transaction is answered once, its reply and the note that it is
processed being one commit, which also erases the body. Doesn't search anything.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import msgspec

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.wire import Receipt, digest

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,          -- common name of the certificate it came under
    tcn TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    priority INTEGER NOT NULL,
    body BLOB NOT NULL,            -- empty once processed: portraits and prints are kept no longer than needed
    receipt BLOB NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 1,
    runs INTEGER NOT NULL DEFAULT 0,     -- searches begun
    processed INTEGER NOT NULL DEFAULT 0,
    processed_at TEXT,
    UNIQUE (device, tcn)
) STRICT;
CREATE INDEX IF NOT EXISTS inbox_waiting ON inbox (priority, id) WHERE processed = 0;
CREATE TABLE IF NOT EXISTS reply (
    device TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    inbox_id INTEGER NOT NULL UNIQUE REFERENCES inbox (id),
    tcr TEXT NOT NULL,
    body BLOB NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (device, sequence)
) STRICT;
PRAGMA user_version = 1;
"""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction to be processed. ``runs`` counts searches begun, this one included."""

    id: int
    device: str
    tcn: str
    body: bytes
    runs: int


class StoredReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply; ``sequence`` rises within a device."""

    sequence: int
    tcr: str
    body: bytes


class TransactionCount(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one transaction: times it was delivered, processed, answered."""

    deliveries: int
    processed: int
    replies: int


class StoreCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Totals, and the latest thousand transactions by control number."""

    gateway: str
    transactions: int
    processed: int
    replies: int
    by_tcn: dict[str, TransactionCount]


class Store:
    """The gateway's database. Make it with ``open``."""

    def __init__(self, connection: aiosqlite.Connection, gateway: str) -> None:
        self._db = connection
        self._turn = asyncio.Lock()
        self.gateway = gateway
        """Random name of this database: cursors of another one mean nothing here."""

    @classmethod
    async def open(cls, path: Path) -> Store:
        """Open or make the database. Raises sqlite3.Error."""
        connection = await aiosqlite.connect(path, isolation_level=None)
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute("PRAGMA synchronous = FULL")
            await connection.execute("PRAGMA foreign_keys = ON")
            # What is erased is overwritten, not only unlinked.
            await connection.execute("PRAGMA secure_delete = ON")
            await connection.executescript(_SCHEMA)
            # Versions before kept the bodies of what was processed.
            await connection.execute("UPDATE inbox SET body = x'' WHERE processed > 0 AND length(body) > 0")
            await connection.execute(
                "INSERT OR IGNORE INTO meta (name, value) VALUES ('gateway', ?)", (secrets.token_hex(6),)
            )
            row = await _one(connection, "SELECT value FROM meta WHERE name = 'gateway'")
        except BaseException:
            await connection.close()
            raise
        return cls(connection, str(row[0]))

    async def close(self) -> None:
        """Close the database."""
        async with self._turn:
            await self._db.close()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._turn:
            try:
                # Inside: a caller cancelled here leaves a BEGIN that is carried out all the same.
                await self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                await self._db.execute("COMMIT")
            except BaseException:
                await asyncio.shield(self._roll_back())
                raise

    async def _roll_back(self) -> None:
        try:
            await self._db.execute("ROLLBACK")
        except sqlite3.OperationalError:
            # BEGIN failed, or a caller was cancelled while COMMIT ran: there is nothing to undo.
            if self._db.in_transaction:
                raise

    async def take(
        self, device: str, tcn: str, body: bytes, *, priority: int, at: str, most_unprocessed: int
    ) -> tuple[bytes, bool]:
        """Store a transaction and return its receipt, and whether it is new.

        A copy gets the first one's receipt, and its reply is sent again if it was acknowledged: whoever sends a
        transaction again has lost what came of it. Raises RelayError: CONFLICT when the control number is taken
        by another body, BUSY when too much waits.
        """
        sha256 = digest(body)
        async with self._transaction() as db:
            known = await _maybe(
                db, "SELECT id, sha256, receipt, processed FROM inbox WHERE device = ? AND tcn = ?", (device, tcn)
            )
            if known is not None:
                if known[1] != sha256:
                    raise RelayError(
                        Reason.CONFLICT,
                        f"transaction {tcn} was received before with other content",
                        "A control number is used once.",
                    )
                await db.execute("UPDATE inbox SET deliveries = deliveries + 1 WHERE id = ?", (known[0],))
                await db.execute(
                    "UPDATE reply SET acknowledged = 0, sequence ="
                    " (SELECT max(sequence) + 1 FROM reply WHERE device = ?) WHERE inbox_id = ? AND acknowledged",
                    (device, known[0]),
                )
                return bytes(known[2]), False
            waiting = await _one(db, "SELECT count(*) FROM inbox WHERE processed = 0")
            if int(waiting[0]) >= most_unprocessed:
                raise RelayError(Reason.BUSY, f"{waiting[0]} transactions wait already", "Send it again later.")
            receipt = msgspec.json.encode(
                Receipt(tcn=tcn, sha256=sha256, bytes=len(body), device=device, gateway=self.gateway, received_at=at)
            )
            await db.execute(
                "INSERT INTO inbox (device, tcn, sha256, priority, body, receipt) VALUES (?, ?, ?, ?, ?, ?)",
                (device, tcn, sha256, priority, body, receipt),
            )
        return receipt, True

    async def begin(self, busy: Iterable[int]) -> Taken | None:
        """The next transaction to process, most urgent first, leaving out those in ``busy``; counts the run."""
        busy = list(busy)
        marks = ",".join("?" * len(busy))
        async with self._transaction() as db:
            row = await _maybe(
                db,
                f"SELECT id, device, tcn, body, runs FROM inbox WHERE processed = 0 AND id NOT IN ({marks})"  # noqa: S608  # Question marks.
                " ORDER BY priority, id LIMIT 1",
                tuple(busy),
            )
            if row is None:
                return None
            await db.execute("UPDATE inbox SET runs = runs + 1 WHERE id = ?", (row[0],))
        return Taken(id=row[0], device=row[1], tcn=row[2], body=bytes(row[3]), runs=int(row[4]) + 1)

    async def give_back(self, taken: Taken) -> None:
        """The run was ended in good order before it was through: it does not count."""
        async with self._transaction() as db:
            await db.execute("UPDATE inbox SET runs = runs - 1 WHERE id = ? AND processed = 0", (taken.id,))

    async def finish(self, taken: Taken, body: bytes, at: str) -> None:
        """Store the reply, note that the transaction is processed and erase its body: all or nothing, and once."""
        async with self._transaction() as db:
            done = await db.execute(
                "UPDATE inbox SET processed = processed + 1, processed_at = ?, body = x''"
                " WHERE id = ? AND processed = 0",
                (at, taken.id),
            )
            if not done.rowcount:
                return
            await db.execute(
                "INSERT INTO reply (device, sequence, inbox_id, tcr, body) VALUES"
                " (?, (SELECT coalesce(max(sequence), 0) + 1 FROM reply WHERE device = ?), ?, ?, ?)",
                (taken.device, taken.device, taken.id, taken.tcn, body),
            )

    async def replies(self, device: str, limit: int) -> list[StoredReply]:
        """Replies the device has not acknowledged, oldest first."""
        async with (
            self._turn,
            self._db.execute(
                "SELECT sequence, tcr, body FROM reply WHERE device = ? AND acknowledged = 0 ORDER BY sequence LIMIT ?",
                (device, limit),
            ) as cursor,
        ):
            return [StoredReply(sequence=row[0], tcr=row[1], body=bytes(row[2])) for row in await cursor.fetchall()]

    async def acknowledge(self, device: str, sequence: int) -> None:
        """Note that the device holds every reply up to ``sequence``."""
        async with self._transaction() as db:
            await db.execute(
                "UPDATE reply SET acknowledged = 1 WHERE device = ? AND sequence <= ? AND acknowledged = 0",
                (device, sequence),
            )

    async def counts(self, device: str) -> StoreCounts:
        """Counts for one device."""
        async with (
            self._turn,
            self._db.execute(
                "SELECT tcn, deliveries, processed, (SELECT count(*) FROM reply WHERE inbox_id = inbox.id)"
                " FROM inbox WHERE device = ? ORDER BY id DESC LIMIT 1000",
                (device,),
            ) as cursor,
        ):
            by_tcn = {
                str(row[0]): TransactionCount(deliveries=row[1], processed=row[2], replies=row[3])
                for row in await cursor.fetchall()
            }
        async with self._turn:
            totals = await _one(
                self._db, "SELECT count(*), coalesce(sum(processed), 0) FROM inbox WHERE device = ?", (device,)
            )
            replies = await _one(self._db, "SELECT count(*) FROM reply WHERE device = ?", (device,))
        return StoreCounts(
            gateway=self.gateway, transactions=totals[0], processed=totals[1], replies=replies[0], by_tcn=by_tcn
        )


async def _maybe(db: aiosqlite.Connection, query: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
    async with db.execute(query, values) as cursor:
        row = await cursor.fetchone()
    return None if row is None else tuple(row)


async def _one(db: aiosqlite.Connection, query: str, values: tuple[object, ...] = ()) -> tuple[Any, ...]:
    row = await _maybe(db, query, values)
    return () if row is None else row
