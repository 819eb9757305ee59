"""The outbox: what is on its way to the gateway.

| from | by | to |
|---|---|---|
| queued | ``outbox_sending``: handed to a link | sending |
| sending | ``outbox_failed``, ``outbox_requeue`` | queued |
| queued, sending, quarantined, expired | ``outbox_receipt`` of a transaction | received |
| queued, sending, quarantined, expired | ``outbox_receipt`` of another kind: it gets no reply | answered |
| any but answered | ``store_answer`` (records.answers): the reply, which may come before the receipt | answered |
| queued, sending | ``outbox_quarantine``: nothing will make it pass | quarantined |
| queued | ``outbox_expire``: its deadline has passed; never a transaction or a decision | expired |
| quarantined, expired with its payload | ``outbox_retry``: a person says so | queued |

Any other move changes nothing. The moves are guarded in SQL, in the writer's transaction: what a slow link reports
about a row that has moved on since is no news. The payload is dropped in answered and expired. Waiting is what is
queued or being sent, and no row's trouble keeps another from being due.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable

import msgspec

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit, sealed
from hotspotd.records.admission import Admission
from hotspotd.records.database import Database
from hotspotd.records.model import Kind, OutboxItem, OutboxRow, OutboxState, QueueState, Rank

log = logging.getLogger(__name__)

_ABOUT = "tcn, encounter_id, kind, rank, lane, created_at, deadline, state, attempts, last_error, link"
# Written out, as SQLite takes a partial index only for the condition that it was made with.
_WAITING = "state IN ('queued', 'sending')"
_ERROR_LENGTH = 300


class Outbox:
    """Adds, reads and moves rows; a row goes on only with the gateway's own receipt or reply stored."""

    def __init__(self, database: Database, clock: Clock, admission: Admission) -> None:
        self._db = database
        self._clock = clock
        self._admission = admission

    async def enqueue(self, item: OutboxItem) -> None:
        """Add what belongs to no encounter that is recorded with it. Raises RecordsError: STORAGE_FULL at a limit."""
        with self._admission.watch(item.rank):
            await self._db.write(lambda writer: self._admission.add(writer, item))

    async def outbox_due(self, limit: int, ranks: Iterable[Rank] = tuple(Rank)) -> list[OutboxItem]:
        """Queued rows of ``ranks``, most urgent first, then oldest first."""
        wanted = [int(rank) for rank in ranks]
        rows = await self._db.rows(
            f"SELECT {_ABOUT}, {sealed.PAYLOAD} FROM outbox WHERE {_WAITING} AND state = 'queued'"  # noqa: S608  # Constants.
            f" AND rank IN ({','.join('?' * len(wanted))}) ORDER BY rank, created_at, rowid LIMIT ?",
            (*wanted, limit),
        )
        return [msgspec.convert(dict(row), OutboxItem) for row in rows]

    async def outbox_sending(self, tcn: str, link: str) -> bool:
        """The row is handed to ``link``; false when it is not queued any more: then it must not be sent."""
        return await self._move("state = 'sending', link = ?", (link,), "tcn = ? AND state = 'queued'", (tcn,)) == 1

    async def outbox_failed(self, tcn: str, error: str) -> None:
        """Note that sending failed: the row is queued again."""
        await self._move(
            "state = 'queued', attempts = attempts + 1, last_error = ?, failed_at = ?",
            (error[:_ERROR_LENGTH], self._clock.now().iso()),
            f"tcn = ? AND {_WAITING}",
            (tcn,),
        )

    async def outbox_requeue(self, tcn: str | None = None) -> int:
        """Take the row, or all (nothing is under way at start-up), back from its link; how many that were."""
        return await self._move("state = 'queued'", (), "state = 'sending' AND tcn = coalesce(?, tcn)", (tcn,))

    async def outbox_receipt(self, tcn: str, receipt: bytes) -> None:
        """Store the gateway's receipt: the row is the gateway's from here on. A second receipt changes nothing."""
        now = self._clock.now()

        def store(writer: sqlite3.Connection) -> None:
            cursor = writer.execute(
                "UPDATE outbox SET state = iif(kind = ?, 'received', 'answered'),"
                " payload = iif(kind = ?, payload, x''), receipt = ?, received_at = ?, attempts = attempts + 1,"
                " last_error = '' WHERE tcn = ? AND state IN ('queued', 'sending', 'quarantined', 'expired')",
                (Kind.TRANSACTION, Kind.TRANSACTION, receipt, now.iso(), tcn),
            )
            if cursor.rowcount:
                audit.append(writer, now, "transaction.received", subject=tcn)

        await self._db.write(store)

    async def outbox_quarantine(self, tcn: str, reason: str, code: str = "") -> None:
        """Set a row aside that can never be sent as it is; the rest goes on.

        ``reason`` may quote the gateway; ``code`` is the machine's reason, which goes into the audit chain.
        """
        now, reason = self._clock.now(), reason[:_ERROR_LENGTH]

        def set_aside(writer: sqlite3.Connection) -> None:
            cursor = writer.execute(
                "UPDATE outbox SET state = 'quarantined', last_error = ?, failed_at = ?"  # noqa: S608  # A constant.
                f" WHERE tcn = ? AND {_WAITING}",
                (reason, now.iso(), tcn),
            )
            if cursor.rowcount:
                audit.append(writer, now, "transaction.quarantined", subject=tcn, detail=code)

        await self._db.write(set_aside)

    async def outbox_retry(self, tcn: str, by: str = "daemon") -> None:
        """Queue a row again that was set aside, or that expired and still has its payload, as if never tried.

        Raises RecordsError: NOT_FOUND, or CONFLICT when it is in no such state.
        """
        now = self._clock.now()

        def retry(writer: sqlite3.Connection) -> None:
            cursor = writer.execute(
                "UPDATE outbox SET state = 'queued', attempts = 0, last_error = '',"
                # What was live when it was set aside is not, once the traveller has gone.
                " rank = iif(rank = ? AND EXISTS (SELECT 1 FROM encounter e WHERE e.id = encounter_id"
                " AND e.released_at IS NOT NULL), ?, rank)"
                " WHERE tcn = ? AND state IN ('quarantined', 'expired') AND length(payload) > 0",
                (Rank.LIVE, Rank.BACKLOG, tcn),
            )
            if cursor.rowcount == 0:
                raise _not_retried(writer, tcn)
            audit.append(writer, now, "transaction.retried", subject=tcn, actor=by)

        await self._db.write(retry)

    async def outbox_expire(self) -> list[str]:
        """Give up what is queued past its deadline, and return its TCNs; nothing while the clock is not trusted."""
        now = self._clock.now()
        if not now.trusted:
            return []

        def expire(writer: sqlite3.Connection) -> list[str]:
            rows = writer.execute(
                "UPDATE outbox SET state = 'expired', payload = x''"  # noqa: S608  # A constant.
                f" WHERE {_WAITING} AND state = 'queued' AND kind IN (?, ?) AND deadline <= ? RETURNING tcn",
                (Kind.STATISTICS, Kind.LOG, now.iso()),
            ).fetchall()
            expired = sorted(str(row[0]) for row in rows)
            for tcn in expired:
                audit.append(writer, now, "transaction.expired", subject=tcn)
            return expired

        expired = await self._db.write(expire)
        if expired:
            log.warning("%d rows of the outbox passed their deadline and are not sent: %s", len(expired), expired[:8])
        return expired

    async def unanswered(self) -> list[str]:
        """TCNs with the gateway's receipt and no reply yet."""
        rows = await self._db.rows(
            "SELECT tcn FROM outbox WHERE state = ? AND state NOT IN ('queued', 'sending')", (OutboxState.RECEIVED,)
        )
        return [str(row["tcn"]) for row in rows]

    async def outbox_rows(
        self, states: Iterable[OutboxState] | None = None, limit: int = 100, after: str | None = None
    ) -> list[OutboxRow]:
        """Rows in the order in which they came, of ``states`` or of all; those that follow the row ``after``."""
        wanted = list(OutboxState if states is None else states)
        rows = await self._db.rows(
            f"SELECT {_ABOUT}, size FROM outbox WHERE state IN ({','.join('?' * len(wanted))})"  # noqa: S608  # Constants.
            " AND rowid > coalesce((SELECT rowid FROM outbox WHERE tcn = ?), 0) ORDER BY rowid LIMIT ?",
            (*wanted, after, limit),
        )
        return [msgspec.convert(dict(row), OutboxRow) for row in rows]

    async def outbox_item(self, tcn: str) -> OutboxItem:
        """One row, whatever its state. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row(f"SELECT {_ABOUT}, {sealed.PAYLOAD} FROM outbox WHERE tcn = ?", (tcn,))  # noqa: S608  # Constant.
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: no transaction {tcn}")
        return msgspec.convert(dict(row), OutboxItem)

    async def queue_state(self) -> QueueState:
        """What waits, what has become of the rest, and what failed last."""
        # One statement, so that all of it is of one moment.
        rows = await self._db.rows(
            "SELECT state, rank, count(*) AS rows, sum(size) AS bytes, min(created_at) AS oldest, '' AS error"  # noqa: S608
            f" FROM outbox WHERE {_WAITING} GROUP BY rank, state"
            " UNION ALL SELECT state, 0, count(*), 0, NULL, ''"
            f" FROM outbox WHERE state NOT IN ('queued', 'sending') GROUP BY state"
            " UNION ALL SELECT '', 0, 0, 0, NULL, (SELECT last_error FROM outbox"
            " WHERE last_error <> '' ORDER BY failed_at DESC LIMIT 1)"
        )
        states, ranks = dict.fromkeys(OutboxState, 0), dict.fromkeys(Rank, 0)
        for row in rows:
            if row["state"]:
                states[OutboxState(row["state"])] += row["rows"]
            if row["rank"]:
                ranks[Rank(row["rank"])] += row["rows"]
        return QueueState(
            states=states,
            ranks=ranks,
            waiting_bytes=sum(row["bytes"] for row in rows),
            oldest=min((row["oldest"] for row in rows if row["oldest"]), default=None),
            last_error=rows[-1]["error"] or "",
        )

    async def _move(self, change: str, values: tuple[object, ...], where: str, which: tuple[object, ...]) -> int:
        query = f"UPDATE outbox SET {change} WHERE {where}"  # noqa: S608  # Constants of the callers.
        return await self._db.write(lambda writer: writer.execute(query, (*values, *which)).rowcount)


def _not_retried(writer: sqlite3.Connection, tcn: str) -> RecordsError:
    found = writer.execute("SELECT state FROM outbox WHERE tcn = ?", (tcn,)).fetchone()
    if found is None:
        return RecordsError(Reason.NOT_FOUND, f"records: no transaction {tcn}")
    return RecordsError(
        Reason.CONFLICT,
        f"records: transaction {tcn} is {found[0]}",
        "Only one that is set aside, with its payload, can be queued again.",
    )
