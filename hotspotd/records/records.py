"""What the daemon writes down and reads back, in terms of encounters, transactions and alerts.

Promises: a coroutine that returned has its change on disk; an encounter and its outbox row are one transaction;
storing a gateway's answer twice changes nothing the second time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.verdict import Outcome, ReferReason, Verdict
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit, sealed
from hotspotd.records.admission import MB, Admission, Limits
from hotspotd.records.alerts import insert_alert
from hotspotd.records.answers import Answers
from hotspotd.records.auditing import Auditing
from hotspotd.records.counts import Counts
from hotspotd.records.data_key import KeySource
from hotspotd.records.data_subjects import DataSubjects
from hotspotd.records.database import Database
from hotspotd.records.deciding import Deciding
from hotspotd.records.handling import Handling
from hotspotd.records.happenings import Happenings
from hotspotd.records.kept import Kept
from hotspotd.records.model import AlertKind, OutboxItem
from hotspotd.records.outbox import Outbox
from hotspotd.records.people import People
from hotspotd.records.presence import Presence
from hotspotd.records.retention import Retention
from hotspotd.records.security_keys import SecurityKeys
from hotspotd.records.settling import prints_refused, settle
from hotspotd.records.shift_notes import ShiftNotes
from hotspotd.records.views import Views

_encode = msgspec.json.encode
_KEY = sealed.KEY_OF.format("?1")


class Records(
    Outbox,
    Handling,
    Happenings,
    DataSubjects,
    Presence,
    Answers,
    Deciding,
    Counts,
    Retention,
    Auditing,
    People,
    SecurityKeys,
    ShiftNotes,
    Kept,
):
    """The records of one device. Made by ``open``."""

    def __init__(self, database: Database, clock: Clock, admission: Admission) -> None:
        super().__init__(database, clock, admission)
        self._views = Views(database, clock)

    @classmethod
    async def open(
        cls,
        path: Path,
        clock: Clock | None = None,
        *,
        data_key: KeySource | None = None,
        outbox_limit: int = 10_000,
        outbox_mb: int = 2048,
        minimum_free_mb: int = 0,
    ) -> Records:
        """Open or make the database in ``path``; the limits are those of the configuration.

        Without a ``data_key`` it is in a file beside the database, made when it is missing. Raises RecordsError.
        """
        clock = clock or Clock()
        database = await Database.open(path, data_key)
        limits = Limits(rows=outbox_limit, bytes=outbox_mb * MB, free=minimum_free_mb * MB)
        records = cls(database, clock, Admission(database, limits, clock))
        if database.set_aside is not None:
            await records.audited("records.set_aside", subject=database.set_aside.name)
        return records

    @classmethod
    async def beside(cls, path: Path, clock: Clock | None = None, *, data_key: KeySource | None = None) -> Records:
        """The records that another process keeps and may be using: looked at, and written for a moment.

        Makes nothing, brings nothing up to date and sets nothing aside. Without the ``data_key`` what is personal stays
        sealed: reading it raises NO_KEY. Raises RecordsError: NOT_FOUND, WRONG_VERSION,
        STORAGE_FAILED.
        """
        clock = clock or Clock()
        database = await Database.beside(path, data_key)
        # What it may not do is to add rows: their limits are the daemon's business.
        return cls(database, clock, Admission(database, Limits(rows=0, bytes=0, free=0), clock))

    @property
    def path(self) -> Path:
        """The database's file."""
        return self._db.path

    @property
    def set_aside(self) -> Path | None:
        """The damaged database that was moved away at opening, if one was."""
        return self._db.set_aside

    async def close(self) -> None:
        """Write what is still to be audited, and close the database."""
        await self.views_written()
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
        key = await self._db.vault.take()

        def record(writer: sqlite3.Connection) -> None:
            self._admission.check(writer, item)
            _insert_encounter(writer, now, encounter, key)
            audit.append(writer, now, "encounter.recorded", subject=encounter.encounter_id)
            self._admission.insert(writer, item)

        with self._admission.watch(item.rank):
            await self._db.write(record)

    async def record_verdict(self, encounter_id: str, verdict: Verdict) -> list[int]:
        """Store the local result; a referral raises an alert. Returns the ids of alerts raised now."""
        now = self._clock.now()
        alert_id = await self._db.write(lambda writer: _store_verdict(writer, now, encounter_id, verdict))
        return [] if alert_id is None else [alert_id]

    async def record_prints_again(self, encounter: Encounter, item: OutboxItem) -> None:
        """Put the fingerprints of ``encounter`` in place of those before, with a second transaction: all or nothing.

        The encounter counts as not checked and not answered until both are done anew: after a power cut it is checked
        again. Raises RecordsError: NOT_FOUND when the traveller has left meanwhile, STORAGE_FULL, STORAGE_FAILED.
        """
        now = self._clock.now()

        def record(writer: sqlite3.Connection) -> None:
            self._admission.check(writer, item)
            _replace_prints(writer, encounter)
            self._admission.insert(writer, item)
            audit.append(writer, now, "encounter.prints_again", subject=encounter.encounter_id)
            settle(writer, now, encounter.encounter_id)

        await self._db.write(record)


