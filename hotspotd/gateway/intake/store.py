"""What national repositories hold, in one SQLite file of its own: a large delta keeps no kiosk's transaction waiting.

Promises: what ``offer`` receipted is on disk (WAL, ``synchronous=FULL``) and was taken as a whole, in its place in the
order; the same delta offered again has the same receipt; a record that was withdrawn or has ended is overwritten on
disk, not only unlinked. Blocks: the gateway calls it in a worker's thread, one call at a time.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.config import RepositorySection
from hotspotd.gateway.intake.taking import Taking
from hotspotd.relay.national.deltas import (
    GENESIS,
    MOST_REJECTED,
    ChunkMark,
    ChunksWanted,
    Delta,
    DeltaReceipt,
    RepositoryState,
    SignedDelta,
    check_chunk,
    encode_signed,
    unpack,
)

_SCHEMAS = ("schema.sql",)
"""In order; user_version counts how many were carried out. A later version appends one, and changes none."""


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who sends: the common name of the certificate, and the certificate (DER)."""

    device: str
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Now:
    """When it is: the day, and the time as written into receipts."""

    today: date
    at: str


class IntakeStore:
    """The repositories of ``rules``. Make it with ``open``."""

    def __init__(self, database: sqlite3.Connection, rules: Mapping[str, RepositorySection]) -> None:
        self._db = database
        self._rules = rules
        self._gateway = str(self._one("SELECT value FROM meta WHERE name = 'gateway'")[0])

    @classmethod
    def open(cls, path: Path, rules: Mapping[str, RepositorySection]) -> IntakeStore:
        """Open or make the database. Raises sqlite3.Error, RelayError (BAD_VALUE) for one of a later version."""
        # Calls come one at a time, though not always from the thread that opened it.
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                database.execute(f"PRAGMA {pragma}").fetchall()
            _migrate(database, path)
            store = cls(database, rules)
            store._begin_repositories()
        except BaseException:
            database.close()
            raise
        return store

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def state(self, name: str) -> RepositoryState:
        """Where the gateway is with the repository. It must be one of the rules."""
        rule = self._rules[name]
        _, sequence, digest, count = self._repository(name)
        return RepositoryState(
            repository=name,
            owner=rule.owner,
            sequence=sequence,
            digest=digest,
            count=count,
            kinds=rule.kinds,
            issuers=rule.issuers,
            keep_years=rule.keep_years,
        )

    def offer(
        self, submitter: Submitter, delta: Delta, signed: SignedDelta, now: Now
    ) -> tuple[DeltaReceipt | ChunksWanted, bool]:
        """Take the delta if all its chunks are here, otherwise say which are not; and whether it was taken just now.

        Raises RelayError: CONFLICT for a number that was used, a gap, or another delta before it; BAD_TRANSACTION for
        chunks that are none, and for one with too many unusable rows. Nothing of it is taken then.
        """
        with self._transaction():
            repository, last, digest, _ = self._repository(delta.repository)
            known = self._maybe(
                "SELECT digest, receipt FROM delta WHERE repository = ? AND sequence = ?", repository, delta.sequence
            )
            if known is not None and known[1] is not None:
                if known[0] != signed.digest:
                    raise _used(delta.sequence, last)
                return msgspec.json.decode(known[1], type=DeltaReceipt), False
            _check_place(delta, last, digest)
            if known is None or known[0] != signed.digest:
                self._begin(repository, submitter, delta, signed)
            held = {row[0] for row in self._db.execute("SELECT number FROM chunk WHERE repository = ?", (repository,))}
            wanted = tuple(number for number in range(len(delta.chunks)) if number not in held)
            if wanted:
                return ChunksWanted(digest=signed.digest, chunks=wanted), False
            receipt = self._take(repository, submitter, delta, signed.digest, now)
        # What was withdrawn stands in the write-ahead log until it is carried over.
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return receipt, True

    def chunk(self, name: str, digest: str, sequence: int, number: int, body: bytes) -> None:
        """Hold a chunk of the delta that was offered with this digest; a copy changes nothing.

        Raises RelayError: CONFLICT where no such delta is waiting for it, BAD_TRANSACTION for other bytes.
        """
        with self._transaction():
            repository, last, _, _ = self._repository(name)
            offered = self._maybe(
                "SELECT signed, receipt FROM delta WHERE repository = ? AND sequence = ? AND digest = ?",
                *(repository, sequence, digest),
            )
            if offered is None:
                raise RelayError(
                    Reason.CONFLICT,
                    f"no delta {sequence} with this digest was offered; the repository is at {last}",
                    "Offer the delta first.",
                )
            if offered[1] is not None:
                return
            marks = _marks(offered[0])
            if number >= len(marks):
                raise RelayError(Reason.BAD_TRANSACTION, f"the delta has {len(marks)} chunks, counted from 0")
            check_chunk(body, marks[number])
            self._db.execute("INSERT OR IGNORE INTO chunk VALUES (?, ?, ?)", (repository, number, body))

    def purge(self, today: date) -> int:
        """Erase what has ended; returns how many records."""
        with self._transaction():
            gone = self._db.execute("DELETE FROM record WHERE ends < ?", (today.isoformat(),)).rowcount
            if gone:
                self._db.execute(
                    "UPDATE repository SET count = (SELECT count(*) FROM record WHERE repository = repository.id)"
                )
        if gone:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    def _begin(self, repository: int, submitter: Submitter, delta: Delta, signed: SignedDelta) -> None:
        """Hold the statement; one that was begun under this number and never became whole gives way."""
        self._db.execute("DELETE FROM chunk WHERE repository = ?", (repository,))
        self._db.execute(
            "INSERT OR REPLACE INTO delta VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (repository, delta.sequence, signed.digest, encode_signed(signed), submitter.certificate, submitter.device),
        )

    def _take(self, repository: int, submitter: Submitter, delta: Delta, digest: str, now: Now) -> DeltaReceipt:
        taking = Taking(self._db, repository, self._rules[delta.repository], delta.sequence, now.today)
        for mark, chunk in zip(delta.chunks, self._chunks(repository), strict=True):
            taking.rows(unpack(chunk, mark))
            if len(taking.rejected) > MOST_REJECTED:
                first = taking.rejected[0]
                raise RelayError(
                    Reason.BAD_TRANSACTION,
                    f"more than {MOST_REJECTED} rows cannot be used, row {first.row} for one: {first.reason[:100]}",
                    "Nothing of the delta was taken. Look at the export.",
                )
        if delta.all_since is not None:
            taking.sweep(delta.all_since)
        receipt = DeltaReceipt(
            repository=delta.repository,
            sequence=delta.sequence,
            digest=digest,
            device=submitter.device,
            gateway=self._gateway,
            at=now.at,
            added=taking.added,
            changed=taking.changed,
            unchanged=taking.unchanged,
            withdrawn=taking.withdrawn,
            absent=taking.absent,
            swept=taking.swept,
            count=taking.count,
            rejected=tuple(taking.rejected),
        )
        self._db.execute("DELETE FROM chunk WHERE repository = ?", (repository,))
        self._db.execute(
            "UPDATE delta SET receipt = ?, device = ? WHERE repository = ? AND sequence = ?",
            (msgspec.json.encode(receipt), submitter.device, repository, delta.sequence),
        )
        self._db.execute(
            "UPDATE repository SET sequence = ?, digest = ?, count = ? WHERE id = ?",
            (delta.sequence, digest, taking.count, repository),
        )
        return receipt

    def _chunks(self, repository: int) -> Iterator[bytes]:
        numbers = self._db.execute("SELECT number FROM chunk WHERE repository = ? ORDER BY number", (repository,))
        for (number,) in numbers.fetchall():
            yield self._one("SELECT body FROM chunk WHERE repository = ? AND number = ?", repository, number)[0]

    def _repository(self, name: str) -> tuple[int, int, str, int]:
        row = self._one("SELECT id, sequence, digest, count FROM repository WHERE name = ?", name)
        return row[0], row[1], row[2], row[3]

    def _begin_repositories(self) -> None:
        for name in self._rules:
            self._db.execute("INSERT OR IGNORE INTO repository (name, digest) VALUES (?, ?)", (name, GENESIS))

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

    def _maybe(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return row

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        row = self._maybe(query, *values)
        if row is None:
            raise sqlite3.DatabaseError("a row that must be there is not")
        return row


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(_SCHEMAS):
        raise RelayError(
            Reason.BAD_VALUE, f"{path}: made by a later version ({version})", "Install that version of the gateway."
        )
    for number, name in enumerate(_SCHEMAS[version:], start=version + 1):
        script = Path(__file__).with_name(name).read_text(encoding="utf-8")
        database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
    database.execute("INSERT OR IGNORE INTO meta VALUES ('gateway', ?)", (secrets.token_hex(6),))


def _marks(signed: bytes) -> tuple[ChunkMark, ...]:
    statement = msgspec.json.decode(signed, type=SignedDelta).statement
    return msgspec.json.decode(statement, type=Delta).chunks


def _used(sequence: int, last: int) -> RelayError:
    return RelayError(
        Reason.CONFLICT,
        f"delta {sequence} was taken before with other content; the repository is at {last}",
        f"Make the next one {last + 1}.",
    )


def _check_place(delta: Delta, last: int, digest: str) -> None:
    """Raises RelayError (CONFLICT) where the delta is not the one that comes next."""
    if delta.sequence != last + 1:
        raise RelayError(
            Reason.CONFLICT,
            f"delta {delta.sequence} is not the next: the repository is at {last}",
            f"Go on with {last + 1}.",
        )
    if delta.previous != digest:
        raise RelayError(
            Reason.CONFLICT,
            f"delta {delta.sequence} follows another delta {last} than the one that was taken",
            "Submit the whole export: hotspotctl watchlist submit --full.",
        )
