"""What the gateway has been given and what it answered.

Promises: ``take`` returns when the message is on disk; the same control number from the same device is stored once; a
transaction is searched and answered once, its reply and the note that it is processed being one commit, which also
erases the body, unless a bureau's officer has to look at a hit. Doesn't search anything.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Iterable
from typing import Final

from hotspotd.gateway.storage import checkpoints, desk, outgoing, retention, taking
from hotspotd.gateway.storage.base import (
    Database,
    Found,
    Received,
    StoreCounts,
    StoredReply,
    Taken,
    TransactionCount,
)
from hotspotd.gateway.storage.checkpoints import CheckpointShelf
from hotspotd.gateway.storage.desk import Desk
from hotspotd.gateway.storage.devices import DeviceShelf
from hotspotd.gateway.storage.finds import Finds
from hotspotd.gateway.storage.outgoing import add_reply
from hotspotd.gateway.storage.retention import Erased, Terms
from hotspotd.relay import checkpoint
from hotspotd.relay.links.wire import Receipt, digest
from hotspotd.relay.reports import decode_decision

log = logging.getLogger(__name__)

# Counters of what was refused are for people to read: beyond this, devices are counted together.
_MOST_REFUSED_DEVICES: Final = 10_000
_MOST_REASONS: Final = 64
OTHERS: Final = "(others)"
"""Under this, refusals are counted of whoever is one device too many."""


class Store:
    """The rules of the gateway's database, whichever it is. Make it with ``open_store``."""

    def __init__(self, database: Database, gateway: str) -> None:
        self._db = database
        self.gateway = gateway
        """Random name of this database: cursors of another one mean nothing here."""
        self.desk = Desk(database)
        """The hits that bureau officers decide."""
        self.finds = Finds(database)
        """Who searched by text, for what, with how many candidates."""
        self.checkpoints = CheckpointShelf(database)
        """How far devices' audit chains are."""
        self.devices = DeviceShelf(database)
        """One-time codes, and the certificates of devices."""

    @classmethod
    async def over(cls, database: Database) -> Store:
        """The store in ``database``, which is closed if it cannot be used. Raises GatewayError."""
        try:
            async with database.write() as session:
                # Versions before kept the bodies of what was processed.
                await session.execute(
                    "UPDATE inbox SET body = ? WHERE processed > 0 AND length(body) > 0 AND NOT EXISTS"
                    " (SELECT 1 FROM hit WHERE hit.inbox_id = inbox.id AND hit.state = 'waiting')",
                    b"",
                )
                await session.execute(
                    "INSERT INTO meta (name, value) VALUES ('gateway', ?) ON CONFLICT (name) DO NOTHING",
                    secrets.token_hex(6),
                )
                gateway = str(await session.value("SELECT value FROM meta WHERE name = 'gateway'"))
        except BaseException:
            await asyncio.shield(database.close())
            raise
        return cls(database, gateway)

    async def close(self) -> None:
        """Close the database."""
        await self._db.close()

    async def take(self, message: Received, *, at: str, most_unprocessed: int) -> tuple[bytes, bool]:
        """Store a message and return its receipt, and whether it is new. ``at`` is now, ISO 8601.

        A copy under another seal gets the first one's receipt, and its replies are sent again if they were
        acknowledged: whoever sends a transaction again has lost what came of it. Raises RelayError: REPLAYED for a seal
        that was seen before, CONFLICT when the control number is taken by another body, BUSY when too much waits,
        TOO_LARGE and BAD_TRANSACTION for a report that is none; GatewayError.
        """
        decision = decode_decision(message.body) if message.kind == "decision" else None
        made = checkpoint.read(message.body) if message.kind == "checkpoint" else None
        sha256 = await asyncio.to_thread(digest, message.body)
        receipt = Receipt(
            tcn=message.tcn,
            sha256=sha256,
            bytes=len(message.body),
            device=message.device,
            gateway=self.gateway,
            received_at=at,
        )
        async with self._db.write() as session:
            taken = await taking.take(
                session, message, receipt=receipt, decision=decision, most_unprocessed=most_unprocessed
            )
            found = await checkpoints.keep(session, made, message.body, at) if made is not None else None
        if made is not None and found is not None:
            log.error(
                "AUDIT: checkpoint %d of %s contradicts what the device has sealed before: %s. Its audit chain, or its"
                " whole database, is not what it was: look at the device.",
                made.number,
                message.device,
                found.value,
            )
        return taken

    async def begin(self, busy: Iterable[int]) -> Taken | None:
        """The next transaction to process, most urgent first, leaving out those in ``busy``; counts the run."""
        busy = list(busy)
        but = f" AND id NOT IN ({','.join('?' * len(busy))})" if busy else ""
        async with self._db.write() as session:
            row = await session.row(
                f"SELECT id, device, tcn, body, runs FROM inbox WHERE processed = 0{but}"  # noqa: S608  # Question marks.
                " ORDER BY priority, id LIMIT 1",
                *busy,
            )
            if row is None:
                return None
            await session.execute("UPDATE inbox SET runs = runs + 1 WHERE id = ?", row[0])
        return Taken(id=row[0], device=row[1], tcn=row[2], body=bytes(row[3]), runs=int(row[4]) + 1)

    async def give_back(self, taken: Taken) -> None:
        """The run was ended in good order before it was through: it does not count."""
        async with self._db.write() as session:
            await session.execute("UPDATE inbox SET runs = runs - 1 WHERE id = ? AND processed = 0", taken.id)

    async def finish(self, taken: Taken, body: bytes, at: str, found: Found | None = None) -> None:
        """Store the reply and the hits, and note that the transaction is processed: all or nothing, and once.

        The transaction's own body is erased with it where nothing was found. Otherwise it stays until each hit is
        decided, or its time is up: the bureau's officer has to look at the pictures.
        """
        async with self._db.write() as session:
            done = await session.execute(
                "UPDATE inbox SET processed = processed + 1, processed_at = ? WHERE id = ? AND processed = 0",
                at,
                taken.id,
            )
            if not done:
                return
            await add_reply(session, taken.device, taken.id, taken.tcn, body)
            if found is None or not found.hits:
                await session.execute("UPDATE inbox SET body = ? WHERE id = ?", b"", taken.id)
            else:
                await desk.add_hits(session, taken, found, at)

    async def replies(self, device: str, limit: int) -> list[StoredReply]:
        """Replies the device has not acknowledged, oldest first."""
        async with self._db.read() as session:
            rows = await session.rows(
                "SELECT sequence, tcr, body FROM reply WHERE device = ? AND acknowledged = 0 ORDER BY sequence LIMIT ?",
                device,
                limit,
            )
        return [StoredReply(sequence=row[0], tcr=row[1], body=bytes(row[2])) for row in rows]

    async def receipt_of(self, device: str, tcn: str, sha256: str) -> bytes | None:
        """The receipt that was given for this content before, if it was."""
        async with self._db.read() as session:
            for table in ("inbox", "report"):
                row = await session.row(
                    f"SELECT receipt FROM {table} WHERE device = ? AND tcn = ? AND sha256 = ?",  # noqa: S608  # Two names.
                    *(device, tcn, sha256),
                )
                if row is not None:
                    return bytes(row[0])
        return None

    async def to_push(self, door: str, limit: int) -> list[tuple[str, StoredReply]]:
        """Replies to what came through ``door`` that were not given to it yet, with their devices, oldest first."""
        async with self._db.read() as session:
            return await outgoing.to_push(session, door, limit)

    async def pushed(self, device: str, sequence: int) -> None:
        """The door of a reply holds it durably; it waits for the device's acknowledgement."""
        async with self._db.write() as session:
            await session.execute("UPDATE reply SET pushed = 1 WHERE device = ? AND sequence = ?", device, sequence)

    async def acknowledge(self, device: str, sequence: int) -> None:
        """Note that the device holds every reply up to ``sequence``."""
        async with self._db.write() as session:
            await session.execute(
                "UPDATE reply SET acknowledged = 1 WHERE device = ? AND sequence <= ? AND acknowledged = 0",
                device,
                sequence,
            )

    async def acknowledge_one(self, device: str, sequence: int) -> None:
        """Note that the device holds this reply, and nothing about any other."""
        async with self._db.write() as session:
            await session.execute(
                "UPDATE reply SET acknowledged = 1 WHERE device = ? AND sequence = ?", device, sequence
            )

    async def count_refusal(self, device: str, reason: str) -> None:
        """Count one message of ``device`` that was refused. The numbers of devices and reasons are bounded."""
        device, reason = device[:64], reason[:40]
        async with self._db.write() as session:
            if not await session.row("SELECT 1 FROM refusal WHERE device = ?", device):
                known = int(await session.value("SELECT count(DISTINCT device) FROM refusal"))
                device = device if known < _MOST_REFUSED_DEVICES else OTHERS
            elif int(await session.value("SELECT count(*) FROM refusal WHERE device = ?", device)) >= _MOST_REASONS:
                reason = OTHERS
            await session.execute(
                "INSERT INTO refusal (device, reason, count) VALUES (?, ?, 1)"
                " ON CONFLICT (device, reason) DO UPDATE SET count = refusal.count + 1",
                device,
                reason,
            )

    async def refusals(self) -> dict[str, dict[str, int]]:
        """How many messages of each device were refused, by reason."""
        found: dict[str, dict[str, int]] = {}
        async with self._db.read() as session:
            for device, reason, number in await session.rows("SELECT device, reason, count FROM refusal"):
                found.setdefault(device, {})[reason] = int(number)
        return found

    async def erase(self, terms: Terms) -> Erased:
        """Erase what has been kept for its time."""
        async with self._db.write() as session:
            return await retention.erase(session, terms)

    async def counts(self, device: str) -> StoreCounts:
        """Counts for one device."""
        async with self._db.read() as session:
            latest = await session.rows(
                "SELECT tcn, deliveries, processed, (SELECT count(*) FROM reply WHERE inbox_id = inbox.id)"
                " FROM inbox WHERE device = ? ORDER BY id DESC LIMIT 1000",
                device,
            )
            totals = await session.rows(
                "SELECT count(*), coalesce(sum(processed), 0) FROM inbox WHERE device = ?", device
            )
            replies = await session.value("SELECT count(*) FROM reply WHERE device = ?", device)
            refused = await session.rows("SELECT reason, count FROM refusal WHERE device = ?", device)
            chains = await checkpoints.states(session, device)
        return StoreCounts(
            gateway=self.gateway,
            transactions=int(totals[0][0]),
            processed=int(totals[0][1]),
            replies=int(replies),
            by_tcn={
                str(row[0]): TransactionCount(deliveries=row[1], processed=row[2], replies=row[3]) for row in latest
            },
            refused={str(reason): int(number) for reason, number in refused},
            audit_chains=len(chains),
            audit_seq=chains[-1].seq if chains else 0,
            audit_findings=dict(sum((Counter(chain.findings) for chain in chains), Counter())),
        )
