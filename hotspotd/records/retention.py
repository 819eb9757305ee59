"""Erasure of personal data when its time is up, on a lawful request, or not at all: legal hold.

To erase an encounter is to destroy its key; what it sealed is emptied too, and the row with outcomes and times stays.
The rows are changed first, in one transaction that writes the key down as dead; then the key is destroyed. Whatever
interrupts that, dead keys are destroyed at the next look.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from datetime import timedelta
from typing import Final

import msgspec

from hotspotd.clock import EARLIEST_PLAUSIBLE, Clock, Stamp
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.database import Database
from hotspotd.records.keeping import Held, Keeping, term

log = logging.getLogger(__name__)

# As long as the gateway keeps who searched by text, and for what.
NOTES_KEPT_DAYS: Final = 730
LONGEST: Final = "longest"
"""What the audit chain says of an encounter that was erased only because nothing is kept for longer."""
# The writer is not kept busy with erasing for long.
_TOGETHER: Final = 50
_HELD: Final = """
SELECT e.id AS encounter_id, e.tcn, e.lane, e.operation, e.recorded_at, e.kept_from, e.local_outcome,
    e.gateway_outcome, e.answered_at, e.released_at,
    e.local_hits > 0 OR e.gateway_outcome IS 'hit'
        OR EXISTS (SELECT 1 FROM alert a WHERE a.encounter_id = e.id AND a.hit_count > 0) AS hit,
    (SELECT count(*) FROM alert a WHERE a.encounter_id = e.id
        AND a.state IN ('open', 'awaiting', 'handed_over')) AS open_alerts,
    (SELECT max(a.decided_at) FROM alert a WHERE a.encounter_id = e.id) AS decided_at,
    EXISTS (SELECT 1 FROM outbox o WHERE o.encounter_id = e.id AND o.state IN ('queued', 'sending')) AS unsent,
    EXISTS (SELECT 1 FROM alert a WHERE a.encounter_id = e.id AND a.hit_count > 0)
        AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.encounter_id = e.id AND o.kind = 'decision'
            AND o.state = 'answered') AS unreported,
    (SELECT max(o.received_at) FROM outbox o WHERE o.encounter_id = e.id) AS received_at,
    h.since AS held_since
