"""The log of searches by text: who asked, for what purpose, when, with how many candidates. Never for whom."""

from __future__ import annotations

import msgspec

from hotspotd.gateway.storage.base import Database


class FindEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One search. ``asked`` names the kinds of thing that were asked for, such as ``document`` and ``person``."""

    device: str
    purpose: str
    asked: tuple[str, ...]
    candidates: int
    at: str


class Finds:
    """The log in one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def note(self, entry: FindEntry) -> None:
        """Write one search down; it is on disk when this returns. Raises GatewayError."""
        async with self._db.write() as session:
            await session.execute(
                "INSERT INTO find (device, purpose, asked, candidates, at) VALUES (?, ?, ?, ?, ?)",
                *(entry.device, entry.purpose, " ".join(entry.asked), entry.candidates, entry.at),
            )

    async def latest(self, limit: int) -> list[FindEntry]:
        """The newest ones, newest first. Raises GatewayError."""
        async with self._db.read() as session:
            rows = await session.rows(
                "SELECT device, purpose, asked, candidates, at FROM find ORDER BY id DESC LIMIT ?", limit
            )
        return [
            FindEntry(device=row[0], purpose=row[1], asked=tuple(row[2].split()), candidates=int(row[3]), at=row[4])
            for row in rows
        ]
