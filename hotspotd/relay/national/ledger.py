"""What this computer has submitted of one repository: keyed hashes of records, and where in the order it is.

Of a record the ledger holds two hashes: one of its key, which is its id on the wire, and one of its content, by which
a change is seen. Both are HMAC-SHA-256 under a key derived from the device's private key, so that the file alone tells
nothing. With another device key the hashes fit nothing, and everything is submitted anew.

Promises: what a delta would change is noted, on disk, before it is sent, and carried over when its receipt is here: a
run killed anywhere is put right by the next.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.national.deltas import GENESIS, DeltaReceipt, SignedDelta
from hotspotd.relay.national.records import Record, RecordKey

_VERSION: Final = 1
_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE place (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    repository TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    all_since INTEGER           -- everything is being submitted anew since this delta
) STRICT;
CREATE TABLE sent (id BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE pending (
    one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, signed BLOB NOT NULL, sweeps INTEGER NOT NULL
) STRICT;
CREATE TABLE pending_row (
    row INTEGER PRIMARY KEY, id BLOB NOT NULL, content BLOB, line INTEGER NOT NULL  -- no content: withdrawn
) STRICT;
PRAGMA user_version = 1;
COMMIT;
"""
_ID_BYTES: Final = 12
_CONTENT_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """The last delta that was taken, as far as this computer knows; and since which everything is submitted anew."""

    sequence: int
    digest: str
    all_since: int | None


@dataclass(frozen=True, slots=True)
class PendingRow:
    """One row of a delta: its record's id, the content's hash (``None``: withdrawn), and its line in the source."""

    id: bytes
    content: bytes | None
    line: int


class Hasher:
    """The keyed hashes of one repository, under a key that only the device can derive (HKDF, RFC 5869)."""

    def __init__(self, device_key: ec.EllipticCurvePrivateKey, repository: str) -> None:
        secret = device_key.private_numbers().private_value.to_bytes(32, "big")
        about = b"hotspotd national ledger 1|" + repository.encode()
        self._key = HKDF(hashes.SHA256(), 32, salt=None, info=about).derive(secret)
        self.key_id = self._hash(b"key id", "")[:8].hex()

    def id(self, key: RecordKey) -> bytes:
        """What a record is called on the wire: 12 bytes."""
        return self._hash(b"id", key.text)[:_ID_BYTES]

    def content(self, record: Record) -> bytes:
        """Differs where anything of the record differs: 12 bytes."""
        return self._hash(b"content", msgspec.json.encode(record).decode())[:_CONTENT_BYTES]

    def _hash(self, what: bytes, text: str) -> bytes:
        return hmac.digest(self._key, what + b"|" + text.encode(), hashlib.sha256)


def wire_id(row_id: bytes) -> str:
    """An id as it is sent."""
    return base64.urlsafe_b64encode(row_id).decode()


