"""Decisions on alerts: taken by one person or by two, handed over, taken back. Each is audited in its transaction.

| From | Act | To |
|---|---|---|
| open, handed over | confirm, dismiss, escalate | confirmed, dismissed, escalated |
| open, handed over | propose one of them, where it takes two persons | awaiting |
| awaiting | another person agrees | confirmed, dismissed, escalated |
| awaiting | another person refuses | open, or handed over as before |
| open | hand over | handed over |
| handed over | reopen | open |
| any other but open | reopen | open, or handed over as before |
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Final

from hotspotd.clock import Clock, Stamp
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit, sealed
from hotspotd.records.admission import Admission
from hotspotd.records.alerts import Alerts
from hotspotd.records.database import Database
from hotspotd.records.model import Alert, AlertState, Decision, OutboxItem

log = logging.getLogger(__name__)

_UNDECIDED: Final = (AlertState.OPEN, AlertState.HANDED_OVER)
_RESULT: Final = {
    Decision.CONFIRM: AlertState.CONFIRMED,
    Decision.DISMISS: AlertState.DISMISSED,
    Decision.ESCALATE: AlertState.ESCALATED,
}
_MOST_REASON: Final = 300
# What is right of an equals sign is read before anything is changed.
_TAKE_BACK: Final = (
    "UPDATE alert SET state = iif(handed_over_at IS NULL OR state = 'handed_over', 'open', 'handed_over'),"
    " handed_over_at = iif(state = 'handed_over', NULL, handed_over_at),"
    " handed_over_by = iif(state = 'handed_over', NULL, handed_over_by),"
    " decided_at = NULL, decided_by = NULL, decision_words = NULL, proposed = NULL, seconded_by = NULL"
)


class Deciding(Alerts):
    """Stores what people decide."""

    _db: Database
    _clock: Clock
    _admission: Admission

    async def decide(
        self,
        alert_id: int,
        decision: Decision,
        reason: str,
        by: str,
        report: OutboxItem | None = None,
        *,
        code: str = "",
        seen: AlertState | None = None,
    ) -> Alert:
        """Store an officer's decision and who took it, and in the same transaction the ``report`` of it to the gateway.

        ``reason`` may have the officer's own words in it, and stays with the alert; ``code`` is the part of it that is
        one of a fixed set, and goes into the audit chain. ``seen`` is the state that the report was made for.
        No decision is refused because its report finds no room in the outbox: it is stored without, which is logged
        and audited. Raises RecordsError: NOT_FOUND; CONFLICT when somebody else has decided already (reopen it first).
        """
        now = self._clock.now()
        detail = f"alert {alert_id} {code}".rstrip()

        def store(writer: sqlite3.Connection) -> RecordsError | None:
            encounter_id, state = _found(writer, alert_id)
            allowed = state is not AlertState.OPEN if decision is Decision.REOPEN else state in _UNDECIDED
            if decision is Decision.HAND_OVER:
                allowed = state is AlertState.OPEN
            if not allowed or seen not in (None, state):
                raise _conflict(alert_id, state)
            if decision is Decision.REOPEN:
                writer.execute(f"{_TAKE_BACK} WHERE id = ?", (alert_id,))
            elif decision is Decision.HAND_OVER:
                writer.execute(
                    "UPDATE alert SET state = ?, handed_over_at = ?, handed_over_by = ?,"  # noqa: S608  # Constant.
                    f" decision_words = {sealed.SEAL_WORDS} WHERE id = ?",
                    (AlertState.HANDED_OVER, now.iso(), by, reason[:_MOST_REASON] or None, alert_id),
                )
            else:
                _set_decided(writer, alert_id, _RESULT[decision], now, by, reason)
            audit.append(writer, now, f"alert.{decision}", subject=encounter_id, actor=by, detail=detail)
            return None if report is None else self._add_report(writer, now, alert_id, report)

        return await self._stored(alert_id, await self._db.write(store))

    async def propose(self, alert_id: int, decision: Decision, reason: str, by: str, *, code: str = "") -> Alert:
        """Store what one person would decide: it holds once another one agrees. Nobody is told of it before.

        Raises RecordsError as ``decide`` does, ValueError for what one person may always do.
        """
        if decision not in _RESULT:
            raise ValueError(f"{decision} takes no second person")
        now = self._clock.now()

        def store(writer: sqlite3.Connection) -> None:
            encounter_id, state = _found(writer, alert_id)
            if state not in _UNDECIDED:
                raise _conflict(alert_id, state)
            _set_decided(writer, alert_id, AlertState.AWAITING, now, by, reason)
            writer.execute("UPDATE alert SET proposed = ? WHERE id = ?", (decision, alert_id))
            detail = f"alert {alert_id} {decision} {code}".rstrip()
            audit.append(writer, now, "alert.proposed", subject=encounter_id, actor=by, detail=detail)

        await self._db.write(store)
        return await self.alert(alert_id)

    async def second(
        self,
        alert_id: int,
        decision: Decision,
        by: str,
        report: OutboxItem | None = None,
        *,
        agrees: bool,
        code: str = "",
    ) -> Alert:
        """Store that another person agrees to the proposed ``decision``, or refuses it: then it is open as before.

        Raises RecordsError: NOT_FOUND; CONFLICT when this is not proposed any more; NOT_ALLOWED for whoever proposed
        it.
        """
        now = self._clock.now()

        def store(writer: sqlite3.Connection) -> RecordsError | None:
            encounter_id, state = _found(writer, alert_id)
            proposed, first = writer.execute(
                "SELECT proposed, decided_by FROM alert WHERE id = ?", (alert_id,)
            ).fetchone()
            if state is not AlertState.AWAITING or proposed != decision:
                raise _conflict(alert_id, state)
            if first == by:
                raise RecordsError(
                    Reason.NOT_ALLOWED,
                    f"records: {by} has proposed this themselves",
                    "Ask somebody else to look at it.",
                )
            if agrees:
                writer.execute(
                    "UPDATE alert SET state = ?, decided_at = ?, proposed = NULL, seconded_by = ? WHERE id = ?",
                    (_RESULT[decision], now.iso(), by, alert_id),
                )
                detail = f"alert {alert_id} {code}".rstrip() + f" after {first}"
                audit.append(writer, now, f"alert.{decision}", subject=encounter_id, actor=by, detail=detail)
                return None if report is None else self._add_report(writer, now, alert_id, report)
            writer.execute(f"{_TAKE_BACK} WHERE id = ?", (alert_id,))
            detail = f"alert {alert_id} {decision} of {first}"
            audit.append(writer, now, "alert.refused", subject=encounter_id, actor=by, detail=detail)
            return None

        return await self._stored(alert_id, await self._db.write(store))

    async def _stored(self, alert_id: int, untold: RecordsError | None) -> Alert:
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


def _set_decided(
    writer: sqlite3.Connection, alert_id: int, state: AlertState, now: Stamp, by: str, reason: str
) -> None:
    writer.execute(
        f"UPDATE alert SET state = ?, decided_at = ?, decided_by = ?, decision_words = {sealed.SEAL_WORDS}"  # noqa: S608
        " WHERE id = ?",
        (state, now.iso(), by, reason[:_MOST_REASON] or None, alert_id),
    )


def _found(writer: sqlite3.Connection, alert_id: int) -> tuple[str, AlertState]:
    row = writer.execute("SELECT encounter_id, state FROM alert WHERE id = ?", (alert_id,)).fetchone()
    if row is None:
        raise RecordsError(Reason.NOT_FOUND, f"records: no alert {alert_id}")
    return str(row[0]), AlertState(row[1])


def _conflict(alert_id: int, state: AlertState) -> RecordsError:
    return RecordsError(
        Reason.CONFLICT,
        f"records: alert {alert_id} is {state.value.replace('_', ' ')} already",
        "Read it again: another officer may have it.",
    )
