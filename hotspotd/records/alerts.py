"""Alerts: raised in the transaction that gives cause for them, and read. ``deciding`` has what people decide."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from hotspotd.clock import Stamp
from hotspotd.domain.answers import overall
from hotspotd.domain.candidate import Hit
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit, sealed
from hotspotd.records.database import Database
from hotspotd.records.model import Alert, AlertKind, AlertState

_COLUMNS = (
    "id AS alert_id, encounter_id, lane, kind, urgency, reasons, determination, state, raised_at, decided_at,"  # noqa: S608  # Constants.
    f" decided_by, {sealed.ALERT_HITS}, {sealed.ALERT_WORDS},"
    " proposed, seconded_by, handed_over_at, handed_over_by, unsent,"
    " coalesce((SELECT tcn FROM outbox o WHERE o.encounter_id = alert.encounter_id"
    " AND o.kind = 'transaction' ORDER BY o.rowid DESC LIMIT 1), '') AS tcn"
)
# A referral without a hit is looked at after hits on people and documents, before plain information.
_TROUBLE_URGENCY = 3

OPEN_AGAIN = (
    "state = 'open', decided_at = NULL, decided_by = NULL, decision_words = NULL, proposed = NULL,"
    " seconded_by = NULL, handed_over_at = NULL, handed_over_by = NULL"
)
"""For an UPDATE: there is something new, and it is looked at as if nobody had."""


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
            f" determination = ?, unsent = ?, {OPEN_AGAIN} WHERE id = ?",
            (
                encoded(hits),
                len(hits),
                msgspec.json.encode(joined),
                urgency_of(hits),
                overall(hits),
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
    """Reads alerts."""

    _db: Database

    async def alerts(self, *, open_only: bool = True) -> list[Alert]:
        """Alerts by urgency, then oldest first; all of them, or those nobody has decided on."""
        where = "WHERE state = 'open'" if open_only else ""
        rows = await self._db.rows(f"SELECT {_COLUMNS} FROM alert {where} ORDER BY urgency, raised_at")  # noqa: S608  # Constants.
        return [_alert(dict(row)) for row in rows]

    async def standing_alerts(self) -> list[Alert]:
        """Alerts that are still somebody's business: open first, then what awaits a second person, then second line.

        Each by urgency, then oldest first.
        """
        rows = await self._db.rows(
            f"SELECT {_COLUMNS} FROM alert WHERE state IN ('open', 'awaiting', 'handed_over')"  # noqa: S608  # Constants.
            " ORDER BY CASE state WHEN 'open' THEN 0 WHEN 'awaiting' THEN 1 ELSE 2 END, urgency, raised_at"
        )
        return [_alert(dict(row)) for row in rows]

    async def alert(self, alert_id: int) -> Alert:
        """One alert. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row(f"SELECT {_COLUMNS} FROM alert WHERE id = ?", (alert_id,))  # noqa: S608  # Constant.
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: no alert {alert_id}")
        return _alert(dict(row))


def _alert(row: dict[str, Any]) -> Alert:
    row["hits"] = decoded(row["hits"])
    row["reasons"] = msgspec.json.decode(row["reasons"])
    return msgspec.convert(row, Alert)
