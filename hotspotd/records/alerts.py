"""Alerts: raised in the transaction that gives cause for them, decided on by an officer, all of it audited."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.answers import overall
from hotspotd.domain.candidate import Hit
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit, sealed
from hotspotd.records.admission import Admission
from hotspotd.records.database import Database
from hotspotd.records.model import Alert, AlertKind, AlertState, Decision, OutboxItem

log = logging.getLogger(__name__)

_COLUMNS = (
    "id AS alert_id, encounter_id, lane, kind, urgency, reasons, determination, state, raised_at, decided_at,"  # noqa: S608  # Constants.
    f" decided_by, {sealed.ALERT_HITS}, {sealed.ALERT_WORDS}, unsent,"
    " coalesce((SELECT tcn FROM outbox o WHERE o.encounter_id = alert.encounter_id"
    " AND o.kind = 'transaction' ORDER BY o.rowid DESC LIMIT 1), '') AS tcn"
)
# A referral without a hit is looked at after hits on people and documents, before plain information.
_TROUBLE_URGENCY = 3

_RESULT = {
    Decision.CONFIRM: AlertState.CONFIRMED,
    Decision.DISMISS: AlertState.DISMISSED,
    Decision.ESCALATE: AlertState.ESCALATED,
    Decision.REOPEN: AlertState.OPEN,
}


def urgency_of(hits: tuple[Hit, ...]) -> int:
    """The urgency of the most urgent of ``hits``; that of trouble where there is none."""
    return min((hit.urgency for hit in hits), default=_TROUBLE_URGENCY)


def insert_alert(
    writer: sqlite3.Connection,
    now: Stamp,
    *,
    encounter_id: str,
    kind: AlertKind,
    hits: tuple[Hit, ...],
    reasons: tuple[str, ...],
    unsent: int = 0,
) -> int | None:
    """Raise an alert inside the writer's transaction and return its id.

    An encounter has one alert of each kind: further hits and reasons join it and open it again. ``None`` when nothing
    is new.
    """
    present = writer.execute(
        f"SELECT id, {sealed.ALERT_HITS}, reasons FROM alert WHERE encounter_id = ? AND kind = ?",  # noqa: S608  # Constant.
        (encounter_id, kind),
    ).fetchone()
    if present is not None:
        before = decoded(present[1])
        known, given = {hit.record.reference for hit in before}, msgspec.json.decode(present[2], type=tuple[str, ...])
        fresh = tuple(hit for hit in hits if hit.record.reference not in known)
        joined = tuple(dict.fromkeys((*given, *reasons)))
        if not fresh and joined == given:
            return None
        hits = in_order(before + fresh)
        writer.execute(
            f"UPDATE alert SET hits = {sealed.SEAL_HITS}, hit_count = ?, reasons = ?, urgency = ?,"  # noqa: S608
            " determination = ?, state = ?, unsent = ?, decided_at = NULL, decided_by = NULL,"
            " decision_words = NULL WHERE id = ?",
            (
                encoded(hits),
                len(hits),
                msgspec.json.encode(joined),
                urgency_of(hits),
                overall(hits),
                AlertState.OPEN,
                unsent,
                present[0],
            ),
        )
        audit.append(writer, now, "alert.joined", subject=encounter_id, detail=kind)
        return int(present[0])
    hits = in_order(hits)
    inserted = writer.execute(
        "INSERT INTO alert (encounter_id, lane, kind, urgency, hits, hit_count, reasons, determination, state,"
        " raised_at, unsent) SELECT id, lane, ?1, ?2, seal(key_id, 'alert.hits', id || '/' || ?1, ?3), ?4, ?5, ?6,"
        " ?7, ?8, ?9 FROM encounter WHERE id = ?10",
        (
            kind,
            urgency_of(hits),
            encoded(hits),
            len(hits),
            msgspec.json.encode(reasons),
            overall(hits),
            AlertState.OPEN,
            now.iso(),
            unsent,
            encounter_id,
        ),
    )
    if inserted.rowcount == 0:
        return None
    audit.append(writer, now, "alert.raised", subject=encounter_id, detail=kind)
    return inserted.lastrowid


def in_order(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """The most urgent first; the same whatever order they came in."""
    return tuple(sorted(hits, key=lambda hit: (hit.urgency, hit.record.reference)))


def listed_in_alerts(writer: sqlite3.Connection, encounter_id: str) -> set[str]:
    """References of the records in alerts of this encounter that nobody has dismissed."""
    query = f"SELECT {sealed.ALERT_HITS} FROM alert WHERE encounter_id = ? AND state <> ?"  # noqa: S608  # Constant.
    rows = writer.execute(query, (encounter_id, AlertState.DISMISSED))
    return {hit.record.reference for row in rows for hit in decoded(row[0])}


def encoded(hits: tuple[Hit, ...]) -> bytes:
    """Hits as they are stored; no hits are nothing, and need no key."""
    return msgspec.json.encode(hits) if hits else b""


def decoded(hits: bytes) -> tuple[Hit, ...]:
    """What ``encoded`` was given."""
    return msgspec.json.decode(hits, type=tuple[Hit, ...]) if hits else ()


class Alerts:
    """Reads alerts and stores decisions on them."""

    _db: Database
    _clock: Clock
    _admission: Admission

    async def alerts(self, *, open_only: bool = True) -> list[Alert]:
        """Alerts by urgency, then oldest first; all of them, or those nobody has decided on."""
        where = "WHERE state = 'open'" if open_only else ""
        rows = await self._db.rows(f"SELECT {_COLUMNS} FROM alert {where} ORDER BY urgency, raised_at")  # noqa: S608  # Constants.
        return [_alert(dict(row)) for row in rows]

    async def alert(self, alert_id: int) -> Alert:
        """One alert. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row(f"SELECT {_COLUMNS} FROM alert WHERE id = ?", (alert_id,))  # noqa: S608  # Constant.
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: no alert {alert_id}")
        return _alert(dict(row))

    async def decide(
        self,
        alert_id: int,
        decision: Decision,
        reason: str,
        by: str,
        report: OutboxItem | None = None,
        *,
        code: str = "",
    ) -> Alert:
        """Store an officer's decision and who took it, and in the same transaction the ``report`` of it to the gateway.

        ``reason`` may have the officer's own words in it, and stays with the alert; ``code`` is the part of it that is
        one of a fixed set, and goes into the audit chain.
        No decision is refused because its report finds no room in the outbox: it is stored without, which is logged
        and audited. Raises RecordsError: NOT_FOUND; CONFLICT when somebody else has decided already (reopen it first).
        """
        now = self._clock.now()
        state = _RESULT[decision]
        reopening = decision is Decision.REOPEN

        def store(writer: sqlite3.Connection) -> RecordsError | None:
            cursor = writer.execute(
                f"UPDATE alert SET state = ?, decided_at = ?, decided_by = ?, decision_words = {sealed.SEAL_WORDS}"  # noqa: S608  # Constant.
                " WHERE id = ? AND (state = 'open') <> ?",
                (
                    state,
                    None if reopening else now.iso(),
                    None if reopening else by,
                    reason[:300] or None,
                    alert_id,
                    reopening,
                ),
            )
            if cursor.rowcount == 0:
                raise _undecidable(writer, alert_id, reopening=reopening)
            (encounter_id,) = writer.execute("SELECT encounter_id FROM alert WHERE id = ?", (alert_id,)).fetchone()
            audit.append(
                writer,
                now,
                f"alert.{decision}",
                subject=encounter_id,
                actor=by,
                detail=f"alert {alert_id} {code}".rstrip(),
            )
            return None if report is None else self._add_report(writer, now, alert_id, report)

        untold = await self._db.write(store)
        if untold is not None:
            log.error("the gateway is not told of the decision on alert %d: %s", alert_id, untold)
        return await self.alert(alert_id)

    def _add_report(
        self, writer: sqlite3.Connection, now: Stamp, alert_id: int, report: OutboxItem
    ) -> RecordsError | None:
        """Add the report of a decision; what kept it out of the outbox, if there is no room."""
        try:
            self._admission.add(writer, report)
        except RecordsError as error:
            if error.reason is not Reason.STORAGE_FULL:
                raise
            audit.append(writer, now, "decision.not_reported", subject=str(alert_id), detail=error.reason)
            return error
        return None


def _undecidable(writer: sqlite3.Connection, alert_id: int, *, reopening: bool) -> RecordsError:
    if writer.execute("SELECT 1 FROM alert WHERE id = ?", (alert_id,)).fetchone() is None:
        return RecordsError(Reason.NOT_FOUND, f"records: no alert {alert_id}")
    return RecordsError(
        Reason.CONFLICT,
        f"records: alert {alert_id} is {'open' if reopening else 'decided'} already",
        "Read it again: another officer may have it.",
    )


def _alert(row: dict[str, Any]) -> Alert:
    row["hits"] = decoded(row["hits"])
    row["reasons"] = msgspec.json.decode(row["reasons"])
    return msgspec.convert(row, Alert)
