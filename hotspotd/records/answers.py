"""The gateway's answers: stored once each, in whatever order they come, with the alerts that they give cause for."""

from __future__ import annotations

import sqlite3

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome
from hotspotd.records import audit, sealed
from hotspotd.records.database import Database
from hotspotd.records.model import Kind, OutboxState, StoredAnswer
from hotspotd.records.settling import settle

_encode = msgspec.json.encode
_KEY = f"coalesce(?4, {sealed.KEY_OF.format('?3')})"


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
        # For a reply to what is not known, or was erased.
        key = await self._db.vault.take()
        stored, used = await self._db.write(lambda writer: _store(writer, now, answer, raw, key))
        if not used:
            self._db.vault.put_back(key)
        return stored


def _store(
    writer: sqlite3.Connection, now: Stamp, answer: GatewayAnswer, raw: bytes, key: int
) -> tuple[StoredAnswer, bool]:
    """What came of it, and whether ``key``, which is new, was needed."""
    found = writer.execute(
        "SELECT e.id, e.lane, e.released_at IS NOT NULL AND e.local_outcome = ?, e.key_id IS NULL FROM outbox o"
        " JOIN encounter e ON e.id = o.encounter_id WHERE o.tcn = ? AND o.kind = ?",
        (Outcome.CLEAR, answer.tcr, Kind.TRANSACTION),
    ).fetchone()
    # Whoever was referred is with an officer: only one who was let go has left.
    encounter_id, lane, gone = (str(found[0]), str(found[1]), bool(found[2])) if found else (None, None, False)
    if writer.execute("SELECT 1 FROM reply WHERE tcn = ?", (answer.tcn,)).fetchone() is not None:
        return StoredAnswer(encounter_id=encounter_id, lane=lane, new=False), False
    used = found is None or bool(found[3])
    if used and encounter_id is not None:
        # What was erased stays so; of what comes now, time counts from now.
        writer.execute(
            "UPDATE encounter SET key_id = ?, kept_from = ? WHERE id = ?",
            (key, now.iso() if now.trusted else None, encounter_id),
        )
    writer.execute(
        "INSERT INTO reply (tcn, tcr, encounter_id, key_id, outcome, received_at, raw, answer)"  # noqa: S608  # Constants.
        f" VALUES (?1,?2,?3,?4,?5,?6, seal({_KEY}, 'reply.raw', ?1, ?7), seal({_KEY}, 'reply.answer', ?1, ?8))",
        (
            answer.tcn,
            answer.tcr,
            encounter_id,
            key if encounter_id is None else None,
            answer.outcome,
            now.iso(),
            raw,
            _encode(answer),
        ),
    )
    if encounter_id is None:
        audit.append(writer, now, "reply.unknown", subject=answer.tcr)
        return StoredAnswer(encounter_id=None, lane=None, new=True), True
    # The payload has done its work; the encounter's own row keeps what is still needed.
    writer.execute("UPDATE outbox SET state = ?, payload = x'' WHERE tcn = ?", (OutboxState.ANSWERED, answer.tcr))
    audit.append(writer, now, "encounter.answered", subject=encounter_id, detail=answer.outcome)
    alerts = settle(writer, now, encounter_id, answer)
    stored = StoredAnswer(
        encounter_id=encounter_id,
        lane=lane,
        new=True,
        late=gone and answer.outcome is GatewayOutcome.HIT,
        alert_id=alerts[0] if alerts else None,
        alerts=tuple(alerts),
    )
    return stored, used
