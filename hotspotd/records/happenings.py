"""What has happened since a moment, to be counted: read from what is stored anyway, so that nothing is counted twice or
missed however late it is read. Nothing personal.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotspotd.clock import EARLIEST_PLAUSIBLE
from hotspotd.records.database import Database

# A reader that was away for a week takes it in pieces.
_MOST = 500


class Moment(msgspec.Struct, frozen=True):
    """Up to where what has happened was read: entries of the audit chain, and replies."""

    entry: int = 0
    reply: int = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the audit chain. ``compute_ms`` is that of the local check, where it is about one."""

    seq: int
    event: str
    detail: str
    compute_ms: float | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One reply of the gateway's to a transaction.

    ``after_s`` are the seconds since that was recorded: only of the first reply to it, and by a clock that was set.
    """

    number: int
    outcome: str
    after_s: float | None = None


class Happenings:
    """Reads what has happened."""

    _db: Database

    async def moment(self) -> Moment:
        """Now."""
        row = await self._db.row(
            "SELECT coalesce((SELECT max(seq) FROM audit), 0) AS entry,"
            " coalesce((SELECT max(rowid) FROM reply), 0) AS reply"
        )
        return Moment() if row is None else Moment(int(row["entry"]), int(row["reply"]))

    async def entries_since(self, seq: int) -> list[Entry]:
        """Entries of the audit chain after ``seq``, oldest first; at most 500."""
        rows = await self._db.rows(
            "SELECT a.seq, a.event, a.detail, e.local_ms AS compute_ms FROM audit a"
            " LEFT JOIN encounter e ON a.event = 'encounter.checked' AND e.id = a.subject"
            " WHERE a.seq > ? ORDER BY a.seq LIMIT ?",
            (seq, _MOST),
        )
        return [msgspec.convert(dict(row), Entry) for row in rows]

    async def replies_since(self, number: int) -> list[Reply]:
        """Replies to what was sent from here after the one ``number``, oldest first; at most 500."""
        rows = await self._db.rows(
            "SELECT r.rowid AS number, r.outcome, r.received_at, o.created_at, EXISTS (SELECT 1 FROM reply b"
            " WHERE b.encounter_id = r.encounter_id AND b.tcr = r.tcr AND b.rowid < r.rowid) AS again"
            " FROM reply r LEFT JOIN outbox o ON o.tcn = r.tcr WHERE r.rowid > ? ORDER BY r.rowid LIMIT ?",
            (number, _MOST),
        )
        return [
            Reply(
                number=row["number"],
                outcome=row["outcome"],
                after_s=None if row["again"] else _between(row["created_at"], row["received_at"]),
            )
            for row in rows
        ]

    async def open_alerts(self) -> dict[str, int]:
        """How many alerts nobody has decided on, by kind."""
        rows = await self._db.rows(
            "SELECT kind, count(*) AS number FROM alert WHERE state IN ('open', 'awaiting') GROUP BY kind"
        )
        return {str(row["kind"]): int(row["number"]) for row in rows}


def _between(recorded_at: str | None, answered_at: str) -> float | None:
    if recorded_at is None:
        return None
    recorded = datetime.fromisoformat(recorded_at)
    seconds = (datetime.fromisoformat(answered_at) - recorded).total_seconds()
    return seconds if recorded >= EARLIEST_PLAUSIBLE and seconds >= 0 else None
