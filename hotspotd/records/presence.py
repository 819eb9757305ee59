"""Who is still in a lane: a hit for somebody who has left is a late one, and nobody can be asked for anything."""

from __future__ import annotations

import sqlite3

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.verdict import GatewayOutcome
from hotspotd.records.database import Database
from hotspotd.records.model import Rank, Released
from hotspotd.records.settling import tell_prints_refused


class Presence:
    """Lets travellers go."""

    _db: Database
    _clock: Clock

    async def release(self, encounter_id: str) -> tuple[int, ...]:
        """The traveller has left the lane: a hit that comes from now on is a late hit.

        Returns the ids of alerts that were raised by that.
        """
        return (await self._release("id = ? AND released_at IS NULL", encounter_id)).alerts

    async def release_unless_hit(self, encounter_id: str) -> Released:
        """Release the traveller unless the gateway has a hit; whether they may go. One decision, one transaction."""
        return await self._release("id = ? AND gateway_outcome IS NOT ?", encounter_id, GatewayOutcome.HIT)

    async def release_all(self) -> int:
        """Nobody is in any lane (the daemon has just started). Returns how many encounters were still open."""
        return (await self._release("released_at IS NULL")).count

    async def _release(self, which: str, *parameters: str) -> Released:
        now = self._clock.now()
        return await self._db.write(lambda writer: _release(writer, now, which, parameters))


def _release(writer: sqlite3.Connection, now: Stamp, which: str, parameters: tuple[str, ...]) -> Released:
    query = f"SELECT id FROM encounter WHERE {which}"  # noqa: S608  # Constants of the callers.
    leaving = [str(row[0]) for row in writer.execute(query, parameters)]
    writer.executemany("UPDATE encounter SET released_at = ? WHERE id = ?", [(now.iso(), one) for one in leaving])
    # Nobody waits for the answer any more: those that somebody waits for go first.
    writer.executemany(
        "UPDATE outbox SET rank = ? WHERE state IN ('queued', 'sending') AND rank = ? AND encounter_id = ?",
        [(Rank.BACKLOG, Rank.LIVE, one) for one in leaving],
    )
    told = (tell_prints_refused(writer, now, one) for one in leaving)
    return Released(count=len(leaving), alerts=tuple(alert for alert in told if alert is not None))
