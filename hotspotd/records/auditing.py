"""The records' audit chain for the rest of the daemon: entries of its own, views of pages, checkpoints."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.admission import Admission
from hotspotd.records.database import Database
from hotspotd.records.model import OutboxItem
from hotspotd.records.views import Seen, Views


@dataclass(frozen=True, slots=True)
class Tail:
    """How far the chain is: number of entries, digest of the first (the chain's name) and of the last, both in hex.

    ``number`` and ``sealed`` are those of the last checkpoint and of the entry that it is of; 0 where there is none.
    """

    seq: int
    chain: str
    digest: str
    number: int
    sealed: int


class Auditing:
    """Adds to the chain. What the other parts of the records do, they write into it themselves."""

    _db: Database
    _clock: Clock
    _admission: Admission
    _views: Views

    async def audited(
        self, event: str, *, subject: str, actor: str = "daemon", detail: str = "", note: str = ""
    ) -> None:
        """Add an entry; it is on disk when this returns. Raises RecordsError."""
        now = self._clock.now()
        await self._db.write(
            lambda writer: audit.append(writer, now, event, subject=subject, actor=actor, detail=detail, note=note)
        )

    def viewed(self, event: str, *, subject: str, actor: str, detail: str = "", note: str = "") -> None:
        """Somebody was shown something: it is written soon, with others, and nobody waits for it (records.views)."""
        self._views.add(Seen(event, subject, actor, detail, note))

    async def views_written(self) -> None:
        """Until every view so far is on disk, or cannot be written. Later ones are written at once."""
        await self._views.close()

    async def uses(self, name: str, value: str) -> None:
        """From now on the daemon works with this ``value`` of ``name``, which is none that has to be kept secret.

        The entry says whether it has changed since it was last said. Raises RecordsError.
        """
        now, key = self._clock.now(), f"audit.{name}"

        def note(writer: sqlite3.Connection) -> None:
            known = writer.execute("SELECT value FROM meta WHERE name = ?", (key,)).fetchone()
            changed = known is not None and known[0] != value
            event = f"{name}.changed" if changed else f"{name}.used"
            audit.append(writer, now, event, subject=name, detail=value)
            writer.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (key, value))

        await self._db.write(note)

    async def audit_tail(self) -> Tail | None:
        """How far the chain is; ``None`` while it has no entry."""
        row = await self._db.row(
            "SELECT seq, digest, (SELECT digest FROM audit ORDER BY seq LIMIT 1) AS chain FROM audit"
            " ORDER BY seq DESC LIMIT 1"
        )
        if row is None:
            return None
        last = await self._db.row("SELECT number, seq FROM audit_checkpoint ORDER BY number DESC LIMIT 1")
        return Tail(
            seq=row["seq"],
            chain=row["chain"].hex(),
            digest=row["digest"].hex(),
            number=last["number"] if last else 0,
            sealed=last["seq"] if last else 0,
        )

    async def add_checkpoint(self, number: int, tail: Tail, item: OutboxItem) -> bool:
        """Keep checkpoint ``number`` of ``tail``, whose sealed body is the payload of ``item``, and queue it.

        Where the outbox has no room it is kept here only, and False returned: a later one vouches for the same
        entries. Raises RecordsError.
        """

        def keep(writer: sqlite3.Connection) -> None:
            writer.execute(
                "INSERT INTO audit_checkpoint (number, seq, digest, body) VALUES (?, ?, ?, ?)",
                (number, tail.seq, bytes.fromhex(tail.digest), item.payload),
            )

        def keep_and_queue(writer: sqlite3.Connection) -> None:
            self._admission.check(writer, item)
            keep(writer)
            self._admission.insert(writer, item)

        try:
            with self._admission.watch(item.rank):
                await self._db.write(keep_and_queue)
        except RecordsError as error:
            if error.reason is not Reason.STORAGE_FULL:
                raise
            await self._db.write(keep)
            return False
        return True
