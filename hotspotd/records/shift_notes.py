"""What one shift tells the next. Free text: sealed, erased after a week by destroying its key, in no audit entry."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Final

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.database import Database

LONGEST_NOTE: Final = 2000
"""Characters of one note."""
SHIFT_NOTES_KEPT_DAYS: Final = 7
"""Longer than anybody is off duty between two shifts; a note is for the next one."""

# A week of notes every quarter of an hour; more would be somebody filling the disk.
_MOST_NOTES = 700


class ShiftNote(msgspec.Struct, frozen=True, kw_only=True):
    """One note. ``author`` as in the audit chain; ``open_alerts`` were open when it was written."""

    note_id: int
    written_at: str
    clock_trusted: bool
    author: str
    text: str
    open_alerts: int


class ShiftNotes:
    """Keeps the notes."""

    _db: Database
    _clock: Clock

    async def write_shift_note(self, text: str, author: str) -> None:
        """Keep a note, with how many alerts are open now. The audit chain says that there is one.

        Raises RecordsError: BAD_VALUE for an empty or too long one, STORAGE_FULL, STORAGE_FAILED.
        """
        if not text.strip() or len(text) > LONGEST_NOTE:
            raise RecordsError(
                Reason.BAD_VALUE, f"a note has 1 to {LONGEST_NOTE} characters", "Write less, or something."
            )
        now = self._clock.now()

        def write(writer: sqlite3.Connection) -> None:
            if writer.execute("SELECT count(*) FROM shift_note").fetchone()[0] >= _MOST_NOTES:
                raise RecordsError(
                    Reason.STORAGE_FULL, "records: too many notes", f"They go after {SHIFT_NOTES_KEPT_DAYS} days."
                )
            opened = writer.execute("SELECT count(*) FROM alert WHERE state = 'open'").fetchone()[0]
            (number,) = writer.execute("SELECT coalesce(max(id), 0) + 1 FROM shift_note").fetchone()
            (key,) = writer.execute("SELECT new_key()").fetchone()
            writer.execute(
                "INSERT INTO shift_note (id, written_at, clock_trusted, author, key_id, text, open_alerts)"
                " VALUES (?1, ?2, ?3, ?4, ?5, seal(?5, 'shift_note.text', CAST(?1 AS TEXT), ?6), ?7)",
                (number, now.iso(), int(now.trusted), author, key, text, opened),
            )
            detail = f"{len(text)} characters, {opened} open alerts"
            audit.append(writer, now, "shift_note.written", subject="shift_note", actor=author, detail=detail)

        await self._db.write(write)

    async def shift_notes(self, limit: int = 5) -> list[ShiftNote]:
        """The latest notes, newest first."""
        rows = await self._db.rows(
            "SELECT id AS note_id, written_at, clock_trusted, author, open_alerts,"
            " CAST(unseal(key_id, 'shift_note.text', CAST(id AS TEXT), text) AS TEXT) AS text"
            " FROM shift_note ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [msgspec.convert({**dict(row), "clock_trusted": bool(row["clock_trusted"])}, ShiftNote) for row in rows]

    async def erase_shift_notes(self, keep_days: float = SHIFT_NOTES_KEPT_DAYS) -> int:
        """Erase notes whose time is up; none while the clock is not trusted. Returns how many were erased.

        One that was written on a clock that was not trusted goes by that clock: it may go sooner or later.
        """
        now = self._clock.now()
        if not now.trusted:
            return 0
        before = Stamp(now.at - timedelta(days=keep_days), trusted=True).iso()

        def erase(writer: sqlite3.Connection) -> int:
            writer.execute(
                "INSERT OR IGNORE INTO dead_key SELECT key_id FROM shift_note WHERE written_at <= ?", (before,)
            )
            gone = writer.execute("DELETE FROM shift_note WHERE written_at <= ?", (before,)).rowcount
            if gone:
                audit.append(writer, now, "shift_note.erased", subject="shift_note", detail=str(gone))
            return gone

        return await self._db.write(erase)
