"""What the daemon writes down and reads back, in terms of encounters, transactions and alerts.

Promises: a coroutine that returned has its change on disk; an encounter and its outbox row are one transaction;
storing a gateway's answer twice changes nothing the second time.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.verdict import GatewayOutcome, Outcome, Verdict
from hotspotd.records import audit
from hotspotd.records.admission import MB, Admission, Limits
from hotspotd.records.alerts import Alerts, insert_alert
from hotspotd.records.answers import Answers
from hotspotd.records.database import Database
from hotspotd.records.encounters import Encounters
from hotspotd.records.model import AlertKind, OutboxItem, Rank
from hotspotd.records.outbox import Outbox
from hotspotd.records.retention import Retention

_encode = msgspec.json.encode


class Records(Outbox, Encounters, Answers, Alerts, Retention):
    """The records of one device. Made by ``open``."""

    @classmethod
    async def open(
        cls,
        path: Path,
        clock: Clock | None = None,
        *,
        outbox_limit: int = 10_000,
        outbox_mb: int = 2048,
        minimum_free_mb: int = 0,
    ) -> Records:
        """Open or make the database in ``path``; the limits are those of the configuration. Raises RecordsError."""
        clock = clock or Clock()
        database = await Database.open(path)
        limits = Limits(rows=outbox_limit, bytes=outbox_mb * MB, free=minimum_free_mb * MB)
        return cls(database, clock, Admission(database, limits, clock))

    @property
    def set_aside(self) -> Path | None:
        """The damaged database that was moved away at opening, if one was."""
        return self._db.set_aside

    async def close(self) -> None:
        """Close the database."""
        await self._db.close()

    async def check_writable(self) -> None:
        """Commit something. Raises RecordsError when nothing can be committed."""
        await self._meta_set("last_check", self._clock.now().iso())

    async def _meta_set(self, name: str, value: str) -> None:
        def store(writer: sqlite3.Connection) -> None:
            writer.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

        await self._db.write(store)

    async def record_encounter(self, encounter: Encounter, item: OutboxItem) -> None:
        """Write down an encounter, its samples and its transaction: all or nothing.

        Raises RecordsError: STORAGE_FULL when the disk or the outbox is at its limit, STORAGE_FAILED.
        """
        now = self._clock.now()

        def record(writer: sqlite3.Connection) -> None:
            self._admission.check(writer, item)
            _insert_encounter(writer, now, encounter)
            audit.append(writer, now, "encounter.recorded", subject=encounter.encounter_id)
            self._admission.insert(writer, item)

        with self._admission.watch(item.rank):
            await self._db.write(record)

    async def record_verdict(self, encounter_id: str, verdict: Verdict) -> list[int]:
        """Store the local result; a referral raises an alert. Returns the ids of alerts raised now."""
        now = self._clock.now()
        alert_id = await self._db.write(lambda writer: _store_verdict(writer, now, encounter_id, verdict))
        return [] if alert_id is None else [alert_id]

    async def release(self, encounter_id: str) -> None:
        """The traveller has left the lane: a hit that comes from now on is a late hit."""
        await self._release("id = ? AND released_at IS NULL", encounter_id)

    async def release_unless_hit(self, encounter_id: str) -> bool:
        """Release the traveller unless the gateway has a hit; whether they may go. One decision, one transaction."""
        return await self._release("id = ? AND gateway_outcome IS NOT ?", encounter_id, GatewayOutcome.HIT) == 1

    async def release_all(self) -> int:
        """Nobody is in any lane (the daemon has just started). Returns how many encounters were still open."""
        return await self._release("released_at IS NULL")

    async def _release(self, which: str, *parameters: str) -> int:
        now = self._clock.now().iso()

        def release(writer: sqlite3.Connection) -> int:
            query = f"UPDATE encounter SET released_at = ? WHERE {which} RETURNING id"  # noqa: S608  # Constants of the callers.
            released = writer.execute(query, (now, *parameters)).fetchall()
            # Nobody waits for the answer any more: those that somebody waits for go first.
            writer.executemany(
                "UPDATE outbox SET rank = ? WHERE state IN ('queued', 'sending') AND rank = ? AND encounter_id = ?",
                [(Rank.BACKLOG, Rank.LIVE, row[0]) for row in released],
            )
            return len(released)

        return await self._db.write(release)


def _insert_encounter(writer: sqlite3.Connection, now: Stamp, encounter: Encounter) -> None:
    writer.execute(
        "INSERT INTO encounter (id, tcn, lane, operation, opened_at, recorded_at, clock_trusted, document,"
        " trouble, liveness, chip, portrait) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            encounter.encounter_id,
            encounter.tcn,
            encounter.lane,
            encounter.operation,
            encounter.opened_at,
            now.iso(),
            int(encounter.clock_trusted),
            None if encounter.document is None else _encode(encounter.document),
            _encode(encounter.trouble),
            None if encounter.liveness is None else _encode(encounter.liveness),
            None if encounter.chip is None else _encode(encounter.chip),
            None if encounter.portrait is None else _encode(encounter.portrait),
        ),
    )
    writer.executemany(
        "INSERT INTO sample (encounter_id, modality, position, media_type, image, width, height, dpi, quality,"
        " template, missing, nfiq2) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        [_sample_row(encounter.encounter_id, sample) for sample in encounter.samples],
    )


def _store_verdict(writer: sqlite3.Connection, now: Stamp, encounter_id: str, verdict: Verdict) -> int | None:
    writer.execute(
        "UPDATE encounter SET local_outcome = ?, verdict = ?, checked_at = ? WHERE id = ?",
        (verdict.outcome, _encode(verdict), now.iso(), encounter_id),
    )
    audit.append(writer, now, "encounter.checked", subject=encounter_id, detail=verdict.outcome)
    if verdict.outcome is Outcome.CLEAR:
        return None
    return insert_alert(
        writer,
        now,
        encounter_id=encounter_id,
        kind=AlertKind.LOCAL if verdict.hits else AlertKind.TROUBLE,
        hits=verdict.hits,
        reasons=tuple(verdict.reasons),
        determination="UC",
    )


def _sample_row(encounter_id: str, sample: Sample) -> tuple[object, ...]:
    return (
        encounter_id,
        sample.modality,
        int(sample.position or 0),
        sample.media_type,
        sample.image,
        sample.width,
        sample.height,
        sample.dpi,
        sample.quality,
        sample.template,
        sample.missing,
        sample.nfiq2,
    )
