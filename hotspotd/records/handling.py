"""What people do with single rows of the outbox: look at one closely, read what is in it, take it out of the device.

Reading a payload is reading personal data, and so is in the audit chain before it is done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.database import Database
from hotspotd.records.model import OutboxDetail
from hotspotd.records.vault import OVERHEAD

MOST_ABOUT_ONE = 300
"""Characters of who or why that the audit chain, or a note beside it, keeps."""


class Handling:
    """Reads for a person, and says so in the audit chain where it is personal data that is read."""

    _db: Database
    _clock: Clock

    async def outbox_detail(self, tcn: str) -> OutboxDetail:
        """Everything about one row but its payload. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row(
            "SELECT tcn, encounter_id, kind, rank, lane, created_at, deadline, state, attempts, last_error, link, size,"
            " failed_at, received_at, CAST(receipt AS TEXT) AS receipt,"
            " max(length(payload) - iif(encounter_id IS NULL, 0, ?), 0) AS held"
            " FROM outbox WHERE tcn = ?",
            (OVERHEAD, tcn),
        )
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: no transaction {tcn}", "hotspotctl outbox list names them.")
        return msgspec.convert(dict(row), OutboxDetail)

    async def payloads_read(self, tcns: Sequence[str], event: str, by: str, why: str = "") -> None:
        """Note that ``by`` reads the payloads of these rows; ``event`` is ``viewed`` or ``exported``."""
        now = self._clock.now()

        def note(writer: sqlite3.Connection) -> None:
            for tcn in tcns:
                audit.append(
                    writer,
                    now,
                    f"transaction.{event}",
                    subject=tcn,
                    actor=by[:MOST_ABOUT_ONE],
                    note=why[:MOST_ABOUT_ONE],
                )

        await self._db.write(note)

    async def version(self) -> int:
        """A number that is another one whenever something was written since, by whichever process."""
        row = await self._db.row("PRAGMA data_version")
        return 0 if row is None else int(row[0])
