"""The way into the outbox: what may still be added, and adding it.

The outbox is limited by rows and by bytes of what waits, the disk by what has to stay free. Low ranks are refused
before either limit is reached, so that a heap of log lines never closes a lane. What is refused raises STORAGE_FULL
and is logged: the first time of a rank as a warning, then at debug, and its end at info.

Checking, counting and adding run in works, in the writer's thread; ``watch`` stands around them in the caller's.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records.database import Database
from hotspotd.records.model import OutboxItem, OutboxState, Rank

log = logging.getLogger(__name__)

# Up to which share of each limit a rank is taken; whoever stands in a lane up to all of it.
_SHARES = {Rank.LOG: 0.7, Rank.STATISTICS: 0.8}
# Asking the file system costs little, but not nothing on each of thousands of rows; in a second little is written.
_FREE_SPACE_KNOWN_S = 1.0
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows may wait, how many bytes of them, and how many bytes of the disk stay free."""

    rows: int
    bytes: int
    free: int


class Admission:
    """Adds rows to the outbox of ``database`` within ``limits``."""

    def __init__(self, database: Database, limits: Limits, clock: Clock) -> None:
        self._db = database
        self._limits = limits
        self._clock = clock
        self._rows = 0
        self._bytes = 0
        self._counted_at: tuple[int, int] | None = None
        self._free = 0
        self._free_known_until: float | None = None
        self._refusing: set[Rank] = set()

    @contextmanager
    def watch(self, rank: Rank) -> Iterator[None]:
        """Around the writing of a row: logs that its rank is refused, and that it is taken again."""
        try:
            yield
        except RecordsError as error:
            if error.reason is Reason.STORAGE_FULL:
                level = logging.DEBUG if rank in self._refusing else logging.WARNING
                log.log(level, "no %s rows are taken into the outbox: %s", rank.name, error)
                self._refusing.add(rank)
            raise
        if rank in self._refusing:
            log.info("%s rows are taken into the outbox again", rank.name)
            self._refusing.remove(rank)

    def add(self, writer: sqlite3.Connection, item: OutboxItem) -> None:
        """Check and insert. Raises RecordsError (STORAGE_FULL)."""
        self.check(writer, item)
        self.insert(writer, item)

    def check(self, writer: sqlite3.Connection, item: OutboxItem) -> None:
        """Refuse ``item`` when it is over a limit. At the beginning of a work, where counting is seldom needed.

        Raises RecordsError (STORAGE_FULL).
        """
        refusal = self._disk_full() or self._outbox_full(writer, item)
        if refusal is not None:
            raise refusal

    def insert(self, writer: sqlite3.Connection, item: OutboxItem) -> None:
        """Insert what ``check`` has passed in this work, which has written no other row of the outbox since then."""
        writer.execute(
            "INSERT INTO outbox (tcn, encounter_id, kind, rank, lane, size, created_at, deadline, state, payload)"
            " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9, iif(?2 IS NULL, ?10,"
            " seal((SELECT key_id FROM encounter WHERE id = ?2), 'outbox.payload', ?1, ?10)))",
            (
                item.tcn,
                item.encounter_id,
                item.kind,
                item.rank,
                item.lane,
                len(item.payload),
                item.created_at,
                item.deadline,
                OutboxState.QUEUED,
                item.payload,
            ),
        )
        self._rows += 1
        self._bytes += len(item.payload)
        self._counted_at = self._moment(writer)

    def _disk_full(self) -> RecordsError | None:
        now = self._clock.monotonic()
        if self._free_known_until is None or now >= self._free_known_until:
            self._free = shutil.disk_usage(self._db.path.parent).free
            self._free_known_until = now + _FREE_SPACE_KNOWN_S
        if self._free >= self._limits.free:
            return None
        return RecordsError(
            Reason.STORAGE_FULL,
            f"records: {self._free // MB} MB free, {self._limits.free // MB} MB are kept",
            "Free space; nothing stored is lost.",
        )

    def _outbox_full(self, writer: sqlite3.Connection, item: OutboxItem) -> RecordsError | None:
        self._count(writer)
        share = _SHARES.get(item.rank, 1.0)
        rows, size = self._rows + 1, self._bytes + len(item.payload)
        if rows <= share * self._limits.rows and size <= share * self._limits.bytes:
            return None
        return RecordsError(
            Reason.STORAGE_FULL,
            f"records: {self._rows} transactions of {self._bytes // MB} MB wait, the limit"
            + (f" of {item.rank.name} rows" if share < 1 else ""),
            "Restore the link.",
        )

    def _count(self, writer: sqlite3.Connection) -> None:
        """Count what waits, unless nothing was written since it was counted: a thousand rows take about 0.1 ms."""
        moment = self._moment(writer)
        if moment != self._counted_at:
            self._rows, self._bytes = writer.execute(
                "SELECT count(*), coalesce(sum(size), 0) FROM outbox WHERE state IN ('queued', 'sending')"
            ).fetchone()
            self._counted_at = moment

    def _moment(self, writer: sqlite3.Connection) -> tuple[int, int]:
        return self._db.writer.epoch, writer.total_changes
