"""Erasure of personal data when its time is up."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Final

from hotspotd.clock import Clock, Stamp
from hotspotd.records import audit
from hotspotd.records.database import Database

# As long as the gateway keeps who searched by text, and for what.
NOTES_KEPT_DAYS: Final = 730


class Retention:
    """Erases what has been kept for long enough."""

    _db: Database
    _clock: Clock

    async def erase_clear(self, keep_hours: float) -> int:
        """Erase the personal data of encounters that are clear here and at the gateway, when their time is up.

        An encounter the gateway has not answered stays: it must still be relayed. Nothing is erased while the
        clock is not trusted. Returns how many were erased.
        """
        now = self._clock.now()
        if not now.trusted:
            return 0
        before = Stamp(now.at - timedelta(hours=keep_hours), trusted=True).iso()
        erased = await self._db.write(lambda writer: _erase(writer, now, before))
        return len(erased)

    async def erase_notes(self, keep_days: float = NOTES_KEPT_DAYS) -> int:
        """Erase what people wrote into the audit chain's notes, when its time is up; the chain stays whole.

        Nothing is erased while the clock is not trusted. Returns how many were erased.
        """
        now = self._clock.now()
        if not now.trusted:
            return 0
        before = Stamp(now.at - timedelta(days=keep_days), trusted=True).iso()
        return await self._db.write(lambda writer: audit.erase_notes(writer, now, before))


def _erase(writer: sqlite3.Connection, now: Stamp, before: str) -> list[str]:
    due = [
        str(row[0])
        for row in writer.execute(
            "SELECT id FROM encounter e WHERE erased_at IS NULL AND local_outcome IS NOT NULL"
            " AND gateway_outcome = 'no_hit' AND answered_at <= ?"
            " AND json_array_length(coalesce(verdict -> '$.hits', '[]')) = 0"
            " AND NOT EXISTS (SELECT 1 FROM alert a WHERE a.encounter_id = e.id"
            " AND (a.state IN ('open', 'awaiting', 'handed_over') OR json_array_length(a.hits) > 0))"
            " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.encounter_id = e.id AND o.state IN ('queued', 'sending'))",
            (before,),
        ).fetchall()
    ]
    for encounter_id in due:
        writer.execute("DELETE FROM sample WHERE encounter_id = ?", (encounter_id,))
        writer.execute("UPDATE reply SET raw = x'', answer = NULL WHERE encounter_id = ?", (encounter_id,))
        writer.execute(
            "UPDATE encounter SET document = NULL, answer = NULL, erased_at = ? WHERE id = ?",
            (now.iso(), encounter_id),
        )
        audit.append(writer, now, "encounter.erased", subject=encounter_id)
    return due
