"""The outbox: transactions on their way to the gateway. Rows are added by ``Records.record_encounter``."""

from __future__ import annotations

import sqlite3

import msgspec

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.database import Database
from hotspotd.records.model import OutboxItem, OutboxState

_COLUMNS = "tcn, encounter_id, kind, priority, payload, created_at, state, attempts, last_error"


class Outbox:
    """Reads and moves outbox rows; a row leaves QUEUED only with the gateway's own receipt stored."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def outbox_due(self, limit: int) -> list[OutboxItem]:
        """Rows the gateway has not receipted, most urgent first, then oldest first."""
        rows = await self._db.rows(
            f"SELECT {_COLUMNS} FROM outbox WHERE state = ? ORDER BY priority, created_at LIMIT ?",  # noqa: S608  # Constant.
            (OutboxState.QUEUED, limit),
        )
        return [msgspec.convert(dict(row), OutboxItem) for row in rows]

    async def outbox_failed(self, tcn: str, error: str) -> None:
        """Note that sending failed; the row stays queued."""

        def note(writer: sqlite3.Connection) -> None:
            writer.execute(
                "UPDATE outbox SET attempts = attempts + 1, last_error = ? WHERE tcn = ?", (error[:300], tcn)
            )

        await self._db.write(note)

    async def outbox_receipt(self, tcn: str, receipt: bytes) -> None:
        """Store the gateway's receipt: the row is the gateway's from here on. A second receipt changes nothing."""
        now = self._clock.now()

        def store(writer: sqlite3.Connection) -> None:
            cursor = writer.execute(
                "UPDATE outbox SET state = ?, receipt = ?, received_at = ?, attempts = attempts + 1, last_error = ''"
                " WHERE tcn = ? AND state = ?",
                (OutboxState.RECEIVED, receipt, now.iso(), tcn, OutboxState.QUEUED),
            )
            if cursor.rowcount:
                audit.append(writer, now, "transaction.received", subject=tcn)

        await self._db.write(store)

    async def outbox_quarantine(self, tcn: str, reason: str) -> None:
        """Set a row aside that can never be sent as it is; the rest goes on."""
        now = self._clock.now()

        def set_aside(writer: sqlite3.Connection) -> None:
            writer.execute(
                "UPDATE outbox SET state = ?, last_error = ? WHERE tcn = ?",
                (OutboxState.QUARANTINED, reason[:300], tcn),
            )
            audit.append(writer, now, "transaction.quarantined", subject=tcn, detail=reason[:300])

        await self._db.write(set_aside)

    async def unanswered(self) -> list[str]:
        """TCNs with the gateway's receipt and no reply yet."""
        rows = await self._db.rows("SELECT tcn FROM outbox WHERE state = ?", (OutboxState.RECEIVED,))
        return [str(row["tcn"]) for row in rows]

    async def outbox_item(self, tcn: str) -> OutboxItem:
        """One row, whatever its state. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row(f"SELECT {_COLUMNS} FROM outbox WHERE tcn = ?", (tcn,))  # noqa: S608  # Constant.
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: no transaction {tcn}")
        return msgspec.convert(dict(row), OutboxItem)

    async def queue_state(self) -> tuple[int, str | None]:
        """How many rows wait for a receipt, and since when the oldest does (ISO 8601)."""
        row = await self._db.row(
            "SELECT count(*) AS queued, min(created_at) AS oldest FROM outbox WHERE state = ?", (OutboxState.QUEUED,)
        )
        return (0, None) if row is None else (int(row["queued"]), row["oldest"])