def _replace_prints(writer: sqlite3.Connection, encounter: Encounter) -> None:
    here = writer.execute(
        "UPDATE encounter SET local_outcome = NULL WHERE id = ? AND released_at IS NULL AND erased_at IS NULL",
        (encounter.encounter_id,),
    )
    if here.rowcount == 0:
        raise RecordsError(
            Reason.NOT_FOUND, f"records: encounter {encounter.encounter_id} is over", "Check the traveller anew."
        )
    writer.execute("DELETE FROM sample WHERE encounter_id = ? AND modality = 'finger'", (encounter.encounter_id,))
    _insert_samples(writer, encounter.encounter_id, (one for one in encounter.samples if one.modality == "finger"))


def _insert_encounter(writer: sqlite3.Connection, now: Stamp, encounter: Encounter, key: int) -> None:
    writer.execute(
        "INSERT INTO encounter (key_id, id, tcn, lane, operation, opened_at, recorded_at, clock_trusted, kept_from,"
        " trouble, document, liveness, chip, portrait, officer) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,"
        " seal(?1, 'encounter.document', ?2, ?11), seal(?1, 'encounter.liveness', ?2, ?12),"
        " seal(?1, 'encounter.chip', ?2, ?13), seal(?1, 'encounter.portrait', ?2, ?14),"
        " seal(?1, 'encounter.officer', ?2, ?15))",
        (
            key,
            encounter.encounter_id,
            encounter.tcn,
            encounter.lane,
            encounter.operation,
            encounter.opened_at,
            now.iso(),
            int(encounter.clock_trusted),
            now.iso() if now.trusted else None,
            _encode(encounter.trouble),
            None if encounter.document is None else _encode(encounter.document),
            None if encounter.liveness is None else _encode(encounter.liveness),
            None if encounter.chip is None else _encode(encounter.chip),
            None if encounter.portrait is None else _encode(encounter.portrait),
            _encode(encounter.officer),
        ),
    )
    _insert_samples(writer, encounter.encounter_id, encounter.samples)


def _insert_samples(writer: sqlite3.Connection, encounter_id: str, samples: Iterable[Sample]) -> None:
    writer.executemany(
        "INSERT INTO sample (encounter_id, modality, position, media_type, width, height, dpi, quality, missing, nfiq2,"  # noqa: S608  # Constants.
        " image, template) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,"
        f" seal({_KEY}, 'sample.image', ?11, ?12), seal({_KEY}, 'sample.template', ?11, ?13))",
        [_sample_row(encounter_id, sample) for sample in samples],
    )


def _store_verdict(writer: sqlite3.Connection, now: Stamp, encounter_id: str, verdict: Verdict) -> int | None:
    writer.execute(
        "UPDATE encounter SET local_outcome = ?, local_reasons = ?, local_hits = ?, local_ms = ?, checked_at = ?,"
        " verdict = seal(key_id, 'encounter.verdict', id, ?) WHERE id = ?",
        (
            verdict.outcome,
            _encode(verdict.reasons).decode(),
            len(verdict.hits),
            verdict.compute_ms,
            now.iso(),
            _encode(verdict),
            encounter_id,
        ),
    )
    audit.append(writer, now, "encounter.checked", subject=encounter_id, detail=verdict.outcome)
    if verdict.outcome is Outcome.CLEAR:
        return None
    reasons = tuple(verdict.reasons)
    if prints_refused(writer, encounter_id):
        # The gateway was faster than the search here: an officer comes, and hears of both at once.
        reasons = (*reasons, ReferReason.PRINTS_REFUSED)
    return insert_alert(
        writer,
        now,
        encounter_id=encounter_id,
        kind=AlertKind.LOCAL if verdict.hits else AlertKind.TROUBLE,
        hits=verdict.hits,
        reasons=reasons,
    )


def _sample_row(encounter_id: str, sample: Sample) -> tuple[object, ...]:
    return (
        encounter_id,
        sample.modality,
        int(sample.position or 0),
        sample.media_type,
        sample.width,
        sample.height,
        sample.dpi,
        sample.quality,
        sample.missing,
        sample.nfiq2,
        sealed.sample_row(encounter_id, sample.modality, int(sample.position or 0)),
        sample.image,
        sample.template,
    )
