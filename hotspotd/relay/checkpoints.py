"""Makes checkpoints of the audit chain: every hour, after so many entries, and when the daemon stops.

A checkpoint is kept in the records and queued for the gateway in one transaction. What is cut off or made anew shows
once the gateway has it; so the wait is short where much is written, and an hour where little is.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Final

from hotspotd.clock import Clock
from hotspotd.errors import RecordsError
from hotspotd.records import Records
from hotspotd.records.auditing import Tail
from hotspotd.records.model import Kind, OutboxItem, Rank
from hotspotd.relay import checkpoint
from hotspotd.relay.checkpoint import Checkpoint
from hotspotd.relay.seal import Sealer

log = logging.getLogger(__name__)

EVERY_S: Final = 3600.0
EVERY_ENTRIES: Final = 256
"""Some twenty travellers."""
_LOOK_EVERY_S: Final = 10.0


class Checkpoints:
    """Seals the chain of ``records`` in the name of ``device``. ``wake`` tells the courier that there is a new row."""

    def __init__(self, records: Records, sealer: Sealer, clock: Clock, device: str, wake: Callable[[], None]) -> None:
        self._records = records
        self._sealer = sealer
        self._clock = clock
        self._device = device
        self._wake = wake
        self._made_at: float | None = None
        self._failing = False

    async def run(self) -> None:
        """Until cancelled. The first one at once: what was written while no daemon ran is sealed soon."""
        while True:
            try:
                await self.look()
            except RecordsError as error:
                # The watchdog and the lanes tell of a disk that fails; it is tried again.
                log.log(logging.DEBUG if self._failing else logging.WARNING, "no checkpoint could be made: %s", error)
                self._failing = True
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> bool:
        """Make a checkpoint if it is time for one. Raises RecordsError."""
        tail = await self._records.audit_tail()
        if tail is None or tail.seq == tail.sealed:
            return False
        long_ago = self._made_at is None or self._clock.monotonic() - self._made_at >= EVERY_S
        if not long_ago and tail.seq - tail.sealed < EVERY_ENTRIES:
            return False
        await self._make(tail)
        return True

    async def make(self) -> bool:
        """Make one now, unless the last entry has one. Raises RecordsError."""
        tail = await self._records.audit_tail()
        if tail is None or tail.seq == tail.sealed:
            return False
        await self._make(tail)
        return True

    async def _make(self, tail: Tail) -> None:
        now, number = self._clock.now(), tail.number + 1
        made = Checkpoint(
            device=self._device,
            chain=tail.chain,
            number=number,
            seq=tail.seq,
            digest=tail.digest,
            at=now.iso(),
            clock_trusted=now.trusted,
        )
        # Another database of this device counts from 1 again: its control numbers must be others.
        tcn = f"CP-{number}-{secrets.token_hex(8)}"
        body = await asyncio.to_thread(checkpoint.seal, self._sealer, made, tcn, now)
        item = OutboxItem(tcn=tcn, kind=Kind.CHECKPOINT, rank=Rank.STATISTICS, payload=body, created_at=now.iso())
        if await self._records.add_checkpoint(number, tail, item):
            self._wake()
        self._made_at = self._clock.monotonic()
        self._failing = False
