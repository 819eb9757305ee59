"""Hits that a bureau's officer has to look at, and what was decided about them.

A hit waits until an officer confirms or rejects it. Either is one commit with the further reply that tells the device,
and, where it was the last of its transaction, with the erasure of the pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import msgspec

from hotspotd.domain.candidate import Hit
from hotspotd.errors import GatewayError, Reason
from hotspotd.gateway.storage.base import Database, Found, Session, Taken
from hotspotd.gateway.storage.outgoing import add_reply
from hotspotd.records.model import Decision
from hotspotd.relay.inti.transaction import Header
from hotspotd.relay.reports import DecisionReport, decode_decision

MOST_LISTED: Final = 500
"""Hits that are listed at once: more than an officer can look through."""


class HitState(StrEnum):
    """What the bureau says of a hit."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class DeskHit(msgspec.Struct, frozen=True, kw_only=True):
    """One hit at the desk. ``border_...`` is what the officer at the border decided so far; empty for nothing."""

    id: int
    device: str
    tcn: str
    lane: str
    hit: Hit
    found_at: str
    state: HitState
    escalated: bool
    border_decision: str
    border_role: str
    border_at: str
    decided_by: str
    decided_at: str
    reason: str
    pictures: bool
    """Whether the transaction's pictures are still here."""


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What a bureau's officer decided: CONFIRMED or REJECTED, by whom (badge number), why, when (ISO 8601)."""

    state: HitState
    by: str
    reason: str
    at: str


Answering = Callable[[Header, DeskHit], bytes]
"""Makes the further reply for a hit; the header is that of the request."""

_COLUMNS: Final = (
    "hit.id, hit.device, hit.tcn, hit.lane, hit.hit, hit.found_at, hit.state, hit.escalated, hit.border_decision,"
    " hit.border_role, hit.border_at, hit.decided_by, hit.decided_at, hit.reason, length(inbox.body) > 0"
)
_FROM: Final = "FROM hit JOIN inbox ON inbox.id = hit.inbox_id"


