"""What the daemon writes down and reads back, in terms of encounters, transactions and alerts.

Promises: a coroutine that returned has its change on disk; an encounter and its outbox row are one transaction;
storing a gateway's answer twice changes nothing the second time.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.verdict import GatewayOutcome, Outcome, Verdict
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.alerts import Alerts, insert_alert
from hotspotd.records.answers import Answers
from hotspotd.records.database import Database
from hotspotd.records.encounters import Encounters
from hotspotd.records.model import AlertKind, OutboxItem, OutboxState
from hotspotd.records.outbox import Outbox
from hotspotd.records.retention import Retention

_encode = msgspec.json.encode


class Records(Outbox, Encounters, Answers, Alerts, Retention):
    """The records of one device. Made by ``open``."""

    def __init__(self, database: Database, clock: Clock, *, outbox_limit: int, minimum_free_mb: int) -> None:
        super().__init__(database, clock)
        self._outbox_limit = outbox_limit
        self._minimum_free = minimum_free_mb * 1024 * 1024

    @classmethod
    async def open(
        cls, path: Path, clock: Clock | None = None, *, outbox_limit: int = 10_000, minimum_free_mb: int = 0
    ) -> Records:
        """Open or make the database in ``path``. Raises RecordsError."""
        database = await Database.open(path)
        return cls(database, clock or Clock(), outbox_limit=outbox_limit, minimum_free_mb=minimum_free_mb)

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
        await self._refuse_when_full()
        now = self._clock.now()
        await self._db.write(lambda writer: _record(writer, now, encounter, item))

    async def _refuse_when_full(self) -> None:
        free = (await asyncio.to_thread(shutil.disk_usage, self._db.path.parent)).free
        if free < self._minimum_free:
            raise RecordsError(
                Reason.STORAGE_FULL,
                f"records: {free // 1_048_576} MB free, {self._minimum_free // 1_048_576} MB are kept",
                "Free space; nothing stored is lost.",
            )
        queued, _ = await self.queue_state()
        if queued >= self._outbox_limit:
            raise RecordsError(
                Reason.STORAGE_FULL, f"records: {queued} transactions wait, the limit", "Restore the link."
            )

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
            query = f"UPDATE encounter SET released_at = ? WHERE {which}"  # noqa: S608  # Constants of the callers.
            return writer.execute(query, (now, *parameters)).rowcount

        return await self._db.write(release)


def _record(writer: sqlite3.Connection, now: Stamp, encounter: Encounter, item: OutboxItem) -> None:
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
    writer.execute(
        "INSERT INTO outbox (tcn, encounter_id, kind, priority, payload, created_at, state) VALUES (?,?,?,?,?,?,?)",
        (item.tcn, item.encounter_id, item.kind, item.priority, item.payload, item.created_at, OutboxState.QUEUED),
    )
    audit.append(writer, now, "encounter.recorded", subject=encounter.encounter_id)


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
