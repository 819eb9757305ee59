"""What the daemon itself writes into the audit chain: its start and stop, what it runs with, what its clock does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from hotspotd.clock import Clock, Stamp
from hotspotd.records.records import Records

_LOOK_EVERY_S: Final = 1.0
# Wall and monotonic clock drift apart by less than this in a second, unless somebody sets one.
_JUMP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class RunsWith:
    """What this run of the daemon is made of. Hashes and names, never contents.

    ``configuration`` is the SHA-256 of the file, ``key`` the thumbprint (``x5t#S256``) of the device's certificate.
    """

    version: str
    configuration: str
    key: str


class Journal:
    """One daemon's entries about itself. Used from the event loop's thread."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._list: str | None = None

    async def started(self, runs_with: RunsWith) -> None:
        """The daemon starts. What is not as at the start before is said to have changed. Raises RecordsError."""
        await self._records.audited("daemon.started", subject="daemon", detail=runs_with.version)
        await self._records.uses("software", runs_with.version)
        await self._records.uses("configuration", runs_with.configuration)
        await self._records.uses("key", runs_with.key)

    async def key_in_use(self, key: str) -> None:
        """The device seals under another certificate now, with this thumbprint. Raises RecordsError."""
        await self._records.uses("key", key)

    async def stopped(self) -> None:
        """The daemon has ended as it was told. Raises RecordsError."""
        await self._records.audited("daemon.stopped", subject="daemon")

    def list_in_force(self, version: str | None) -> None:
        """The watchlist that is searched now; ``None`` for none. Written soon; once for each change."""
        if version != self._list:
            self._list = version
            event = "watchlist.none" if version is None else "watchlist.in_force"
            self._records.viewed(event, subject=version or "watchlist", actor="daemon")

    async def watch_clock(self) -> None:
        """Write down when the clock comes to be trusted or not, or is set to another time. Until cancelled."""
        before, then = self._clock.now(), self._clock.monotonic()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now, steady = self._clock.now(), self._clock.monotonic()
            self.clock_went(before, then, now, steady)
            before, then = now, steady

    def clock_went(self, before: Stamp, then: float, now: Stamp, steady: float) -> None:
        """The wall clock went from ``before`` to ``now`` while the monotonic one went from ``then`` to ``steady``."""
        jump = (now.at - before.at).total_seconds() - (steady - then)
        if now.trusted != before.trusted:
            event = "clock.trusted" if now.trusted else "clock.untrusted"
        elif abs(jump) > _JUMP_S:
            event = "clock.set"
        else:
            return
        self._records.viewed(event, subject="clock", actor="daemon", detail=f"{jump:+.0f} s")
