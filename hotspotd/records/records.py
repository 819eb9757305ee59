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

from hotspotd.clock import Clock
from hotspotd.domain.chip import ChipCheck, PortraitCheck
from hotspotd.domain.document import Document
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.liveness import Liveness
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome, ReferReason, Verdict
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.alerts import Alerts, insert_alert
from hotspotd.records.answers import Answers
from hotspotd.records.database import Database
from hotspotd.records.model import (
    AlertKind,
    EncounterRow,
    OutboxItem,
    OutboxState,
    StoredEncounter,
)
from hotspotd.records.outbox import Outbox
from hotspotd.records.retention import Retention

_encode = msgspec.json.encode


class Records(Outbox, Answers, Alerts, Retention):
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
        async with self._db.write() as writer:
            await writer.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

    async def record_encounter(self, encounter: Encounter, item: OutboxItem) -> None:
        """Write down an encounter, its samples and its transaction: all or nothing.

        Raises RecordsError: STORAGE_FULL when the disk or the outbox is at its limit, STORAGE_FAILED.
        """
        await self._refuse_when_full()
        now = self._clock.now()
        async with self._db.write() as writer:
            await writer.execute(
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
            await writer.executemany(
                "INSERT INTO sample (encounter_id, modality, position, media_type, image, width, height, dpi, quality,"
                " template, missing, nfiq2) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                [_sample_row(encounter.encounter_id, sample) for sample in encounter.samples],
            )
            await writer.execute(
                "INSERT INTO outbox (tcn, encounter_id, kind, priority, payload, created_at, state)"
                " VALUES (?,?,?,?,?,?,?)",
                (
                    item.tcn,
                    item.encounter_id,
                    item.kind,
                    item.priority,
                    item.payload,
                    item.created_at,
                    OutboxState.QUEUED,
                ),
            )
            await audit.append(writer, now, "encounter.recorded", subject=encounter.encounter_id)

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
        async with self._db.write() as writer:
            await writer.execute(
                "UPDATE encounter SET local_outcome = ?, verdict = ?, checked_at = ? WHERE id = ?",
                (verdict.outcome, _encode(verdict), now.iso(), encounter_id),
            )
            await audit.append(writer, now, "encounter.checked", subject=encounter_id, detail=verdict.outcome)
            if verdict.outcome is Outcome.CLEAR:
                return []
            alert_id = await insert_alert(
                writer,
                now,
                encounter_id=encounter_id,
                kind=AlertKind.LOCAL if verdict.hits else AlertKind.TROUBLE,
                hits=verdict.hits,
                reasons=tuple(verdict.reasons),
                determination="UC",
            )
        return [] if alert_id is None else [alert_id]

    async def release(self, encounter_id: str) -> None:
        """The traveller has left the lane: a hit that comes from now on is a late hit."""
        now = self._clock.now()
        async with self._db.write() as writer:
            await writer.execute(
                "UPDATE encounter SET released_at = ? WHERE id = ? AND released_at IS NULL", (now.iso(), encounter_id)
            )

    async def release_unless_hit(self, encounter_id: str) -> bool:
        """Release the traveller unless the gateway has a hit; whether they may go. One decision, one transaction."""
        now = self._clock.now()
        async with self._db.write() as writer:
            cursor = await writer.execute(
                "UPDATE encounter SET released_at = ? WHERE id = ? AND gateway_outcome IS NOT ?",
                (now.iso(), encounter_id, GatewayOutcome.HIT),
            )
            return cursor.rowcount == 1

    async def release_all(self) -> int:
        """Nobody is in any lane (the daemon has just started). Returns how many encounters were still open."""
        now = self._clock.now()
        async with self._db.write() as writer:
            cursor = await writer.execute(
                "UPDATE encounter SET released_at = ? WHERE released_at IS NULL", (now.iso(),)
            )
            return cursor.rowcount

    async def unchecked(self) -> list[str]:
        """Encounters that were recorded but never checked: the power went between the two."""
        rows = await self._db.rows(
            "SELECT id FROM encounter WHERE local_outcome IS NULL AND erased_at IS NULL ORDER BY id"
        )
        return [str(row["id"]) for row in rows]

    async def encounter(self, encounter_id: str) -> StoredEncounter:
        """One encounter with everything that came of it. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row("SELECT * FROM encounter WHERE id = ?", (encounter_id,))
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: no encounter {encounter_id}")
        samples = await self._db.rows(
            "SELECT modality, position, media_type, x'' AS image, width, height, dpi, quality, template, missing,"
            " nfiq2"
            " FROM sample WHERE encounter_id = ? ORDER BY modality, position",
            (encounter_id,),
        )
        try:
            return _stored(row, samples)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordsError(
                Reason.DAMAGED, f"records: encounter {encounter_id} cannot be read: {error}", "Export the database."
            ) from error

    async def sample_image(
        self, encounter_id: str, modality: str, position: FingerPosition | None = None
    ) -> tuple[bytes, str]:
        """A sample's encoded picture and its media type. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row(
            "SELECT image, media_type FROM sample WHERE encounter_id = ? AND modality = ? AND position = ?"
            " AND length(image) > 0",
            (encounter_id, modality, int(position or 0)),
        )
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: encounter {encounter_id} has no such {modality} sample")
        return bytes(row["image"]), str(row["media_type"])

    async def recent(self, limit: int = 20) -> list[EncounterRow]:
        """The latest encounters, newest first."""
        rows = await self._db.rows(
            "SELECT id, tcn, lane, opened_at, local_outcome, json_extract(verdict, '$.compute_ms') AS local_ms,"
            " gateway_outcome, released_at FROM encounter ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [
            EncounterRow(
                encounter_id=row["id"],
                tcn=row["tcn"],
                lane=row["lane"],
                opened_at=row["opened_at"],
                local_outcome=row["local_outcome"],
                local_ms=row["local_ms"],
                gateway_outcome=row["gateway_outcome"],
                released_at=row["released_at"],
            )
            for row in rows
        ]


def _stored(row: sqlite3.Row, samples: list[sqlite3.Row]) -> StoredEncounter:
    return StoredEncounter(
        encounter=Encounter(
            encounter_id=row["id"],
            tcn=row["tcn"],
            lane=row["lane"],
            operation=row["operation"],
            opened_at=row["opened_at"],
            clock_trusted=bool(row["clock_trusted"]),
            document=None if row["document"] is None else msgspec.json.decode(row["document"], type=Document),
            samples=tuple(_sample(dict(sample)) for sample in samples),
            trouble=msgspec.json.decode(row["trouble"], type=tuple[ReferReason, ...]),
            liveness=None if row["liveness"] is None else msgspec.json.decode(row["liveness"], type=Liveness),
            chip=None if row["chip"] is None else msgspec.json.decode(row["chip"], type=ChipCheck),
            portrait=None if row["portrait"] is None else msgspec.json.decode(row["portrait"], type=PortraitCheck),
        ),
        verdict=None if row["verdict"] is None else msgspec.json.decode(row["verdict"], type=Verdict),
        answer=None if row["answer"] is None else msgspec.json.decode(row["answer"], type=GatewayAnswer),
        answered_at=row["answered_at"],
        released_at=row["released_at"],
        erased_at=row["erased_at"],
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


def _sample(row: dict[str, object]) -> Sample:
    position = row.pop("position")
    row["position"] = position if row["modality"] == "finger" else None
    return msgspec.convert(row, Sample)