class Desk:
    """The hits in one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def waiting(self) -> list[DeskHit]:
        """The hits that nobody has decided, the first to look at first. Raises GatewayError."""
        async with self._db.read() as session:
            rows = await session.rows(
                f"SELECT {_COLUMNS} {_FROM} WHERE hit.state = 'waiting'"  # Constants.
                " ORDER BY hit.escalated DESC, hit.urgency, hit.id LIMIT ?",
                MOST_LISTED,
            )
        return [_hit(row) for row in rows]

    async def decided(self, limit: int = 50) -> list[DeskHit]:
        """The hits that were decided last, newest first. Raises GatewayError."""
        async with self._db.read() as session:
            rows = await session.rows(
                f"SELECT {_COLUMNS} {_FROM} WHERE hit.state <> 'waiting'"  # Constants.
                " ORDER BY hit.decided_at DESC, hit.id DESC LIMIT ?",
                limit,
            )
        return [_hit(row) for row in rows]

    async def count_waiting(self) -> int:
        """How many hits wait. Raises GatewayError."""
        async with self._db.read() as session:
            return int(await session.value("SELECT count(*) FROM hit WHERE state = 'waiting'"))

    async def hit(self, hit_id: int) -> DeskHit:
        """One hit. Raises GatewayError (NOT_FOUND)."""
        async with self._db.read() as session:
            return (await _one(session, hit_id))[0]

    async def body(self, hit_id: int) -> bytes:
        """The transaction of a hit, with its pictures; empty when they were erased. Raises GatewayError (NOT_FOUND)."""
        async with self._db.read() as session:
            await _one(session, hit_id)
            return bytes(await session.value(f"SELECT inbox.body {_FROM} WHERE hit.id = ?", hit_id))

    async def decide(self, hit_id: int, ruling: Ruling, answering: Answering) -> DeskHit:
        """Decide a waiting hit and answer the device: one commit. Returns the hit as it is now.

        Raises GatewayError: NOT_FOUND, CONFLICT for a hit that somebody has decided already.
        """
        async with self._db.write() as session:
            hit, inbox_id, header = await _one(session, hit_id)
            if hit.state is not HitState.WAITING:
                raise GatewayError(
                    Reason.CONFLICT,
                    f"hit {hit_id} was {hit.state} by {hit.decided_by}",
                    "A decision stands. Speak to them if it is wrong.",
                )
            await session.execute(
                "UPDATE hit SET state = ?, decided_by = ?, decided_at = ?, reason = ? WHERE id = ?",
                *(ruling.state.value, ruling.by, ruling.at, ruling.reason, hit_id),
            )
            decided = msgspec.structs.replace(
                hit, state=ruling.state, decided_by=ruling.by, decided_at=ruling.at, reason=ruling.reason
            )
            # A few kilobytes of XML: it takes a millisecond.
            reply = answering(msgspec.json.decode(header, type=Header), decided)
            await add_reply(session, hit.device, inbox_id, hit.tcn, reply)
            waiting = "SELECT 1 FROM hit WHERE inbox_id = ? AND state = 'waiting'"
            if not await session.row(waiting, inbox_id):
                await session.execute("UPDATE inbox SET body = ? WHERE id = ?", b"", inbox_id)
        return decided


async def add_hits(session: Session, taken: Taken, found: Found, at: str) -> None:
    """The hits of a transaction, with what the officer at the border has decided meanwhile."""
    await session.execute("UPDATE inbox SET header = ? WHERE id = ?", msgspec.json.encode(found.header), taken.id)
    lane = await session.value("SELECT lane FROM inbox WHERE id = ?", taken.id)
    for hit in found.hits:
        record = hit.record
        await session.execute(
            "INSERT INTO hit (inbox_id, device, tcn, lane, reference, owner, notice, urgency, hit, found_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (inbox_id, owner, reference) DO NOTHING",
            *(taken.id, taken.device, taken.tcn, lane, record.reference, record.owner, record.notice.value),
            *(record.notice.urgency, msgspec.json.encode(hit), at),
        )
    # The lane's own list may have shown the same records to an officer before the gateway has searched.
    for (body,) in await session.rows(
        "SELECT body FROM report WHERE device = ? AND about = ? AND kind = 'decision' ORDER BY id",
        *(taken.device, taken.tcn),
    ):
        await note_border_decision(session, taken.device, decode_decision(bytes(body)))


async def note_border_decision(session: Session, device: str, decision: DecisionReport) -> None:
    """What the officer at the border decided, on the hits it is about; an older decision changes nothing."""
    about = f" AND reference IN ({','.join('?' * len(decision.references))})" if decision.references else ""
    await session.execute(
        "UPDATE hit SET border_decision = ?, border_role = ?, border_at = ?, escalated = ?"  # noqa: S608  # Question marks.
        f" WHERE device = ? AND tcn = ? AND border_at <= ?{about}",
        *(decision.decision.value, decision.by_role, decision.at, int(decision.decision is Decision.ESCALATE)),
        *(device, decision.tcn, decision.at),
        *decision.references,
    )


async def _one(session: Session, hit_id: int) -> tuple[DeskHit, int, bytes]:
    """The hit, the transaction it is of, and that transaction's header. Raises GatewayError (NOT_FOUND)."""
    row = await session.row(
        f"SELECT {_COLUMNS}, inbox.id, inbox.header {_FROM} WHERE hit.id = ?",  # Constants.
        hit_id,
    )
    if row is None:
        raise GatewayError(Reason.NOT_FOUND, f"there is no hit {hit_id}", "List the hits.")
    return _hit(row), int(row[-2]), bytes(row[-1])


def _hit(row: tuple[Any, ...]) -> DeskHit:
    return DeskHit(
        id=int(row[0]),
        device=row[1],
        tcn=row[2],
        lane=row[3],
        hit=msgspec.json.decode(bytes(row[4]), type=Hit),
        found_at=row[5],
        state=HitState(row[6]),
        escalated=bool(row[7]),
        border_decision=row[8],
        border_role=row[9],
        border_at=row[10],
        decided_by=row[11],
        decided_at=row[12],
        reason=row[13],
        pictures=bool(row[14]),
    )
