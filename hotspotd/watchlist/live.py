"""The watchlist in force under running lanes: opened at the start, swapped when another becomes current.

A check that has begun finishes on the snapshot it began with: the old one is let go when nothing uses it.
A list that cannot be used is said loudly, and the one in force stays in force.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from hotspotd.errors import HotspotError
from hotspotd.watchlist.shelf import Shelf
from hotspotd.watchlist.snapshot import Snapshot
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

# How long a new list may lie on the shelf before it is searched.
_LOOK_EVERY_S = 5.0


class LiveWatchlist:
    """Follows one shelf. ``snapshot`` is what to search now; ``None`` while there is nothing that can be used."""

    def __init__(self, folder: Path, *, finger_engine: str, face_engine: str | None, worker: Worker) -> None:
        self._shelf = Shelf(folder)
        self._finger_engine = finger_engine
        self._face_engine = face_engine
        self._worker = worker
        self._seen: Path | None = None
        self._problem = ""
        self._soon = asyncio.Event()
        self.snapshot: Snapshot | None = None

    def look_soon(self) -> None:
        """A new list was put on the shelf."""
        self._soon.set()

    async def look(self) -> bool:
        """Open the current list if it is another than before; whether one was opened."""
        try:
            current = await self._worker.run(self._shelf.current)
            if self.snapshot is not None and current == self._seen:
                return False
            opened = await self._worker.run(self._open)
        except (HotspotError, OSError) as error:
            told = str(error)
            log.log(logging.DEBUG if told == self._problem else logging.ERROR, "watchlist: %s", told)
            self._problem = told
            return False
        self._seen, self._problem, self.snapshot = current, "", opened
        log.info("watchlist %s in force: %s", opened.version, opened.counts)
        return True

    def _open(self) -> Snapshot:
        return self._shelf.open(finger_engine=self._finger_engine, face_engine=self._face_engine)

    async def run(self) -> None:
        """Look for a new list for ever."""
        while True:
            self._soon.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._soon.wait()
            await self.look()
