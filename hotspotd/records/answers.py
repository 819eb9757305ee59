"""The gateway's answers: stored once each, in whatever order they come, with the alerts that they give cause for."""

from __future__ import annotations

import sqlite3

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome
from hotspotd.records import audit
from hotspotd.records.database import Database
from hotspotd.records.model import Kind, OutboxState, StoredAnswer
from hotspotd.records.settling import settle

_encode = msgspec.json.encode


class Answers:
    """Stores answers."""

    _db: Database
    _clock: Clock

    async def store_answer(self, answer: GatewayAnswer, raw: bytes) -> StoredAnswer:
        """Store a gateway's answer once, whatever the order it comes in; a hit raises an alert, and so does an error.

        A hit for a traveller who was let go is a late hit; one that only repeats a hit an officer has already raises
        no second alert. An answer to a transaction that is not known is kept and reported with ``encounter_id`` None.
        """
        now = self._clock.now()
        return await self._db.write(lambda writer: _store(writer, now, answer, raw))


def _store(writer: sqlite3.Connection, now: Stamp, answer: GatewayAnswer, raw: bytes) -> StoredAnswer:
    found = writer.execute(
        "SELECT e.id, e.lane, e.released_at IS NOT NULL AND e.local_outcome = ? FROM outbox o"
        " JOIN encounter e ON e.id = o.encounter_id WHERE o.tcn = ? AND o.kind = ?",
        (Outcome.CLEAR, answer.tcr, Kind.TRANSACTION),
    ).fetchone()
    # Whoever was referred is with an officer: only one who was let go has left.
    encounter_id, lane, gone = (str(found[0]), str(found[1]), bool(found[2])) if found else (None, None, False)
    inserted = writer.execute(
        "INSERT INTO reply (tcn, tcr, encounter_id, outcome, raw, answer, received_at) VALUES (?,?,?,?,?,?,?)"
        " ON CONFLICT (tcn) DO NOTHING",
        (answer.tcn, answer.tcr, encounter_id, answer.outcome, raw, _encode(answer), now.iso()),
    )
    if inserted.rowcount == 0:
        return StoredAnswer(encounter_id=encounter_id, lane=lane, new=False)
    if encounter_id is None:
        audit.append(writer, now, "reply.unknown", subject=answer.tcr)
        return StoredAnswer(encounter_id=None, lane=None, new=True)
    # The payload has done its work; the encounter's own row keeps what is still needed.
    writer.execute("UPDATE outbox SET state = ?, payload = x'' WHERE tcn = ?", (OutboxState.ANSWERED, answer.tcr))
    audit.append(writer, now, "encounter.answered", subject=encounter_id, detail=answer.outcome)
    alerts = settle(writer, now, encounter_id, answer)
    return StoredAnswer(
        encounter_id=encounter_id,
        lane=lane,
        new=True,
        late=gone and answer.outcome is GatewayOutcome.HIT,
        alert_id=alerts[0] if alerts else None,
        alerts=tuple(alerts),
    )
