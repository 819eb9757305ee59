"""What happened in an hour, as numbers; and which hours the gateway was told of.

Nothing here is about one person: what is read are outcomes, reasons and times. An hour is told once: its row of the
outbox and the mark that it was told are one transaction.
"""

from __future__ import annotations

import sqlite3

import msgspec

from hotspotd.clock import Clock
from hotspotd.domain.verdict import Outcome
from hotspotd.errors import Reason, RecordsError
from hotspotd.records.admission import Admission
from hotspotd.records.database import Database
from hotspotd.records.model import OutboxItem

_TOLD = "statistics_told"
_WHEN = "recorded_at >= ? AND recorded_at < ?"


class OperationCounts(msgspec.Struct, kw_only=True):
    """One operation in one hour. Each encounter, alert and answer counts in the hour in which it came.

    ``reasons`` are those of referrals; ``alerts`` by kind, one for each traveller and kind; ``answers`` by outcome, the
    first to each transaction; ``lane_s`` and ``later_s`` the seconds from writing a transaction down to its first
    answer, of travellers who were still in the lane then and of the others.
    """

    encounters: int = 0
    clear: int = 0
    referred: int = 0
    reasons: dict[str, int] = {}
    alerts: dict[str, int] = {}
    answers: dict[str, int] = {}
    lane_s: list[float] = []
    later_s: list[float] = []


class HourCounts(msgspec.Struct, kw_only=True):
    """One hour: operations by name, and how often each device failed, as ``lane/device``."""

    operations: dict[str, OperationCounts] = {}
    device_faults: dict[str, int] = {}

    @property
    def empty(self) -> bool:
        """Whether nothing happened."""
        return not (self.operations or self.device_faults)


class Counts:
    """Counts by the hour. Times are as ``Stamp.iso`` gives them; an hour is from ``begin`` to before ``end``."""

    _db: Database
    _clock: Clock
    _admission: Admission

    async def note_device_fault(self, lane: str, device: str) -> None:
        """A device of a lane has failed. Without a trusted clock it would belong to no hour."""
        now = self._clock.now()
        if now.trusted:
            row = (now.iso(), lane, device)
            await self._db.write(
                lambda writer: writer.execute("INSERT INTO device_fault VALUES (?, ?, ?)", row).rowcount
            )

    async def counted(self, begin: str, end: str) -> HourCounts:
        """What happened from ``begin`` to before ``end``."""
        hour, within = HourCounts(), (begin, end)
        of = hour.operations
        for row in await self._db.rows(
            "SELECT operation, count(*), sum(local_outcome IS ?), sum(local_outcome IS ?)"  # noqa: S608  # A constant.
            f" FROM encounter WHERE {_WHEN} GROUP BY operation",
            (Outcome.CLEAR, Outcome.REFER, *within),
        ):
            counts = of.setdefault(row[0], OperationCounts())
            counts.encounters, counts.clear, counts.referred = row[1], row[2], row[3]
        for row in await self._db.rows(
            "SELECT operation, r.value, count(*) FROM encounter, json_each(local_reasons) r"  # noqa: S608  # A constant.
            f" WHERE {_WHEN} AND local_reasons IS NOT NULL GROUP BY operation, r.value",
            within,
        ):
            of[row[0]].reasons[row[1]] = row[2]
        for row in await self._db.rows(
            "SELECT e.operation, a.kind, count(*) FROM alert a JOIN encounter e ON e.id = a.encounter_id"
            " WHERE a.raised_at >= ? AND a.raised_at < ? GROUP BY e.operation, a.kind",
            within,
        ):
            of.setdefault(row[0], OperationCounts()).alerts[row[1]] = row[2]
        for row in await self._first_answers(within):
            counts = of.setdefault(row["operation"], OperationCounts())
            counts.answers[row["outcome"]] = counts.answers.get(row["outcome"], 0) + 1
            if row["clock_trusted"]:
                (counts.lane_s if row["waited"] else counts.later_s).append(row["seconds"])
        for row in await self._db.rows(
            "SELECT lane || '/' || device, count(*) FROM device_fault WHERE at >= ? AND at < ? GROUP BY 1", within
        ):
            hour.device_faults[row[0]] = row[1]
        return hour

    async def _first_answers(self, within: tuple[str, str]) -> list[sqlite3.Row]:
        return await self._db.rows(
            "SELECT e.operation, r.outcome, e.clock_trusted,"
            " e.released_at IS NULL OR e.released_at >= r.received_at AS waited,"
            " max(0, (julianday(r.received_at) - julianday(o.created_at)) * 86400) AS seconds"
            " FROM reply r JOIN outbox o ON o.tcn = r.tcr JOIN encounter e ON e.id = r.encounter_id"
            " WHERE r.received_at >= ? AND r.received_at < ? AND NOT EXISTS (SELECT 1 FROM reply f"
            " WHERE f.encounter_id = r.encounter_id AND f.tcr = r.tcr"
            " AND (f.received_at, f.rowid) < (r.received_at, r.rowid))",
            within,
        )

    async def told_through(self) -> str | None:
        """The end of the last hour that was told; ``None`` where none ever was."""
        row = await self._db.row("SELECT value FROM meta WHERE name = ?", (_TOLD,))
        return None if row is None else str(row["value"])

    async def tell_hour(self, before: str | None, end: str, item: OutboxItem | None) -> None:
        """Put what is told of the hour up to ``end`` into the outbox, ``None`` for nothing, and mark that it was.

        ``before`` is what ``told_through`` said. Raises RecordsError: CONFLICT when that is true no longer,
        STORAGE_FULL when the outbox takes no statistics; then nothing is marked.
        """

        def store(writer: sqlite3.Connection) -> None:
            found = writer.execute("SELECT value FROM meta WHERE name = ?", (_TOLD,)).fetchone()
            if (found and found[0]) != before:
                raise RecordsError(Reason.CONFLICT, "records: another has told of this hour", "Run one daemon.")
            if item is not None:
                self._admission.add(writer, item)
            writer.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_TOLD, end))
            writer.execute("DELETE FROM device_fault WHERE at < ?", (end,))

        if item is None:
            await self._db.write(store)
            return
        with self._admission.watch(item.rank):
            await self._db.write(store)
