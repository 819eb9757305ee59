"""Checkpoints of devices' audit chains: kept as sealed, and each compared with what the device has said before.

They may come late and in any order, over several links: what contradicts another is told from their numbers, never from
when they came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any, Final

import msgspec

from hotspotd.gateway.storage.base import Database, Session
from hotspotd.relay.checkpoint import Checkpoint

_PAGE: Final = 1000


class Contradiction(StrEnum):
    """What is wrong with a checkpoint, seen beside the device's others."""

    FORK = "fork"  # two chains with one beginning: something was changed, or an old database was put back
    BACKWARDS = "backwards"  # a later checkpoint is of an earlier entry
    NEW_CHAIN = "new_chain"  # the device has begun a chain anew


class ChainState(msgspec.Struct, frozen=True, kw_only=True):
    """One chain of a device: its latest checkpoint, how many are kept, and how many contradict others, by kind."""

    device: str
    chain: str
    number: int
    seq: int
    at: str
    received_at: str
    kept: int
    findings: dict[str, int]


class KeptCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One checkpoint as it is exported: ``sealed`` is the JSON of relay.checkpoint.Sealed."""

    received_at: str
    finding: str
    sealed: msgspec.Raw


async def keep(session: Session, made: Checkpoint, body: bytes, at: str) -> Contradiction | None:
    """Keep a checkpoint that has come now; what it contradicts. A copy of one that is kept changes nothing."""
    chain = (made.device, made.chain)
    if await session.row(
        "SELECT 1 FROM checkpoint WHERE device = ? AND chain = ? AND number = ? AND digest = ? AND seq = ?",
        *(*chain, made.number, made.digest, made.seq),
    ):
        return None
    finding = await _contradiction(session, made)
    await session.execute(
        "INSERT INTO checkpoint (device, chain, number, seq, digest, at, body, received_at, finding)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, chain, number, digest) DO NOTHING",
        *(*chain, made.number, made.seq, made.digest, made.at, body, at, finding.value if finding else ""),
    )
    return finding


async def _contradiction(session: Session, made: Checkpoint) -> Contradiction | None:
    chain = (made.device, made.chain)
    same = await session.row(
        "SELECT 1 FROM checkpoint WHERE device = ? AND chain = ? AND (number = ? OR (seq = ? AND digest <> ?))",
        *(*chain, made.number, made.seq, made.digest),
    )
    if same is not None:
        return Contradiction.FORK
    backwards = await session.row(
        "SELECT 1 FROM checkpoint WHERE device = ? AND chain = ?"
        " AND ((number < ? AND seq > ?) OR (number > ? AND seq < ?))",
        *(*chain, made.number, made.seq, made.number, made.seq),
    )
    if backwards is not None:
        return Contradiction.BACKWARDS
    known = await session.row("SELECT 1 FROM checkpoint WHERE device = ? AND chain = ?", *chain)
    other = await session.row("SELECT 1 FROM checkpoint WHERE device = ?", made.device)
    return Contradiction.NEW_CHAIN if known is None and other is not None else None


async def erase(session: Session, before: str) -> int:
    """Erase what came before this time, but the latest of each chain, and what contradicts another or is contradicted.

    A later checkpoint vouches for all entries of the earlier ones.
    """
    return await session.execute(
        "DELETE FROM checkpoint WHERE received_at < ? AND finding = ''"
        " AND number < (SELECT max(number) FROM checkpoint later"
        " WHERE later.device = checkpoint.device AND later.chain = checkpoint.chain)"
        " AND NOT EXISTS (SELECT 1 FROM checkpoint found WHERE found.device = checkpoint.device"
        " AND found.chain = checkpoint.chain AND found.finding <> ''"
        " AND (found.number = checkpoint.number OR found.seq = checkpoint.seq))",
        before,
    )


async def states(session: Session, device: str = "") -> list[ChainState]:
    """The chains of one device, or of all, in the order in which they were first heard of."""
    chosen, values = ("WHERE device = ?", (device,)) if device else ("", ())
    rows = await session.rows(
        "SELECT device, chain, max(number), max(seq), max(received_at), count(*), min(id) AS begun"  # noqa: S608  # Constants.
        f" FROM checkpoint {chosen} GROUP BY device, chain ORDER BY begun",
        *values,
    )
    found = []
    for row in rows:
        chain = (row[0], row[1])
        latest = await session.value(
            "SELECT at FROM checkpoint WHERE device = ? AND chain = ? ORDER BY number DESC, id DESC LIMIT 1", *chain
        )
        findings = await session.rows(
            "SELECT finding, count(*) FROM checkpoint WHERE device = ? AND chain = ? AND finding <> ''"
            " GROUP BY finding",
            *chain,
        )
        found.append(_state(row, str(latest), {str(kind): int(count) for kind, count in findings}))
    return found


def _state(row: tuple[Any, ...], at: str, findings: dict[str, int]) -> ChainState:
    return ChainState(
        device=row[0],
        chain=row[1],
        number=int(row[2]),
        seq=int(row[3]),
        at=at,
        received_at=row[4],
        kept=int(row[5]),
        findings=findings,
    )


class CheckpointShelf:
    """The checkpoints in one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def states(self, device: str = "") -> list[ChainState]:
        """See above. Raises GatewayError."""
        async with self._db.read() as session:
            return await states(session, device)

    async def of(self, device: str) -> AsyncIterator[KeptCheckpoint]:
        """Every checkpoint of ``device``, in the order in which they came, page by page. Raises GatewayError."""
        after = 0
        while True:
            async with self._db.read() as session:
                rows = await session.rows(
                    "SELECT id, received_at, finding, body FROM checkpoint WHERE device = ? AND id > ?"
                    " ORDER BY id LIMIT ?",
                    *(device, after, _PAGE),
                )
            for row in rows:
                after = int(row[0])
                yield KeptCheckpoint(received_at=row[1], finding=row[2], sealed=msgspec.Raw(bytes(row[3])))
            if len(rows) < _PAGE:
                return