FROM encounter e LEFT JOIN legal_hold h ON h.encounter_id = e.id WHERE e.key_id IS NOT NULL
"""


class Retention:
    """Erases what has been kept for long enough."""

    _db: Database
    _clock: Clock

    async def held(self) -> list[Held]:
        """Every encounter of which something personal is held, oldest first."""
        rows = await self._db.rows(f"{_HELD} ORDER BY e.id")
        return [_held(row) for row in rows]

    async def erase_due(self, keeping: Keeping) -> int:
        """Erase whose time is up. Nothing is erased while the clock is not trusted. Returns how many were erased."""
        now = self._clock.now()
        if not now.trusted:
            return 0
        await self._db.write(lambda writer: _begin_time(writer, now))
        due = [one.encounter_id for one in await self.held() if _is_due(one, keeping, now)]
        erased = 0
        for begin in range(0, len(due), _TOGETHER):
            ids = due[begin : begin + _TOGETHER]
            erased += await self._db.write(lambda writer, ids=ids: _erase_due(writer, now, ids, keeping))  # type: ignore[misc]
        before = Stamp(now.at - timedelta(hours=keeping.longest_hours), trusted=True).iso()
        await self._db.write(lambda writer: _erase_unknown_replies(writer, before))
        await self.destroy_dead_keys()
        return erased

    async def erase_notes(self, keep_days: float = NOTES_KEPT_DAYS) -> int:
        """Erase what people wrote into the audit chain's notes, when its time is up; the chain stays whole.

        Nothing is erased while the clock is not trusted. Returns how many were erased.
        """
        now = self._clock.now()
        if not now.trusted:
            return 0
        before = Stamp(now.at - timedelta(days=keep_days), trusted=True).iso()
        return await self._db.write(lambda writer: audit.erase_notes(writer, now, before))

    async def erase_encounter(self, encounter_id: str, by: str, purpose: str, *, unsent: bool = False) -> None:
        """Erase one encounter on a lawful request; ``unsent``: even what the gateway has not received.

        Raises RecordsError: NOT_FOUND where nothing is held of it, CONFLICT under legal hold, with the traveller in
        the lane, and for what is not sent.
        """
        now = self._clock.now()

        def erase(writer: sqlite3.Connection) -> None:
            one = _one(writer, encounter_id)
            if one.held_since is not None:
                raise _refused(encounter_id, "is under legal hold", "hotspotctl privacy lift, where that has ended.")
            if one.released_at is None:
                raise _refused(encounter_id, "is not over: the traveller is in the lane", "Try again later.")
            if one.unsent and not unsent:
                raise _refused(
                    encounter_id, "is not sent to the gateway yet", "Restore the link, or say --unsent to give it up."
                )
            _erase(writer, now, encounter_id, "request", by=by, purpose=purpose)

        await self._db.write(erase)
        await self.destroy_dead_keys()

    async def hold(self, encounter_id: str, by: str, reason: str) -> None:
        """Put an encounter under legal hold: it is not erased until that is lifted.

        Raises RecordsError: NOT_FOUND where nothing is held of it, CONFLICT when it is under hold.
        """
        now = self._clock.now()

        def put(writer: sqlite3.Connection) -> None:
            if _one(writer, encounter_id).held_since is not None:
                raise _refused(
                    encounter_id, "is under legal hold already", "hotspotctl privacy report says since when."
                )
            writer.execute(
                "INSERT INTO legal_hold (encounter_id, since, held_by, reason) SELECT id, ?, ?,"
                " seal(key_id, 'legal_hold.reason', id, ?) FROM encounter WHERE id = ?",
                (now.iso(), by, reason, encounter_id),
            )
            audit.append(writer, now, "encounter.held", subject=encounter_id, actor=by, note=reason)

        await self._db.write(put)

    async def lift(self, encounter_id: str, by: str, reason: str) -> None:
        """Lift a legal hold: time counts as if there had been none. Raises RecordsError (NOT_FOUND)."""
        now = self._clock.now()

        def lift(writer: sqlite3.Connection) -> None:
            if writer.execute("DELETE FROM legal_hold WHERE encounter_id = ?", (encounter_id,)).rowcount == 0:
                raise RecordsError(
                    Reason.NOT_FOUND,
                    f"records: encounter {encounter_id} is under no legal hold",
                    "hotspotctl privacy report lists those that are.",
                )
            audit.append(writer, now, "encounter.hold_lifted", subject=encounter_id, actor=by, note=reason)

        await self._db.write(lift)

    async def destroy_dead_keys(self) -> None:
        """Destroy the keys of what was erased. Where another process holds them it is logged, and done next time.

        Raises RecordsError.
        """
        dead = [int(row["id"]) for row in await self._db.rows("SELECT id FROM dead_key")]
        if not dead:
            return
        try:
            await asyncio.to_thread(self._db.vault.destroy, dead)
        except RecordsError as error:
            if error.reason is not Reason.BUSY:
                raise
            log.info("%d destroyed keys are still in a log: %s", len(dead), error)
            return
        await self._db.write(
            lambda writer: writer.executemany("DELETE FROM dead_key WHERE id = ?", [(one,) for one in dead]).rowcount
        )


def _held(row: sqlite3.Row) -> Held:
    return msgspec.convert(dict(row), Held, strict=False)


def _find(writer: sqlite3.Connection, encounter_id: str) -> Held | None:
    cursor = writer.execute(f"{_HELD} AND e.id = ?", (encounter_id,))
    cursor.row_factory = sqlite3.Row
    row = cursor.fetchone()
    return None if row is None else _held(row)


def _one(writer: sqlite3.Connection, encounter_id: str) -> Held:
    """Raises RecordsError (NOT_FOUND)."""
    found = _find(writer, encounter_id)
    if found is None:
        raise RecordsError(
            Reason.NOT_FOUND,
            f"records: nothing personal is held of encounter {encounter_id}",
            "hotspotctl privacy report lists what is.",
        )
    return found


def _refused(encounter_id: str, why: str, advice: str) -> RecordsError:
    return RecordsError(Reason.CONFLICT, f"records: encounter {encounter_id} {why}", advice)


def _is_due(one: Held, keeping: Keeping, now: Stamp) -> bool:
    until = term(one, keeping).until
    # Whoever is in a lane is not erased under the officer's eyes: leaving comes first, at the next start at the latest.
    return until is not None and until <= now.iso() and one.released_at is not None


def _begin_time(writer: sqlite3.Connection, now: Stamp) -> None:
    """What came on an untrusted clock is kept from now."""
    plausible = Stamp(EARLIEST_PLAUSIBLE, trusted=True).iso()
    writer.execute("UPDATE encounter SET kept_from = ? WHERE kept_from IS NULL AND key_id IS NOT NULL", (now.iso(),))
    writer.execute(
        "UPDATE reply SET received_at = ? WHERE encounter_id IS NULL AND key_id IS NOT NULL AND received_at < ?",
        (now.iso(), plausible),
    )


def _erase_due(writer: sqlite3.Connection, now: Stamp, ids: list[str], keeping: Keeping) -> int:
    """Erase those of ``ids`` whose time is still up: something may have happened since."""
    erased = 0
    for encounter_id in ids:
        one = _find(writer, encounter_id)
        if one is not None and _is_due(one, keeping, now):
            why = term(one, keeping).why
            _erase(writer, now, encounter_id, why if why in {"no_hit", "handed_over"} else f"{LONGEST} {why}")
            erased += 1
    return erased


def _erase(
    writer: sqlite3.Connection, now: Stamp, encounter_id: str, why: str, *, by: str = "daemon", purpose: str = ""
) -> None:
    this = (encounter_id,)
    writer.execute("INSERT OR IGNORE INTO dead_key SELECT key_id FROM encounter WHERE id = ?", this)
    writer.execute("DELETE FROM sample WHERE encounter_id = ?", this)
    writer.execute("UPDATE reply SET raw = x'', answer = NULL WHERE encounter_id = ?", this)
    # What was not sent never will be: it is set aside for a person, with its reason.
    writer.execute(
        "UPDATE outbox SET state = 'quarantined', last_error = 'erased before it was sent', failed_at = ?"
        " WHERE encounter_id = ? AND state IN ('queued', 'sending')",
        (now.iso(), encounter_id),
    )
    writer.execute("UPDATE outbox SET payload = x'' WHERE encounter_id = ?", this)
    writer.execute(
        "UPDATE alert SET state = 'dismissed', decided_at = ?, decided_by = ?"
        " WHERE encounter_id = ? AND state IN ('open', 'awaiting', 'handed_over')",
        (now.iso(), by, encounter_id),
    )
    writer.execute("UPDATE alert SET hits = x'', decision_words = NULL WHERE encounter_id = ?", this)
    writer.execute(
        "UPDATE encounter SET document = NULL, verdict = NULL, answer = NULL, liveness = NULL, chip = NULL,"
        " portrait = NULL, officer = NULL, key_id = NULL, erased_at = ? WHERE id = ?",
        (now.iso(), encounter_id),
    )
    audit.append(writer, now, "encounter.erased", subject=encounter_id, actor=by, detail=why, note=purpose)


def _erase_unknown_replies(writer: sqlite3.Connection, before: str) -> None:
    which = "encounter_id IS NULL AND key_id IS NOT NULL AND received_at <= ?"
    writer.execute(f"INSERT OR IGNORE INTO dead_key SELECT key_id FROM reply WHERE {which}", (before,))  # noqa: S608  # Constant.
    writer.execute(f"UPDATE reply SET raw = x'', answer = NULL, key_id = NULL WHERE {which}", (before,))  # noqa: S608