class Ledger:
    """The ledger in one file. Make it with ``opened``."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    @property
    def place(self) -> Place:
        """Where this computer is."""
        return Place(*self._db.execute("SELECT sequence, digest, all_since FROM place").fetchone())

    def count(self) -> int:
        """Records that were sent and not withdrawn."""
        return int(self._db.execute("SELECT count(*) FROM sent").fetchone()[0])

    def content(self, row_id: bytes) -> bytes | None:
        """The hash of what was sent last under this id."""
        row = self._db.execute("SELECT content FROM sent WHERE id = ?", (row_id,)).fetchone()
        return None if row is None else row[0]

    def see(self, row_id: bytes) -> bool:
        """Note that the export has this record; whether this is its first usable line in this run."""
        seen = self._db.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET usable = 1 WHERE usable = 0", (row_id,)
        )
        return seen.rowcount == 1

    def keep(self, row_id: bytes) -> None:
        """Note that the export has a line about this record that cannot be used."""
        self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, 0)", (row_id,))

    def unseen(self) -> int:
        """Records that were sent and that the export of this run has not."""
        return int(self._db.execute("SELECT count(*) FROM sent WHERE id NOT IN (SELECT id FROM seen)").fetchone()[0])

    def unseen_ids(self) -> Iterator[bytes]:
        """Their ids, in order. The ledger may be changed while this is read."""
        after = b""
        while rows := self._db.execute(
            "SELECT id FROM sent WHERE id > ? AND id NOT IN (SELECT id FROM seen) ORDER BY id LIMIT 1000", (after,)
        ).fetchall():
            yield from (row[0] for row in rows)
            after = rows[-1][0]

    def begin_anew(self, sequence: int, digest: str) -> None:
        """Forget what was sent: the gateway is at this delta, and everything is submitted from the next one on."""
        with self._transaction():
            for table in ("sent", "pending", "pending_row"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  # One of three names.
            self._db.execute(
                "UPDATE place SET sequence = ?, digest = ?, all_since = ?", (sequence, digest, sequence + 1)
            )

    def intend(self, sequence: int, signed: SignedDelta, rows: Sequence[PendingRow], *, sweeps: bool) -> None:
        """Note what a delta will change, before it is sent; one noted before gives way."""
        with self._transaction():
            self.forget_pending()
            self._db.execute("INSERT INTO pending VALUES (1, ?, ?, ?)", (sequence, msgspec.json.encode(signed), sweeps))
            self._db.executemany(
                "INSERT INTO pending_row VALUES (?, ?, ?, ?)",
                ((number, row.id, row.content, row.line) for number, row in enumerate(rows)),
            )

    def pending(self) -> tuple[int, SignedDelta] | None:
        """Number and statement of a delta that was to be sent and has no receipt yet."""
        row = self._db.execute("SELECT sequence, signed FROM pending").fetchone()
        return None if row is None else (row[0], msgspec.json.decode(row[1], type=SignedDelta))

    def forget_pending(self) -> None:
        """It was never taken."""
        self._db.execute("DELETE FROM pending")
        self._db.execute("DELETE FROM pending_row")

    def carry_over(self, receipt: DeltaReceipt) -> list[tuple[int, str]]:
        """The pending delta was taken: note it as sent, but for what was rejected; returns lines and reasons of that.

        Of a rejected row the gateway keeps what it had, if anything, and so does the ledger: it is sent again with the
        next whole export that has it, and withdrawn with one that has not.
        """
        rejected = {one.row: one.reason for one in receipt.rejected}
        refused: list[tuple[int, str]] = []
        with self._transaction():
            (sweeps,) = self._db.execute("SELECT sweeps FROM pending").fetchone()
            for number, row_id, content, line in self._db.execute("SELECT * FROM pending_row ORDER BY row").fetchall():
                if number in rejected:
                    refused.append((line, rejected[number]))
                    self._db.execute("INSERT OR IGNORE INTO sent VALUES (?, x'')", (row_id,))
                elif content is None:
                    self._db.execute("DELETE FROM sent WHERE id = ?", (row_id,))
                else:
                    self._db.execute("INSERT OR REPLACE INTO sent VALUES (?, ?)", (row_id, content))
            self._db.execute("UPDATE place SET sequence = ?, digest = ?", (receipt.sequence, receipt.digest))
            if sweeps:
                self._db.execute("UPDATE place SET all_since = NULL")
            self.forget_pending()
        return refused

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


@contextmanager
def opened(path: Path, repository: str, key_id: str) -> Iterator[Ledger]:
    """The ledger in ``path``, made if need be, for one process at a time.

    Hashes of another key are forgotten: the place is then 0 of no gateway. Raises RelayError: BUSY while another
    process submits, CONFLICT for the ledger of another repository, BAD_VALUE for one of a later version; OSError and
    sqlite3.Error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RelayError(Reason.BUSY, f"{path}: another process submits", "Wait until it has ended.") from error
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(path, isolation_level=None)
        try:
            _prepare(database, path, repository, key_id)
            yield Ledger(database)
        finally:
            database.close()


def _prepare(database: sqlite3.Connection, path: Path, repository: str, key_id: str) -> None:
    database.execute("PRAGMA journal_mode = WAL").fetchall()
    database.execute("PRAGMA synchronous = FULL")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise RelayError(Reason.BAD_VALUE, f"{path}: made by a later version", "Install that version.")
    if version == 0:
        database.executescript(_SCHEMA)
    database.execute("INSERT OR IGNORE INTO place VALUES (1, ?, ?, 0, ?, NULL)", (repository, key_id, GENESIS))
    whose, under = database.execute("SELECT repository, key_id FROM place").fetchone()
    if whose != repository:
        raise RelayError(Reason.CONFLICT, f"{path}: the ledger of {whose}", "Give each repository its own --state.")
    if under != key_id:
        for table in ("sent", "pending", "pending_row"):
            database.execute(f"DELETE FROM {table}")  # noqa: S608  # One of three names.
        # No delta has this digest: the next run sees that it does not agree with the gateway.
        database.execute("UPDATE place SET key_id = ?, sequence = 0, digest = '', all_since = NULL", (key_id,))
    # Lives as long as the run: nothing of it needs a journal.
    database.execute("PRAGMA temp.journal_mode = OFF").fetchall()
    database.execute("CREATE TEMP TABLE seen (id BLOB PRIMARY KEY, usable INTEGER NOT NULL) WITHOUT ROWID")
