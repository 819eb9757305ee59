"""Replies on their way to devices: each has a number that rises within its device."""

from __future__ import annotations

from hotspotd.gateway.storage.base import Session, StoredReply


async def add_reply(session: Session, device: str, inbox_id: int, tcr: str, body: bytes) -> None:
    """One reply more for ``device``, after all it has."""
    await session.execute(
        "INSERT INTO reply (device, sequence, inbox_id, tcr, body) VALUES"
        " (?, (SELECT coalesce(max(sequence), 0) + 1 FROM reply WHERE device = ?), ?, ?, ?)",
        *(device, device, inbox_id, tcr, body),
    )


async def hand_out_again(session: Session, device: str, inbox_id: int) -> None:
    """Number the acknowledged replies of a transaction anew, in their order: they are new to whoever lost them."""
    await session.execute("UPDATE reply SET pushed = 0 WHERE inbox_id = ?", inbox_id)
    for (sequence,) in await session.rows(
        "SELECT sequence FROM reply WHERE inbox_id = ? AND acknowledged = 1 ORDER BY sequence", inbox_id
    ):
        await session.execute(
            "UPDATE reply SET acknowledged = 0, sequence = (SELECT max(sequence) + 1 FROM reply WHERE device = ?)"
            " WHERE device = ? AND sequence = ?",
            *(device, device, sequence),
        )


async def to_push(session: Session, door: str, limit: int) -> list[tuple[str, StoredReply]]:
    """Replies to what came through ``door`` that were not given to it yet, with their devices, oldest first.

    Those of a device whose certificates are all revoked wait until it has a good one.
    """
    rows = await session.rows(
        "SELECT reply.device, sequence, tcr, reply.body FROM reply JOIN inbox ON inbox.id = inbox_id"
        " WHERE pushed = 0 AND acknowledged = 0 AND door = ? AND (NOT EXISTS"
        " (SELECT 1 FROM device_certificate c WHERE c.device = reply.device AND c.revoked_at <> '')"
        " OR EXISTS (SELECT 1 FROM device_certificate c WHERE c.device = reply.device AND c.revoked_at = ''))"
        " ORDER BY inbox_id, sequence LIMIT ?",
        *(door, limit),
    )
    return [(str(row[0]), StoredReply(sequence=row[1], tcr=row[2], body=bytes(row[3]))) for row in rows]
