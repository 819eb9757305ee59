"""Small texts that are kept beside the records, by name: how far setting up has come."""

from __future__ import annotations

import sqlite3

from hotspotd.clock import Clock
from hotspotd.records import audit
from hotspotd.records.database import Database


class Kept:
    """Keeps texts that are nobody's."""

    _db: Database
    _clock: Clock

    async def kept(self, name: str) -> str | None:
        """What is kept under ``name``; ``None`` where nothing is. Raises RecordsError."""
        row = await self._db.row("SELECT value FROM meta WHERE name = ?", (f"kept.{name}",))
        return None if row is None else str(row["value"])

    async def keep(self, name: str, value: str, *, actor: str, detail: str) -> None:
        """Keep ``value`` under ``name`` in place of what was, and say so in the audit chain. Raises RecordsError."""
        now = self._clock.now()

        def store(writer: sqlite3.Connection) -> None:
            writer.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (f"kept.{name}", value))
            audit.append(writer, now, f"{name}.changed", subject=name, actor=actor, detail=detail)

        await self._db.write(store)
